/* ref.h: a 32-bit name for anything in a connection table or timer wheel: three bits of kind, 29 bits of pool
 * index. */
#ifndef FLOW_REF_H
#define FLOW_REF_H

#include <stdint.h>

typedef uint32_t flow_ref; /* 0: none */

enum flow_kind {
	FLOW_CONN = 0,     /* struct conn: a socket (TCP or UDP) */
	FLOW_SYNRCVD = 1,  /* struct tcp_synrcvd */
	FLOW_TIMEWAIT = 2, /* struct tcp_timewait */
	FLOW_NEIGH = 3,    /* struct neigh: timers only */
	FLOW_AWAY = 4,     /* struct flow_away: a flow of another stack */
	FLOW_KINDS,
	FLOW_REMOTE = 7,   /* no object: the index is the stack that has the socket (bind.h) */
};

#define REF_INDEX_MASK 0x1fffffffu

static inline flow_ref ref_make(enum flow_kind kind, uint32_t idx) { return (uint32_t)kind << 29 | idx; }
static inline enum flow_kind ref_kind(flow_ref r) { return (enum flow_kind)(r >> 29); }
static inline uint32_t ref_index(flow_ref r) { return r & REF_INDEX_MASK; }

#endif
