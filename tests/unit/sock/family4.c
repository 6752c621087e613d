/* family4.c: the tests that this is linked with run over IPv4. */
#include "world.h"

const enum world_family world_family = WORLD_IP4;
