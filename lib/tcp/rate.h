/* rate.h: delivery rate samples (draft-cheng-iccrg-delivery-rate-estimation), of connections that have a struct tcp_ext. Private
 * to lib/tcp. */
#ifndef TCP_RATE_H
#define TCP_RATE_H

#include "tcp/recovery.h"

/* r leaves (at r->sent_us); begins: nothing else is in flight. */
void tcp_rate_sent(struct tcp *t, struct tcp_pcb *p, struct tcp_rec *r, bool begins);
/* len bytes of r have arrived. */
void tcp_rate_delivered(struct tcp *t, struct tcp_pcb *p, struct tcp_news *n, const struct tcp_rec *r, uint32_t len);
/* All that an ACK told has been taken: n->a.rate_*. */
void tcp_rate_sample(struct tcp *t, struct tcp_pcb *p, struct tcp_news *n, uint32_t min_rtt_us);
/* The same for a transmission that was alone in flight. Call it only while TX_EXT is set. */
void tcp_rate_single(struct tcp *t, struct tcp_pcb *p, const struct tcp_buf *b, struct tcp_ack *a);
/* All has left that may leave now: is it the application that sets the pace? Call it only while TX_EXT is set. */
void tcp_rate_flushed(struct tcp *t, struct tcp_pcb *p, const struct tcp_buf *b);

#endif
