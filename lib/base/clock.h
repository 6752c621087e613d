/* clock.h: the time a stack believes it is. Set once per poll by whoever drives the stack (real or virtual time);
 * nothing below core/ reads a hardware clock. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#define TICK_US 100u /* unit of every timer. 2^31 ticks are 59 h, beyond the longest keepalive interval (9 h) */

struct clock {
	uint64_t now_ns; /* monotonic; the origin is arbitrary */
	uint64_t now_us;
	uint32_t tick;   /* now_us / TICK_US; wraps, compare with seq_lt() and friends */
	uint32_t now_ms; /* RFC 7323 timestamp clock before the per-flow offset is added; wraps */
};

static inline void clock_set(struct clock *c, uint64_t now_ns)
{
	c->now_ns = now_ns;
	c->now_us = now_ns / 1000;
	c->tick = (uint32_t)(c->now_us / TICK_US);
	c->now_ms = (uint32_t)(now_ns / 1000000);
}

static inline uint32_t ticks_from_us(uint64_t us) { return (uint32_t)((us + TICK_US - 1) / TICK_US); }
static inline uint32_t ticks_from_ms(uint64_t ms) { return (uint32_t)(ms * (1000 / TICK_US)); }

#endif
