/* sack_out.h: what the receiver tells by SACK and D-SACK (RFC 2018, RFC 2883). Private to lib/tcp. */
#ifndef TCP_SACK_OUT_H
#define TCP_SACK_OUT_H

#include "tcp/ooo.h"
#include "wire/tcp.h"

/* Something arrived beyond a gap, or a gap was filled: whether there is something to tell. */
static inline void tcp_sack_update(const struct tcp_pcb *p, struct tcp_buf *b)
{
	bool any = b->ooo != 0 || b->dsack_left != b->dsack_right;

	b->tell = (uint8_t)((p->xflags & TX_SACK) && any ? b->tell | BUF_SACK : b->tell & ~BUF_SACK);
}

/* These bytes came twice: the next ACK says so, once (RFC 2883 section 4). */
void tcp_dsack(struct tcp *t, struct tcp_pcb *p, uint32_t left, uint32_t right);
/* The blocks that a segment with the rest of o tells now. */
void tcp_sack_fill(const struct tcp *t, const struct tcp_pcb *p, const struct tcp_buf *b, struct tcp_opts *o);
/* A segment with them has left. */
void tcp_sack_told(struct tcp_pcb *p, struct tcp_buf *b);
/* Bytes of a segment that tcp_sack_fill() takes from its payload; for those with BUF_SACK. */
uint32_t tcp_sack_bytes(const struct tcp *t, const struct tcp_pcb *p, const struct tcp_buf *b);

#endif
