/* mail.c: what other stacks tell TCP: who has which port, and which flows of ours are with them. */
#include <errno.h>
#include <string.h>

#include "flow/away.h"
#include "tcp/cookie.h"
#include "tcp/in.h"
#include "tcp/out.h"
#include "tcp/rtx.h"
#include "tcp/shared.h"
#include "tcp/timers.h"

/* ---- ports ---- */

static void bound(struct tcp *t, uint16_t from, const struct tcp_bind_note *n)
{
	bind_remote_set(&t->binds, from, &n->b);
	if (n->b.flags & BIND_RECEIVES) {
		t->listened = true; /* its connections may have their home here */
		tcp_shared_set(t, from, n);
	} else {
		tcp_shared_remove(t, from, n->b.owner);
	}
}

static void unbound(struct tcp *t, uint16_t from, const struct tcp_bind_note *n)
{
	bind_remote_remove(&t->binds, from, &n->b);
	tcp_shared_remove(t, from, n->b.owner);
}

/* ---- at a flow's home ---- */

static void forget(struct tcp *t, struct flow_away *a)
{
	if (a->eport)
		eport_put(t->eport, &a->h.key);
	flow_away_remove(t->flow, &t->flow->tcp, a);
}

/* A connection that another stack's listener accepted: the last word counts, unless a connection of ours has the tuple. */
static void claim_accepted(struct tcp *t, uint16_t from, const struct away_note *n)
{
	flow_ref r = flow_find(t->flow, &t->flow->tcp, n->hash, &n->key);

	if (r != 0 && ref_kind(r) == FLOW_CONN)
		return;
	if (ref_kind(r) == FLOW_AWAY) {
		if (!flow_away_at(t->flow, r)->eport)
			flow_away_at(t->flow, r)->stack = from;
		return;
	}
	/* A twin has answered the same SYN when it was repeated: the peer chose the other answer. */
	if (ref_kind(r) == FLOW_SYNRCVD)
		tcp_synrcvd_end(t, tcp_synrcvd_at(t, r));
	else if (ref_kind(r) == FLOW_TIMEWAIT)
		tcp_timewait_end(t, tcp_timewait_at(t, r));
	flow_away_enter(t->flow, &t->flow->tcp, n, from); /* without room its packets go the listener's way while that is there */
}

/* May the other stack have this tuple? 0: yes, and it is entered; -EADDRINUSE; -ENOBUFS: it will ask again. */
static int claim_port(struct tcp *t, uint16_t from, const struct away_note *n, uint32_t *iss)
{
	flow_ref r = flow_find(t->flow, &t->flow->tcp, n->hash, &n->key);
	int err;

	if (ref_kind(r) == FLOW_AWAY) {
		struct flow_away *a = flow_away_at(t->flow, r);

		if (a->stack != from)
			return -EADDRINUSE;
		if (a->eport) /* asked again */
			return 0;
		forget(t, a);
	} else if (r != 0 && !tcp_timewait_take_over(t, &n->key, n->hash, iss)) {
		return -EADDRINUSE;
	}
	err = eport_take_exact(t->eport, &n->key);
	if (err != 0)
		return err;
	if (flow_away_enter(t->flow, &t->flow->tcp, n, from) != NULL)
		return 0;
	eport_put(t->eport, &n->key);
	return -ENOBUFS;
}

static void claimed(struct tcp *t, uint16_t from, const struct away_note *n)
{
	struct away_note answer;
	int err;

	if (!n->eport) {
		claim_accepted(t, from, n);
		return;
	}
	memcpy(&answer, n, away_note_len(n));
	answer.iss = 0;
	err = claim_port(t, from, n, &answer.iss);
	if (err == 0 || err == -EADDRINUSE) /* an answer that finds no buffer is asked for again */
		mail_note(t->flow->mail, from, err == 0 ? MAIL_GRANT : MAIL_DENY, &answer, away_note_len(&answer));
}

static void released(struct tcp *t, uint16_t from, const struct away_note *n)
{
	struct flow_away *a = flow_away_find(t->flow, &t->flow->tcp, n->hash, &n->key);

	if (a != NULL && a->stack == from)
		forget(t, a);
}

/* ---- where the socket is ---- */

static void granted(struct tcp *t, const struct away_note *n)
{
	flow_ref r = flow_find(t->flow, &t->flow->tcp, n->hash, &n->key);
	struct tcp_pcb *p;

	if (r == 0 || ref_kind(r) != FLOW_CONN) { /* given up meanwhile */
		flow_release(t->flow, n->proto, &n->key, n->hash);
		return;
	}
	p = tcp_pcb_at(t, r);
	if (p->state == TCP_SYN_SENT && (p->tflags & TF_CLAIMING))
		tcp_claim_granted(t, p, n->iss);
}

static void denied(struct tcp *t, const struct away_note *n)
{
	flow_ref r = flow_find(t->flow, &t->flow->tcp, n->hash, &n->key);

	if (r != 0 && ref_kind(r) == FLOW_CONN && tcp_pcb_at(t, r)->state == TCP_SYN_SENT)
		tcp_claim_denied(t, tcp_pcb_at(t, r));
}

/* About a flow. Only a claim makes addresses known here that were not. */
static void flow_told(struct tcp *t, uint16_t from, enum mail_kind kind, const struct away_note *note)
{
	struct away_note n;

	if (!away_note_localise(t->flow, note, kind == MAIL_CLAIM, &n)) {
		if (kind == MAIL_GRANT) /* given up meanwhile, to the last trace of the addresses */
			mail_note_sure(t->flow->mail, from, MAIL_RELEASE, note, away_note_len(note));
		return;
	}
	if (kind == MAIL_CLAIM)
		claimed(t, from, &n);
	else if (kind == MAIL_GRANT)
		granted(t, &n);
	else if (kind == MAIL_DENY)
		denied(t, &n);
	else
		released(t, from, &n);
	away_note_forget(t->flow, &n);
}

void tcp_mail(struct tcp *t, uint16_t from, enum mail_kind kind, const void *body)
{
	switch (kind) {
	case MAIL_BIND:
		bound(t, from, body);
		break;
	case MAIL_UNBIND:
		unbound(t, from, body);
		break;
	case MAIL_CLAIM:
	case MAIL_GRANT:
	case MAIL_DENY:
	case MAIL_RELEASE:
		flow_told(t, from, kind, body);
		break;
	case MAIL_COOKIES:
		tcp_cookie_elsewhere(t);
		break;
	default:
		break;
	}
}
