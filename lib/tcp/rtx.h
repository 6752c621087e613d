/* rtx.h: retransmission and round-trip times. Private to lib/tcp. */
#ifndef TCP_RTX_H
#define TCP_RTX_H

#include "tcp/buf.h"

bool tcp_rtx_timeout(struct tcp *t, struct tcp_pcb *p); /* the retransmission timer fired; false: p is gone */
bool tcp_rtx_probe(struct tcp *t, struct tcp_pcb *p);   /* the probe timer fired; false: p is gone */
void tcp_rtx_dupack(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b);
/* ack is new: bytes of it acknowledged. Called before snd_una moves, flight as it was. */
void tcp_rtx_acked(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, uint32_t ack);
uint32_t tcp_syn_wait_us(const struct tcp *t, const struct tcp_pcb *p); /* until the first SYN is repeated */
uint32_t tcp_syn_interval_us(unsigned retries);         /* wait after the retries'th SYN retransmission */

void tcp_rtt_sample(struct tcp_pcb *p, uint32_t us);
uint32_t tcp_rtt_rto_us(const struct tcp_pcb *p);       /* without back-off */
uint64_t tcp_rtt_rto_backed_us(const struct tcp_pcb *p);

#endif
