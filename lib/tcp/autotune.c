/* autotune.c: see autotune.h. */
#include "tcp/autotune.h"

#include "tcp/ext.h"
#include "tcp/out.h"

/* As the receiver sees it: a timestamp's echo gives it to the millisecond, smoothed; else the time in which a window of data
 * came, of which the least counts, for the sender may have had too little to send. */
static void rtt_measure(const struct tcp *t, const struct tcp_pcb *p, struct tcp_drs *d, bool has_ts, uint32_t tsecr)
{
	uint32_t now_us = (uint32_t)t->clock->now_us;

	if (has_ts) {
		uint32_t ms = tcp_now_ts(t, p->ts_offset) - tsecr, us = (ms != 0 ? ms : 1) * 1000;

		if (tsecr == d->tsecr || ms > TCP_RTO_MAX_US / 1000)
			return;
		d->tsecr = tsecr;
		d->rtt_us8 = d->rtt_us8 != 0 ? d->rtt_us8 - (d->rtt_us8 >> 3) + us : us << 3;
		return;
	}
	if (d->wnd_us != 0 && seq_lt(p->rcv_nxt, d->wnd_seq))
		return;
	if (d->wnd_us != 0) {
		uint32_t us8 = now_us - d->wnd_us < TCP_RTO_MAX_US ? (now_us - d->wnd_us) << 3 : TCP_RTO_MAX_US << 3;

		d->rtt_us8 = d->rtt_us8 != 0 && d->rtt_us8 < us8 ? d->rtt_us8 : us8;
	}
	d->wnd_seq = seq_max(p->rcv_adv, p->rcv_nxt + 1);
	d->wnd_us = now_us != 0 ? now_us : 1;
}

/* Twice what was taken in the last round trip, because the sender may double in the next; and more while that grows. */
static void space_grow(struct tcp *t, struct tcp_pcb *p, const struct tcp_drs *d, uint32_t taken)
{
	uint64_t wnd = 2ull * taken + 16ull * p->mss;

	wnd += 2 * (wnd * (taken - d->space) / d->space);
	if (wnd > t->rcvbuf_max)
		wnd = t->rcvbuf_max;
	if (wnd > p->rcvbuf && t->rcv_held < t->rcv_held_max / 2) /* while there are packet buffers for it */
		p->rcvbuf = (uint32_t)wnd;
}

void tcp_autotune(struct tcp *t, struct tcp_pcb *p, const struct tcp_buf *b, bool has_ts, uint32_t tsecr)
{
	uint32_t now_us = (uint32_t)t->clock->now_us, copied = p->rcv_nxt - b->rcv_len;
	struct tcp_ext *x = tcp_rcvbuf_tuned(t, p) ? tcp_ext_need(t, p) : NULL;
	struct tcp_drs *d;

	if (x == NULL)
		return;
	d = &x->drs;
	if (d->space == 0) {
		*d = (struct tcp_drs){.space = (uint32_t)TCP_INITIAL_WINDOW * p->mss, .seq = copied, .us = now_us, .rtt_us8 = p->srtt_us8};
		return;
	}
	rtt_measure(t, p, d, has_ts, tsecr);
	if (d->rtt_us8 == 0 || now_us - d->us < d->rtt_us8 >> 3)
		return;
	if (copied - d->seq > d->space) {
		space_grow(t, p, d, copied - d->seq);
		d->space = copied - d->seq;
	}
	d->seq = copied;
	d->us = now_us;
}
