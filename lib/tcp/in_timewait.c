/* in_timewait.c: RFC 9293 3.10.7.4 for TIME-WAIT, with RFC 6191 (a new SYN may take over) and RFC 1337 (a RST may not
 * end it). Also how connections get there and leave it. */
#include <netinet/in.h>

#include "base/assert.h"
#include "flow/away.h"
#include "tcp/in.h"
#include "tcp/out.h"
#include "tcp/timers.h"

static struct tcp_timewait *at(const struct tcp *t, uint32_t idx) { return pool_at(&t->flow->pool[FLOW_TIMEWAIT], idx); }

static void list_append(struct tcp *t, struct tcp_timewait *tw, uint32_t idx)
{
	tw->next = 0;
	tw->prev = t->tw_tail;
	if (t->tw_tail != 0)
		at(t, t->tw_tail)->next = idx;
	else
		t->tw_head = idx;
	t->tw_tail = idx;
}

static void list_remove(struct tcp *t, const struct tcp_timewait *tw)
{
	if (tw->prev != 0)
		at(t, tw->prev)->next = tw->next;
	else
		t->tw_head = tw->next;
	if (tw->next != 0)
		at(t, tw->next)->prev = tw->prev;
	else
		t->tw_tail = tw->prev;
}

void tcp_timewait_end(struct tcp *t, struct tcp_timewait *tw)
{
	flow_ref r = tcp_timewait_ref(t, tw);

	flow_timer_clear(t->flow, r);
	table_remove(&t->flow->tcp, tw->h.hash, r);
	list_remove(t, tw);
	if (flow_elsewhere(t->flow, tw->h.hash))
		flow_release(t->flow, IPPROTO_TCP, &tw->h.key, tw->h.hash);
	if (tw->eport)
		eport_put(t->eport, &tw->h.key);
	net_path_put(t->net, tw->h.path);
	pool_put(&t->flow->pool[FLOW_TIMEWAIT], ref_index(r));
	t->stats.timewait--;
}

/* A new entry; when all are in use, the one that has waited longest gives way. */
static struct tcp_timewait *timewait_new(struct tcp *t, uint32_t *idx)
{
	if (t->stats.timewait >= t->timewait_max) {
		t->stats.timewait_overflow++;
		if (t->tw_head == 0)
			return NULL;
		tcp_timewait_end(t, at(t, t->tw_head));
	}
	*idx = pool_get(&t->flow->pool[FLOW_TIMEWAIT]);
	return *idx != 0 ? at(t, *idx) : NULL;
}

void tcp_timewait_enter(struct tcp *t, struct tcp_pcb *p)
{
	flow_ref from = tcp_pcb_ref(t, p), to;
	struct tcp_timewait *tw;
	bool replaced;
	uint32_t idx;

	if (p->tflags & TF_ACK_NOW) /* of the peer's FIN; there is no pcb at the next flush */
		tcp_out_segment(t, p, p->snd_nxt, 0, 0);
	tw = timewait_new(t, &idx);
	if (tw == NULL) {
		tcp_done(t, p, 0);
		return;
	}
	to = ref_make(FLOW_TIMEWAIT, idx);
	*tw = (struct tcp_timewait){.h = {.key = p->c.h.key, .hash = p->c.h.hash, .path = p->c.h.path},
				    .snd_nxt = p->snd_nxt, .rcv_nxt = p->rcv_nxt, .ts_recent = p->ts_recent,
				    .ts_offset = p->ts_offset, .ts = p->tflags & TF_TS, .eport = p->tflags & TF_EPORT,
				    .tos = flow_addr_is6(p->c.h.key.raddr_be) ? tcp_opt(t, p)->tclass6 : tcp_opt(t, p)->tos};
	tw->wnd = tcp_out_window(t, p);
	replaced = table_replace(&t->flow->tcp, p->c.h.hash, from, to);
	SPATE_ASSERT(replaced);
	p->c.flags &= (uint8_t)~CONN_IN_TABLE; /* slot, port and path are tw's now */
	p->tflags &= ~TF_EPORT;
	p->c.h.path = 0;
	list_append(t, tw, idx);
	t->stats.timewait++;
	flow_timer_set(t->flow, to, t->clock->tick + ticks_from_ms(TCP_TIMEWAIT_MS));
	tcp_done(t, p, 0);
}

static void timewait_ack(struct tcp *t, const struct tcp_timewait *tw)
{
	struct tcp_view v = {.seq = tw->snd_nxt, .ack = tw->rcv_nxt, .flags = TCPF_ACK, .wnd = tw->wnd};
	struct tcp_opts o = {.has_ts = tw->ts, .tsval = tcp_now_ts(t, tw->ts_offset), .tsecr = tw->ts_recent};

	tcp_out_bare(t, &tw->h.key, tw->h.path, &v, &o, tw->tos);
}

/* Two in TIME-WAIT must not answer each other for ever; text and FINs are no part of such a loop. */
static bool answer_allowed(const struct tcp *t, struct tcp_timewait *tw, const struct tcp_seg *s)
{
	uint8_t now = (uint8_t)(tcp_answer_slot(t) | 0x80);

	if ((s->flags & TCPF_SYN || (s->len == 0 && !(s->flags & TCPF_FIN))) && tw->answered == now)
		return false;
	tw->answered = now;
	return true;
}

static void timewait_restart(struct tcp *t, struct tcp_timewait *tw)
{
	flow_ref r = tcp_timewait_ref(t, tw);

	list_remove(t, tw);
	list_append(t, tw, ref_index(r));
	flow_timer_set(t->flow, r, t->clock->tick + ticks_from_ms(TCP_TIMEWAIT_MS));
}

/* RFC 6191 section 2: a SYN that cannot be an old one, by timestamp or else by sequence number (RFC 1122 4.2.2.13). */
static bool syn_is_new(const struct tcp_timewait *tw, const struct tcp_seg *s)
{
	if (tw->ts && s->o.has_ts && s->o.tsval != tw->ts_recent)
		return seq_gt(s->o.tsval, tw->ts_recent);
	return seq_gt(s->seq, tw->rcv_nxt);
}

int tcp_in_timewait(struct tcp *t, struct tcp_timewait *tw, struct tcp_seg *s)
{
	uint32_t end = s->seq + s->len + !!(s->flags & TCPF_FIN);
	struct tcp_listener *l;
	int stack;

	if (s->flags & TCPF_RST) { /* RFC 1337 section 3, fix F1 */
		tcp_in_drop(t, s, DROP_TCP_STATE);
		return FLOW_DONE;
	}
	if ((s->flags & (TCPF_SYN | TCPF_ACK)) == TCPF_SYN && syn_is_new(tw, s)) {
		uint32_t iss = tcp_timewait_next_iss(tw);

		stack = tcp_in_elsewhere(t, s);
		if (stack != FLOW_DONE) {
			tcp_timewait_end(t, tw);
			return stack;
		}
		l = tcp_listener_for(t, s->pkt->iface, &s->pkt->key, s->pkt->hash);
		if (l != NULL) {
			tcp_timewait_end(t, tw);
			tcp_in_syn(t, l, s, iss);
			return FLOW_DONE;
		}
	}
	/* Fifth step: without ACK a segment in the window is nothing. */
	if (!(s->flags & (TCPF_ACK | TCPF_SYN)) && seq_ge(s->seq, tw->rcv_nxt) && seq_lt(s->seq, tw->rcv_nxt + tw->wnd)) {
		tcp_in_drop(t, s, DROP_TCP_STATE);
		return FLOW_DONE;
	}
	if (s->seq == tw->rcv_nxt && end == s->seq && !(s->flags & TCPF_SYN) &&
	    !(tw->ts && s->o.has_ts && tcp_paws_old(s, tw->ts_recent))) {
		tcp_in_drop(t, s, DROP_TCP_STATE); /* in step: nothing to say */
		return FLOW_DONE;
	}
	if ((s->flags & TCPF_FIN) && end == tw->rcv_nxt) /* our last ACK was lost: wait again (RFC 9293 3.10.7.4) */
		timewait_restart(t, tw);
	if (answer_allowed(t, tw, s))
		timewait_ack(t, tw);
	tcp_in_drop(t, s, DROP_TCP_SEQ);
	return FLOW_DONE;
}
