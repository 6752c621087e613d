/* poll.c: what poll() says about a stream (connect-semantics section E), as Linux tcp_poll(). */
#include "tcp/in.h"

uint32_t tcp_rcvlowat(const struct tcp *t, const struct tcp_pcb *p)
{
	return p->opts == 0 || tcp_opt(t, p)->rcvlowat == 0 ? 1 : tcp_opt(t, p)->rcvlowat;
}

/* As much as SO_RCVLOWAT wants, beside urgent data; or as much as may come before something is read. */
static bool enough(const struct tcp *t, const struct tcp_pcb *p)
{
	uint32_t unread = tcp_unread(t, p);

	return unread > 0 && (unread >= tcp_rcvlowat(t, p) || unread >= p->rcvbuf / 2 || t->rcv_held >= t->rcv_held_max);
}

uint32_t tcp_poll(const struct tcp *t, const struct tcp_pcb *p)
{
	const uint32_t both = TF_SHUT_RD | TF_SHUT_WR;
	const struct tcp_buf *b;
	uint32_t mask = p->c.so_error != 0 ? EPOLLERR : 0;

	if (p->c.type == CONN_LISTEN)
		return mask | (((const struct tcp_listener *)p)->n_accept > 0 ? EPOLLIN | EPOLLRDNORM : 0u);
	b = tcp_buf_of(t, p);
	if ((p->tflags & both) == both || p->state == TCP_CLOSED)
		mask |= EPOLLHUP;
	if (p->tflags & TF_SHUT_RD)
		mask |= EPOLLIN | EPOLLRDNORM | EPOLLRDHUP;
	if (TCP_IN(p->state, ST(SYN_SENT) | ST(SYN_RECEIVED)) && !(p->xflags & TX_FO_PASSIVE))
		return tcp_fastopen_waits(p) ? mask | EPOLLOUT | EPOLLWRNORM : mask; /* E14 */
	if (b != NULL && b->rcv_len > 0 && ((likely(b->tell == 0) && likely(p->opts == 0)) || enough(t, p)))
		mask |= EPOLLIN | EPOLLRDNORM;
	if (b != NULL && unlikely(b->tell & BUF_URG_BYTE))
		mask |= EPOLLPRI;
	if ((p->tflags & TF_SHUT_WR) || (tcp_writable(t, p, b) && !(p->tflags & TF_NOMBUF)))
		mask |= EPOLLOUT | EPOLLWRNORM;
	return mask;
}
