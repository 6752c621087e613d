/* mtu_probe.c: a black hole: when full segments are lost again and again, the path's MTU is taken down in steps, as on Linux. It is
 * tried larger again by the first connection after PMTU_AGE_MS, as after an ICMP message (RFC 1191 6.3). */
#include "tcp/mtu_probe.h"

#include "tcp/out.h"

/* The next step down from this many bytes of IP: to the base, then by halves (Linux tcp_base_mss, and tcp_mtu_probing()). */
static uint16_t step_down(uint32_t pmtu, uint32_t headers)
{
	uint32_t mss = pmtu - headers;

	if (mss > TCP_BASE_MSS)
		return (uint16_t)(TCP_BASE_MSS + headers);
	return (uint16_t)(RTE_MAX(mss / 2, (uint32_t)TCP_MSS_MIN) + headers);
}

void tcp_mtu_black_hole(struct tcp *t, struct tcp_pcb *p)
{
	const struct path *path = path_at(&t->net->paths, p->c.h.path);
	uint32_t mss = tcp_out_mss(t, p), in_flight = p->snd_max - p->snd_una;
	uint16_t before = path->pmtu, step;

	if (t->mtu_probing == 0 || p->backoff < TCP_HOLE_RTOS)
		return;
	if (in_flight < RTE_MIN(mss, (uint32_t)TCP_MSS_FALLBACK)) /* every link takes that (RFC 1122 4.2.2.6): lost for other reasons */
		return;
	step = step_down(before, before - mss);
	if (path->l3_len == IP6_HDR_LEN) /* narrower no link is (RFC 8200 5) */
		step = RTE_MAX(step, (uint16_t)IP6_MTU_MIN);
	net_pmtu_lower(t->net, p->c.h.path, step);
	t->stats.mtu_holes += path->pmtu != before;
}
