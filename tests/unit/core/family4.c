/* family4.c: the tests that this is linked with run over IPv4. */
#include "cores.h"

const bool cores_all_ip6 = false;
