/* isn.c: initial sequence numbers (RFC 6528) and timestamp offsets, from one keyed hash of the tuple. */
#include "tcp/life.h"

/* A tick of 64 ns, as Linux: RFC 9293 3.4.1's 4 us date from slower days. A tuple that is used again within a
 * millisecond, as happens at a million connections a second, then still gets a number beyond the old connection's
 * (TIME-WAIT, RFC 1122 4.2.2.13). It wraps after 275 s, more than two MSL. */
#define ISN_TICK_SHIFT 6

/* Over the addresses: their numbers are given to others one day. */
static uint64_t hash6(const struct tcp *t, const struct flow_key *key)
{
	struct flow_tuple6 tuple;

	flow_tuple6_fill(t->flow, key, &tuple);
	return siphash(&t->secret, &tuple, sizeof(tuple));
}

void tcp_tuple_mask(const struct tcp *t, const struct flow_key *key, uint32_t *mask, uint32_t *ts_offset)
{
	uint64_t h = unlikely(flow_addr_is6(key->raddr_be)) ? hash6(t, key) : siphash(&t->secret, key, sizeof(*key));

	*mask = (uint32_t)h;
	*ts_offset = (uint32_t)(h >> 32);
}

void tcp_packet_mask(const struct tcp *t, const struct net_pkt *pkt, uint32_t *mask, uint32_t *ts_offset)
{
	struct flow_tuple6 tuple;
	uint64_t h;

	if (likely(!pkt->ip6)) {
		tcp_tuple_mask(t, &pkt->key, mask, ts_offset);
		return;
	}
	tuple = tcp_packet_tuple6(pkt);
	h = siphash(&t->secret, &tuple, sizeof(tuple));
	*mask = (uint32_t)h;
	*ts_offset = (uint32_t)(h >> 32);
}

/* The offset does not depend on the time, so that the timestamps of one tuple only ever grow (RFC 6191 needs that). */
void tcp_isn(const struct tcp *t, const struct flow_key *key, uint32_t *isn, uint32_t *ts_offset)
{
	tcp_tuple_mask(t, key, isn, ts_offset);
	*isn += (uint32_t)(t->clock->now_ns >> ISN_TICK_SHIFT);
}
