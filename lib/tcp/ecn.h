/* ecn.h: explicit congestion notification (RFC 3168, with DCTCP's receiver of RFC 8257 3.2). Private to lib/tcp. */
#ifndef TCP_ECN_H
#define TCP_ECN_H

#include "tcp/in.h"
#include "wire/ecn.h"

#define ECN_SETUP_SYN (TCPF_ECE | TCPF_CWR) /* RFC 3168 6.1.1; an ECN-setup SYN-ACK has ECE alone */

/* Flags for the SYN that is about to leave (6.1.1, 6.1.1.1), and for the SYN-ACK of crossed SYNs; *tos gets ECT if need be. */
uint8_t tcp_ecn_syn_flags(const struct tcp *t, struct tcp_pcb *p, uint8_t *tos);
/* The peer's SYN or SYN-ACK to our SYN. */
void tcp_ecn_syn_answered(struct tcp_pcb *p, uint8_t flags);
/* Whether a listener's SYN-ACK accepts; *tos as above. */
bool tcp_ecn_accept(const struct tcp *t, const struct tcp_pcb *listener, const struct tcp_seg *s, uint8_t *tos);

/* Only while TX_ECN is set: */
/* A segment leaves, before snd_nxt moves: its codepoint, and CWR in the flags of its header. */
uint8_t tcp_ecn_mark(struct tcp_pcb *p, uint32_t seq, uint32_t len, uint8_t *flags);
/* A segment with data arrived, before it is taken: CWR, then CE. */
void tcp_ecn_data(struct tcp *t, struct tcp_pcb *p, const struct tcp_seg *s);
/* An acceptable ACK with ECE arrived: the window becomes smaller, once per round trip (6.1.2). */
void tcp_ecn_echo(struct tcp *t, struct tcp_pcb *p, uint32_t ack);

/* The window was made smaller, for whatever reason: the peer need not say ECE any longer (6.1.2). */
static inline void tcp_ecn_reduced(struct tcp_pcb *p)
{
	if (unlikely(p->xflags & TX_ECN))
		p->xflags |= TX_ECN_CWR;
}

#endif
