/* mtu_probe.h: paths on which large segments vanish without an ICMP message (RFC 4821 7.6.2; RFC 2923 2.1). */
#ifndef TCP_MTU_PROBE_H
#define TCP_MTU_PROBE_H

#include "tcp/flight.h"

/* The retransmission timer of p fired for data, p->backoff times in a row by now: perhaps its segments are too large. What is
 * sent again is cut anew then. Only with the setting mtu-probing. */
void tcp_mtu_black_hole(struct tcp *t, struct tcp_pcb *p);

/* After such a step: the sizes between what passes and what was lost are tried by halves, with a segment of the stream that is
 * larger than the others (RFC 4821 7.3). This is called once per round trip. */
void tcp_mtu_round(struct tcp *t, struct tcp_pcb *p);
/* Sends what is due; at the begin of a turn's sending. */
void tcp_mtu_flush(struct tcp *t);
/* Nothing but such a segment is lost: no sign of congestion (RFC 4821 7.6.1). */
bool tcp_mtu_lost(const struct tcp *t, const struct tcp_pcb *p, const struct tcp_flight *f);

#endif
