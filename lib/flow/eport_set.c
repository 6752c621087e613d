/* eport_set.c: the busy ports of one group, in its line, in an array, or in a bitmap. */
#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "flow/eport_impl.h"

#define PROBES 8         /* random ports to look at before looking at all in turn */
#define SHRINK_TO 8      /* ports at which a block is given back: well below GROUP_INLINE, so that this is rare */
#define SUMMARY_OWN 64   /* words up to which the summary is in the group */
#define FOREIGN_BITS 65536u

static uint32_t n_bits_of(const struct eport *e, const struct eport_group *g)
{
	return g->foreign ? FOREIGN_BITS : (uint32_t)g->n_entries << e->space->rank_bits;
}

static uint32_t words(uint32_t n_bits) { return (n_bits + 63) / 64; }

static struct pool *block_pool(struct eport *e, const struct eport_group *g, enum set_mode mode)
{
	return mode == SET_BITMAP && g->foreign ? &e->foreign_bitmaps : &e->set[mode];
}

/* Words with a bit per free port; beyond SUMMARY_OWN of them the summary follows. */
static uint64_t *bitmap_of(const struct eport *e, const struct eport_group *g)
{
	return pool_at(g->foreign ? &e->foreign_bitmaps : &e->set[SET_BITMAP], g->block);
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
static inline uint32_t class_x(const struct eport *e, const struct eport_group *g, uint32_t entry)
{
	const struct eport_space *s = e->space;
	uint32_t value = (e->entry[g->first + entry] ^ g->hash0) & s->reta_mask;

	return (uint32_t)s->class_of[value] << s->rank_bits;
}

static inline uint16_t port_of(const struct eport *e, const struct eport_group *g, uint32_t y)
{
	const struct eport_space *s = e->space;

	if (g->foreign)
		return (uint16_t)y;
	return eport_from_x(s, (uint16_t)(class_x(e, g, y >> s->rank_bits) | (y & s->rank_mask)));
}

static inline uint32_t y_of(const struct eport *e, const struct eport_group *g, uint16_t port)
{
	const struct eport_space *s = e->space;
	uint32_t hash, place;

	if (g->foreign)
		return port;
	hash = g->hash0 ^ rss_hash4_dport(s->rss, rte_cpu_to_be_16(port));
	place = e->place[hash & s->reta_mask];
	return (place - g->first) << s->rank_bits | (eport_x(s, port) & s->rank_mask);
}

/* The ports y = 64 word .. 64 word + 63 that are in the range: what a bitmap is before anything is taken. */
static uint64_t fresh_word(const struct eport *e, const struct eport_group *g, uint32_t word)
{
	const struct eport_space *s = e->space;
	uint32_t per_class, per_word, x;
	uint64_t w = 0, class_mask;

	if (g->foreign)
		return ~(uint64_t)0;
	if (s->rank_bits >= 6) {
		per_class = 1u << (s->rank_bits - 6);
		x = class_x(e, g, word / per_class);
		return s->in_range[x / 64 + word % per_class];
	}
	per_word = 64u >> s->rank_bits;
	class_mask = ((uint64_t)2 << s->rank_mask) - 1;
	for (uint32_t i = 0; i < per_word && word * per_word + i < g->n_entries; i++) {
		x = class_x(e, g, word * per_word + i);
		w |= (s->in_range[x / 64] >> x % 64 & class_mask) << (i << s->rank_bits);
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

/* A free port of the range: by chance, which all but always succeeds, else in turn from a random place. */
static uint16_t array_pick(struct eport *e, const struct eport_group *g)
{
	const struct eport_space *s = e->space;
	uint32_t n = n_bits_of(e, g), n_words = words(n), w;

	for (int i = 0; i < PROBES; i++) {
		uint16_t port = port_of(e, g, prng_below(e->prng, n));

		if (port >= s->lo && port <= s->hi && !in_array(e, g, port))
			return port;
	}
	w = prng_below(e->prng, n_words);
	for (uint32_t i = 0; i < n_words; i++, w = w + 1 < n_words ? w + 1 : 0)
		for (uint64_t m = fresh_word(e, g, w); m != 0; m &= m - 1) {
			uint16_t port = port_of(e, g, w * 64 + (uint32_t)__builtin_ctzll(m));

			if (!in_array(e, g, port))
				return port;
		}
	SPATE_ASSERT(!"left > 0 and no port is free");
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
static uint16_t bitmap_take(struct eport *e, struct eport_group *g)
{
	uint64_t *bits = bitmap_of(e, g), rnd = prng_u64(e->prng), *summary;
	uint32_t n_words = words(n_bits_of(e, g)), n_sum = words(n_words);
	uint32_t start = (uint32_t)((rnd >> 32) * n_words >> 32), i = start / 64, w;

	summary = summary_of(g, bits, n_words);
	while (summary[i] == 0)
		i = i + 1 < n_sum ? i + 1 : 0;
	w = i * 64 + next_one(summary[i], start & 63);
	w = w * 64 + next_one(bits[w], rnd & 63);
	bitmap_clear(bits, summary, w);
	return port_of(e, g, w);
}

/* ---- growing and shrinking ---- */

static void fill_bitmap(struct eport *e, struct eport_group *g, uint64_t *bits, const uint16_t *ports)
{
	uint32_t n_words = words(n_bits_of(e, g)), n_free = 0;
	uint64_t *summary = summary_of(g, bits, n_words);

	memset(summary, 0, words(n_words) * sizeof(summary[0]));
	for (uint32_t w = 0; w < n_words; w++) {
		bits[w] = fresh_word(e, g, w);
		n_free += (uint32_t)__builtin_popcountll(bits[w]);
		summary[w / 64] |= (uint64_t)(bits[w] != 0) << w % 64;
	}
	for (uint32_t i = 0; i < g->used; i++)
		bitmap_clear(bits, summary, y_of(e, g, ports[i]));
	g->left = (uint16_t)(n_free - g->used);
}

static int grow(struct eport *e, struct eport_group *g)
{
	uint32_t bitmap_bytes = eport_set_bitmap_bytes(n_bits_of(e, g)), idx;
	enum set_mode mode = g->mode == SET_INLINE ? SET_SMALL : g->mode == SET_SMALL ? SET_LARGE : SET_BITMAP;
	uint16_t ports[ARRAY_LARGE];
	void *block;

	if (mode != SET_BITMAP && bitmap_bytes <= array_cap(mode) * sizeof(uint16_t))
		mode = SET_BITMAP;
	idx = pool_get(block_pool(e, g, mode));
	if (idx == 0)
		return -ENOBUFS;
	block = pool_at(block_pool(e, g, mode), idx);
	memcpy(ports, array_of(e, g), g->used * sizeof(uint16_t)); /* a summary may take their place */
	if (mode == SET_BITMAP) {
		fill_bitmap(e, g, block, ports);
	} else {
		memset(block, 0, array_cap(mode) * sizeof(uint16_t));
		memcpy(block, ports, g->used * sizeof(uint16_t));
	}
	eport_set_clear(e, g);
	g->mode = (uint8_t)mode;
	g->block = idx;
	return 0;
}

/* Few ports are left: back into the group's line. */
static void shrink(struct eport *e, struct eport_group *g)
{
	uint16_t ports[GROUP_INLINE] = { 0 };
	uint32_t n = 0;

	if (g->mode != SET_BITMAP) {
		memcpy(ports, array_of(e, g), g->used * sizeof(uint16_t));
	} else {
		const uint64_t *bits = bitmap_of(e, g);

		for (uint32_t w = 0; n < g->used; w++)
			for (uint64_t m = fresh_word(e, g, w) & ~bits[w]; m != 0; m &= m - 1)
				ports[n++] = port_of(e, g, w * 64 + (uint32_t)__builtin_ctzll(m));
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
static bool must_grow(const struct eport_group *g)
{
	if (g->mode == SET_BITMAP)
		return false;
	return g->used == array_cap(g->mode) || (g->mode != SET_INLINE && !g->foreign && g->left < g->used);
}

/* ---- what eport.c calls ---- */

bool eport_set_has(const struct eport *e, const struct eport_group *g, uint16_t port)
{
	uint32_t y;

	if (g->mode != SET_BITMAP)
		return in_array(e, g, port);
	y = y_of(e, g, port);
	return !(bitmap_of(e, g)[y / 64] >> y % 64 & 1);
}

int eport_set_take(struct eport *e, struct eport_group *g)
{
	uint16_t port;

	if (must_grow(g) && grow(e, g) != 0)
		return -ENOBUFS;
	if (g->mode == SET_BITMAP)
		return bitmap_take(e, g);
	port = array_pick(e, g);
	array_of(e, g)[g->used] = port;
	return port;
}

int eport_set_add(struct eport *e, struct eport_group *g, uint16_t port)
{
	uint64_t *bits;

	if (must_grow(g) && grow(e, g) != 0)
		return -ENOBUFS;
	bits = bitmap_of(e, g);
	if (g->mode == SET_BITMAP)
		bitmap_clear(bits, summary_of(g, bits, words(n_bits_of(e, g))), y_of(e, g, port));
	else
		array_of(e, g)[g->used] = port;
	return 0;
}

void eport_set_remove(struct eport *e, struct eport_group *g, uint16_t port)
{
	uint64_t *bits = bitmap_of(e, g);

	if (g->mode == SET_BITMAP)
		bitmap_set(bits, summary_of(g, bits, words(n_bits_of(e, g))), y_of(e, g, port));
	else
		array_remove(array_of(e, g), g->used, port);
	if (g->mode != SET_INLINE && g->used == SHRINK_TO)
		shrink(e, g);
}
