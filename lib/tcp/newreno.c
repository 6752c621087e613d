/* newreno.c: slow start and congestion avoidance of RFC 5681, counted in bytes (RFC 3465), initial window of RFC 6928. */
#include "tcp/cc.h"

#define CWND_MAX (1u << 30) /* a sequence space quarter: RFC 7323 2.3's largest window */

static void newreno_start(struct tcp *t, struct tcp_pcb *p)
{
	uint32_t iw = TCP_INITIAL_WINDOW * (uint32_t)p->mss;
	uint32_t bytes = 2u * p->mss > 14600 ? 2u * p->mss : 14600; /* RFC 6928 section 2 */

	(void)t;
	p->cwnd = iw < bytes ? iw : bytes;
	p->ssthresh = CWND_MAX;
}

static void newreno_acked(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, const struct tcp_ack *a)
{
	uint32_t acked = a->acked, flight = a->prior_flight;
	bool slow_start = p->cwnd < p->ssthresh;

	(void)t;
	/* A sender that does not use its window learns nothing about a larger one (RFC 7661 section 4.1). */
	if (slow_start ? 2 * (uint64_t)flight < p->cwnd : (uint64_t)flight + p->mss < p->cwnd)
		return;
	if (slow_start) {
		/* RFC 3465 2.3 limits an ACK's worth to 2 MSS; acked segments of one poll share an ACK, so no limit. */
		uint32_t room = p->ssthresh - p->cwnd;

		p->cwnd += acked < room ? acked : room;
		return;
	}
	if (b == NULL)
		return;
	b->cc_acked += acked;
	if (b->cc_acked >= p->cwnd) {
		b->cc_acked -= p->cwnd;
		if (p->cwnd < CWND_MAX)
			p->cwnd += p->mss;
	}
}

static uint32_t newreno_ssthresh(struct tcp *t, struct tcp_pcb *p, uint32_t flight)
{
	uint32_t half = flight / 2, least = 2u * p->mss; /* RFC 5681 equation 4 */

	(void)t;
	return half > least ? half : least;
}

const struct tcp_cc tcp_cc_newreno = {
	.name = "reno",
	.start = newreno_start,
	.acked = newreno_acked,
	.ssthresh = newreno_ssthresh,
};
