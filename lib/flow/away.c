/* away.c: see away.h. */
#include "flow/away.h"

#include <string.h>

#include "base/assert.h"

static struct away_note note_of(const struct flow *f, uint8_t proto, const struct flow_key *key, uint32_t hash)
{
	struct away_note n = {.proto = proto, .key = *key, .hash = hash};
	const struct addr6 *l, *r;

	if (likely(!flow_addr_is6(key->raddr_be)))
		return n;
	l = addr6_at(&f->addr6s, key->laddr_be);
	r = addr6_at(&f->addr6s, key->raddr_be);
	n.laddr6 = l->addr;
	n.raddr6 = r->addr;
	n.scope6[0] = l->scope;
	n.scope6[1] = r->scope;
	return n;
}

bool away_note_localise(struct flow *f, const struct away_note *n, bool make, struct away_note *own)
{
	struct addr6s *s = &f->addr6s;

	memcpy(own, n, away_note_len(n));
	if (likely(!flow_addr_is6(n->key.raddr_be)))
		return true;
	own->key.laddr_be = own->key.raddr_be = 0;
	if (make || addr6_find(s, &n->laddr6, n->scope6[0]) != 0)
		own->key.laddr_be = addr6_get(s, &n->laddr6, n->scope6[0]);
	if (make || addr6_find(s, &n->raddr6, n->scope6[1]) != 0)
		own->key.raddr_be = addr6_get(s, &n->raddr6, n->scope6[1]);
	if (own->key.laddr_be != 0 && own->key.raddr_be != 0)
		return true;
	away_note_forget(f, own);
	return false;
}

void away_note_forget(struct flow *f, const struct away_note *own)
{
	addr6_put(&f->addr6s, own->key.laddr_be);
	addr6_put(&f->addr6s, own->key.raddr_be);
}

int flow_claim(struct flow *f, uint8_t proto, const struct flow_key *key, uint32_t hash, bool eport)
{
	struct away_note n = note_of(f, proto, key, hash);

	n.eport = eport;
	return mail_note(f->mail, flow_home(f, hash), MAIL_CLAIM, &n, away_note_len(&n));
}

void flow_claim_sure(struct flow *f, uint8_t proto, const struct flow_key *key, uint32_t hash)
{
	const struct away_note n = note_of(f, proto, key, hash);

	mail_note_sure(f->mail, flow_home(f, hash), MAIL_CLAIM, &n, away_note_len(&n));
}

void flow_release(struct flow *f, uint8_t proto, const struct flow_key *key, uint32_t hash)
{
	const struct away_note n = note_of(f, proto, key, hash);

	mail_note_sure(f->mail, flow_home(f, hash), MAIL_RELEASE, &n, away_note_len(&n));
}

void flow_release_stale(struct flow *f, uint8_t proto, const struct flow_key *key, uint32_t hash)
{
	const struct away_note n = note_of(f, proto, key, hash);

	if (f->mail->n_late == 0)
		mail_note(f->mail, flow_home(f, hash), MAIL_RELEASE, &n, away_note_len(&n));
}

struct flow_away *flow_away_find(const struct flow *f, const struct table *t, uint32_t hash, const struct flow_key *key)
{
	const struct table_bucket *b = table_bucket_of(t, hash);

	/* Not flow_find(): UDP may have a socket of this stack with the same key. */
	for (;;) {
		for (uint32_t m = table_match(b, hash); m != 0; m &= m - 1) {
			flow_ref r = b->ref[__builtin_ctz(m)];

			if (ref_kind(r) == FLOW_AWAY && flow_key_eq(&flow_at(f, r)->key, key))
				return flow_away_at(f, r);
		}
		if (b->next == 0)
			return NULL;
		b = table_next(t, b);
	}
}

struct flow_away *flow_away_enter(struct flow *f, struct table *t, const struct away_note *n, uint16_t stack)
{
	uint32_t idx = pool_get(&f->pool[FLOW_AWAY]);
	flow_ref r = ref_make(FLOW_AWAY, idx);
	struct flow_away *a;

	/* An entry at a stack that is not the home could send packets round in circles. */
	SPATE_ASSERT(!flow_elsewhere(f, n->hash) && stack != f->self);
	if (idx == 0)
		return NULL;
	if (table_insert(t, n->hash, r) != 0) {
		pool_put(&f->pool[FLOW_AWAY], idx);
		return NULL;
	}
	a = flow_away_at(f, r);
	addr6_hold(&f->addr6s, n->key.laddr_be);
	addr6_hold(&f->addr6s, n->key.raddr_be);
	*a = (struct flow_away){.h = {.key = n->key, .hash = n->hash}, .stack = stack, .eport = n->eport};
	return a;
}

void flow_away_remove(struct flow *f, struct table *t, struct flow_away *a)
{
	uint32_t idx = pool_index(&f->pool[FLOW_AWAY], a);

	table_remove(t, a->h.hash, ref_make(FLOW_AWAY, idx));
	addr6_put(&f->addr6s, a->h.key.laddr_be);
	addr6_put(&f->addr6s, a->h.key.raddr_be);
	pool_put(&f->pool[FLOW_AWAY], idx);
}
