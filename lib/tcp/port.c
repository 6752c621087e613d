/* port.c: the local address and port of an active open: a free one, or one whose last connection is in TIME-WAIT. */
#include <errno.h>

#include "tcp/life.h"

/* ---- reuse of ports in TIME-WAIT ---- */

/* RFC 6191 seen from the client, as Linux's tcp_tw_reuse = 1: with timestamps, and a second after the last segment, the
 * peer can tell the new SYN from everything old: our timestamps of one tuple only grow (isn.c). */
static bool is_reusable(const struct tcp_timewait *tw) { return tw->ts && tw->eport; }

static bool has_waited(const struct tcp *t, const struct tcp_timewait *tw)
{
	uint32_t since = tw->h.timer.tick - ticks_from_ms(TCP_TIMEWAIT_MS);

	return t->clock->tick - since >= ticks_from_ms(TCP_REUSE_MS);
}

static bool is_listed(rte_be32_t laddr_be, const rte_be32_t *from, uint32_t n)
{
	uint32_t i = 0;

	while (i < n && from[i] != laddr_be)
		i++;
	return i < n;
}

/* Among those that have waited longest. *all: there are no others that could do. */
static struct tcp_timewait *oldest(const struct tcp *t, const rte_be32_t *from, uint32_t n, uint32_t range,
				   const struct flow_key *to, bool *all)
{
	const struct pool *pool = &t->flow->pool[FLOW_TIMEWAIT];
	uint32_t idx = t->tw_head;

	for (uint32_t i = 0; idx != 0 && i < TCP_REUSE_OLDEST; i++) {
		struct tcp_timewait *tw = pool_at(pool, idx);

		if (!has_waited(t, tw)) { /* so neither have those behind it */
			*all = true;
			return NULL;
		}
		if (tw->h.key.raddr_be == to->raddr_be && tw->h.key.rport_be == to->rport_be && is_reusable(tw) &&
		    is_listed(tw->h.key.laddr_be, from, n) && eport_may_take(t->eport, range, &tw->h.key, tw->h.hash))
			return tw;
		idx = tw->next;
	}
	*all = idx == 0;
	return NULL;
}

/* Among the ports that this destination could have, by chance. */
static struct tcp_timewait *guessed(const struct tcp *t, const rte_be32_t *from, uint32_t n, uint32_t range,
				    const struct flow_key *to)
{
	for (uint32_t i = 0; i < TCP_REUSE_GUESSES; i++) {
		struct flow_key key;
		uint32_t hash;
		flow_ref r;

		if (eport_guess(t->eport, from, n, to->raddr_be, to->rport_be, range, &key, &hash) != 0)
			continue;
		r = flow_find(t->flow, &t->flow->tcp, hash, &key);
		if (r == 0 || ref_kind(r) != FLOW_TIMEWAIT)
			continue;
		if (is_reusable(tcp_timewait_at(t, r)) && has_waited(t, tcp_timewait_at(t, r)))
			return tcp_timewait_at(t, r);
	}
	return NULL;
}

/* Every port to this destination is busy: one in TIME-WAIT is taken over. Effort is bounded, so it is not exact: while all
 * that wait are fewer than TCP_REUSE_OLDEST, or those to this destination have waited longest, one is found if there is
 * one; else with the chance 1 - (1 - f)^TCP_REUSE_GUESSES, f being the share of its ports that wait: 99.9 % at 10 %. */
static int reuse_port(struct tcp *t, const rte_be32_t *from, uint32_t n, uint32_t range, struct flow_key *key,
		      uint32_t *hash, uint32_t *iss)
{
	bool all = false;
	struct tcp_timewait *tw = oldest(t, from, n, range, key, &all);

	if (tw == NULL && !all)
		tw = guessed(t, from, n, range, key);
	if (tw == NULL)
		return -EADDRNOTAVAIL;
	*key = tw->h.key;
	*hash = tw->h.hash;
	*iss = tcp_timewait_next_iss(tw);
	tcp_timewait_end(t, tw);
	t->stats.timewait_reused++;
	return eport_take_exact(t->eport, key);
}

/* ---- a free port ---- */

enum verdict {
	PORT_FITS,
	PORT_BOUND,  /* of a socket that bind() gave this port: nobody else should have it while there are others */
	PORT_GIVEN,  /* to an accepted connection that has the very tuple; eport did not know of it, now it does */
	PORT_CLASHES /* with a half-open one */
};

static inline bool is_self(const struct flow_key *key)
{
	return key->lport_be == key->rport_be && key->laddr_be == key->raddr_be;
}

static enum verdict judge(struct tcp *t, const struct flow_key *key, uint32_t hash)
{
	flow_ref r = t->listened ? flow_find(t->flow, &t->flow->tcp, hash, key) : 0;

	if (is_self(key)) /* it would talk to itself, where there is nobody */
		return PORT_BOUND;
	if (r == 0)
		return t->binds.pool.used == 0 || bind_is_free(&t->binds, key->laddr_be, key->lport_be) ? PORT_FITS :
													  PORT_BOUND;
	switch (ref_kind(r)) {
	case FLOW_CONN:
		tcp_pcb_at(t, r)->tflags |= TF_EPORT;
		return PORT_GIVEN;
	case FLOW_TIMEWAIT:
		tcp_timewait_at(t, r)->eport = true;
		return PORT_GIVEN;
	case FLOW_AWAY:
		flow_away_at(t->flow, r)->eport = true;
		return PORT_GIVEN;
	default:
		return PORT_CLASHES;
	}
}

/* Ports that do not fit are kept until one does, so that each is looked at once. */
struct kept {
	struct flow_key key[TCP_PORT_TRIES];
	uint32_t n, bound, bound_hash; /* bound: index + 1 of one that is PORT_BOUND, 0 none */
};

static void keep(struct kept *kept, const struct flow_key *key, uint32_t hash, enum verdict verdict)
{
	kept->key[kept->n++] = *key;
	if (verdict == PORT_BOUND) {
		kept->bound = kept->n;
		kept->bound_hash = hash;
	}
}

/* All or, after a failure, all but one that is bound by somebody and yet free to this destination. */
static int keep_end(struct tcp *t, struct kept *kept, struct flow_key *key, uint32_t *hash, int err)
{
	bool use_bound = err != 0 && kept->bound != 0;

	if (use_bound) {
		*key = kept->key[kept->bound - 1];
		*hash = kept->bound_hash;
	}
	for (uint32_t i = 0; i < kept->n; i++)
		if (!use_bound || i + 1 != kept->bound)
			eport_put(t->eport, &kept->key[i]);
	return use_bound ? 0 : err;
}

int tcp_port_take(struct tcp *t, const rte_be32_t *from, uint32_t n, uint32_t range, struct flow_key *key, uint32_t *hash,
		  uint32_t *iss)
{
	struct kept kept;
	int err = -EADDRNOTAVAIL;

	kept.n = kept.bound = 0;
	for (uint32_t tries = 0; tries < TCP_PORT_TRIES; tries++) {
		enum verdict verdict;

		err = eport_take(t->eport, from, n, key->raddr_be, key->rport_be, range, key, hash);
		if (err != 0)
			break;
		table_prefetch(&t->flow->tcp, *hash); /* needed last, when the SYN is out */
		if (!t->listened && t->binds.pool.used == 0 && likely(!is_self(key)))
			return 0;
		verdict = judge(t, key, *hash);
		if (verdict == PORT_FITS)
			break;
		err = -EADDRNOTAVAIL;
		if (verdict != PORT_GIVEN)
			keep(&kept, key, *hash, verdict);
	}
	err = keep_end(t, &kept, key, hash, err);
	if (err == -EADDRNOTAVAIL && t->tw_head != 0)
		err = reuse_port(t, from, n, range, key, hash, iss);
	if (err == -EADDRNOTAVAIL)
		t->stats.port_exhausted++;
	return err;
}
