/* isn.c: initial sequence numbers (RFC 6528) and timestamp offsets, from one keyed hash of the tuple. */
#include "tcp/life.h"

#define ISN_TICK_SHIFT 2 /* RFC 9293 3.4.1: the ISN clock ticks every 4 us */

/* The offset does not depend on the time, so that the timestamps of one tuple only ever grow (RFC 6191 needs that). */
void tcp_isn(const struct tcp *t, const struct flow_key *key, uint32_t *isn, uint32_t *ts_offset)
{
	uint64_t h = siphash(&t->secret, key, sizeof(*key));

	*isn = (uint32_t)h + (uint32_t)(t->clock->now_us >> ISN_TICK_SHIFT);
	*ts_offset = (uint32_t)(h >> 32);
}
