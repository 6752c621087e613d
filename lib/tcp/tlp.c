/* tlp.c: the tail loss probe (RFC 8985 section 7): the last segments of a flight have nothing behind them that would tell of
 * their loss, so one more is sent to ask, before the RTO. */
#include "tcp/cc.h"
#include "tcp/out.h"
#include "tcp/recovery.h"
#include "tcp/rtx.h"
#include "tcp/timers.h"

/* 7.3. Sent or not, the RTO comes next. */
void tcp_tlp_fire(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b)
{
	struct tcp_flight *f = tcp_flight_need(t, p, b);
	uint32_t nxt = p->snd_nxt;

	if (!(p->xflags & TX_TLP) && tcp_out_probe(t, p, b)) {
		t->stats.tlp_probes++;
		f->tlp_end = p->snd_nxt;
		f->tlp_new = p->snd_nxt != nxt;
		p->xflags |= TX_TLP;
	}
	tcp_timer_rtx_in(t, p, tcp_rtt_rto_us(p));
}

/* 7.4.2 */
void tcp_tlp_ack(struct tcp *t, struct tcp_pcb *p, struct tcp_flight *f, const struct tcp_news *n)
{
	uint32_t end = f != NULL ? f->tlp_end : n->prior_una, ack = n->s->ack;

	if (seq_lt(ack, end))
		return;
	if (f != NULL && f->tlp_new) {
		p->xflags &= ~TX_TLP;
	} else if (n->dsack && n->dsack_right == end) { /* case 1: both copies came */
		p->xflags &= ~TX_TLP;
	} else if (seq_gt(ack, end)) {                  /* case 2: only one did: the probe has repaired a loss */
		p->xflags &= ~TX_TLP;
		t->stats.tlp_repaired++;
		tcp_recovery_repaired(t, p);
	} else if (n->dup && n->s->o.n_sack == 0) {     /* case 3: a peer without D-SACK acknowledges the second copy */
		p->xflags &= ~TX_TLP;
	}
}
