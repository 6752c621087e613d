/* close.c: shutdown, close, disconnect (RFC 9293 3.10.4, 3.10.5). */
#include <errno.h>
#include <sys/socket.h>

#include "tcp/buf.h"
#include "tcp/out.h"
#include "tcp/shared.h"
#include "tcp/timers.h"

/* Our FIN is queued behind what is unsent. */
static void send_fin(struct tcp *t, struct tcp_pcb *p)
{
	p->tflags |= TF_SHUT_WR;
	if (p->state == TCP_ESTABLISHED)
		tcp_state_set(t, p, TCP_FIN_WAIT_1);
	else if (p->state == TCP_CLOSE_WAIT)
		tcp_state_set(t, p, TCP_LAST_ACK);
	else
		return; /* SYN-RECEIVED: at ESTABLISHED; else it is under way */
	tcp_out_mark(t, p);
}

int tcp_shutdown(struct tcp *t, struct tcp_pcb *p, int how)
{
	bool rd = how == SHUT_RD || how == SHUT_RDWR, wr = how == SHUT_WR || how == SHUT_RDWR;

	if (!rd && !wr)
		return -EINVAL;
	switch (p->state) {
	case TCP_LISTEN:
		return rd ? tcp_disconnect(t, p) : 0; /* Linux: stops listening */
	case TCP_SYN_SENT:
		return tcp_disconnect(t, p); /* C28 */
	default:
		break;
	}
	if (rd)
		p->tflags |= TF_SHUT_RD;
	if (p->state == TCP_CLOSED) { /* remembered for the next connection (C27) */
		if (wr)
			p->tflags |= TF_SHUT_WR;
		return -ENOTCONN;
	}
	if (wr) /* once more: one of before connect() gets its FIN now */
		send_fin(t, p);
	ready_mark(t->flow, &p->c, (rd ? EPOLLIN | EPOLLRDHUP : 0u) | (wr ? EPOLLOUT : 0u) |
				   ((p->tflags & TF_SHUT_RD) && (p->tflags & TF_SHUT_WR) ? EPOLLHUP : 0u));
	return 0;
}

static void stop_listening(struct tcp *t, struct tcp_pcb *p)
{
	struct tcp_listener *l = (struct tcp_listener *)p;
	uint32_t reuse = p->c.flags & (CONN_REUSEADDR | CONN_REUSEPORT) ? BIND_REUSE : 0;

	tcp_listener_close(t, l);
	l->n_accept = l->backlog = 0;
	bind_set_flags(&t->binds, tcp_pcb_ref(t, p), p->c.h.key.lport_be, reuse);
	if (!(p->c.flags & CONN_ORPHAN)) /* else the port goes too, and others hear of that */
		tcp_announce_sure(t, p, reuse, 0);
	p->c.type = CONN_TCP;
	tcp_state_set(t, p, TCP_CLOSED);
}

/* As tcp_need_reset() of Linux: the peer has a connection and will not learn of its end otherwise. */
static bool needs_reset(const struct tcp_pcb *p, const struct tcp_buf *b)
{
	if (TCP_IN(p->state, ST(ESTABLISHED) | ST(CLOSE_WAIT) | ST(FIN_WAIT_1) | ST(FIN_WAIT_2) | ST(SYN_RECEIVED)))
		return true;
	return TCP_IN(p->state, ST(CLOSING) | ST(LAST_ACK)) && b != NULL && b->snd_len > 0;
}

int tcp_disconnect(struct tcp *t, struct tcp_pcb *p)
{
	if (p->state == TCP_LISTEN) {
		stop_listening(t, p);
	} else if (p->state != TCP_CLOSED) {
		bool tell = needs_reset(p, tcp_buf_of(t, p)) || p->state == TCP_SYN_SENT;

		if (needs_reset(p, tcp_buf_of(t, p)))
			tcp_out_rst(t, p);
		tcp_done(t, p, tell ? ECONNRESET : 0); /* B3, B7: told by SO_ERROR */
	}
	tcp_buf_free(t, p);
	if (p->c.more & CONN_MORE_PORT_CHOSEN)
		tcp_unbind(t, p);
	p->tflags &= TF_KEEP_MASK;
	p->c.h.key.raddr_be = 0;
	p->c.h.key.rport_be = 0;
	if (!(p->c.flags & CONN_BOUND_ADDR))
		p->c.h.key.laddr_be = 0;
	if (!(p->c.flags & CONN_BOUND_PORT))
		p->c.h.key.lport_be = 0;
	return 0;
}

/* An open connection whose descriptor is closed. */
static void close_connected(struct tcp *t, struct tcp_pcb *p)
{
	const struct tcp_buf *b = tcp_buf_of(t, p);
	bool unread = b != NULL && b->rcv_len > 0;

	if (unread || tcp_opt(t, p)->linger_s == 0) { /* RFC 2525 2.17; RFC 9293 3.10.5 */
		if (unread || needs_reset(p, b))
			tcp_out_rst(t, p);
		tcp_done(t, p, 0);
		return;
	}
	p->tflags |= TF_SHUT_RD;
	send_fin(t, p);
	if (p->state == TCP_FIN_WAIT_2)
		tcp_orphan_finwait2(t, p);
}

void tcp_close(struct tcp *t, struct tcp_pcb *p)
{
	ready_leave(t->flow, &p->c);
	p->c.flags |= CONN_ORPHAN;
	switch (p->state) {
	case TCP_LISTEN:
		if (tcp_is_twin((const struct tcp_listener *)p)) {
			tcp_twin_close(t, (struct tcp_listener *)p);
			break;
		}
		stop_listening(t, p);
		tcp_pcb_free(t, p);
		break;
	case TCP_CLOSED:
		tcp_pcb_free(t, p);
		break;
	case TCP_SYN_SENT: /* C29: silently */
		tcp_done(t, p, 0);
		break;
	default:
		close_connected(t, p);
		break;
	}
}
