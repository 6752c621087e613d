/* flood.h: what a SYN flood may cost (RFC 4987 3). Private to lib/tcp; what the spine asks is in tcp.h. */
#ifndef TCP_FLOOD_H
#define TCP_FLOOD_H

#include "tcp/tcp.h"

/* Whether a SYN is answered by a cookie, or waits for its repetition: unless tcp_without_excess() has decided that. */
bool tcp_syn_taken(struct tcp *t, const struct net_pkt *pkt);

/* There are more requests than this turn may answer. */
static inline void tcp_syns_exceed(struct tcp *t)
{
	t->syn_flooded = true;
	t->syns_exceed_ms = t->clock->now_ms;
}

/* Once per turn, at its end. */
static inline void tcp_syn_turn(struct tcp *t)
{
	if (unlikely(t->syns_left == 0))
		tcp_syns_exceed(t);
	else if (unlikely(t->syn_flooded) && t->clock->now_ms - t->syns_exceed_ms >= TCP_SYN_FLOODED_MS)
		t->syn_flooded = false;
	if (t->syns_left < TCP_SYNS_PER_TURN)
		t->syns_left = TCP_SYNS_PER_TURN;
	t->syn_repeats_left = TCP_SYN_REPEATS_PER_TURN;
}

/* A handshake of a passive open is over: so there are clients among those who ask, and more of them are answered. */
static inline void tcp_syn_earned(struct tcp *t)
{
	if (t->syns_left < TCP_SYNS_EARNED_MAX)
		t->syns_left += TCP_SYNS_EARNED;
}

#endif
