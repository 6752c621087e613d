/* autotune.h: the receive buffer grows with what the application takes per round trip (dynamic right-sizing, as Linux's
 * tcp_rcv_space_adjust), so that the window never is what limits a transfer, and idle connections announce little. Private to
 * lib/tcp. */
#ifndef TCP_AUTOTUNE_H
#define TCP_AUTOTUNE_H

#include "tcp/in.h"

/* Until SO_RCVBUF is set. */
static inline bool tcp_rcvbuf_tuned(const struct tcp *t, const struct tcp_pcb *p)
{
	return p->opts == 0 || !(tcp_opt(t, p)->flags & OPT_RCVBUF_LOCK);
}

/* The most that this connection's receive buffer may become: what the window scale is chosen for. */
static inline uint32_t tcp_rcvbuf_most(const struct tcp *t, const struct tcp_pcb *p)
{
	return tcp_rcvbuf_tuned(t, p) && p->rcvbuf < t->rcvbuf_max ? t->rcvbuf_max : p->rcvbuf;
}

/* Full segments came in order: seq to RCV.NXT, with the option's echo of our clock if has_ts. */
void tcp_autotune(struct tcp *t, struct tcp_pcb *p, const struct tcp_buf *b, bool has_ts, uint32_t tsecr);

#endif
