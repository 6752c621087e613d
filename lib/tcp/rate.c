/* rate.c: delivery rate samples. Section numbers are the draft's. */
#include "tcp/rate.h"

#include "tcp/ext.h"
#include "tcp/out.h"

/* 3.2 */
void tcp_rate_sent(struct tcp *t, struct tcp_pcb *p, struct tcp_rec *r, bool begins)
{
	struct tcp_ext *x = tcp_ext_of(t, p);

	r->flags &= (uint8_t)~(REC_RATED | REC_APP_LIMITED);
	if (x == NULL)
		return;
	if (begins)
		x->rate.first_sent_us = x->rate.delivered_us = r->sent_us;
	r->delivered = x->rate.delivered;
	r->delivered_us = x->rate.delivered_us;
	r->first_us = x->rate.first_sent_us;
	r->flags |= x->rate.app_limited != 0 ? REC_RATED | REC_APP_LIMITED : REC_RATED;
}

/* 3.3, of each record */
void tcp_rate_delivered(struct tcp *t, struct tcp_pcb *p, struct tcp_news *n, const struct tcp_rec *r, uint32_t len)
{
	struct tcp_ext *x = tcp_ext_of(t, p);

	if (x == NULL)
		return;
	x->rate.delivered += len;
	x->rate.delivered_us = n->now_us;
	if (!(r->flags & REC_RATED) || (n->rate && seq_lt(r->sent_us, n->rate_sent_us)))
		return;
	n->rate = true;
	n->a.prior_delivered = r->delivered;
	n->a.app_limited = r->flags & REC_APP_LIMITED;
	n->rate_sent_us = r->sent_us;
	n->rate_first_us = r->first_us;
	n->rate_delivered_us = r->delivered_us;
	x->rate.first_sent_us = r->sent_us;
}

/* 3.3, of the ACK */
void tcp_rate_sample(struct tcp *t, struct tcp_pcb *p, struct tcp_news *n, uint32_t min_rtt_us)
{
	struct tcp_ext *x = tcp_ext_of(t, p);
	uint32_t send_us, ack_us;

	if (x == NULL)
		return;
	if (x->rate.app_limited != 0 && seq_gt(x->rate.delivered, x->rate.app_limited))
		x->rate.app_limited = 0;
	if (!n->rate)
		return;
	send_us = n->rate_sent_us - n->rate_first_us;
	ack_us = n->now_us - n->rate_delivered_us;
	n->a.rate_bytes = x->rate.delivered - n->a.prior_delivered;
	n->a.rate_us = send_us > ack_us ? send_us : ack_us;
	if (n->a.rate_us < min_rtt_us) /* retransmissions that were not: no path is that fast */
		n->a.rate_us = n->a.rate_bytes = 0;
}

void tcp_rate_single(struct tcp *t, struct tcp_pcb *p, const struct tcp_buf *b, struct tcp_ack *a)
{
	struct tcp_rate *r = &tcp_ext_of(t, p)->rate;

	a->prior_delivered = r->delivered;
	a->rate_bytes = a->delivered;
	a->rate_us = (uint32_t)t->clock->now_us - b->sent_us;
	a->app_limited = r->app_limited != 0;
	r->delivered += a->delivered;
	r->delivered_us = (uint32_t)t->clock->now_us;
	r->first_sent_us = b->sent_us;
	if (r->app_limited != 0 && seq_gt(r->delivered, r->app_limited))
		r->app_limited = 0;
}

/* 3.4 */
void tcp_rate_flushed(struct tcp *t, struct tcp_pcb *p, const struct tcp_buf *b)
{
	struct tcp_rate *r = &tcp_ext_of(t, p)->rate;
	const struct tcp_flight *f = b != NULL ? tcp_flight_of(t, b) : NULL;
	uint32_t pipe = tcp_flight_pipe(p, f);

	if ((b == NULL || seq_ge(p->snd_nxt, tcp_data_end(p, b))) && pipe < p->cwnd && (f == NULL || f->pending == 0))
		r->app_limited = (r->delivered + pipe) | 1;
}
