/* rtx.h: retransmission and round-trip times. Private to lib/tcp. */
#ifndef TCP_RTX_H
#define TCP_RTX_H

#include "tcp/buf.h"

bool tcp_rtx_timeout(struct tcp *t, struct tcp_pcb *p); /* the retransmission timer fired; false: p is gone */
bool tcp_rtx_probe(struct tcp *t, struct tcp_pcb *p);   /* the probe timer fired; false: p is gone */
/* The timer for what is in flight (anew): RTO, or the loss probe before it (RFC 8985 7.2). */
void tcp_rtx_arm(struct tcp *t, struct tcp_pcb *p, const struct tcp_buf *b);
/* After an ACK: reorder_us: what is missed may be lost by then; 0: nothing is. anew: the RTO begins anew. */
void tcp_rtx_rearm(struct tcp *t, struct tcp_pcb *p, const struct tcp_buf *b, bool anew, uint32_t reorder_us);
/* New data left while a loss probe is due: that waits for its ACK, too. */
void tcp_rtx_postpone_probe(struct tcp *t, struct tcp_pcb *p, const struct tcp_buf *b);
/* The path has become narrower: what is too large for it now goes again (RFC 1191 6.4). */
void tcp_rtx_narrowed(struct tcp *t, struct tcp_pcb *p);
/* What is queued has left with the SYN, which alone was taken: it is lost, and goes again. */
void tcp_rtx_syn_text(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b);
uint32_t tcp_syn_wait_us(const struct tcp *t, const struct tcp_pcb *p); /* until the first SYN is repeated */
/* The wait after the retries'th SYN retransmission, of which the first linear ones are a second apart. */
uint32_t tcp_syn_interval_us(unsigned retries, unsigned linear);

struct tcp_seg;
void tcp_rtt_sample(struct tcp_pcb *p, uint32_t us);
void tcp_rtt_from_timestamp(const struct tcp *t, struct tcp_pcb *p, const struct tcp_seg *s); /* which has the option */
uint32_t tcp_rtt_rto_us(const struct tcp_pcb *p);       /* without back-off */
uint64_t tcp_rtt_rto_backed_us(const struct tcp_pcb *p);

#endif
