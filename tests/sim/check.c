/* check.c: what must hold in a world at every step and at its end. */
#include "check.h"

#include <stdio.h>

#include "../unit/tcp/flight_check.h"
#include "actor.h"
#include "base/seq.h"

static bool in_step(const struct tcp_pcb *p) { return p != NULL && p->state >= TCP_ESTABLISHED && p->state < TCP_TIME_WAIT; }

/* RFC 9293 section 3.4: what the sequence variables may never say, and: something outstanding means a timer runs. */
static void check_pcb(struct world *w, struct stack *s, const struct tcp_pcb *p)
{
	const char *wrong;

	if (!in_step(p))
		return;
	if (seq_gt(p->snd_una, p->snd_nxt))
		WORLD_FAIL(w, "SND.UNA %u, SND.NXT %u", p->snd_una, p->snd_nxt);
	if (seq_lt(p->rcv_adv, p->rcv_nxt) && p->state < TCP_CLOSE_WAIT)
		WORLD_FAIL(w, "RCV.NXT %u beyond the announced window %u", p->rcv_nxt, p->rcv_adv);
	if (p->snd_una != p->snd_nxt && !wheel_armed(&p->c.h.timer))
		WORLD_FAIL(w, "data outstanding and no timer in state %u", p->state);
	wrong = flight_check(&s->tcp, p);
	if (wrong != NULL)
		WORLD_FAIL(w, "in flight: %s", wrong);
	if (p->cwnd < p->mss || p->mss == 0)
		WORLD_FAIL(w, "congestion window %u, segments of %u", p->cwnd, p->mss);
}

/* Nothing is sent that the receiver has not asked for, but for a window probe or the FIN. */
static void check_window(struct world *w, const struct tcp_pcb *from, const struct tcp_pcb *to)
{
	if (seq_gt(from->snd_nxt, to->rcv_adv + 1))
		WORLD_FAIL(w, "%u bytes sent beyond the window", from->snd_nxt - to->rcv_adv);
	if (seq_gt(to->rcv_nxt, from->snd_nxt))
		WORLD_FAIL(w, "%u bytes received that were not sent", to->rcv_nxt - from->snd_nxt);
}

void check_connection(struct world *w, const struct actor *client, const struct actor *server)
{
	check_pcb(w, w->stack[0], client->p);
	check_pcb(w, w->stack[1], server->p);
	if (in_step(client->p) && in_step(server->p)) {
		check_window(w, client->p, server->p);
		check_window(w, server->p, client->p);
	}
}

void check_stack(struct world *w, const struct stack *s)
{
	const struct tcp *t = &s->tcp;

	if (t->snd_held > t->snd_held_max || t->rcv_held > t->rcv_held_max)
		WORLD_FAIL(w, "buffers held: %u of %u for sending, %u of %u received", t->snd_held, t->snd_held_max, t->rcv_held,
			   t->rcv_held_max);
}

static void check_left(struct world *w, const struct stack *s)
{
	struct eport_stats es;

	if (s->flow.tcp.used != 0 || s->flow.pool[FLOW_CONN].used != 0 || s->flow.pool[FLOW_TIMEWAIT].used != 0 ||
	    s->flow.pool[FLOW_SYNRCVD].used != 0)
		WORLD_FAIL(w, "stack %u: left over: %u flows, %u sockets, %u TIME-WAIT, %u half-open", s == w->stack[1],
			   s->flow.tcp.used, s->flow.pool[FLOW_CONN].used, s->flow.pool[FLOW_TIMEWAIT].used,
			   s->flow.pool[FLOW_SYNRCVD].used);
	if (s->tcp.bufs.used != 0 || s->tcp.optexts.used != 0 || s->tcp.snd_held != 0 || s->tcp.rcv_held != 0)
		WORLD_FAIL(w, "stack %u: left over: %u buffers, %u sets of options, %u and %u packet buffers", s == w->stack[1],
			   s->tcp.bufs.used, s->tcp.optexts.used, s->tcp.snd_held, s->tcp.rcv_held);
	eport_stats_get(s->eport, &es);
	if (s->net.paths.pool.used != 0 || es.taken != es.returned)
		WORLD_FAIL(w, "stack %u: left over: %u paths, %lu ports", s == w->stack[1], s->net.paths.pool.used,
			   es.taken - es.returned);
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
