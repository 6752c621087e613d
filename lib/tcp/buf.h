/* buf.h: what a connection holds while bytes are in flight, unsent, unread or out of order. All payload is in mbufs owned
 * by the stack: the send and the receive queue are byte streams in segments linked by mbuf.next; what lies beyond a gap is in
 * ooo.h. */
#ifndef TCP_BUF_H
#define TCP_BUF_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/seq.h"
#include "tcp/tcp.h"

/* Queues of all connections together hold at most a share of the mbufs (tcp.h: snd_held, rcv_held), so that some are always
 * left to receive the ACKs and send the segments that will free them. */
struct tcp_buf {
	uint32_t pool_link;
	flow_ref owner;                 /* 0: free; tcp_fini() looks */
	struct rte_mbuf *snd_head, *snd_tail; /* from snd_una on */
	struct rte_mbuf *snd_cur;       /* where the last copy ended: segment, and the sequence number of its first byte */
	uint32_t snd_cur_seq;
	uint32_t snd_len;
	struct rte_mbuf *rcv_head, *rcv_tail; /* in order, unread */
	uint32_t rcv_len;               /* ---- 64 ---- */
	uint16_t dup_acks_due;          /* one for every out-of-order segment (RFC 5681 4.2) */
	bool ooo_fin;                   /* a FIN was seen at ooo_fin_seq, beyond a gap */
	uint8_t tell;                   /* BUF_* below: what segments have beside text, either way */
	uint32_t ooo_fin_seq;
	uint32_t ooo;                   /* struct tcp_ooo, 0: no gap */
	uint32_t dsack_left, dsack_right; /* bytes that came twice, to be told (RFC 2883); equal: none */
	uint32_t snd_up;                /* RFC 9293 3.8.5: behind the last urgent byte, with BUF_URG_SEND ... */
	uint32_t rcv_up;                /* ... and the urgent byte of the peer, with one of the others */
	uint8_t urg_byte;
	uint32_t recover;               /* RFC 6582, valid with TF_RECOVERY, TF_LOSS or TX_RECOVERED */
	uint32_t cc_acked;              /* bytes acknowledged since cwnd last grew (RFC 5681 3.1) */
	uint32_t cwr_seq;               /* ECE made the window smaller, and does not again until more than this is acknowledged ... */
	bool cwr;                       /* ... while set */
	uint32_t flight;                /* struct tcp_flight (flight.h); 0: at most one transmission is in flight, ... */
	uint32_t sent_us;               /* ... which left then */
	uint32_t small_end;             /* behind the latest segment that was not full; of use while in flight (out.c) */
} __attribute__((aligned(64)));
static_assert(sizeof(struct tcp_buf) % 64 == 0, "whole cache lines");

/* tcp_buf.tell */
#define BUF_SACK     (1u << 0) /* the next segment has SACK blocks */
#define BUF_URG_SEND (1u << 1) /* segments before snd_up have an urgent pointer */
#define BUF_URG_WAIT (1u << 2) /* the peer announced an urgent byte ... */
#define BUF_URG_BYTE (1u << 3) /* ... which has arrived ... */
#define BUF_URG_READ (1u << 4) /* ... and was read; its mark is still ahead of the reader */
#define BUF_EOR      (1u << 5) /* a record ends somewhere in the send queue (MSG_EOR): no segment goes beyond */

/* As pool_at(), with a size that the compiler knows. */
static inline struct tcp_buf *tcp_buf_at(const struct tcp *t, uint32_t idx) { return POOL_AT(&t->bufs, struct tcp_buf, idx); }

static inline struct tcp_buf *tcp_buf_of(const struct tcp *t, const struct tcp_pcb *p)
{
	return p->buf != 0 ? tcp_buf_at(t, p->buf) : NULL;
}

/* Data is in flight: more than a FIN. */
static inline bool tcp_data_in_flight(const struct tcp_pcb *p, const struct tcp_buf *b)
{
	return b != NULL && b->snd_len > 0 && p->snd_nxt != p->snd_una;
}

struct tcp_buf *tcp_buf_need(struct tcp *t, struct tcp_pcb *p); /* the connection's, made when there is none; never NULL */
void tcp_buf_free(struct tcp *t, struct tcp_pcb *p);            /* with all that is in it */
void tcp_buf_clear(struct tcp *t, struct tcp_buf *b);
void tcp_buf_snd_drop(struct tcp *t, struct tcp_buf *b); /* with its struct tcp_flight */
void tcp_buf_ooo_drop(struct tcp *t, struct tcp_buf *b); /* what is beyond gaps, and what was to be told about it */

/* Gives an empty one back. */
static inline void tcp_buf_settle(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b)
{
	if (b->snd_head == NULL && b->rcv_head == NULL && b->ooo == 0 && !b->ooo_fin && b->tell == 0 &&
	    b->dup_acks_due == 0 && b->flight == 0) {
		b->owner = 0;
		pool_put(&t->bufs, p->buf);
		p->buf = 0;
	}
}

void tcp_flight_free(struct tcp *t, struct tcp_buf *b); /* of what is in flight; b->flight is not 0 */

/* ---- send queue ---- */
/* Appends bytes and returns how many: fewer only when mbufs ran out. */
uint32_t tcp_buf_snd_put(struct tcp *t, struct tcp_buf *b, const void *data, uint32_t len);
void tcp_buf_snd_end_record(struct tcp_buf *b); /* behind the last byte, of which there is one */
/* How far it is from seq to the end of a record; UINT32_MAX: none ends, or only with the queue. */
uint32_t tcp_buf_snd_record(const struct tcp_buf *b, uint32_t una, uint32_t seq);
/* The first len bytes are acknowledged; snd_una is then una. */
void tcp_buf_snd_acked_some(struct tcp *t, struct tcp_buf *b, uint32_t len, uint32_t una);
static inline void tcp_buf_snd_acked(struct tcp *t, struct tcp_buf *b, uint32_t len, uint32_t una)
{
	if (len != b->snd_len || b->snd_head != b->snd_tail || unlikely(b->tell != 0)) {
		tcp_buf_snd_acked_some(t, b, len, una);
		return;
	}
	rte_pktmbuf_free_seg(b->snd_head); /* all of it, in one segment */
	b->snd_head = b->snd_tail = b->snd_cur = NULL;
	b->snd_len = 0;
	t->snd_held--;
}
/* Copies [seq, seq+len) to dst; una is the queue's first byte. */
void tcp_buf_snd_copy(struct tcp_buf *b, uint32_t una, uint32_t seq, void *dst, uint32_t len);

/* ---- receive queue ---- */
/* Appends a packet that holds only payload, at least one byte; owns it. */
void tcp_buf_rcv_put(struct tcp *t, struct tcp_buf *b, struct rte_mbuf *m);
/* Copies up to len bytes to dst (NULL: nowhere), which start *off bytes into segment *m; both move on. Frees nothing. */
uint32_t tcp_buf_rcv_peek(const struct rte_mbuf **m, uint32_t *off, void *dst, uint32_t len);
void tcp_buf_rcv_take(struct tcp *t, struct tcp_buf *b, uint32_t len); /* removes the first len bytes */
/* All that is unread, of which there is something, is in one segment: it goes to dst, and the queue is empty. */
static inline bool tcp_buf_rcv_is_single(const struct tcp_buf *b) { return b->rcv_head == b->rcv_tail; }
static inline void tcp_buf_rcv_single(struct tcp *t, struct tcp_buf *b, void *dst)
{
	memcpy(dst, rte_pktmbuf_mtod(b->rcv_head, const void *), b->rcv_len);
	rte_pktmbuf_free_seg(b->rcv_head);
	b->rcv_head = b->rcv_tail = NULL;
	b->rcv_len = 0;
	t->rcv_held--;
}

/* Cuts the first n bytes off a packet (any number of segments, n < pkt_len); what is left may be another mbuf. */
struct rte_mbuf *tcp_buf_trim_front(struct rte_mbuf *m, uint32_t n);
/* Leaves the first len bytes of a packet. */
void tcp_buf_trim_to(struct rte_mbuf *m, uint32_t len);

#endif
