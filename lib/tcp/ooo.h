/* ooo.h: what arrived beyond a gap: blocks of bytes without holes, in order, with gaps between them. A packet goes to a block
 * by binary search, neighbours that meet are joined without touching their packets, and what SACK tells (RFC 2018) are the
 * blocks themselves. Exists only while there is a gap. Private to lib/tcp. */
#ifndef TCP_OOO_H
#define TCP_OOO_H

#include "tcp/buf.h"

#define TCP_OOO_RECENT 4 /* as many as SACK tells at most (RFC 2018 section 3) */

/* Packets of a block are linked by mbuf.tx_offload and numbered by mbuf.hash.usr (both without meaning once received). */
struct tcp_ooo_block {
	uint32_t left, right;          /* first byte, and the one behind the last */
	struct rte_mbuf *head, *tail;
};

struct tcp_ooo {
	uint32_t pool_link;
	uint32_t n;                    /* blocks, by sequence number */
	uint32_t packets;              /* in all of them */
	uint8_t n_recent;
	uint32_t recent[TCP_OOO_RECENT]; /* a byte of each of the blocks that changed last, the newest first */
	struct tcp_ooo_block block[TCP_OOO_BLOCKS_MAX];
};

struct tcp_range {
	uint32_t left, right; /* equal: empty */
};

static inline struct tcp_ooo *tcp_ooo_of(const struct tcp *t, const struct tcp_buf *b)
{
	return b->ooo != 0 ? (struct tcp_ooo *)pool_at(&t->ooos, b->ooo) : NULL;
}

/* Files a packet of only payload whose first byte is seq; owns it. *dup: the first part of it that was there already. At most
 * max packets are kept: what lies farthest from the gap goes first (RFC 2018 section 8 lets a receiver do so). False: it was
 * this one. */
bool tcp_ooo_put(struct tcp *t, struct tcp_buf *b, struct rte_mbuf *m, uint32_t seq, uint32_t max, struct tcp_range *dup);
/* Moves what has become in order to the receive queue; returns the new rcv_nxt. */
uint32_t tcp_ooo_drain(struct tcp *t, struct tcp_buf *b, uint32_t rcv_nxt);
/* The block that contains byte seq, or NULL. */
const struct tcp_ooo_block *tcp_ooo_find(const struct tcp_ooo *o, uint32_t seq);

#endif
