/* isn.c: initial sequence numbers (RFC 6528) and timestamp offsets, from one keyed hash of the tuple. */
#include "tcp/life.h"

/* A tick of 64 ns, as Linux: RFC 9293 3.4.1's 4 us date from slower days. A tuple that is used again within a
 * millisecond, as happens at a million connections a second, then still gets a number beyond the old connection's
 * (TIME-WAIT, RFC 1122 4.2.2.13). It wraps after 275 s, more than two MSL. */
#define ISN_TICK_SHIFT 6

static void mask_of(const struct tcp *t, const void *tuple, size_t len, uint32_t *mask, uint32_t *ts_offset)
{
	uint64_t h = siphash(&t->secret, tuple, len);

	*mask = (uint32_t)h;
	*ts_offset = (uint32_t)(h >> 32);
}

/* Of IPv6 over the addresses: their numbers are given to others one day. */
void tcp_tuple_mask(const struct tcp *t, const struct flow_key *key, uint32_t *mask, uint32_t *ts_offset)
{
	struct flow_tuple6 tuple;

	if (likely(!flow_addr_is6(key->raddr_be))) {
		mask_of(t, key, sizeof(*key), mask, ts_offset);
		return;
	}
	flow_tuple6_fill(t->flow, key, &tuple);
	mask_of(t, &tuple, sizeof(tuple), mask, ts_offset);
}

void tcp_packet_mask(const struct tcp *t, const struct net_pkt *pkt, uint32_t *mask, uint32_t *ts_offset)
{
	struct flow_tuple6 tuple;

	if (likely(!pkt->ip6)) {
		mask_of(t, &pkt->key, sizeof(pkt->key), mask, ts_offset);
		return;
	}
	tuple = tcp_packet_tuple6(pkt);
	mask_of(t, &tuple, sizeof(tuple), mask, ts_offset);
}

/* The offset does not depend on the time, so that the timestamps of one tuple only ever grow (RFC 6191 needs that). */
void tcp_isn(const struct tcp *t, const struct flow_key *key, uint32_t *isn, uint32_t *ts_offset)
{
	tcp_tuple_mask(t, key, isn, ts_offset);
	*isn += (uint32_t)(t->clock->now_ns >> ISN_TICK_SHIFT);
}
