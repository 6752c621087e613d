/* mtu_probe.c: a black hole: when full segments are lost again and again, the path's MTU is taken down in steps, as on Linux. It
 * is tried larger again by the first connection after PMTU_AGE_MS, as after an ICMP message (RFC 1191 6.3). */
#include "tcp/mtu_probe.h"

#include "tcp/out.h"

/* The next step down from segments of so many bytes: to the base, then by halves (Linux tcp_base_mss, and tcp_mtu_probing()). */
static uint32_t step_down(uint32_t mss) { return mss > TCP_BASE_MSS ? TCP_BASE_MSS : RTE_MAX(mss / 2, (uint32_t)TCP_MSS_MIN); }

void tcp_mtu_black_hole(struct tcp *t, struct tcp_pcb *p)
{
	const struct path *path = path_at(&t->net->paths, p->c.h.path);
	uint32_t mss = tcp_out_mss(t, p), in_flight = p->snd_max - p->snd_una;
	uint32_t step = step_down(mss) + path->l3_len + TCP_HDR_LEN + (p->tflags & TF_TS ? 12u : 0u);
	uint16_t before = path->pmtu;

	if (t->mtu_probing == 0 || p->backoff < TCP_HOLE_RTOS)
		return;
	if (in_flight < RTE_MIN(mss, (uint32_t)TCP_MSS_FALLBACK)) /* every link takes that (RFC 1122 4.2.2.6): lost for other reasons */
		return;
	if (path->l3_len == IP6_HDR_LEN) /* narrower no link is (RFC 8200 5) */
		step = RTE_MAX(step, (uint32_t)IP6_MTU_MIN);
	net_pmtu_lower(t->net, p->c.h.path, (uint16_t)step);
	t->stats.mtu_holes += path->pmtu != before;
}
