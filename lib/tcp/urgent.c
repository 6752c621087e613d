/* urgent.c: the urgent mark, out and in. The rules of when a pointer counts are Linux's (tcp_check_urg), which programs that
 * use urgent data were written for. */
#include "tcp/urgent.h"

#include <errno.h>
#include <sys/socket.h>

#include "tcp/out.h"

/* ---- out ---- */

void tcp_urgent_send(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b)
{
	b->snd_up = p->snd_una + b->snd_len;
	b->tell |= BUF_URG_SEND;
	p->tflags |= TF_FORCE; /* it does not wait for a full segment */
	tcp_out_mark(t, p);
}

uint16_t tcp_urgent_pointer(const struct tcp_pcb *p, const struct tcp_buf *b, uint32_t seq, uint8_t *flags)
{
	if (!(b->tell & BUF_URG_SEND) || (*flags & TCPF_RST) || seq_ge(seq, b->snd_up) || seq_lt(seq, p->snd_una))
		return 0;
	*flags |= TCPF_URG;
	return b->snd_up - seq < UINT16_MAX ? (uint16_t)(b->snd_up - seq) : UINT16_MAX; /* later segments say it more exactly */
}

/* ---- in ---- */

static bool inline_(const struct tcp *t, const struct tcp_pcb *p) { return tcp_opt(t, p)->flags & OPT_OOBINLINE; }

/* The next byte that the application will read. */
static uint32_t copied(const struct tcp_pcb *p, const struct tcp_buf *b) { return p->rcv_nxt - b->rcv_len; }

static void tell_set(struct tcp_buf *b, uint8_t urg)
{
	b->tell = (uint8_t)((b->tell & ~(BUF_URG_WAIT | BUF_URG_BYTE | BUF_URG_READ)) | urg);
}

void tcp_in_urg(struct tcp *t, struct tcp_pcb *p, const struct tcp_seg *s)
{
	uint32_t at = s->urp != 0 ? s->up - 1 : s->up; /* a pointer of 0 names the segment's first byte */
	struct tcp_buf *b = tcp_buf_of(t, p);

	if (!TCP_IN(p->state, ST(ESTABLISHED) | ST(FIN_WAIT_1) | ST(FIN_WAIT_2))) /* there is nothing left to be urgent about */
		return;
	if (seq_lt(at, p->rcv_nxt)) /* of what has arrived: old */
		return;
	if (b != NULL && tcp_urgent_pending(b) && seq_le(at, b->rcv_up)) /* RCV.UP <- max(RCV.UP, SEG.UP) */
		return;
	b = tcp_buf_need(t, p);
	/* The old urgent byte was next and nobody has read it: it must not become part of the stream now. */
	if (tcp_urgent_pending(b) && b->rcv_up == copied(p, b) && b->rcv_len > 0 && !inline_(t, p))
		tcp_buf_rcv_take(t, b, 1);
	b->rcv_up = at;
	tell_set(b, BUF_URG_WAIT);
}

void tcp_urgent_text(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, const struct tcp_seg *s)
{
	uint32_t at = b->rcv_up - s->seq;
	uint8_t byte;

	if (at >= s->len)
		return;
	b->urg_byte = *(const uint8_t *)rte_pktmbuf_read(s->m, s->off + at, 1, &byte);
	tell_set(b, BUF_URG_BYTE);
	ready_mark(t->flow, &p->c, EPOLLPRI);
}

uint32_t tcp_urgent_readable(const struct tcp *t, const struct tcp_pcb *p, const struct tcp_buf *b, uint32_t *skip)
{
	uint32_t at = b->rcv_up - copied(p, b);

	if (!tcp_urgent_pending(b) || at >= b->rcv_len)
		return b->rcv_len;
	if (at > 0)
		return at;
	if (inline_(t, p))
		return b->rcv_len;
	*skip = 1;
	return b->rcv_len - 1;
}

void tcp_urgent_taken(const struct tcp_pcb *p, struct tcp_buf *b)
{
	if (seq_gt(copied(p, b), b->rcv_up))
		tell_set(b, 0);
}

ssize_t tcp_recv_urgent(struct tcp *t, struct tcp_pcb *p, void *dst, size_t len, int flags)
{
	struct tcp_buf *b = p->c.type == CONN_TCP ? tcp_buf_of(t, p) : NULL;

	if (b == NULL || inline_(t, p) || !(b->tell & (BUF_URG_WAIT | BUF_URG_BYTE)))
		return -EINVAL; /* as Linux, also when it was read before */
	if (!(b->tell & BUF_URG_BYTE))
		return p->state == TCP_CLOSED || (p->tflags & TF_SHUT_RD) ? 0 : -EAGAIN;
	if (!(flags & MSG_PEEK))
		tell_set(b, BUF_URG_READ);
	if (len == 0)
		return 0;
	if (!(flags & MSG_TRUNC))
		*(uint8_t *)dst = b->urg_byte;
	return 1;
}

bool tcp_at_mark(const struct tcp *t, const struct tcp_pcb *p)
{
	const struct tcp_buf *b = p->c.type == CONN_TCP ? tcp_buf_of(t, p) : NULL;

	return b != NULL && tcp_urgent_pending(b) && b->rcv_up == copied(p, b);
}
