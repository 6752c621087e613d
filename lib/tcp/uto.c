/* uto.c: see uto.h. */
#include "tcp/uto.h"

#include "tcp/out.h"

#define UTO_MINUTES 0x8000u /* the granularity bit (RFC 5482 section 3) */

void tcp_uto_received(struct tcp *t, struct tcp_pcb *p, uint16_t uto)
{
	uint32_t s = uto & UTO_MINUTES ? (uto & ~UTO_MINUTES) * 60u : uto;

	if (!t->uto || s == 0 || (tcp_opt(t, p)->flags & OPT_UTO_OWN)) /* section 3: 0 is to be ignored; 3.1: CHANGEABLE */
		return;
	s = s > TCP_UTO_MIN_S ? s : TCP_UTO_MIN_S; /* USER_TIMEOUT = min(U_LIMIT, max(ADV_UTO, REMOTE_UTO, L_LIMIT)) */
	s = s < TCP_UTO_MAX_S ? s : TCP_UTO_MAX_S;
	tcp_opt_need(t, p)->user_timeout_ms = s * 1000;
}

uint16_t tcp_uto_advertised(const struct tcp *t, const struct tcp_pcb *p)
{
	uint64_t s = p->opts != 0 && t->uto && (tcp_opt(t, p)->flags & OPT_UTO_OWN) ?
			     (tcp_opt(t, p)->user_timeout_ms + 999ull) / 1000 : 0;

	return (uint16_t)(s < UTO_MINUTES ? s : UTO_MINUTES | (s + 59) / 60);
}

void tcp_uto_tell(struct tcp *t, struct tcp_pcb *p)
{
	struct tcp_view v = {.seq = p->snd_nxt, .ack = p->rcv_nxt, .flags = TCPF_ACK, .wnd = tcp_out_window(t, p)};
	struct tcp_opts o = {.has_ts = p->tflags & TF_TS, .tsval = tcp_now_ts(t, p->ts_offset), .tsecr = p->ts_recent,
			     .uto = tcp_uto_advertised(t, p)};

	if (o.uto != 0)
		tcp_out_bare(t, &p->c.h.key, p->c.h.path, &v, &o, tcp_opt(t, p)->tos);
}
