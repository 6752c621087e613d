/* rtt.c: round-trip time and retransmission time-out (RFC 6298), in microseconds. */
#include "base/clock.h"
#include "tcp/rtx.h"

void tcp_rtt_sample(struct tcp_pcb *p, uint32_t us)
{
	if (us == 0)
		us = 1;
	if (us > TCP_RTO_MAX_US)
		us = TCP_RTO_MAX_US;
	if (p->srtt_us8 == 0) { /* 2.2 */
		p->srtt_us8 = us << 3;
		p->rttvar_us4 = us << 1;
		return;
	}
	int32_t err = (int32_t)us - (int32_t)(p->srtt_us8 >> 3); /* 2.3: alpha 1/8, beta 1/4 */

	p->srtt_us8 = (uint32_t)((int32_t)p->srtt_us8 + err);
	if (err < 0)
		err = -err;
	p->rttvar_us4 += (uint32_t)(err - (int32_t)(p->rttvar_us4 >> 2));
}

uint32_t tcp_rtt_rto_us(const struct tcp_pcb *p)
{
	uint32_t var, rto;

	if (p->srtt_us8 == 0) /* 2.1; a lost SYN has left its 3 s here (5.7) */
		return p->rttvar_us4 != 0 ? p->rttvar_us4 : TCP_RTO_INITIAL_US;
	/* The least RTO is one of the variance, as on Linux: a path whose RTT is steady would else time out on the first delay. */
	var = p->rttvar_us4 > TCP_RTO_MIN_US ? p->rttvar_us4 : TCP_RTO_MIN_US;
	rto = (p->srtt_us8 >> 3) + var;
	return rto < TCP_RTO_MAX_US ? rto : TCP_RTO_MAX_US;
}

uint64_t tcp_rtt_rto_backed_us(const struct tcp_pcb *p)
{
	uint64_t us = (uint64_t)tcp_rtt_rto_us(p) << (p->backoff < 20 ? p->backoff : 20);

	return us < TCP_RTO_MAX_US ? us : TCP_RTO_MAX_US;
}
