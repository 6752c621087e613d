/* mapped.c: the tests that this is linked with run over IPv4 on sockets of AF_INET6. */
#include "world.h"

const enum world_family world_family = WORLD_MAPPED;
