/* mtu_probe.h: paths on which large segments vanish without an ICMP message (RFC 4821 7.6.2; RFC 2923 2.1). */
#ifndef TCP_MTU_PROBE_H
#define TCP_MTU_PROBE_H

#include "tcp/tcp.h"

/* The retransmission timer of p fired for data, p->backoff times in a row by now: perhaps its segments are too large. What is
 * sent again is cut anew then. Only with the setting mtu-probing. */
void tcp_mtu_black_hole(struct tcp *t, struct tcp_pcb *p);

#endif
