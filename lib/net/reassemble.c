/* reassemble.c: datagrams from their fragments. */
#include "net/private.h"

enum net_verdict net_reassemble(struct net *n, struct net_pkt *pkt) { return net_drop(n, pkt->m, DROP_IP4_FRAGMENT); }
