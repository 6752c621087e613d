/* cc.c: the list of congestion control algorithms (TCP_CONGESTION), and what they share. */
#include "tcp/cc.h"

#include <errno.h>

#include "tcp/ext.h"
#include "tcp/pace.h"
#include "tcp/rtx.h"

const struct tcp_cc *const tcp_ccs[1u << 3] = {
	[TCP_CC_CUBIC] = &tcp_cc_cubic, [TCP_CC_RENO] = &tcp_cc_newreno, [TCP_CC_BBR] = &tcp_cc_bbr,
	[TCP_CC_DCTCP] = &tcp_cc_dctcp, &tcp_cc_cubic, &tcp_cc_cubic, &tcp_cc_cubic, &tcp_cc_cubic,
};

int tcp_cc_find(const char *name, uint32_t len)
{
	for (int i = 0; i < TCP_CC_IDS; i++) {
		const char *own = tcp_ccs[i]->name;

		if (strnlen(name, len) == strlen(own) && memcmp(name, own, strlen(own)) == 0)
			return i;
	}
	return -ENOENT;
}

void tcp_cc_set(struct tcp *t, struct tcp_pcb *p, enum tcp_cc_id id)
{
	struct tcp_ext *x = tcp_ext_of(t, p);

	if (id == (p->xflags & TX_CC_MASK) >> TX_CC_SHIFT)
		return;
	if (x != NULL) {
		if (tcp_cc_of(p)->own_recovery)
			tcp_pace_set(t, p, 0);
		x->keep &= (uint8_t)~EXT_KEEP_CC;
		memset(&x->cc, 0, sizeof(x->cc));
	}
	p->xflags = (p->xflags & ~TX_CC_MASK) | (uint32_t)id << TX_CC_SHIFT;
	if (x != NULL)
		tcp_cc_attach(t, p);
	else if (p->c.type == CONN_TCP)
		tcp_ext_established(t, p);
}

void tcp_cc_attach(struct tcp *t, struct tcp_pcb *p)
{
	const struct tcp_cc *cc = tcp_cc_of(p);

	if (cc->keeps_state)
		tcp_ext_of(t, p)->keep |= EXT_KEEP_CC;
	if (cc->attach != NULL)
		cc->attach(t, p);
}

uint32_t tcp_cc_slow_start(struct tcp_pcb *p, uint32_t acked)
{
	/* RFC 3465 2.3 limits an ACK's worth to 2 MSS; acked segments of one poll share an ACK, so no limit. */
	uint32_t room = p->ssthresh > p->cwnd ? p->ssthresh - p->cwnd : 0, n = acked < room ? acked : room;

	p->cwnd += n;
	return acked - n;
}

bool tcp_cc_limited(const struct tcp *t, const struct tcp_pcb *p, const struct tcp_ack *a)
{
	const struct tcp_ext *x = tcp_ext_of(t, p);

	if (x != NULL) { /* as Linux tcp_is_cwnd_limited() */
		if (x->cwnd_limited)
			return true;
		return p->cwnd < p->ssthresh && p->cwnd < 2 * (uint64_t)x->use_max;
	}
	return tcp_cc_filled(p, a->prior_flight);
}

void tcp_cc_acked(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, struct tcp_ack *a)
{
	if (unlikely(b != NULL && b->cwr)) /* the segment with CWR begins there: before it arrived, ECE is no news */
		b->cwr = a->cwr = seq_le(a->una, b->cwr_seq);
	tcp_cc_of(p)->acked(t, p, b, a);
	if (!(p->xflags & TX_EXT) && unlikely(p->cwnd > tcp_cc_initial_window(p)))
		tcp_ext_need(t, p);
}

/* What ssthresh keeps of a window that is given up without a loss (RFC 2861 section 3, RFC 7661 4.4.2). */
static void ssthresh_remember(struct tcp_pcb *p)
{
	uint32_t most = p->cwnd - p->cwnd / 4;

	if (p->ssthresh < most)
		p->ssthresh = most;
}

void tcp_cc_unused(struct tcp_pcb *p, uint32_t used)
{
	uint32_t iw = tcp_cc_initial_window(p);

	if (used < iw)
		used = iw;
	if (used >= p->cwnd)
		return;
	ssthresh_remember(p);
	p->cwnd = (p->cwnd + used) / 2;
}

/* RFC 2861 section 3, as Linux tcp_cwnd_restart(): half for every RTO without data, down to the initial window (RFC 5681 4.1). An
 * algorithm with a model of the path knows itself. */
static void restart(struct tcp_pcb *p, uint64_t idle_us)
{
	uint32_t iw = tcp_cc_initial_window(p), rto_us = tcp_rtt_rto_us(p);

	ssthresh_remember(p);
	for (; idle_us > rto_us && p->cwnd > iw; idle_us -= rto_us)
		p->cwnd /= 2;
	if (p->cwnd < iw)
		p->cwnd = iw;
}

void tcp_cc_idle(struct tcp *t, struct tcp_pcb *p)
{
	const struct tcp_cc *cc = tcp_cc_of(p);
	struct tcp_ext *x = tcp_ext_of(t, p);
	/* Without the books of the ext: the peer's latest segment, no earlier than the ACK of what was sent last. */
	uint64_t idle_us = x != NULL ? (t->clock->now_ms - x->used_ms) * 1000ull : (t->clock->tick - p->rcv_tick) * (uint64_t)TICK_US;

	if (x != NULL)
		tcp_cc_tell(t, p, TCP_CC_IDLE);
	if ((t->without & TCP_NO_IDLE_RESTART) || cc->own_recovery || idle_us <= tcp_rtt_rto_us(p) ||
	    p->cwnd <= tcp_cc_initial_window(p))
		return;
	restart(p, idle_us);
	if (x != NULL)
		x->used_ms = t->clock->now_ms;
	if (p->cwnd == tcp_cc_initial_window(p))
		tcp_ext_idle(t, p);
}
