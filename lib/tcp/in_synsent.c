/* in_synsent.c: RFC 9293 3.10.7.3: what arrives while our SYN is unanswered. */
#include <errno.h>

#include "tcp/cc.h"
#include "tcp/ecn.h"
#include "tcp/fastopen.h"
#include "tcp/in.h"
#include "tcp/out.h"
#include "tcp/timers.h"
#include "tcp/uto.h"

/* What the peer's SYN says about the connection. */
static void syn_options(struct tcp *t, struct tcp_pcb *p, const struct tcp_seg *s)
{
	uint32_t wnd = p->rcvbuf < 65535 ? p->rcvbuf : 65535;

	if (s->o.has_wscale && !(t->without & TCP_NO_WINDOW_SCALE))
		p->wscale = (uint8_t)((p->wscale & 0xf0) | (s->o.wscale < TCP_WSCALE_MAX ? s->o.wscale : TCP_WSCALE_MAX));
	else
		p->wscale = 0;
	if (s->o.has_ts && !(t->without & TCP_NO_TIMESTAMPS)) {
		p->tflags |= TF_TS;
		p->ts_recent = s->o.tsval;
		p->ts_recent_ms = t->clock->now_ms;
	}
	if (s->o.sack_ok && !(t->without & TCP_NO_SACK))
		p->xflags |= TX_SACK;
	tcp_ecn_syn_answered(p, s->flags);
	p->rcv_nxt = s->seq + 1;
	p->rcv_adv = p->rcv_nxt + wnd;
	p->last_ack_sent = p->rcv_nxt;
	p->snd_wnd = s->wnd; /* never scaled in a SYN, RFC 7323 2.2 */
	p->snd_wnd_max = (uint16_t)(s->wnd >> (p->wscale & 15));
	p->snd_wl1 = s->seq;
	p->snd_wl2 = s->ack;
	p->rcv_tick = t->clock->tick;
	tcp_pcb_peer(t, p, s->o.has_mss ? s->o.mss : tcp_fallback_mss(&p->c.h.key));
}

/* Text and FIN that came with the SYN-ACK: the sixth and later steps. */
static void syn_text(struct tcp *t, struct tcp_pcb *p, struct tcp_seg *s)
{
	uint32_t wnd = p->rcv_adv - p->rcv_nxt;

	s->seq++;
	if (s->len > wnd) {
		s->len = wnd;
		s->flags &= (uint8_t)~TCPF_FIN;
	}
	if (s->len > 0 && !tcp_in_text(t, p, s))
		return;
	if (s->flags & TCPF_FIN)
		tcp_in_fin(t, p, s);
}

void tcp_in_synsent(struct tcp *t, struct tcp_pcb *p, struct tcp_seg *s)
{
	if ((p->tflags & TF_CLAIMING) || (p->xflags & TX_FO_WAIT)) { /* ours is not sent yet */
		tcp_in_drop(t, s, DROP_TCP_STATE);
		return;
	}
	/* First: check the ACK bit */
	if ((s->flags & TCPF_ACK) && s->ack - p->snd_nxt > tcp_fo_syn_text(t, p)) {
		tcp_in_reset(t, s, p->c.h.path);
		tcp_in_drop(t, s, DROP_TCP_ACK);
		return;
	}
	/* Second: check the RST bit */
	if (s->flags & TCPF_RST) {
		if (!(s->flags & TCPF_ACK)) {
			tcp_in_drop(t, s, DROP_TCP_STATE);
			return;
		}
		t->stats.resets_in++;
		t->stats.attempt_fails++;
		tcp_done(t, p, ECONNREFUSED);
		return;
	}
	/* Fourth: check the SYN bit */
	if (!(s->flags & TCPF_SYN)) {
		tcp_in_drop(t, s, DROP_TCP_STATE);
		return;
	}
	syn_options(t, p, s);
	if (!(s->flags & TCPF_ACK)) { /* crossed SYNs (RFC 9293 3.5, figure 8) */
		tcp_state_set(t, p, TCP_SYN_RECEIVED);
		tcp_out_syn(t, p);
		tcp_in_text_early(t, p, s);
		return;
	}
	if (s->o.uto != 0)
		tcp_uto_received(t, p, s->o.uto);
	tcp_in_established(t, p, s);
	if (unlikely(p->xflags & TX_FO_SYN))
		tcp_fo_synack(t, p, s);
	tcp_out_ack_now(t, p); /* leaves at the flush, with the request if there is one by then */
	syn_text(t, p, s);
}
