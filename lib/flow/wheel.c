/* wheel.c: the timer wheel. */
#include "flow/wheel.h"

#include <string.h>

#include "base/assert.h"
#include "base/seq.h"
#include "flow/flow.h"

#define SLOT_NONE WHEEL_SLOTS
#define IDLE_TICKS 0x7fffffffu
#define WHEEL_AHEAD_SHARE 4 /* of max: nodes that move ahead of time in a turn: there will be more turns */

static inline struct wheel_node *node_at(const struct pool *pools, flow_ref r)
{
	return &((struct flow_head *)pool_at(&pools[ref_kind(r)], ref_index(r)))->timer;
}

void wheel_init(struct wheel *w, uint32_t now)
{
	memset(w, 0, sizeof(*w));
	w->now = now;
}

static inline uint32_t slot_of(uint32_t level, uint32_t tick) { return tick >> (level * WHEEL_BITS) & (WHEEL_SLOTS - 1); }

static inline uint32_t prev_of(uint32_t level, uint32_t slot) { return WHEEL_PREV_SLOT - (level * WHEEL_SLOTS + slot); }

/* The lowest level that reaches so far: tick is in the present slot of the level above it, or in the next. */
static inline uint32_t level_of(uint32_t now, uint32_t tick)
{
	for (uint32_t level = 0; level < WHEEL_LEVELS - 1; level++) {
		uint32_t ticks = 1u << (level + 1) * WHEEL_BITS;

		if (tick - (now & ~(ticks - 1)) < 2 * ticks)
			return level;
	}
	return WHEEL_LEVELS - 1;
}

static void link_node(struct wheel *w, struct pool *pools, flow_ref r, struct wheel_node *n)
{
	uint32_t tick = seq_lt(n->tick, w->now) ? w->now : n->tick;
	uint32_t level = level_of(w->now, tick), slot = slot_of(level, tick);
	flow_ref *head = &w->slot[level][slot];

	n->next = *head;
	n->prev = prev_of(level, slot);
	if (n->next != 0)
		node_at(pools, n->next)->prev = r;
	*head = r;
	w->busy[level][slot / 64] |= (uint64_t)1 << slot % 64;
}

static void unlink_node(struct wheel *w, struct pool *pools, struct wheel_node *n)
{
	uint32_t place = WHEEL_PREV_SLOT - n->prev;

	if (n->next != 0)
		node_at(pools, n->next)->prev = n->prev;
	if (place < WHEEL_LEVELS * WHEEL_SLOTS) {
		uint32_t level = place / WHEEL_SLOTS, slot = place % WHEEL_SLOTS;

		w->slot[level][slot] = n->next;
		if (n->next == 0)
			w->busy[level][slot / 64] &= ~((uint64_t)1 << slot % 64);
	} else {
		node_at(pools, n->prev)->next = n->next;
	}
	n->next = 0;
	n->prev = 0;
}

void wheel_set(struct wheel *w, struct pool *pools, flow_ref r, uint32_t tick)
{
	struct wheel_node *n = node_at(pools, r);

	if (wheel_armed(n)) {
		if (n->tick == tick)
			return;
		unlink_node(w, pools, n);
	} else {
		w->armed++;
	}
	n->tick = tick;
	link_node(w, pools, r, n);
}

void wheel_clear(struct wheel *w, struct pool *pools, flow_ref r)
{
	struct wheel_node *n = node_at(pools, r);

	if (!wheel_armed(n))
		return;
	unlink_node(w, pools, n);
	w->armed--;
}

/* How many slots on from slot from the next busy one is, in a ring of slots; SLOT_NONE. */
static uint32_t busy_after(const uint64_t *busy, uint32_t from, uint32_t slots)
{
	uint32_t at = (from + 1) % slots;
	uint64_t word = busy[at / 64] & ~(uint64_t)0 << at % 64;

	for (uint32_t i = 0; i <= slots / 64; i++) {
		if (word != 0)
			return (at / 64 * 64 + (uint32_t)__builtin_ctzll(word) - from) % slots;
		at = (at / 64 + 1) * 64 % slots;
		word = busy[at / 64];
	}
	return SLOT_NONE;
}

/* Of the slots of higher levels that begin at present, not all is spread. */
static inline bool spreading(const struct wheel *w)
{
	for (uint32_t level = 1; level < WHEEL_LEVELS; level++)
		if (unlikely(w->slot[level][slot_of(level, w->now)] != 0))
			return true;
	return false;
}

uint32_t wheel_next(const struct wheel *w)
{
	uint32_t ahead = IDLE_TICKS;

	if (w->armed != 0 && (w->slot[0][slot_of(0, w->now)] != 0 || spreading(w)))
		return w->now;
	for (uint32_t level = 0; level < WHEEL_LEVELS && w->armed != 0; level++) {
		uint32_t shift = level * WHEEL_BITS, ring = level < WHEEL_LEVELS - 1 ? WHEEL_SLOTS : WHEEL_SLOTS / 2;
		uint32_t slots = busy_after(w->busy[level], slot_of(level, w->now), ring), begins;

		if (slots == SLOT_NONE)
			continue;
		begins = ((w->now >> shift) + slots) << shift;
		if (begins - w->now < ahead)
			ahead = begins - w->now;
		if (begins >> WHEEL_BITS == w->now >> WHEEL_BITS) /* higher levels' slots begin later */
			break;
	}
	return w->now + ahead;
}

/* Moves at most *left nodes of a slot to the levels below. */
static void spread_slot(struct wheel *w, struct pool *pools, uint32_t level, uint32_t slot, uint32_t *left)
{
	flow_ref r = w->slot[level][slot], next;

	for (; r != 0 && *left > 0; r = next, --*left) {
		struct wheel_node *n = node_at(pools, r);

		next = n->next;
		if (next != 0)
			rte_prefetch0(node_at(pools, next));
		link_node(w, pools, r, n);
	}
	w->slot[level][slot] = r;
	if (r != 0)
		node_at(pools, r)->prev = prev_of(level, slot);
	else
		w->busy[level][slot / 64] &= ~((uint64_t)1 << slot % 64);
}

/* Of the slots of higher levels that begin at present, or are the next ones that will (ahead 1): their nodes go to the levels
 * below. */
static void spread(struct wheel *w, struct pool *pools, uint32_t ahead, uint32_t *left)
{
	for (uint32_t level = WHEEL_LEVELS - 1; level > 0 && *left > 0; level--) {
		uint32_t slot = slot_of(level, w->now + (ahead << level * WHEEL_BITS));

		if (unlikely(w->slot[level][slot] != 0))
			spread_slot(w, pools, level, slot, left);
	}
}

/* Takes out up to max nodes of the present tick. */
static uint32_t drain(struct wheel *w, struct pool *pools, flow_ref *out, uint32_t max)
{
	uint32_t slot = slot_of(0, w->now), n_out = 0;
	flow_ref r = w->slot[0][slot];

	while (r != 0 && n_out < max) {
		struct wheel_node *n = node_at(pools, r);

		out[n_out++] = r;
		r = n->next;
		n->next = 0;
		n->prev = 0;
	}
	if (n_out == 0)
		return 0;
	w->slot[0][slot] = r;
	if (r != 0)
		node_at(pools, r)->prev = prev_of(0, slot);
	else
		w->busy[0][slot / 64] &= ~((uint64_t)1 << slot % 64);
	w->armed -= n_out;
	return n_out;
}

uint32_t wheel_advance(struct wheel *w, struct pool *pools, uint32_t now, flow_ref *out, uint32_t max)
{
	uint32_t n = 0, left = WHEEL_LEVELS * max, tick;

	for (;;) {
		spread(w, pools, 0, &left);
		n += drain(w, pools, out + n, max - n);
		if (n == max || !seq_lt(w->now, now) || spreading(w))
			break;
		tick = wheel_next(w);
		if (w->armed == 0 || seq_gt(tick, now)) {
			w->now = now;
			break;
		}
		w->now = tick;
	}
	left = max / WHEEL_AHEAD_SHARE;
	spread(w, pools, 1, &left);
	return n;
}
