/* eport_set.c: the busy ports of one group, in its line, in an array, or in a bitmap. */
#include <errno.h>
#include <string.h>

#include <rte_common.h>

#include "base/assert.h"
#include "flow/eport_impl.h"

#define PROBES 8         /* random ports to look at before looking at all in turn */
#define SHRINK_TO 8      /* ports at which a block is given back: well below GROUP_INLINE, so that this is rare */
#define SUMMARY_OWN 64   /* words up to which the summary is in the group */
#define PORTS 65536u
#define ODD_TRIES_PER_QUEUE 8 /* draws of an odd space, divided by the share of entries that are home: e^-8 find none */
#define ODD_TRIES_MAX 2048

static inline uint32_t n_bits_of(const struct eport *e, bool ip6, const struct eport_group *g)
{
	return g->n_entries == 0 ? PORTS : (uint32_t)g->n_entries << e->side[ip6].map->rank_bits;
}

static uint32_t words(uint32_t n_bits) { return (n_bits + 63) / 64; }

static inline struct pool *block_pool(struct eport *e, const struct eport_group *g, enum set_mode mode)
{
	return mode == SET_BITMAP && g->n_entries == 0 ? &e->port_bitmaps : &e->set[mode];
}

/* Words with a bit per free port; beyond SUMMARY_OWN of them the summary follows. */
static inline uint64_t *bitmap_of(const struct eport *e, const struct eport_group *g)
{
	return pool_at(g->n_entries == 0 ? &e->port_bitmaps : &e->set[SET_BITMAP], g->block);
}

static uint16_t *array_of(const struct eport *e, struct eport_group *g)
{
	return g->mode == SET_INLINE ? g->port : pool_at(&e->set[g->mode], g->block);
}

static uint32_t array_cap(enum set_mode mode)
{
	return mode == SET_INLINE ? GROUP_INLINE : mode == SET_SMALL ? ARRAY_SMALL : ARRAY_LARGE;
}

uint32_t eport_set_bitmap_bytes(uint32_t n_bits)
{
	uint32_t n = words(n_bits), bytes = 8 * (n + (n > SUMMARY_OWN ? words(n) : 0));

	return (bytes + 63) & ~63u;
}

/* ---- numbering ---- */

/* x of the group's entry-th class, rank 0. */
static inline uint32_t class_x(const struct eport *e, bool ip6, const struct eport_group *g, uint32_t entry)
{
	const struct eport_side *sd = &e->side[ip6];
	uint32_t value = (sd->entry[g->first + entry] ^ g->hash0) & e->space->reta_mask;

	return (uint32_t)sd->map->class_of[value] << sd->map->rank_bits;
}

static inline uint16_t port_of(const struct eport *e, bool ip6, const struct eport_group *g, uint32_t y)
{
	const struct eport_map *m = e->side[ip6].map;

	if (g->n_entries == 0)
		return (uint16_t)y;
	return eport_from_x(m, (uint16_t)(class_x(e, ip6, g, y >> m->rank_bits) | (y & m->rank_mask)));
}

static inline uint32_t y_of(const struct eport *e, bool ip6, const struct eport_group *g, uint16_t port)
{
	const struct eport_side *sd = &e->side[ip6];
	uint32_t hash, place;

	if (g->n_entries == 0)
		return port;
	hash = g->hash0 ^ eport_dport_hash(e->space->rss, ip6, port);
	place = sd->place[hash & e->space->reta_mask];
	return (place - g->first) << sd->map->rank_bits | (eport_x(sd->map, port) & sd->map->rank_mask);
}

/* Odd: automatic and home? */
static inline bool odd_home(const struct eport *e, bool ip6, const struct eport_group *g, uint16_t port)
{
	uint32_t hash = g->hash0 ^ eport_dport_hash(e->space->rss, ip6, port);

	return eport_is_auto(e->space, port) && e->side[ip6].place[eport_entry(e->space, hash)] != NOT_HOME;
}

static uint64_t fresh_odd(const struct eport *e, bool ip6, const struct eport_group *g, uint32_t word)
{
	uint64_t w = 0;

	if (e->space->auto_port[word] == 0)
		return 0;
	for (uint32_t i = 0; i < 64; i++)
		w |= (uint64_t)odd_home(e, ip6, g, (uint16_t)(word * 64 + i)) << i;
	return w;
}

/* The ports y = 64 word .. 64 word + 63 that can be chosen: what a bitmap is before anything is taken. */
static uint64_t fresh_word(const struct eport *e, bool ip6, const struct eport_group *g, uint32_t word)
{
	const struct eport_map *m = e->side[ip6].map;
	uint32_t per_class, per_word, x;
	uint64_t w = 0, class_mask;

	if (g->n_entries == 0)
		return g->kind & GROUP_FOREIGN ? ~(uint64_t)0 : fresh_odd(e, ip6, g, word);
	if (m->rank_bits >= 6) {
		per_class = 1u << (m->rank_bits - 6);
		x = class_x(e, ip6, g, word / per_class);
		return m->auto_x[x / 64 + word % per_class];
	}
	per_word = 64u >> m->rank_bits;
	class_mask = ((uint64_t)2 << m->rank_mask) - 1;
	for (uint32_t i = 0; i < per_word && word * per_word + i < g->n_entries; i++) {
		x = class_x(e, ip6, g, word * per_word + i);
		w |= (m->auto_x[x / 64] >> x % 64 & class_mask) << (i << m->rank_bits);
	}
	return w;
}

/* ---- arrays ---- */

static bool array_has(const uint16_t *p, uint32_t n, uint16_t port)
{
	uint16_t hit = 0;

	/* Whole vectors of 16; the places after the last port are 0, which is no port. */
	for (uint32_t i = 0; i < n; i += 16)
		for (uint32_t j = 0; j < 16; j++)
			hit |= (uint16_t)(p[i + j] == port);
	return hit != 0;
}

static bool in_array(const struct eport *e, const struct eport_group *g, uint16_t port)
{
	bool hit = false;

	if (g->mode != SET_INLINE)
		return array_has(pool_at(&e->set[g->mode], g->block), g->used, port);
	for (uint32_t i = 0; i < GROUP_INLINE; i++)
		hit |= g->port[i] == port;
	return hit;
}

/* A free port: by chance, which all but always succeeds, else in turn from a random place. */
static uint16_t array_pick(struct eport *e, bool ip6, const struct eport_group *g)
{
	uint32_t n = n_bits_of(e, ip6, g), n_words = words(n), w;

	for (int i = 0; i < PROBES; i++) {
		uint16_t port = port_of(e, ip6, g, prng_below(e->prng, n));

		if (eport_is_auto(e->space, port) && !in_array(e, g, port))
			return port;
	}
	w = prng_below(e->prng, n_words);
	for (uint32_t i = 0; i < n_words; i++, w = w + 1 < n_words ? w + 1 : 0)
		for (uint64_t m = fresh_word(e, ip6, g, w); m != 0; m &= m - 1) {
			uint16_t port = port_of(e, ip6, g, w * 64 + (uint32_t)__builtin_ctzll(m));

			if (!in_array(e, g, port))
				return port;
		}
	SPATE_ASSERT(!"left > 0 and no port is free");
	return 0;
}

/* Odd: by chance only; 0 when that finds none. */
static uint16_t array_pick_odd(struct eport *e, bool ip6, const struct eport_group *g)
{
	const struct eport_space *s = e->space;
	uint32_t tries = ODD_TRIES_PER_QUEUE * s->rss->reta_size / e->n_home, span = (uint32_t)s->hi - s->lo + 1;

	if (tries > ODD_TRIES_MAX)
		tries = ODD_TRIES_MAX;
	while (tries-- > 0) {
		uint16_t port = (uint16_t)(s->lo + prng_below(e->prng, span));

		if (odd_home(e, ip6, g, port) && !in_array(e, g, port))
			return port;
	}
	return 0;
}

static void array_remove(uint16_t *p, uint32_t last, uint16_t port)
{
	uint32_t i = 0;

	while (p[i] != port) {
		SPATE_ASSERT(i < last);
		i++;
	}
	p[i] = p[last];
	p[last] = 0;
}

/* ---- bitmaps ---- */

/* A bit per word that is not 0. */
static uint64_t *summary_of(struct eport_group *g, uint64_t *bits, uint32_t n_words)
{
	if (n_words <= SUMMARY_OWN)
		return (uint64_t *)((uint8_t *)g + offsetof(struct eport_group, summary));
	return bits + n_words;
}

static inline void bitmap_clear(uint64_t *bits, uint64_t *summary, uint32_t y)
{
	uint64_t left = bits[y / 64] & ~((uint64_t)1 << y % 64);

	bits[y / 64] = left;
	summary[y / 4096] &= ~((uint64_t)(left == 0) << y / 64 % 64);
}

static inline void bitmap_set(uint64_t *bits, uint64_t *summary, uint32_t y)
{
	bits[y / 64] |= (uint64_t)1 << y % 64;
	summary[y / 4096] |= (uint64_t)1 << y / 64 % 64;
}

/* The first 1 from bit start on, cyclically; there is one. */
static inline uint32_t next_one(uint64_t m, uint32_t start)
{
	return ((uint32_t)__builtin_ctzll(m >> start | m << (-start & 63)) + start) & 63;
}

/* From a random word, and a random bit of it, on: no branch that chance decides but for the last few ports. */
static __rte_always_inline uint16_t bitmap_take(struct eport *e, bool ip6, struct eport_group *g)
{
	uint64_t *bits = bitmap_of(e, g), rnd = prng_u64(e->prng), *summary;
	uint32_t n_words = words(n_bits_of(e, ip6, g)), n_sum = words(n_words);
	uint32_t start = (uint32_t)((rnd >> 32) * n_words >> 32), i = start / 64, w;

	summary = summary_of(g, bits, n_words);
	while (summary[i] == 0)
		i = i + 1 < n_sum ? i + 1 : 0;
	w = i * 64 + next_one(summary[i], start & 63);
	w = w * 64 + next_one(bits[w], rnd & 63);
	bitmap_clear(bits, summary, w);
	return port_of(e, ip6, g, w);
}

/* ---- growing and shrinking ---- */

static void fill_bitmap(struct eport *e, bool ip6, struct eport_group *g, uint64_t *bits, const uint16_t *ports)
{
	uint32_t n_words = words(n_bits_of(e, ip6, g)), n_free = 0;
	uint64_t *summary = summary_of(g, bits, n_words);

	memset(summary, 0, words(n_words) * sizeof(summary[0]));
	for (uint32_t w = 0; w < n_words; w++) {
		bits[w] = fresh_word(e, ip6, g, w);
		n_free += (uint32_t)__builtin_popcountll(bits[w]);
		summary[w / 64] |= (uint64_t)(bits[w] != 0) << w % 64;
	}
	for (uint32_t i = 0; i < g->used; i++)
		bitmap_clear(bits, summary, y_of(e, ip6, g, ports[i]));
	g->left = (uint16_t)(n_free - g->used);
}

static int grow_to(struct eport *e, bool ip6, struct eport_group *g, enum set_mode mode)
{
	uint32_t idx = pool_get(block_pool(e, g, mode));
	uint16_t ports[ARRAY_LARGE];
	void *block;

	if (idx == 0)
		return -ENOBUFS;
	block = pool_at(block_pool(e, g, mode), idx);
	memcpy(ports, array_of(e, g), g->used * sizeof(uint16_t)); /* a summary may take their place */
	if (mode == SET_BITMAP) {
		fill_bitmap(e, ip6, g, block, ports);
	} else {
		memset(block, 0, array_cap(mode) * sizeof(uint16_t));
		memcpy(block, ports, g->used * sizeof(uint16_t));
	}
	eport_set_clear(e, g);
	g->mode = (uint8_t)mode;
	g->block = idx;
	return 0;
}

static int grow(struct eport *e, bool ip6, struct eport_group *g)
{
	uint32_t bitmap_bytes = eport_set_bitmap_bytes(n_bits_of(e, ip6, g));
	enum set_mode mode = g->mode == SET_INLINE ? SET_SMALL : g->mode == SET_SMALL ? SET_LARGE : SET_BITMAP;

	if (mode != SET_BITMAP && bitmap_bytes <= array_cap(mode) * sizeof(uint16_t))
		mode = SET_BITMAP;
	return grow_to(e, ip6, g, mode);
}

/* Few ports are left: back into the group's line. */
static void shrink(struct eport *e, bool ip6, struct eport_group *g)
{
	uint16_t ports[GROUP_INLINE] = { 0 };
	uint32_t n = 0;

	if (g->mode != SET_BITMAP) {
		memcpy(ports, array_of(e, g), g->used * sizeof(uint16_t));
	} else {
		const uint64_t *bits = bitmap_of(e, g);

		for (uint32_t w = 0; n < g->used; w++)
			for (uint64_t m = fresh_word(e, ip6, g, w) & ~bits[w]; m != 0; m &= m - 1)
				ports[n++] = port_of(e, ip6, g, w * 64 + (uint32_t)__builtin_ctzll(m));
	}
	eport_set_clear(e, g);
	memcpy(g->port, ports, sizeof(ports));
}

void eport_set_clear(struct eport *e, struct eport_group *g)
{
	if (g->mode != SET_INLINE)
		pool_put(block_pool(e, g, g->mode), g->block);
	g->mode = SET_INLINE;
	g->block = 0;
}

/* An array that is full, or that holds more than is free: picking by chance would fail too often. */
static inline bool must_grow(const struct eport_group *g)
{
	if (g->mode == SET_BITMAP)
		return false;
	return g->used == array_cap(g->mode) ||
	       (g->mode != SET_INLINE && !(g->kind & GROUP_FOREIGN) && g->left < g->used);
}

/* ---- a part of the range ---- */

/* The free ports of a word. */
static uint64_t free_word(const struct eport *e, bool ip6, const struct eport_group *g, uint32_t word)
{
	uint64_t w;

	if (g->mode == SET_BITMAP)
		return bitmap_of(e, g)[word];
	w = fresh_word(e, ip6, g, word);
	for (uint64_t m = w; m != 0; m &= m - 1)
		if (in_array(e, g, port_of(e, ip6, g, word * 64 + (uint32_t)__builtin_ctzll(m))))
			w &= ~(m & -m);
	return w;
}

/* The y of a free port from..to - 1, by words from a random one on; to when there is none. */
static uint32_t find_between(struct eport *e, bool ip6, const struct eport_group *g, uint32_t from, uint32_t to)
{
	uint32_t first = from / 64, n_words = words(to) - first, i = prng_below(e->prng, n_words), start;

	for (uint32_t k = 0; k < n_words; k++, i = i + 1 < n_words ? i + 1 : 0) {
		uint32_t w = first + i;
		uint64_t m = free_word(e, ip6, g, w);

		if (w * 64 < from)
			m &= ~(uint64_t)0 << from % 64;
		if (w * 64 + 64 > to)
			m &= ~(~(uint64_t)0 << to % 64);
		if (m == 0)
			continue;
		start = prng_below(e->prng, 64);
		return w * 64 + next_one(m, start);
	}
	return to;
}

/* Of one class, whose ports of the range are neighbours; odd: of all. */
static uint16_t class_pick(struct eport *e, bool ip6, const struct eport_group *g, uint32_t entry, uint16_t lo, uint16_t hi)
{
	const struct eport_map *m = e->side[ip6].map;
	uint32_t from = lo, to = hi + 1u, x, y;

	if (g->n_entries != 0) {
		x = class_x(e, ip6, g, entry);
		from = (entry << m->rank_bits) + eport_rank_from(m, x, lo);
		to = (entry << m->rank_bits) + eport_rank_from(m, x, hi + 1u);
	}
	if (from >= to)
		return 0;
	y = find_between(e, ip6, g, from, to);
	return y < to ? port_of(e, ip6, g, y) : 0;
}

int eport_set_take_between(struct eport *e, bool ip6, struct eport_group *g, uint16_t lo, uint16_t hi)
{
	uint32_t n = g->n_entries == 0 ? 1 : g->n_entries, i = prng_below(e->prng, n);

	for (uint32_t k = 0; k < n; k++, i = i + 1 < n ? i + 1 : 0) {
		uint16_t port = class_pick(e, ip6, g, i, lo, hi);
		int err;

		if (port == 0)
			continue;
		err = eport_set_add(e, ip6, g, port);
		return err != 0 ? err : port;
	}
	return -EADDRNOTAVAIL;
}

/* ---- what eport.c calls ---- */

bool eport_set_has(const struct eport *e, bool ip6, const struct eport_group *g, uint16_t port)
{
	uint32_t y;

	if (g->mode != SET_BITMAP)
		return in_array(e, g, port);
	y = y_of(e, ip6, g, port);
	return !(bitmap_of(e, g)[y / 64] >> y % 64 & 1);
}

static __rte_always_inline int set_take(struct eport *e, bool ip6, struct eport_group *g)
{
	uint16_t port;

	if (must_grow(g) && grow(e, ip6, g) != 0)
		return -ENOBUFS;
	if (g->mode == SET_BITMAP && g->left != 0)
		return bitmap_take(e, ip6, g);
	if (g->mode != SET_BITMAP) {
		port = g->n_entries != 0 ? array_pick(e, ip6, g) : array_pick_odd(e, ip6, g);
		if (port != 0) {
			array_of(e, g)[g->used] = port;
			return port;
		}
		if (grow_to(e, ip6, g, SET_BITMAP) != 0)
			return -ENOBUFS;
	}
	return g->left != 0 ? bitmap_take(e, ip6, g) : -EADDRNOTAVAIL; /* the bitmap has counted */
}

int eport_set_take(struct eport *e, bool ip6, struct eport_group *g)
{
	return ip6 ? set_take(e, true, g) : set_take(e, false, g);
}

int eport_set_add(struct eport *e, bool ip6, struct eport_group *g, uint16_t port)
{
	uint64_t *bits;

	if (must_grow(g) && grow(e, ip6, g) != 0)
		return -ENOBUFS;
	if (g->mode == SET_BITMAP) {
		bits = bitmap_of(e, g);
		bitmap_clear(bits, summary_of(g, bits, words(n_bits_of(e, ip6, g))), y_of(e, ip6, g, port));
	} else {
		array_of(e, g)[g->used] = port;
	}
	return 0;
}

void eport_set_remove(struct eport *e, bool ip6, struct eport_group *g, uint16_t port)
{
	uint64_t *bits;

	if (g->mode == SET_BITMAP) {
		bits = bitmap_of(e, g);
		bitmap_set(bits, summary_of(g, bits, words(n_bits_of(e, ip6, g))), y_of(e, ip6, g, port));
	} else {
		array_remove(array_of(e, g), g->used, port);
	}
	if (g->mode != SET_INLINE && g->used == SHRINK_TO)
		shrink(e, ip6, g);
}
