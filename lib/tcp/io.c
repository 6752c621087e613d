/* io.c: tcp_send() and tcp_recv(): between the application's buffers and the queues (RFC 9293 3.10.2, 3.10.3). */
#include <errno.h>
#include <sys/socket.h>

#include "tcp/buf.h"
#include "tcp/fastopen.h"
#include "tcp/in.h"
#include "tcp/life.h"
#include "tcp/out.h"
#include "tcp/urgent.h"

static ssize_t take_error(struct tcp_pcb *p)
{
	int err = p->c.so_error;

	p->c.so_error = 0;
	return -err;
}

/* What keeps a socket from sending, in Linux's order. 0: nothing. */
static ssize_t send_refused(struct tcp_pcb *p)
{
	if (p->c.so_error != 0)
		return take_error(p);
	if (TCP_IN(p->state, ST(SYN_SENT) | ST(SYN_RECEIVED)) && !(p->xflags & TX_FO_PASSIVE))
		return -EAGAIN;
	if ((p->tflags & TF_SHUT_WR) || !TCP_IN(p->state, ST(ESTABLISHED) | ST(CLOSE_WAIT) | ST(SYN_RECEIVED)))
		return -EPIPE; /* C1: also when there never was a connection */
	return 0;
}

/* TCP_NOTSENT_LOWAT: what may be queued: what may leave now, and so much more, rounded up to whole frames (at most half a window) as
 * on Linux: nobody is woken for less. */
static uint32_t lowat_most(const struct tcp *t, const struct tcp_pcb *p, uint32_t lowat)
{
	uint32_t mss = tcp_out_mss(t, p), half = ((uint32_t)p->snd_wnd_max << (p->wscale & 15)) / 2;
	uint32_t frame = half < mss ? mss : (half < UINT16_MAX ? half : UINT16_MAX) / mss * mss;
	uint32_t room = p->cwnd < p->snd_wnd ? p->cwnd : p->snd_wnd, flight = p->snd_nxt - p->snd_una;
	uint64_t most = (room > flight ? room : flight) + ((uint64_t)lowat + frame - 1) / frame * frame;

	return most < p->sndbuf ? (uint32_t)most : p->sndbuf;
}

ssize_t tcp_send(struct tcp *t, struct tcp_pcb *p, const struct iovec *iov, int n, int flags)
{
	ssize_t err = send_refused(p), sent = 0;
	uint32_t most = likely(!(flags & TCP_SEND_BEYOND)) ? p->sndbuf : UINT32_MAX;
	struct tcp_buf *b;

	if (unlikely(tcp_fastopen_waits(p)) && err == -EAGAIN)
		return tcp_fo_send(t, p, iov, n);
	if (err != 0)
		return err;
	p->tflags = flags & MSG_MORE ? p->tflags | TF_MORE : p->tflags & ~TF_MORE;
	b = tcp_buf_need(t, p);
	err = -EAGAIN;
	if (unlikely(p->opts != 0) && tcp_opt(t, p)->notsent_lowat != 0 && most != UINT32_MAX) {
		if (!tcp_lowat_allows(t, p, b))
			goto out;
		most = lowat_most(t, p, tcp_opt(t, p)->notsent_lowat);
	}
	for (int i = 0; i < n; i++) {
		uint32_t space = b->snd_len < most ? most - b->snd_len : 0;
		uint32_t want = iov[i].iov_len < space ? (uint32_t)iov[i].iov_len : space, got;

		got = tcp_buf_snd_put(t, b, iov[i].iov_base, want);
		sent += got;
		if (got < want) {
			p->tflags |= TF_NOMBUF;
			tcp_out_mark(t, p); /* the flush looks for mbufs again */
		}
		if (got < iov[i].iov_len)
			goto out;
	}
	err = 0;
out:
	if (sent > 0)
		tcp_out_mark(t, p);
	else
		tcp_buf_settle(t, p, b);
	if (unlikely(flags & (MSG_OOB | MSG_EOR)) && sent > 0) {
		if (flags & MSG_OOB)
			tcp_urgent_send(t, p, b);
		if ((flags & MSG_EOR) && err == 0)
			tcp_buf_snd_end_record(b);
	}
	return sent > 0 ? sent : err;
}

/* What an empty receive queue means, in Linux's order. */
static ssize_t recv_nothing(struct tcp_pcb *p)
{
	if (p->c.so_error != 0)
		return take_error(p);
	if (p->tflags & TF_SHUT_RD)
		return 0;
	if (TCP_IN(p->state, ST(CLOSED) | ST(LISTEN)))
		return -ENOTCONN;
	return -EAGAIN;
}

/* RFC 9293 3.8.6.2.2: the peer hears of space as soon as it is worth it, here from two segments on. */
static void window_freed(struct tcp *t, struct tcp_pcb *p)
{
	uint32_t worth = p->rcvbuf / 2 < 2u * p->mss ? p->rcvbuf / 2 : 2u * p->mss;
	uint32_t gain, open;

	if (!TCP_IN(p->state, ST(ESTABLISHED) | ST(FIN_WAIT_1) | ST(FIN_WAIT_2)))
		return;
	gain = tcp_out_window_gain(t, p);
	open = seq_gt(p->rcv_adv, p->rcv_nxt) ? p->rcv_adv - p->rcv_nxt : 0;
	/* While the peer has half the buffer still to fill, ordinary ACKs bring the news in time. A SYN's window, which is not scaled, is
	 * as good as half of the default buffer. */
	if (gain >= worth && open < p->rcvbuf / 16 * 7)
		tcp_out_ack_now(t, p);
}

/* In general: several pieces or segments, urgent bytes, a look. */
static __rte_noinline ssize_t recv_any(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, const struct iovec *iov, int n, int flags)
{
	const struct rte_mbuf *m = b->rcv_head;
	uint32_t off = 0, skip = 0, left;
	ssize_t done = 0;
	bool only_urgent;

	left = likely(b->tell == 0) ? b->rcv_len : tcp_urgent_readable(t, p, b, &skip);
	only_urgent = left == 0;
	if (unlikely(skip != 0))
		tcp_buf_rcv_peek(&m, &off, NULL, skip);
	for (int i = 0; i < n && left > 0; i++) {
		uint32_t want = iov[i].iov_len < left ? (uint32_t)iov[i].iov_len : left;

		tcp_buf_rcv_peek(&m, &off, flags & MSG_TRUNC ? NULL : iov[i].iov_base, want);
		done += want;
		left -= want;
	}
	if (!(flags & MSG_PEEK)) {
		tcp_buf_rcv_take(t, b, (uint32_t)done + skip);
		if (unlikely(b->tell != 0))
			tcp_urgent_taken(p, b);
		tcp_buf_settle(t, p, b);
		window_freed(t, p);
	}
	return unlikely(only_urgent) ? recv_nothing(p) : done;
}

ssize_t tcp_recv(struct tcp *t, struct tcp_pcb *p, const struct iovec *iov, int n, int flags)
{
	struct tcp_buf *b = tcp_buf_of(t, p);
	uint32_t len;

	if (unlikely(p->c.type == CONN_LISTEN))
		return -ENOTCONN;
	if (b == NULL || b->rcv_len == 0)
		return recv_nothing(p);
	len = b->rcv_len;
	if (unlikely(n != 1 || iov->iov_len < len || !tcp_buf_rcv_is_single(b) || b->tell != 0 || (flags & (MSG_PEEK | MSG_TRUNC))))
		return recv_any(t, p, b, iov, n, flags);
	tcp_buf_rcv_single(t, b, iov->iov_base);
	tcp_buf_settle(t, p, b);
	window_freed(t, p);
	return len;
}

uint32_t tcp_unread(const struct tcp *t, const struct tcp_pcb *p)
{
	const struct tcp_buf *b = p->c.type == CONN_TCP ? tcp_buf_of(t, p) : NULL;

	uint32_t skip = 0;

	/* As Linux: up to the urgent mark. */
	return b == NULL ? 0 : b->tell == 0 ? b->rcv_len : tcp_urgent_readable(t, p, b, &skip);
}

uint32_t tcp_unread_plain(const struct tcp *t, const struct tcp_pcb *p)
{
	const struct tcp_buf *b = p->c.type == CONN_TCP ? tcp_buf_of(t, p) : NULL;

	return b != NULL && b->tell == 0 && tcp_rcvlowat(t, p) <= 1 ? b->rcv_len : 0;
}

uint32_t tcp_unsent(const struct tcp *t, const struct tcp_pcb *p)
{
	const struct tcp_buf *b = p->c.type == CONN_TCP ? tcp_buf_of(t, p) : NULL;

	return b != NULL ? b->snd_len : 0;
}

bool tcp_takes(const struct tcp *t, const struct tcp_pcb *p, uint32_t len)
{
	return p->c.type == CONN_TCP && TCP_IN(p->state, ST(ESTABLISHED) | ST(CLOSE_WAIT)) && !(p->tflags & TF_SHUT_WR) &&
	       p->c.so_error == 0 && tcp_opt(t, p)->notsent_lowat == 0 && (uint64_t)tcp_unsent(t, p) + len <= p->sndbuf;
}
