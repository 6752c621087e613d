/* eport.c: taking and giving back ephemeral ports; the index of groups. eport_impl.h explains the parts.
 *
 * Memory: a destination with up to 15 connections from one local address costs 64 B and 2 to 4 B of index; 64 ports
 * cost 192 B in all, 256 ports 576 B. A full one costs 8.4 KB with one queue (1.04 bits per port), 128 B with 128
 * queues (512 ports). While it is exhausted it costs 32 B more, and 4.2 KB if several local addresses are in use. In an
 * odd space the bitmap has a bit for every port, 8.4 KB, whatever the number of queues. */
#include "flow/eport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_common.h>

#include "base/assert.h"
#include "flow/eport_impl.h"
#include "flow/port_range.h"

/* A bitmap is made for more than GROUP_INLINE ports and given back at eight. */
#define BITMAPS_MAX (CONNS_MAX / 8)
#define GUESSES 64 /* ports of an odd space, or of a range with many reserved ones, to look at for one that is home */

/* ---- setting up ---- */

/* The queue's entries, sorted by syndrome: those of one syndrome are all that a given pair of addresses can reach. */
static void list_entries(struct eport *e, struct eport_side *sd)
{
	const struct eport_space *s = e->space;
	uint32_t syndromes = 1u << (s->reta_bits - sd->map->class_bits);
	uint16_t n = 0;

	for (uint32_t syn = 0; syn < syndromes; syn++) {
		sd->first[syn] = n;
		for (uint32_t i = 0; i <= s->reta_mask; i++)
			if (s->rss->reta[i] == e->queue && sd->map->syndrome_of[i] == syn) {
				sd->place[i] = n;
				sd->entry[n++] = (uint16_t)i;
			}
	}
	sd->first[syndromes] = n;
}

static void side_init(struct eport *e, bool ip6)
{
	struct eport_side *sd = &e->side[ip6];
	const struct rss *r = e->space->rss;

	sd->map = &e->space->map[ip6];
	for (uint32_t i = 0; i < r->reta_size; i++)
		sd->place[i] = e->space->odd && r->reta[i] == e->queue ? 0 : NOT_HOME;
	if (!e->space->odd)
		list_entries(e, sd);
}

static uint32_t home_bits_max(const struct eport *e, bool ip6)
{
	const struct eport_side *sd = &e->side[ip6];
	uint32_t max = 0, syndromes = 1u << (e->space->reta_bits - sd->map->class_bits);

	for (uint32_t syn = 0; syn < syndromes; syn++)
		if ((uint32_t)(sd->first[syn + 1] - sd->first[syn]) > max)
			max = (uint32_t)(sd->first[syn + 1] - sd->first[syn]);
	return max << sd->map->rank_bits;
}

static int init_pools(struct eport *e, uint32_t max_groups, int node)
{
	uint32_t bitmaps = max_groups < BITMAPS_MAX ? max_groups : BITMAPS_MAX, buckets = 64;
	uint32_t bitmap_bytes = eport_set_bitmap_bytes(RTE_MAX(home_bits_max(e, false), home_bits_max(e, true)));
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
	return err ? err : pool_init(&e->port_bitmaps, bitmaps, eport_set_bitmap_bytes(65536), node);
}

struct eport *eport_new(const struct eport_space *s, uint16_t queue, const struct addr6s *addrs, uint32_t max_groups,
			struct prng *prng, int numa_node)
{
	struct eport *e = max_groups > 0 && max_groups <= CONNS_MAX ? calloc(1, sizeof(*e)) : NULL;

	if (e == NULL)
		return NULL;
	e->space = s;
	e->addrs = addrs;
	e->queue = queue;
	e->prng = prng;
	e->secret = prng_u64(prng);
	for (uint32_t i = 0; i < s->rss->reta_size; i++)
		e->n_home += s->rss->reta[i] == queue;
	side_init(e, false);
	side_init(e, true);
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
	pool_fini(&e->port_bitmaps);
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

static inline uint32_t *bucket_of(const struct eport *e, uint32_t laddr, uint32_t raddr, rte_be16_t rport_be,
				  uint8_t kind)
{
	return &e->bucket[eport_index_hash(e, laddr, raddr, (uint32_t)rport_be << 2 | kind)];
}

static inline uint8_t kind_of(bool ip6, bool foreign)
{
	return (uint8_t)((ip6 ? GROUP_IP6 : 0) | (foreign ? GROUP_FOREIGN : 0));
}

static __rte_always_inline struct eport_group *find(const struct eport *e, uint32_t laddr, uint32_t raddr, rte_be16_t rport_be,
				       uint8_t kind)
{
	struct eport_group *g;

	for (uint32_t idx = *bucket_of(e, laddr, raddr, rport_be, kind); idx != 0; idx = g->next) {
		g = group_at(e, idx);
		if (g->laddr == laddr && g->raddr == raddr && g->rport_be == rport_be && g->kind == kind)
			return g;
	}
	return NULL;
}

struct eport_group *eport_group_find(const struct eport *e, uint32_t laddr, uint32_t raddr, rte_be16_t rport_be,
				     uint8_t kind)
{
	return find(e, laddr, raddr, rport_be, kind);
}

uint32_t eport_hash0(const struct eport *e, bool ip6, const struct flow_key *k)
{
	const struct rss *r = e->space->rss;

	if (!ip6)
		return rss_hash4(r, k->raddr_be, k->laddr_be, k->rport_be, 0);
	return addr6_at(e->addrs, k->raddr_be)->hash_src ^ addr6_at(e->addrs, k->laddr_be)->hash_dst ^
	       rss_hash6_sport(r, k->rport_be);
}

/* How many ports can be chosen, at least; exactly, when that is few enough to end before the bitmap counts them. */
static uint32_t home_ports(const struct eport *e, bool ip6, uint32_t hash0, uint32_t first, uint32_t n_entries)
{
	const struct eport_side *sd = &e->side[ip6];
	uint32_t n = n_entries * sd->map->class_ports_min;

	if (e->space->odd)
		return e->n_home != 0 ? LEFT_UNKNOWN : 0;
	if (n > ARRAY_LARGE)
		return n;
	n = 0;
	for (uint32_t i = 0; i < n_entries; i++)
		n += sd->map->class_ports[sd->map->class_of[(sd->entry[first + i] ^ hash0) & e->space->reta_mask]];
	return n;
}

/* A group without busy ports, in *out. -EADDRNOTAVAIL: none of its ports can be chosen; -ENOBUFS. */
static int group_new(struct eport *e, bool ip6, const struct flow_key *k, bool foreign, struct eport_group **out)
{
	const struct eport_side *sd = &e->side[ip6];
	uint32_t hash0 = eport_hash0(e, ip6, k), left = 0, first = 0, n_entries = 0, idx, *head;
	struct eport_group *g;

	if (!foreign && !e->space->odd) {
		uint32_t syn = sd->map->syndrome_of[hash0 & e->space->reta_mask];

		first = sd->first[syn];
		n_entries = (uint32_t)sd->first[syn + 1] - first;
	}
	if (!foreign) {
		left = home_ports(e, ip6, hash0, first, n_entries);
		if (left == 0)
			return -EADDRNOTAVAIL;
	}
	idx = pool_get(&e->groups);
	if (idx == 0)
		return -ENOBUFS;
	head = bucket_of(e, k->laddr_be, k->raddr_be, k->rport_be, kind_of(ip6, foreign));
	g = group_at(e, idx);
	*g = (struct eport_group){
		.next = *head, .laddr = k->laddr_be, .raddr = k->raddr_be, .rport_be = k->rport_be,
		.kind = kind_of(ip6, foreign), .hash0 = hash0, .left = (uint16_t)left, .pos = NO_POS,
		.first = (uint16_t)first, .n_entries = (uint16_t)n_entries,
	};
	*head = idx;
	*out = g;
	return 0;
}

static void group_drop(struct eport *e, struct eport_group *g)
{
	uint32_t *link = bucket_of(e, g->laddr, g->raddr, g->rport_be, g->kind);
	uint32_t idx = POOL_INDEX(&e->groups, g);

	eport_set_clear(e, g);
	while (*link != idx)
		link = &group_at(e, *link)->next;
	*link = g->next;
	pool_put(&e->groups, idx);
}

static inline int group_get(struct eport *e, bool ip6, const struct flow_key *k, bool foreign, struct eport_group **out)
{
	*out = find(e, k->laddr_be, k->raddr_be, k->rport_be, kind_of(ip6, foreign));
	return *out != NULL ? 0 : group_new(e, ip6, k, foreign, out);
}

static inline void count_taken(struct eport *e, struct eport_group *g)
{
	g->used++;
	if (!(g->kind & GROUP_FOREIGN) && --g->left == 0)
		eport_dest_full(e, g);
	e->stats.taken++;
}

/* ---- taking ---- */

/* Only ports from lo to hi: a part of the automatic range. */
struct part {
	uint16_t lo, hi;
};

static struct part part_of(const struct eport_space *s, uint32_t range)
{
	struct part part = {.lo = s->lo, .hi = s->hi};

	port_range_clip(range, &part.lo, &part.hi);
	return part;
}

/* No port of g was found. */
static int take_failed(struct eport *e, struct eport_group *g, int err)
{
	if (g->used == 0)
		group_drop(e, g);
	else if (err == -EADDRNOTAVAIL && g->left == 0) /* odd, and counted just now */
		eport_dest_full(e, g);
	return err;
}

/* From key's local address; fills in key's port. range 0: any. */
static __rte_always_inline int take_from(struct eport *e, bool ip6, uint32_t range, struct flow_key *k, uint32_t *hash)
{
	struct eport_group *g;
	int err = group_get(e, ip6, k, false, &g), port;

	if (err != 0)
		return err;
	if (g->left == 0)
		return -EADDRNOTAVAIL;
	if (range == 0) {
		port = eport_set_take(e, ip6, g);
	} else {
		struct part part = part_of(e->space, range);

		port = eport_set_take_between(e, ip6, g, part.lo, part.hi);
	}
	if (port < 0)
		return take_failed(e, g, port);
	count_taken(e, g);
	k->lport_be = rte_cpu_to_be_16((uint16_t)port);
	*hash = g->hash0 ^ eport_dport_hash(e->space->rss, ip6, (uint16_t)port);
	return 0;
}

/* From one of several. Every turn finds a port or learns of one address more that has none. */
static int take_any(struct eport *e, bool ip6, uint32_t range, const uint32_t *laddrs, uint32_t n, struct flow_key *k,
		    uint32_t *hash)
{
	/* Who asks for a part of the range goes from address to address: nobody keeps a record of parts. */
	struct eport_dest *d = range != 0 ? NULL : eport_dest_find(e, ip6, k->raddr_be, k->rport_be);
	uint32_t start = prng_below(e->prng, n);
	int err = -EADDRNOTAVAIL, pos;

	SPATE_ASSERT(n >= 1 && n <= LOCAL_ADDRS_MAX);
	for (uint32_t i = 0; i < n && err == -EADDRNOTAVAIL; i++) {
		if (d == NULL) {
			/* No group is full: an address fails only when none of its ports is home, which is rare. */
			pos = (int)(start + i < n ? start + i : start + i - n);
		} else {
			pos = eport_dest_pick(e, d, laddrs, n);
			if (pos < 0)
				break;
		}
		k->laddr_be = laddrs[pos];
		err = take_from(e, ip6, range, k, hash);
		if (err == -EADDRNOTAVAIL && d != NULL)
			eport_dest_miss(e, d, laddrs, n, (uint32_t)pos);
	}
	return err;
}

/* The usual case, one address and the whole range, has code of its own. */
static __rte_always_inline int take(struct eport *e, bool ip6, const uint32_t *laddrs, uint32_t n, uint32_t range,
				    struct flow_key *key,
		       uint32_t *hash)
{
	int err;

	key->laddr_be = laddrs[0];
	err = n == 1 && range == 0 ? take_from(e, ip6, 0, key, hash) : take_any(e, ip6, range, laddrs, n, key, hash);
	if (err == -EADDRNOTAVAIL)
		e->stats.failed++;
	return err;
}

int eport_take(struct eport *e, const rte_be32_t *laddrs_be, uint32_t n, rte_be32_t raddr_be, rte_be16_t rport_be,
	       uint32_t range, struct flow_key *key, uint32_t *hash)
{
	key->raddr_be = raddr_be;
	key->rport_be = rport_be;
	if (unlikely(flow_addr_is6(raddr_be)))
		return take(e, true, laddrs_be, n, range, key, hash);
	return take(e, false, laddrs_be, n, range, key, hash);
}

/* Whether a port with this hash could have been chosen automatically. */
static inline bool is_auto_home(const struct eport *e, bool ip6, uint16_t port, uint32_t hash)
{
	return eport_is_auto(e->space, port) && e->side[ip6].place[eport_entry(e->space, hash)] != NOT_HOME;
}

static int take_exact(struct eport *e, bool ip6, const struct flow_key *key)
{
	uint16_t port = rte_be_to_cpu_16(key->lport_be);
	uint32_t hash = eport_hash0(e, ip6, key) ^ eport_dport_hash(e->space->rss, ip6, port);
	struct eport_group *g;
	int err;

	SPATE_ASSERT(port != 0);
	err = group_get(e, ip6, key, !is_auto_home(e, ip6, port, hash), &g);
	if (err != 0)
		return err;
	if (eport_set_has(e, ip6, g, port))
		return -EADDRINUSE;
	err = eport_set_add(e, ip6, g, port);
	if (err != 0)
		return take_failed(e, g, err);
	count_taken(e, g);
	return 0;
}

int eport_take_exact(struct eport *e, const struct flow_key *key) { return take_exact(e, flow_addr_is6(key->raddr_be), key); }

/* ---- giving back ---- */

/* The group that holds a busy port. */
static __rte_always_inline struct eport_group *holder(const struct eport *e, bool ip6, const struct flow_key *k, uint16_t port)
{
	struct eport_group *g = find(e, k->laddr_be, k->raddr_be, k->rport_be, kind_of(ip6, false));

	if (g == NULL || !is_auto_home(e, ip6, port, g->hash0 ^ eport_dport_hash(e->space->rss, ip6, port)))
		g = find(e, k->laddr_be, k->raddr_be, k->rport_be, kind_of(ip6, true));
	return g;
}

static __rte_always_inline void put(struct eport *e, bool ip6, const struct flow_key *key)
{
	uint16_t port = rte_be_to_cpu_16(key->lport_be);
	struct eport_group *g = holder(e, ip6, key, port);

	SPATE_ASSERT(g != NULL && g->used > 0);
	g->used--;
	eport_set_remove(e, ip6, g, port);
	if (!(g->kind & GROUP_FOREIGN) && g->left++ == 0)
		eport_dest_freed(e, g);
	if (g->used == 0)
		group_drop(e, g);
	e->stats.returned++;
}

void eport_put(struct eport *e, const struct flow_key *key)
{
	if (unlikely(flow_addr_is6(key->raddr_be)))
		put(e, true, key);
	else
		put(e, false, key);
}

bool eport_may_take(const struct eport *e, uint32_t range, const struct flow_key *key, uint32_t hash)
{
	struct part part = part_of(e->space, range);
	uint16_t port = rte_be_to_cpu_16(key->lport_be);

	return port >= part.lo && port <= part.hi && is_auto_home(e, flow_addr_is6(key->raddr_be), port, hash);
}

void eport_stats_get(const struct eport *e, struct eport_stats *st) { *st = e->stats; }

/* ---- guessing ---- */

/* A port that may be home: by class, or any where there are none. 0: no class is. */
static uint16_t guess_port(struct eport *e, bool ip6, struct part part, uint32_t hash0)
{
	const struct eport_side *sd = &e->side[ip6];
	const struct eport_map *m = sd->map;
	uint32_t syn, n, entry, x, from, to;

	if (e->space->odd)
		return (uint16_t)(part.lo + prng_below(e->prng, (uint32_t)part.hi - part.lo + 1));
	syn = m->syndrome_of[hash0 & e->space->reta_mask];
	n = (uint32_t)sd->first[syn + 1] - sd->first[syn];
	if (n == 0)
		return 0;
	entry = sd->entry[sd->first[syn] + prng_below(e->prng, n)];
	x = (uint32_t)m->class_of[(entry ^ hash0) & e->space->reta_mask] << m->rank_bits;
	from = eport_rank_from(m, x, part.lo);
	to = eport_rank_from(m, x, part.hi + 1u);
	return from < to ? eport_from_x(m, (uint16_t)(x + from + prng_below(e->prng, to - from))) : 0;
}

static int guess(struct eport *e, bool ip6, const uint32_t *laddrs, uint32_t n, uint32_t range, struct flow_key *key,
		 uint32_t *hash)
{
	struct part part = part_of(e->space, range);
	uint32_t hash0;

	key->laddr_be = laddrs[prng_below(e->prng, n)];
	if (part.lo > part.hi)
		return -EADDRNOTAVAIL;
	hash0 = eport_hash0(e, ip6, key);
	for (int i = 0; i < GUESSES; i++) {
		uint16_t port = guess_port(e, ip6, part, hash0);

		*hash = hash0 ^ eport_dport_hash(e->space->rss, ip6, port);
		key->lport_be = rte_cpu_to_be_16(port);
		if (port != 0 && is_auto_home(e, ip6, port, *hash))
			return 0;
	}
	return -EADDRNOTAVAIL;
}

int eport_guess(struct eport *e, const rte_be32_t *laddrs_be, uint32_t n, rte_be32_t raddr_be, rte_be16_t rport_be,
		uint32_t range, struct flow_key *key, uint32_t *hash)
{
	key->raddr_be = raddr_be;
	key->rport_be = rport_be;
	return guess(e, flow_addr_is6(raddr_be), laddrs_be, n, range, key, hash);
}
