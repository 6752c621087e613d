/* mail.c: what stacks tell each other about UDP: who has which port, and which connected sockets are not at home. */
#include "flow/away.h"
#include "udp/private.h"

/* ---- telling ---- */

static struct bind_note note_of(const struct udp *u, const struct udp_pcb *p)
{
	struct bind_note n = {.proto = IPPROTO_UDP, .flags = (uint8_t)udp_bind_flags(p), .lport_be = p->c.h.key.lport_be,
			      .laddr_be = p->c.flags & CONN_BOUND_ADDR ? p->c.h.key.laddr_be : 0, .owner = udp_ref(u, p),
			      .more = p->c.more, .dev = p->via & NET_VIA_DEV};

	bind_note_complete(&n, &u->flow->addr6s);
	return n;
}

int udp_announce(struct udp *u, struct udp_pcb *p)
{
	const struct bind_note n = note_of(u, p);
	int rc = mail_note(u->flow->mail, MAIL_ALL, MAIL_BIND, &n, sizeof(n));

	p->announced |= rc == 0;
	return rc;
}

void udp_announce_sure(struct udp *u, struct udp_pcb *p)
{
	const struct bind_note n = note_of(u, p);

	mail_note_sure(u->flow->mail, MAIL_ALL, MAIL_BIND, &n, sizeof(n));
	p->announced = true;
}

void udp_announce_gone(struct udp *u, struct udp_pcb *p)
{
	const struct bind_note n = note_of(u, p);

	if (p->announced)
		mail_note_sure(u->flow->mail, MAIL_ALL, MAIL_UNBIND, &n, sizeof(n));
	p->announced = false;
}

/* ---- hearing ---- */

/* The last socket that connects to a peer gets its datagrams. */
static void claimed(struct udp *u, uint16_t from, const struct away_note *n)
{
	struct flow_away *a = flow_away_find(u->flow, &u->flow->udp, n->hash, &n->key);

	if (a != NULL)
		a->stack = from;
	else
		flow_away_enter(u->flow, &u->flow->udp, n, from);
}

static void released(struct udp *u, uint16_t from, const struct away_note *n)
{
	struct flow_away *a = flow_away_find(u->flow, &u->flow->udp, n->hash, &n->key);

	if (a != NULL && a->stack == from)
		flow_away_remove(u->flow, &u->flow->udp, a);
}

/* About a flow. Only a claim makes addresses known here that were not. */
static void flow_told(struct udp *u, uint16_t from, enum mail_kind kind, const struct away_note *note)
{
	struct away_note n;

	if (!away_note_localise(u->flow, note, kind == MAIL_CLAIM, &n))
		return;
	if (kind == MAIL_CLAIM)
		claimed(u, from, &n);
	else
		released(u, from, &n);
	away_note_forget(u->flow, &n);
}

bool udp_mail(struct udp *u, uint16_t from, enum mail_kind kind, const void *body)
{
	if (*(const uint8_t *)body != IPPROTO_UDP) /* of every such note the first byte */
		return false;
	if (kind == MAIL_BIND)
		bind_remote_set(&u->binds, from, body);
	else if (kind == MAIL_UNBIND)
		bind_remote_remove(&u->binds, from, body);
	else if (kind == MAIL_CLAIM || kind == MAIL_RELEASE)
		flow_told(u, from, kind, body);
	return true;
}
