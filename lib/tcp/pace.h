/* pace.h: leaving no faster than a rate: SO_MAX_PACING_RATE, and what an algorithm asks for (BBR). Private to lib/tcp. */
#ifndef TCP_PACE_H
#define TCP_PACE_H

#include "tcp/ext.h"

/* The connection has got its ext: the socket's limit begins. */
void tcp_pace_attach(struct tcp *t, struct tcp_pcb *p);
/* The algorithm's rate in bytes per second, 0 none; the socket's limit stays above it. */
void tcp_pace_set(struct tcp *t, struct tcp_pcb *p, uint64_t rate);
/* Only while TX_PACED is set: */
/* Bytes that may leave now; 0: none, and the connection is woken when there are. */
uint32_t tcp_pace_room(struct tcp *t, struct tcp_pcb *p);
void tcp_pace_sent(struct tcp *t, struct tcp_pcb *p, uint32_t bytes);
/* Its deadline in ticks from now, INT32_MAX none; and when it is due. */
int32_t tcp_pace_next(const struct tcp *t, const struct tcp_pcb *p);
void tcp_pace_fire(struct tcp *t, struct tcp_pcb *p);

#endif
