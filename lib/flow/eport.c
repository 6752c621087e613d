/* eport.c: taking and giving back ephemeral ports; the index of groups. eport_impl.h explains the parts.
 *
 * Memory: a destination with up to 15 connections from one local address costs 64 B and 2 to 4 B of index; 64 ports
 * cost 192 B in all, 256 ports 576 B. A full one costs 8.4 KB with one queue (1.04 bits per port), 128 B with 128
 * queues (512 ports). While it is exhausted it costs 32 B more, and 4.2 KB if several local addresses are in use. */
#include "flow/eport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "flow/eport_impl.h"

/* A bitmap is made for more than GROUP_INLINE ports and given back at eight. */
#define BITMAPS_MAX (CONNS_MAX / 8)

/* ---- setting up ---- */

/* The queue's entries, sorted by syndrome: those of one syndrome are all that a given pair of addresses can reach. */
static void list_entries(struct eport *e)
{
	const struct eport_space *s = e->space;
	uint32_t syndromes = 1u << (s->reta_bits - s->class_bits);
	uint16_t n = 0;

	for (uint32_t i = 0; i <= s->reta_mask; i++)
		e->place[i] = NOT_HOME;
	for (uint32_t syn = 0; syn < syndromes; syn++) {
		e->first[syn] = n;
		for (uint32_t i = 0; i <= s->reta_mask; i++)
			if (s->rss->reta[i] == e->queue && s->syndrome_of[i] == syn) {
				e->place[i] = n;
				e->entry[n++] = (uint16_t)i;
			}
	}
	e->first[syndromes] = n;
}

static uint32_t entries_max(const struct eport *e)
{
	uint32_t max = 0, syndromes = 1u << (e->space->reta_bits - e->space->class_bits);

	for (uint32_t syn = 0; syn < syndromes; syn++)
		if ((uint32_t)(e->first[syn + 1] - e->first[syn]) > max)
			max = (uint32_t)(e->first[syn + 1] - e->first[syn]);
	return max;
}

static int init_pools(struct eport *e, uint32_t max_groups, int node)
{
	uint32_t bitmaps = max_groups < BITMAPS_MAX ? max_groups : BITMAPS_MAX;
	uint32_t bitmap_bytes = eport_set_bitmap_bytes(entries_max(e) << e->space->rank_bits);
	uint32_t buckets = 64;
	int err;

	while (buckets < max_groups / 2)
		buckets *= 2;
	err = region_map(&e->region, 2 * (size_t)buckets * sizeof(e->bucket[0]), node);
	if (err != 0)
		return err;
	e->bucket = e->region.base;
	e->dest_bucket = e->bucket + buckets;
	e->mask = buckets - 1;
	err = pool_init(&e->groups, max_groups, sizeof(struct eport_group), node);
	err = err ? err : pool_init(&e->dests, max_groups, sizeof(struct eport_dest), node);
	err = err ? err : pool_init(&e->lists, max_groups, sizeof(struct eport_list), node);
	err = err ? err : pool_init(&e->set[SET_SMALL], max_groups, ARRAY_SMALL * sizeof(uint16_t), node);
	err = err ? err : pool_init(&e->set[SET_LARGE], max_groups, ARRAY_LARGE * sizeof(uint16_t), node);
	err = err ? err : pool_init(&e->set[SET_BITMAP], bitmaps, bitmap_bytes != 0 ? bitmap_bytes : 64, node);
	return err ? err : pool_init(&e->foreign_bitmaps, bitmaps, eport_set_bitmap_bytes(65536), node);
}

struct eport *eport_new(const struct eport_space *s, uint16_t queue, uint32_t max_groups, struct prng *prng,
			int numa_node)
{
	struct eport *e = max_groups > 0 && max_groups <= CONNS_MAX ? calloc(1, sizeof(*e)) : NULL;

	if (e == NULL)
		return NULL;
	e->space = s;
	e->queue = queue;
	e->prng = prng;
	e->secret = prng_u64(prng);
	list_entries(e);
	if (init_pools(e, max_groups, numa_node) != 0) {
		eport_free(e);
		return NULL;
	}
	return e;
}

void eport_free(struct eport *e)
{
	if (e == NULL)
		return;
	pool_fini(&e->foreign_bitmaps);
	for (int m = SET_SMALL; m < SET_MODES; m++)
		pool_fini(&e->set[m]);
	pool_fini(&e->lists);
	pool_fini(&e->dests);
	pool_fini(&e->groups);
	region_unmap(&e->region);
	free(e);
}

/* ---- groups ---- */

static inline struct eport_group *group_at(const struct eport *e, uint32_t idx) { return pool_at(&e->groups, idx); }

static inline uint32_t *bucket_of(const struct eport *e, rte_be32_t laddr_be, rte_be32_t raddr_be, rte_be16_t rport_be,
				  bool foreign)
{
	return &e->bucket[eport_hash(e, laddr_be, raddr_be, (uint32_t)rport_be << 1 | foreign)];
}

struct eport_group *eport_group_find(const struct eport *e, rte_be32_t laddr_be, rte_be32_t raddr_be,
				     rte_be16_t rport_be, bool foreign)
{
	struct eport_group *g;

	for (uint32_t idx = *bucket_of(e, laddr_be, raddr_be, rport_be, foreign); idx != 0; idx = g->next) {
		g = group_at(e, idx);
		if (g->laddr_be == laddr_be && g->raddr_be == raddr_be && g->rport_be == rport_be &&
		    g->foreign == foreign)
			return g;
	}
	return NULL;
}

/* How many ports can be chosen, at least; exactly, when that is few enough to end before the bitmap counts them. */
static uint32_t home_ports(const struct eport *e, uint32_t hash0, uint32_t first, uint32_t n_entries)
{
	const struct eport_space *s = e->space;
	uint32_t n = n_entries * s->class_ports_min;

	if (n > ARRAY_LARGE)
		return n;
	n = 0;
	for (uint32_t i = 0; i < n_entries; i++)
		n += s->class_ports[s->class_of[(e->entry[first + i] ^ hash0) & s->reta_mask]];
	return n;
}

/* A group without busy ports, in *out. -EADDRNOTAVAIL: none of its ports can be chosen; -ENOBUFS. */
static int group_new(struct eport *e, const struct flow_key *k, bool foreign, struct eport_group **out)
{
	const struct eport_space *s = e->space;
	uint32_t hash0 = rss_hash4(s->rss, k->raddr_be, k->laddr_be, k->rport_be, 0), left = 0, idx, *head;
	uint32_t syn = s->syndrome_of[hash0 & s->reta_mask], first = e->first[syn];
	uint32_t n_entries = (uint32_t)e->first[syn + 1] - first;
	struct eport_group *g;

	if (!foreign) {
		left = home_ports(e, hash0, first, n_entries);
		if (left == 0)
			return -EADDRNOTAVAIL;
	}
	idx = pool_get(&e->groups);
	if (idx == 0)
		return -ENOBUFS;
	head = bucket_of(e, k->laddr_be, k->raddr_be, k->rport_be, foreign);
	g = group_at(e, idx);
	*g = (struct eport_group){
		.next = *head, .laddr_be = k->laddr_be, .raddr_be = k->raddr_be, .rport_be = k->rport_be,
		.foreign = foreign, .hash0 = hash0, .left = (uint16_t)left, .pos = NO_POS, .first = (uint16_t)first,
		.n_entries = (uint16_t)n_entries,
	};
	*head = idx;
	*out = g;
	return 0;
}

static void group_drop(struct eport *e, struct eport_group *g)
{
	uint32_t *link = bucket_of(e, g->laddr_be, g->raddr_be, g->rport_be, g->foreign);
	uint32_t idx = pool_index(&e->groups, g);

	eport_set_clear(e, g);
	while (*link != idx)
		link = &group_at(e, *link)->next;
	*link = g->next;
	pool_put(&e->groups, idx);
}

static int group_get(struct eport *e, const struct flow_key *k, bool foreign, struct eport_group **out)
{
	*out = eport_group_find(e, k->laddr_be, k->raddr_be, k->rport_be, foreign);
	return *out != NULL ? 0 : group_new(e, k, foreign, out);
}

static void count_taken(struct eport *e, struct eport_group *g)
{
	g->used++;
	if (!g->foreign && --g->left == 0)
		eport_dest_full(e, g);
	e->stats.taken++;
}

/* ---- taking ---- */

/* From key's local address; fills in key's port. */
static int take_from(struct eport *e, struct flow_key *k, uint32_t *hash)
{
	struct eport_group *g;
	int err = group_get(e, k, false, &g), port;

	if (err != 0)
		return err;
	if (g->left == 0)
		return -EADDRNOTAVAIL;
	port = eport_set_take(e, g);
	if (port < 0)
		return port;
	count_taken(e, g);
	k->lport_be = rte_cpu_to_be_16((uint16_t)port);
	*hash = g->hash0 ^ rss_hash4_dport(e->space->rss, k->lport_be);
	return 0;
}

/* From one of several. Every turn finds a port or learns of one address more that has none. */
static int take_any(struct eport *e, const rte_be32_t *laddrs_be, uint32_t n, struct flow_key *k, uint32_t *hash)
{
	struct eport_dest *d = eport_dest_find(e, k->raddr_be, k->rport_be);
	uint32_t start = prng_below(e->prng, n);
	int err = -EADDRNOTAVAIL, pos;

	for (uint32_t i = 0; i < n && err == -EADDRNOTAVAIL; i++) {
		if (d == NULL) {
			/* No group is full: an address fails only when none of its ports is home, which is rare. */
			pos = (int)(start + i < n ? start + i : start + i - n);
		} else {
			pos = eport_dest_pick(e, d, laddrs_be, n);
			if (pos < 0)
				break;
		}
		k->laddr_be = laddrs_be[pos];
		err = take_from(e, k, hash);
		if (err == -EADDRNOTAVAIL && d != NULL)
			eport_dest_miss(e, d, laddrs_be, n, (uint32_t)pos);
	}
	return err;
}

int eport_take(struct eport *e, const rte_be32_t *laddrs_be, uint32_t n, rte_be32_t raddr_be, rte_be16_t rport_be,
	       struct flow_key *key, uint32_t *hash)
{
	int err;

	SPATE_ASSERT(n >= 1 && n <= LOCAL_ADDRS_MAX);
	*key = (struct flow_key){ .laddr_be = laddrs_be[0], .raddr_be = raddr_be, .rport_be = rport_be };
	err = n == 1 ? take_from(e, key, hash) : take_any(e, laddrs_be, n, key, hash);
	if (err == -EADDRNOTAVAIL)
		e->stats.failed++;
	return err;
}

/* Whether a port with this hash could have been chosen automatically. */
static bool is_auto(const struct eport *e, uint16_t port, uint32_t hash)
{
	return port >= e->space->lo && port <= e->space->hi && e->place[hash & e->space->reta_mask] != NOT_HOME;
}

int eport_take_exact(struct eport *e, const struct flow_key *key)
{
	uint16_t port = rte_be_to_cpu_16(key->lport_be);
	uint32_t hash = rss_hash4(e->space->rss, key->raddr_be, key->laddr_be, key->rport_be, key->lport_be);
	struct eport_group *g;
	int err;

	SPATE_ASSERT(port != 0);
	err = group_get(e, key, !is_auto(e, port, hash), &g);
	if (err != 0)
		return err;
	if (eport_set_has(e, g, port))
		return -EADDRINUSE;
	err = eport_set_add(e, g, port);
	if (err == 0)
		count_taken(e, g);
	return err;
}

/* The group that holds a busy port. */
static struct eport_group *holder(const struct eport *e, const struct flow_key *k, uint16_t port)
{
	struct eport_group *g = eport_group_find(e, k->laddr_be, k->raddr_be, k->rport_be, false);

	if (g == NULL || !is_auto(e, port, g->hash0 ^ rss_hash4_dport(e->space->rss, k->lport_be)))
		g = eport_group_find(e, k->laddr_be, k->raddr_be, k->rport_be, true);
	return g;
}

void eport_put(struct eport *e, const struct flow_key *key)
{
	uint16_t port = rte_be_to_cpu_16(key->lport_be);
	struct eport_group *g = holder(e, key, port);

	SPATE_ASSERT(g != NULL && g->used > 0);
	g->used--;
	eport_set_remove(e, g, port);
	if (!g->foreign && g->left++ == 0)
		eport_dest_freed(e, g);
	if (g->used == 0)
		group_drop(e, g);
	e->stats.returned++;
}

void eport_stats_get(const struct eport *e, struct eport_stats *st) { *st = e->stats; }
