/* eport_dest.c: destinations with exhausted local addresses. Recorded while at least one of their groups is full, so
 * that a take finds an open address, or learns that there is none, without trying them. */
#include <string.h>

#include "base/assert.h"
#include "flow/eport_impl.h"

static struct eport_dest *dest_at(const struct eport *e, uint32_t idx) { return pool_at(&e->dests, idx); }

static struct eport_list *list_of(const struct eport *e, const struct eport_dest *d)
{
	return pool_at(&e->lists, d->list);
}

static uint32_t *bucket_of(const struct eport *e, bool ip6, uint32_t raddr, rte_be16_t rport_be)
{
	return &e->dest_bucket[eport_index_hash(e, ip6, raddr, rport_be)];
}

struct eport_dest *eport_dest_find(const struct eport *e, bool ip6, uint32_t raddr, rte_be16_t rport_be)
{
	struct eport_dest *d;

	if (e->dests.used == 0)
		return NULL;
	for (uint32_t idx = *bucket_of(e, ip6, raddr, rport_be); idx != 0; idx = d->next) {
		d = dest_at(e, idx);
		if (d->raddr == raddr && d->rport_be == rport_be && d->ip6 == ip6)
			return d;
	}
	return NULL;
}

static struct eport_dest *dest_new(struct eport *e, bool ip6, uint32_t raddr, rte_be16_t rport_be)
{
	uint32_t *head = bucket_of(e, ip6, raddr, rport_be), idx = pool_get(&e->dests);
	struct eport_dest *d;

	SPATE_ASSERT(idx != 0); /* there are as many as groups */
	d = dest_at(e, idx);
	memset(d, 0, sizeof(*d));
	d->raddr = raddr;
	d->ip6 = ip6;
	d->rport_be = rport_be;
	d->next = *head;
	*head = idx;
	return d;
}

static void dest_drop(struct eport *e, struct eport_dest *d)
{
	uint32_t *link = bucket_of(e, d->ip6, d->raddr, d->rport_be), idx = pool_index(&e->dests, d);

	while (*link != idx)
		link = &dest_at(e, *link)->next;
	*link = d->next;
	if (d->n > 0)
		pool_put(&e->lists, d->list);
	pool_put(&e->dests, idx);
}

static uint32_t find_pos(const struct eport_list *l, uint32_t n, uint32_t laddr)
{
	for (uint32_t i = 0; i < n; i++)
		if (l->laddr[i] == laddr)
			return i;
	return NO_POS;
}

/* Notes in the list, if g's address is in it, whether it is open. */
static void note(struct eport *e, struct eport_dest *d, struct eport_group *g, bool open)
{
	struct eport_list *l;
	uint64_t bit;

	if (d->n == 0)
		return;
	l = list_of(e, d);
	if (g->pos >= d->n || l->laddr[g->pos] != g->laddr)
		g->pos = (uint16_t)find_pos(l, d->n, g->laddr);
	if (g->pos == NO_POS)
		return;
	bit = (uint64_t)1 << g->pos % 64;
	l->open[g->pos / 64] = open ? l->open[g->pos / 64] | bit : l->open[g->pos / 64] & ~bit;
}

void eport_dest_full(struct eport *e, struct eport_group *g)
{
	struct eport_dest *d = eport_dest_find(e, g->kind & GROUP_IP6, g->raddr, g->rport_be);

	if (d == NULL)
		d = dest_new(e, g->kind & GROUP_IP6, g->raddr, g->rport_be);
	d->n_full++;
	note(e, d, g, false);
}

void eport_dest_freed(struct eport *e, struct eport_group *g)
{
	struct eport_dest *d = eport_dest_find(e, g->kind & GROUP_IP6, g->raddr, g->rport_be);

	SPATE_ASSERT(d != NULL && d->n_full > 0);
	if (--d->n_full == 0)
		dest_drop(e, d);
	else
		note(e, d, g, true);
}

/* Takes over another list: the caller's may differ from the one before. */
static void relist(struct eport *e, struct eport_dest *d, const uint32_t *laddrs, uint32_t n)
{
	struct eport_list *l;

	if (d->n == 0) {
		d->list = pool_get(&e->lists);
		SPATE_ASSERT(d->list != 0); /* there are as many as groups */
	}
	d->n = (uint16_t)n;
	l = list_of(e, d);
	memset(l->open, 0, sizeof(l->open));
	memcpy(l->laddr, laddrs, n * sizeof(laddrs[0]));
	for (uint32_t i = 0; i < n; i++) {
		const struct eport_group *g = eport_group_find(e, laddrs[i], d->raddr, d->rport_be, d->ip6 ? GROUP_IP6 : 0);

		if (g == NULL || g->left > 0)
			l->open[i / 64] |= (uint64_t)1 << i % 64;
	}
}

/* The first open position from start on, cyclically, or -1. */
static int next_open(const struct eport_list *l, uint32_t n, uint32_t start)
{
	uint32_t n_words = (n + 63) / 64, w = start / 64;
	uint64_t m = l->open[w] & ~(uint64_t)0 << start % 64;

	for (uint32_t i = 0; i <= n_words; i++) {
		if (m != 0)
			return (int)(w * 64 + (uint32_t)__builtin_ctzll(m));
		w = w + 1 < n_words ? w + 1 : 0;
		m = l->open[w];
	}
	return -1;
}

static bool same_list(const struct eport *e, const struct eport_dest *d, const uint32_t *laddrs, uint32_t n)
{
	return d->n == n && memcmp(list_of(e, d)->laddr, laddrs, n * sizeof(laddrs[0])) == 0;
}

int eport_dest_pick(struct eport *e, struct eport_dest *d, const uint32_t *laddrs, uint32_t n)
{
	int pos;

	/* That the list is another one shows, at the latest, when no address seems open: only then it is compared. */
	if (d->n != n)
		relist(e, d, laddrs, n);
	pos = next_open(list_of(e, d), n, prng_below(e->prng, n));
	if (pos < 0 && !same_list(e, d, laddrs, n)) {
		relist(e, d, laddrs, n);
		pos = next_open(list_of(e, d), n, prng_below(e->prng, n));
	}
	return pos;
}

void eport_dest_miss(struct eport *e, struct eport_dest *d, const uint32_t *laddrs, uint32_t n, uint32_t pos)
{
	if (!same_list(e, d, laddrs, n))
		relist(e, d, laddrs, n);
	list_of(e, d)->open[pos / 64] &= ~((uint64_t)1 << pos % 64);
}
