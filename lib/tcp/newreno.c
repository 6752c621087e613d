/* newreno.c: slow start and congestion avoidance of RFC 5681, counted in bytes (RFC 3465), initial window of RFC 6928. */
#include "tcp/cc.h"

void tcp_reno_start(struct tcp *t, struct tcp_pcb *p)
{
	(void)t;
	p->cwnd = tcp_cc_initial_window(p);
	p->ssthresh = TCP_CWND_MAX;
}

void tcp_reno_acked(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, const struct tcp_ack *a)
{
	uint32_t acked = tcp_cc_acked_anew(a);

	if (a->cwr || !tcp_cc_limited(t, p, a))
		return;
	if (p->cwnd < p->ssthresh)
		acked = tcp_cc_slow_start(p, acked);
	if (acked == 0 || b == NULL)
		return;
	b->cc_acked += acked;
	if (b->cc_acked >= p->cwnd) {
		b->cc_acked -= p->cwnd;
		if (p->cwnd < TCP_CWND_MAX)
			p->cwnd += p->mss;
	}
}

uint32_t tcp_reno_ssthresh(struct tcp *t, struct tcp_pcb *p, uint32_t flight)
{
	uint32_t half = flight / 2, least = 2u * p->mss; /* RFC 5681 equation 4 */

	(void)t;
	return half > least ? half : least;
}

const struct tcp_cc tcp_cc_newreno = {
	.name = "reno",
	.start = tcp_reno_start,
	.acked = tcp_reno_acked,
	.ssthresh = tcp_reno_ssthresh,
};
