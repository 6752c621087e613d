/* wheel.h: the timer wheel of one core: four levels, one tick (TICK_US) resolution, one node per object, all operations O(1).
 * Nodes are linked by flow_ref and live in their objects' flow_head.
 *
 * A slot of level l lasts 256^l ticks, and the byte l of a tick counts slots. Level l has the slots of the present slot of the
 * level above, and of the one that follows: what is later is at a higher level. So the slot that comes next at a higher level may
 * be spread over the level below at any time before it begins, a few nodes per turn, however many there are. If there was no
 * time (the wheel was not turned), it is spread when it begins, in turns as short, and the wheel's time stands still meanwhile.
 * The byte at the top wraps around by itself. Ticks in the past are in the slot of the present. */
#ifndef FLOW_WHEEL_H
#define FLOW_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pool.h"
#include "flow/ref.h"

#define WHEEL_LEVELS 4
#define WHEEL_BITS 8
#define WHEEL_SLOTS (2u << WHEEL_BITS)

#define WHEEL_PREV_SLOT REF_INDEX_MASK /* slots count down from here: pools are smaller than this (flow_init) */

struct wheel_node {
	flow_ref next;
	uint32_t prev; /* a flow_ref; WHEEL_PREV_SLOT - slot number when first in its slot; 0: not armed */
	uint32_t tick; /* when it fires */
};

struct wheel {
	uint32_t now;                                /* every tick up to this one has fired */
	uint32_t armed;                              /* nodes in the wheel */
	flow_ref slot[WHEEL_LEVELS][WHEEL_SLOTS];
	uint64_t busy[WHEEL_LEVELS][WHEEL_SLOTS / 64]; /* slots that are not empty, to skip over idle time */
};

void wheel_init(struct wheel *w, uint32_t now);

/* pools: flow.pool, to find nodes (flow_head.timer) by ref. A zeroed node is unarmed. */
void wheel_set(struct wheel *w, struct pool *pools, flow_ref r, uint32_t tick);
void wheel_clear(struct wheel *w, struct pool *pools, flow_ref r); /* unarmed: no-op */
static inline bool wheel_armed(const struct wheel_node *n) { return n->prev != 0; }

/* Advances to tick now and takes out up to max due nodes, oldest first, into out; returns how many. No more than WHEEL_LEVELS * max
 * move from level to level, so a turn is short whatever is armed. While wheel_next() is not after now there may be more: call
 * again (the wheel's own time stands still meanwhile). Nodes come out unarmed. */
uint32_t wheel_advance(struct wheel *w, struct pool *pools, uint32_t now, flow_ref *out, uint32_t max);

/* The earliest tick at which wheel_advance() may have something to do (never later than the first deadline), or now +
 * 2^31 - 1 when nothing is armed. For virtual time and for sleeping. */
uint32_t wheel_next(const struct wheel *w);

#endif
