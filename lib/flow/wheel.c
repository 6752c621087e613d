/* wheel.c: the timer wheel. */
#include "flow/wheel.h"

#include <string.h>

#include "base/assert.h"
#include "base/seq.h"
#include "flow/flow.h"

#define SLOT_MASK (WHEEL_SLOTS - 1)
#define SLOT_NONE WHEEL_SLOTS
#define IDLE_TICKS 0x7fffffffu

static inline struct wheel_node *node_at(const struct pool *pools, flow_ref r)
{
	return &((struct flow_head *)pool_at(&pools[ref_kind(r)], ref_index(r)))->timer;
}

void wheel_init(struct wheel *w, uint32_t now)
{
	memset(w, 0, sizeof(*w));
	w->now = now;
}

static void link_node(struct wheel *w, struct pool *pools, flow_ref r, struct wheel_node *n)
{
	uint32_t tick = seq_lt(n->tick, w->now) ? w->now : n->tick;
	uint32_t level = (31 - (uint32_t)__builtin_clz((tick ^ w->now) | 1)) / WHEEL_BITS;
	uint32_t slot = tick >> (level * WHEEL_BITS) & SLOT_MASK;
	flow_ref *head = &w->slot[level][slot];

	n->next = *head;
	n->prev = WHEEL_PREV_SLOT - (level << WHEEL_BITS | slot);
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
		uint32_t level = place >> WHEEL_BITS, slot = place & SLOT_MASK;

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

/* The first busy slot of from..WHEEL_SLOTS-1, or SLOT_NONE. */
static uint32_t busy_from(const uint64_t *busy, uint32_t from)
{
	uint64_t word;

	if (from >= WHEEL_SLOTS)
		return SLOT_NONE;
	word = busy[from / 64] & ~(uint64_t)0 << from % 64;
	for (uint32_t i = from / 64;;) {
		if (word != 0)
			return i * 64 + (uint32_t)__builtin_ctzll(word);
		if (++i == WHEEL_SLOTS / 64)
			return SLOT_NONE;
		word = busy[i];
	}
}

uint32_t wheel_next(const struct wheel *w)
{
	if (w->armed == 0)
		return w->now + IDLE_TICKS;
	if (w->slot[0][w->now & SLOT_MASK] != 0)
		return w->now;
	for (uint32_t level = 0; level < WHEEL_LEVELS; level++) {
		uint32_t shift = level * WHEEL_BITS, here = w->now >> shift;
		uint32_t slot = busy_from(w->busy[level], (here & SLOT_MASK) + 1);

		if (slot == SLOT_NONE && level == WHEEL_LEVELS - 1)
			slot = busy_from(w->busy[level], 0); /* time wraps around */
		if (slot != SLOT_NONE)
			return ((here & ~SLOT_MASK) | slot) << shift;
	}
	SPATE_ASSERT(!"armed timers are in a slot");
	return w->now + IDLE_TICKS;
}

/* Time has come to the first tick of slots at higher levels: their nodes go to the levels below. */
static void spread(struct wheel *w, struct pool *pools)
{
	for (uint32_t level = WHEEL_LEVELS - 1; level > 0; level--) {
		uint32_t shift = level * WHEEL_BITS, slot = w->now >> shift & SLOT_MASK;
		flow_ref r, next;

		if ((w->now & ((1u << shift) - 1)) != 0)
			continue;
		r = w->slot[level][slot];
		w->slot[level][slot] = 0;
		w->busy[level][slot / 64] &= ~((uint64_t)1 << slot % 64);
		for (; r != 0; r = next) {
			struct wheel_node *n = node_at(pools, r);

			next = n->next;
			if (next != 0)
				rte_prefetch0(node_at(pools, next));
			link_node(w, pools, r, n);
		}
	}
}

/* Takes out up to max nodes of the present tick. */
static uint32_t drain(struct wheel *w, struct pool *pools, flow_ref *out, uint32_t max)
{
	uint32_t slot = w->now & SLOT_MASK, n_out = 0;
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
		node_at(pools, r)->prev = WHEEL_PREV_SLOT - slot;
	else
		w->busy[0][slot / 64] &= ~((uint64_t)1 << slot % 64);
	w->armed -= n_out;
	return n_out;
}

uint32_t wheel_advance(struct wheel *w, struct pool *pools, uint32_t now, flow_ref *out, uint32_t max)
{
	uint32_t n = drain(w, pools, out, max), tick;

	while (n < max && seq_lt(w->now, now)) {
		tick = wheel_next(w);
		if (w->armed == 0 || seq_gt(tick, now)) {
			w->now = now;
			break;
		}
		w->now = tick;
		spread(w, pools);
		n += drain(w, pools, out + n, max - n);
	}
	return n;
}
