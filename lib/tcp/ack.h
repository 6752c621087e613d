/* ack.h: which ACKs leave at once (RFC 9293 3.8.6.3 lets them wait, RFC 5681 4.2 says for how long). As on Linux, the first ones
 * of a connection do, for the peer's slow start lives on them; and none once the connection is seen to answer requests, for then
 * the answer carries them. Private to lib/tcp. */
#ifndef TCP_ACK_H
#define TCP_ACK_H

#include "base/clock.h"
#include "tcp/tcp.h"

static inline bool tcp_ack_quick(const struct tcp_pcb *p) { return (p->xflags & TX_QUICK_MASK) && !(p->tflags & TF_PINGPONG); }

/* Such an ACK left. */
static inline void tcp_ack_quick_sent(struct tcp_pcb *p)
{
	if (tcp_ack_quick(p) && p->rcv_nxt != p->last_ack_sent)
		p->xflags -= 1u << TX_QUICK_SHIFT;
}

/* Something is lost on the way, in either direction: the peer should hear what has arrived. */
static inline void tcp_ack_quick_again(struct tcp_pcb *p)
{
	p->xflags |= TX_QUICK_MASK;
	p->tflags &= ~TF_PINGPONG;
}

/* Data leaves; call before the books of the ACK that it carries are kept. It is an answer when text is unacknowledged, or was
 * acknowledged quickly a moment ago; and the handshake is text where SYNs carry some. */
static inline void tcp_ack_answered(const struct tcp *t, struct tcp_pcb *p)
{
	uint32_t quick = p->xflags & TX_QUICK_MASK;
	bool used;

	if (likely(p->tflags & TF_PINGPONG))
		return;
	used = quick != TX_QUICK_MASK || unlikely((p->xflags & TX_FO_TAKEN) && (p->tflags & TF_ACK_NOW));
	if (p->rcv_nxt != p->last_ack_sent ||
	    (quick != 0 && used && t->clock->tick - p->rcv_tick < ticks_from_us(TCP_DELACK_US)))
		p->tflags |= TF_PINGPONG;
}

#endif
