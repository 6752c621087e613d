/* family6.c: the tests that this is linked with run over IPv6. */
#include "cores.h"

const bool cores_all_ip6 = true;
