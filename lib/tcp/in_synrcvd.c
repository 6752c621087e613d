/* in_synrcvd.c: RFC 9293 3.10.7.4 for a half-open connection of a listener: 64 bytes that wait for the handshake's last
 * ACK. */
#include <errno.h>

#include "tcp/in.h"
#include "tcp/out.h"

/* A peer in TIME-WAIT from an older connection answers our answers: a late SYN would make the two talk for ever. So segments
 * without text are answered about twice a second at most, as Linux does (tcp_invalid_ratelimit). */
static bool answer_allowed(const struct tcp *t, struct tcp_synrcvd *sr, const struct tcp_seg *s)
{
	uint8_t now = (uint8_t)(tcp_answer_slot(t) | 0x80);

	if ((s->len == 0 || (s->flags & (TCPF_RST | TCPF_SYN))) && sr->answered == now)
		return false;
	sr->answered = now;
	return true;
}

static void synrcvd_ack(struct tcp *t, const struct tcp_synrcvd *sr)
{
	struct tcp_view v = {.seq = sr->iss + 1, .ack = sr->irs + 1, .flags = TCPF_ACK};
	struct tcp_opts o = {.has_ts = sr->ts, .tsval = tcp_now_ts(t, sr->ts_offset), .tsecr = sr->ts_recent};

	v.wnd = (uint16_t)(sr->wnd >> (sr->wscale >> 4));
	tcp_out_bare(t, &sr->h.key, sr->h.path, &v, &o, sr->tos);
}

/* ---- TCP_DEFER_ACCEPT ---- */

static uint32_t repeat_s(unsigned n) { return n < 7 ? 1u << n : TCP_RTO_MAX_US / 1000000; }

uint8_t tcp_defer_repeats(int seconds)
{
	uint32_t period = 0;
	uint8_t n = 0;

	while (seconds > 0 && period < (uint32_t)seconds && n < UINT8_MAX)
		period += repeat_s(n++);
	return n;
}

int tcp_defer_seconds(uint8_t repeats)
{
	uint32_t period = 0;

	for (unsigned n = 0; n < repeats; n++)
		period += repeat_s(n);
	return (int)period;
}

static uint8_t deferred(const struct tcp *t, const struct tcp_listener *l)
{
	return l != NULL ? tcp_opt(t, (const struct tcp_pcb *)l)->defer_accept : 0;
}

void tcp_synrcvd_end(struct tcp *t, struct tcp_synrcvd *sr)
{
	flow_ref r = tcp_synrcvd_ref(t, sr);

	flow_timer_clear(t->flow, r);
	table_remove(&t->flow->tcp, sr->h.hash, r);
	net_path_put(t->net, sr->h.path);
	pool_put(&t->flow->pool[FLOW_SYNRCVD], ref_index(r));
	t->stats.synrcvd--;
}

/* The SYN-ACK again, after 1, 2, 4 ... seconds, then it is forgotten. */
void tcp_synrcvd_timeout(struct tcp *t, struct tcp_synrcvd *sr)
{
	uint8_t defer = unlikely(sr->acked) ? deferred(t, tcp_listener_for(t, BIND_IFACE_ANY, &sr->h.key, sr->h.hash)) : 0;

	if (sr->retries >= (defer > TCP_SYNACK_RETRIES ? defer : TCP_SYNACK_RETRIES)) {
		t->stats.attempt_fails++;
		tcp_synrcvd_end(t, sr);
		return;
	}
	sr->retries++;
	if (sr->retries >= defer) { /* as a last chance when data was waited for: the ACK of this one opens the connection */
		t->stats.rtx_segs++;
		tcp_out_synack(t, sr, NULL);
	}
	flow_timer_set(t->flow, tcp_synrcvd_ref(t, sr), t->clock->tick + ticks_from_us((uint64_t)repeat_s(sr->retries) * 1000000));
}

/* First to fourth step; false: the segment is finished with. */
static bool steps_before_ack(struct tcp *t, struct tcp_synrcvd *sr, struct tcp_seg *s)
{
	uint32_t rcv_nxt = sr->irs + 1;

	if ((s->flags & (TCPF_SYN | TCPF_ACK | TCPF_RST)) == TCPF_SYN && s->seq == sr->irs) {
		tcp_out_synack(t, sr, NULL); /* our SYN-ACK was lost */
		tcp_in_drop(t, s, DROP_TCP_STATE);
		return false;
	}
	if (!(s->flags & TCPF_RST) && sr->ts && (!s->o.has_ts || tcp_paws_old(s, sr->ts_recent))) {
		if (answer_allowed(t, sr, s))
			synrcvd_ack(t, sr);
		tcp_in_drop(t, s, DROP_TCP_PAWS);
		return false;
	}
	/* An ACK may lie at the window's right edge, a reset must be inside (RFC 5961 3.2). */
	if (seq_lt(s->seq, rcv_nxt) || seq_gt(s->seq + !!(s->flags & TCPF_RST), rcv_nxt + sr->wnd)) {
		if (!(s->flags & TCPF_RST) && answer_allowed(t, sr, s))
			synrcvd_ack(t, sr);
		tcp_in_drop(t, s, DROP_TCP_SEQ);
		return false;
	}
	if ((s->flags & TCPF_RST) && s->seq == rcv_nxt) { /* back to LISTEN */
		t->stats.resets_in++;
		t->stats.attempt_fails++;
		tcp_synrcvd_end(t, sr);
		return false;
	}
	if (s->flags & (TCPF_RST | TCPF_SYN)) { /* RFC 5961 3.2, 4.2 */
		if (answer_allowed(t, sr, s)) {
			t->stats.challenge_acks++;
			synrcvd_ack(t, sr);
		}
		tcp_in_drop(t, s, s->flags & TCPF_RST ? DROP_TCP_RST_WINDOW : DROP_TCP_STATE);
		return false;
	}
	return true;
}

/* The ACK is of no SYN-ACK of ours. It may be of the listener's own stack, that answered before we had a twin. */
static int other_ack(struct tcp *t, struct tcp_synrcvd *sr, struct tcp_seg *s)
{
	int stack = tcp_in_elsewhere(t, s);

	if (stack == FLOW_DONE) {
		tcp_in_reset(t, s, sr->h.path);
		tcp_in_drop(t, s, DROP_TCP_ACK);
	}
	return stack;
}

int tcp_in_synrcvd(struct tcp *t, struct tcp_synrcvd *sr, struct tcp_seg *s)
{
	struct tcp_listener *l;
	struct tcp_pcb *p;

	if (!steps_before_ack(t, sr, s))
		return FLOW_DONE;
	/* Fifth: check the ACK field */
	if (!(s->flags & TCPF_ACK)) {
		tcp_in_drop(t, s, DROP_TCP_STATE);
		return FLOW_DONE;
	}
	if (s->ack != sr->iss + 1)
		return other_ack(t, sr, s);
	l = tcp_listener_for(t, s->pkt->iface, &sr->h.key, sr->h.hash);
	if (l == NULL) { /* it has closed meanwhile */
		tcp_in_reset(t, s, sr->h.path);
		tcp_synrcvd_end(t, sr);
		return FLOW_DONE;
	}
	if (unlikely(sr->retries < deferred(t, l)) && s->len == 0 && !(s->flags & TCPF_FIN)) { /* it says nothing yet */
		sr->acked = true;
		tcp_in_drop(t, s, DROP_TCP_STATE);
		return FLOW_DONE;
	}
	p = tcp_passive_new(t, l, sr);
	if (p == NULL) { /* as Linux: the ACK is dropped, and the SYN-ACK's repetition will bring another */
		tcp_in_drop(t, s, DROP_TCP_BACKLOG);
		return FLOW_DONE;
	}
	p->snd_wl1 = s->seq - 1; /* so that this segment sets the window */
	tcp_in_established(t, p, s);
	tcp_in_pcb(t, p, s);
	return FLOW_DONE;
}
