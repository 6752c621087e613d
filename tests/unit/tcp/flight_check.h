/* flight_check.h: what must hold of a connection at any time, and of the records of what is in flight. */
#ifndef TCP_TEST_FLIGHT_CHECK_H
#define TCP_TEST_FLIGHT_CHECK_H

#include "tcp/flight.h"

/* NULL, or what is wrong. */
static inline const char *flight_check(struct tcp *t, const struct tcp_pcb *p)
{
	struct tcp_buf *b = tcp_buf_of(t, p);
	struct tcp_flight *f = b != NULL ? tcp_flight_of(t, b) : NULL;
	uint32_t sacked = 0, lost = 0, retrans = 0, pending = 0, at_seq = p->snd_una, n = 0, live = 0, e_pending = 0;

	if ((p->tflags & (TF_RECOVERY | TF_LOSS)) && f == NULL && p->state > TCP_SYN_RECEIVED)
		return "recovery without records";
	if (f == NULL)
		return NULL;
	if (p->snd_una == p->snd_nxt)
		return "records of nothing";
	for (struct tcp_rec_at at = tcp_flight_first(t, f); at.r != NULL; at = tcp_flight_next(t, f, at)) {
		uint32_t len = at.r->end - at.r->start;
		bool is_sacked = at.r->flags & REC_SACKED, waits = (at.r->flags & (REC_LOST | REC_RETRANS)) == REC_LOST;

		if (at.r->start != at_seq || len == 0 || len > 1u << 30)
			return "a gap between records";
		if (is_sacked && (at.r->flags & (REC_LOST | REC_RETRANS)))
			return "SACKed and lost";
		at_seq = at.r->end;
		sacked += is_sacked ? len : 0;
		lost += at.r->flags & REC_LOST ? len : 0;
		retrans += at.r->flags & REC_RETRANS ? len : 0;
		pending += !is_sacked && waits ? len : 0;
		live += !is_sacked && !waits;
		e_pending += !is_sacked && waits;
		if (!is_sacked && !waits && seq_gt(at.e->oldest_us, at.r->sent_us))
			return "older than the oldest";
		if (++n == at.e->n) {
			if (at.e->live != live || at.e->pending != e_pending || at.e->end != at.r->end)
				return "a chunk's sums";
			n = live = e_pending = 0;
		}
	}
	if (at_seq != p->snd_nxt)
		return "records do not end at SND.NXT";
	if (!(p->xflags & TX_SACK))
		sacked = f->sacked;
	if (f->sacked != sacked || f->lost != lost || f->retrans != retrans || f->pending != pending)
		return "sums of bytes";
	if (p->snd_nxt - p->snd_una < f->sacked + f->lost)
		return "more is away than was sent";
	return NULL;
}

/* What must hold of a socket that is no listener: RFC 9293 3.4, what is outstanding has a timer, and the records. NULL, or what is
 * wrong. */
static inline const char *pcb_check(struct tcp *t, const struct tcp_pcb *p)
{
	const struct tcp_buf *b = tcp_buf_of(t, p);

	if (!!(p->c.flags & CONN_IN_TABLE) != (p->state != TCP_CLOSED))
		return "in the table without a connection, or not in it";
	if (p->state == TCP_CLOSED)
		return NULL;
	if (seq_gt(p->snd_una, p->snd_nxt))
		return "SND.UNA is beyond SND.NXT";
	if (p->snd_una != p->snd_nxt && !(p->tflags & (TF_T_RTX | TF_OUT)) && !tcp_fastopen_waits(p))
		return "outstanding, and nothing will send it again";
	if (p->state != TCP_SYN_SENT && seq_gt(p->rcv_nxt, p->rcv_adv + 1))
		return "more received than was announced";
	if (!(p->tflags & TF_TIMER) != !wheel_armed(&p->c.h.timer))
		return "the timer's flag";
	if (p->state <= TCP_SYN_RECEIVED)
		return NULL;
	if (seq_gt(p->snd_nxt, p->snd_una + (b != NULL ? b->snd_len : 0) + 1))
		return "more is outstanding than there is to send";
	if (p->mss == 0 || p->cwnd < p->mss)
		return "a congestion window of less than a segment";
	return flight_check(t, p);
}

#endif
