/* mtu_probe.c: a black hole: when full segments are lost again and again, the path's MTU is taken down in steps, as on Linux. It is
 * tried larger again by the first connection after PMTU_AGE_MS, as after an ICMP message (RFC 1191 6.3). */
#include "tcp/mtu_probe.h"

#include "tcp/out.h"
#include "wire/ip6.h"

/* The next step down from segments of mss bytes, as IP bytes: to the base, then by halves (Linux tcp_base_mss, and
 * tcp_mtu_probing()); an IPv6 link takes IP6_MTU_MIN (RFC 8200 5). */
static uint16_t step_down(const struct path *path, uint32_t mss, uint32_t headers)
{
	uint32_t next = mss > TCP_BASE_MSS ? TCP_BASE_MSS : RTE_MAX(mss / 2, (uint32_t)TCP_MSS_MIN);

	return (uint16_t)(path->l3_len == IP6_HDR_LEN ? RTE_MAX(next + headers, (uint32_t)IP6_MTU_MIN) : next + headers);
}

void tcp_mtu_black_hole(struct tcp *t, struct tcp_pcb *p)
{
	const struct path *path = path_at(&t->net->paths, p->c.h.path);
	uint32_t mss = tcp_out_mss(t, p), in_flight = p->snd_max - p->snd_una, headers;
	uint16_t before = path->pmtu;

	if (t->mtu_probing == 0 || p->backoff < TCP_HOLE_RTOS || in_flight < mss) /* small ones are lost for other reasons */
		return;
	headers = path->l3_len + TCP_HDR_LEN + (p->tflags & TF_TS ? 12u : 0u);
	net_pmtu_lower(t->net, p->c.h.path, step_down(path, mss, headers));
	t->stats.mtu_holes += path->pmtu != before;
}
