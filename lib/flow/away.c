/* away.c: see away.h. */
#include "flow/away.h"

#include "base/assert.h"

static struct away_note note_of(uint8_t proto, const struct flow_key *key, uint32_t hash)
{
	return (struct away_note){.proto = proto, .key = *key, .hash = hash};
}

int flow_claim(struct flow *f, uint8_t proto, const struct flow_key *key, uint32_t hash, bool eport)
{
	struct away_note n = note_of(proto, key, hash);

	n.eport = eport;
	return mail_note(f->mail, flow_home(f, hash), MAIL_CLAIM, &n, sizeof(n));
}

void flow_claim_sure(struct flow *f, uint8_t proto, const struct flow_key *key, uint32_t hash)
{
	const struct away_note n = note_of(proto, key, hash);

	mail_note_sure(f->mail, flow_home(f, hash), MAIL_CLAIM, &n, sizeof(n));
}

void flow_release(struct flow *f, uint8_t proto, const struct flow_key *key, uint32_t hash)
{
	const struct away_note n = note_of(proto, key, hash);

	mail_note_sure(f->mail, flow_home(f, hash), MAIL_RELEASE, &n, sizeof(n));
}

void flow_release_stale(struct flow *f, uint8_t proto, const struct flow_key *key, uint32_t hash)
{
	const struct away_note n = note_of(proto, key, hash);

	if (f->mail->n_late == 0)
		mail_note(f->mail, flow_home(f, hash), MAIL_RELEASE, &n, sizeof(n));
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
	*a = (struct flow_away){.h = {.key = n->key, .hash = n->hash}, .stack = stack, .eport = n->eport};
	return a;
}

void flow_away_remove(struct flow *f, struct table *t, struct flow_away *a)
{
	uint32_t idx = pool_index(&f->pool[FLOW_AWAY], a);

	table_remove(t, a->h.hash, ref_make(FLOW_AWAY, idx));
	pool_put(&f->pool[FLOW_AWAY], idx);
}
