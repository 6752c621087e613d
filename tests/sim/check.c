/* check.c: what must hold in a world at every step and at its end. */
#include "check.h"

#include <stdio.h>

#include "../unit/tcp/flight_check.h"
#include "actor.h"
#include "base/seq.h"

static bool in_step(const struct tcp_pcb *p) { return p != NULL && p->state >= TCP_ESTABLISHED && p->state < TCP_TIME_WAIT; }

/* Something to do means that a timer runs, or that the next turn does it. */
static void check_timer(struct world *w, const struct stack *s, const struct tcp_pcb *p)
{
	const struct tcp_buf *b = tcp_buf_of(&s->tcp, p);
	bool fin = p->state == TCP_FIN_WAIT_1 || p->state == TCP_CLOSING || p->state == TCP_LAST_ACK;

	if (wheel_armed(&p->c.h.timer))
		return;
	if (p->snd_una != p->snd_nxt)
		WORLD_FAIL(w, "data outstanding and no timer in state %u", p->state);
	if (p->tflags & TF_OUT)
		return;
	if ((b != NULL && b->snd_len > 0) || fin)
		WORLD_FAIL(w, "%s to send, and neither a timer nor a turn in state %u", fin ? "a FIN" : "data", p->state);
	if (p->tflags & (TF_ACK_DELAY | TF_ACK_NOW))
		WORLD_FAIL(w, "an ACK is owed, and neither a timer nor a turn in state %u", p->state);
}

/* RFC 9293 section 3.4: what the sequence variables may never say. */
static void check_pcb(struct world *w, struct stack *s, const struct tcp_pcb *p)
{
	const char *wrong;

	if (!in_step(p))
		return;
	if (seq_gt(p->snd_una, p->snd_nxt))
		WORLD_FAIL(w, "SND.UNA %u, SND.NXT %u", p->snd_una, p->snd_nxt);
	if (seq_lt(p->rcv_adv, p->rcv_nxt) && p->state < TCP_CLOSE_WAIT)
		WORLD_FAIL(w, "RCV.NXT %u beyond the announced window %u", p->rcv_nxt, p->rcv_adv);
	check_timer(w, s, p);
	wrong = flight_check(&s->tcp, p);
	if (wrong != NULL)
		WORLD_FAIL(w, "in flight: %s", wrong);
	if (p->cwnd < p->mss || p->mss == 0)
		WORLD_FAIL(w, "congestion window %u, segments of %u", p->cwnd, p->mss);
}

/* Nothing is sent that the receiver has not asked for, but for a window probe or the FIN. */
static void check_window(struct world *w, const struct actor *a, const struct tcp_pcb *to)
{
	const struct tcp_pcb *from = a->p;

	if (seq_gt(from->snd_nxt, to->rcv_adv + 1) && from->snd_nxt != a->syn_end)
		WORLD_FAIL(w, "%u bytes sent beyond the window", from->snd_nxt - to->rcv_adv);
	if (seq_gt(to->rcv_nxt, from->snd_nxt))
		WORLD_FAIL(w, "%u bytes received that were not sent", to->rcv_nxt - from->snd_nxt);
}

void check_connection(struct world *w, const struct actor *client, const struct actor *server)
{
	check_pcb(w, w->stack[0], client->p);
	check_pcb(w, w->stack[1], server->p);
	if (in_step(client->p) && in_step(server->p)) {
		check_window(w, client, server->p);
		check_window(w, server, client->p);
	}
}

void check_stack(struct world *w, const struct stack *s)
{
	const struct tcp *t = &s->tcp;

	if (t->snd_held > t->snd_held_max || t->rcv_held > t->rcv_held_max)
		WORLD_FAIL(w, "buffers held: %u of %u for sending, %u of %u received", t->snd_held, t->snd_held_max, t->rcv_held,
			   t->rcv_held_max);
}

/* What comes and goes with connections; neighbours stay known. */
static void pools_used(const struct stack *s, uint32_t used[WORLD_POOLS])
{
	const struct pool *const pools[] = {
		&s->flow.pool[FLOW_CONN], &s->flow.pool[FLOW_SYNRCVD], &s->flow.pool[FLOW_TIMEWAIT], &s->tcp.bufs, &s->tcp.optexts,
		&s->tcp.fastopens, &s->tcp.exts, &s->tcp.ooos, &s->tcp.flights, &s->tcp.chunks, &s->tcp.shared, &s->tcp.binds.pool,
		&s->udp.binds.pool, &s->net.paths.pool,
	};

	static_assert(RTE_DIM(pools) <= WORLD_POOLS, "all of them");
	for (size_t i = 0; i < RTE_DIM(pools); i++)
		used[i] = pools[i]->used;
}

void check_begin(struct world *w)
{
	pools_used(w->stack[0], w->used[0]);
	pools_used(w->stack[1], w->used[1]);
}

static void check_left(struct world *w, const struct stack *s)
{
	uint32_t used[WORLD_POOLS] = {0}, *before = w->used[s == w->stack[1]];
	struct eport_stats es;

	pools_used(s, used);
	for (unsigned i = 0; i < WORLD_POOLS; i++)
		if (used[i] != before[i])
			WORLD_FAIL(w, "stack %u: left over: %u objects in pool %u, %u at the start", s == w->stack[1], used[i], i, before[i]);
	if (s->flow.tcp.used != 0 || s->tcp.snd_held != 0 || s->tcp.rcv_held != 0)
		WORLD_FAIL(w, "stack %u: left over: %u flows, %u and %u packet buffers", s == w->stack[1], s->flow.tcp.used,
			   s->tcp.snd_held, s->tcp.rcv_held);
	eport_stats_get(s->eport, &es);
	if (es.taken != es.returned)
		WORLD_FAIL(w, "stack %u: left over: %lu ports", s == w->stack[1], es.taken - es.returned);
}

void check_end(struct world *w)
{
	check_left(w, w->stack[0]);
	check_left(w, w->stack[1]);
	for (unsigned i = 0; i < w->n_conns; i++) {
		bool aborts = w->client[i].end == ACTOR_ABORTED || w->server[i].end == ACTOR_ABORTED;

		if (!aborts && (w->client[i].end != ACTOR_DONE || w->server[i].end != ACTOR_DONE))
			WORLD_FAIL(w, "connection %u did not end well: client %d server %d", i, w->client[i].end,
				   w->server[i].end);
	}
}
