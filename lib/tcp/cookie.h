/* cookie.h: SYN cookies (RFC 4987 3.6): a SYN is answered and forgotten; what must be known of it comes back with the
 * handshake's last ACK, in the number that it acknowledges and in the timestamp that it echoes. Private to lib/tcp. */
#ifndef TCP_COOKIE_H
#define TCP_COOKIE_H

#include "tcp/in.h"

/* What a SYN-ACK without memory can say: maximum segment sizes, of which the number tells one. */
#define TCP_COOKIE_MSS_N 7

/* Whether the next SYN is answered so. */
static inline bool tcp_cookie_due(const struct tcp *t)
{
	return unlikely(t->syncookies != TCP_SYNCOOKIES_NO) &&
	       (t->syncookies == TCP_SYNCOOKIES_ALWAYS || t->stats.synrcvd >= t->cookie_from);
}

/* Answers a SYN to l. Costs a few hashes and a packet: no memory, no path, no neighbour. */
void tcp_cookie_answer(struct tcp *t, const struct tcp_listener *l, const struct tcp_seg *s);
/* Another stack of this end does so: what it sent may be acknowledged here. */
void tcp_cookie_elsewhere(struct tcp *t);
/* The segment acknowledges a cookie of this end that is not too old. */
bool tcp_cookie_acked(const struct tcp *t, const struct tcp_seg *s);
/* Such a segment: makes the connection and goes on with it. False: it acknowledges none. */
bool tcp_cookie_ack(struct tcp *t, struct tcp_listener *l, struct tcp_seg *s);

#endif
