/* undo.c: taking back the answer to a loss that was none: by timestamps (RFC 3522, 4015) or because D-SACKs tell of all that
 * was sent again (RFC 3708 section 2, as Linux). */
#include "tcp/cc.h"
#include "tcp/recovery.h"

/* Before cwnd and ssthresh change. */
void tcp_undo_begin(struct tcp_pcb *p, struct tcp_flight *f)
{
	f->undo = true;
	f->undo_una = p->snd_una;
	f->undo_rtx = f->retrans; /* a loss probe */
	f->rtx_ts_set = false;
	f->prior_cwnd = p->cwnd;
	f->prior_ssthresh = p->ssthresh;
}

/* The ACK of new data echoes a timestamp from before the first retransmission (RFC 3522 section 3.2 (4)). */
bool tcp_undo_delayed(const struct tcp_pcb *p, const struct tcp_flight *f, const struct tcp_news *n)
{
	return f->undo && f->rtx_ts_set && n->advanced && (p->tflags & TF_TS) && n->s->o.has_ts &&
	       (int32_t)(n->s->o.tsecr - f->rtx_ts) < 0;
}

bool tcp_undo_may(const struct tcp_pcb *p, const struct tcp_flight *f, const struct tcp_news *n)
{
	return f->undo && f->rtx_ts_set && (f->undo_rtx == 0 || tcp_undo_delayed(p, f, n));
}

void tcp_undo(struct tcp *t, struct tcp_pcb *p, struct tcp_flight *f)
{
	if (p->tflags & (TF_RECOVERY | TF_LOSS))
		tcp_flight_unmark(t, f);
	if (p->tflags & TF_RECOVERY)
		p->xflags |= TX_REORDERS; /* it was late, not lost */
	p->tflags &= ~(TF_RECOVERY | TF_LOSS);
	p->cwnd = f->prior_cwnd > p->cwnd ? f->prior_cwnd : p->cwnd;
	p->ssthresh = f->prior_ssthresh > p->ssthresh ? f->prior_ssthresh : p->ssthresh;
	f->undo = f->frto = f->frto_new = false;
	t->stats.undone++;
	tcp_cc_tell(t, p, TCP_CC_UNDO);
}
