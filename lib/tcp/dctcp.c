/* dctcp.c: DCTCP (RFC 8257): the window shrinks by the share of marked bytes, not by half. The receiver's part is in ecn.c.
 * Without the connection's ext it is Reno with ECN. */
#include "tcp/cc.h"
#include "tcp/ext.h"

#define G_SHIFT 4 /* g = 1/16 (RFC 8257 4.2) */

static struct dctcp *dctcp_of(const struct tcp *t, const struct tcp_pcb *p)
{
	struct tcp_ext *x = tcp_ext_of(t, p);

	return x != NULL ? &x->cc.dctcp : NULL;
}

static void dctcp_attach(struct tcp *t, struct tcp_pcb *p)
{
	struct dctcp *d = dctcp_of(t, p);

	d->alpha = DCTCP_ALPHA_ONE; /* 3.3: a first mark halves */
	d->window_end = p->snd_nxt;
}

/* 3.3 steps 5 to 8: once per window, M is the share of it that was marked. Alpha below 1/1024 is none: g * Alpha would be too
 * small to take away. */
static void alpha_update(struct dctcp *d)
{
	uint32_t less = d->alpha >> G_SHIFT;

	d->alpha -= less > 0 ? less : d->alpha;
	if (d->bytes_marked > 0)
		d->alpha += (uint32_t)(d->bytes_marked * DCTCP_ALPHA_ONE / d->bytes_acked >> G_SHIFT);
	if (d->alpha > DCTCP_ALPHA_ONE)
		d->alpha = DCTCP_ALPHA_ONE;
	d->bytes_acked = d->bytes_marked = 0;
}

static void dctcp_acked(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, const struct tcp_ack *a)
{
	struct dctcp *d = dctcp_of(t, p);

	if (d != NULL) { /* 3.3 steps 1 to 4 */
		d->bytes_acked += a->acked;
		if (a->ece)
			d->bytes_marked += a->acked;
		if (seq_gt(a->una, d->window_end) && d->bytes_acked > 0) {
			alpha_update(d);
			d->window_end = p->snd_nxt;
		}
	}
	tcp_reno_acked(t, p, b, a);
}

/* 3.3 step 9 */
static uint32_t dctcp_ssthresh_ecn(struct tcp *t, struct tcp_pcb *p)
{
	const struct dctcp *d = dctcp_of(t, p);
	uint32_t alpha = d != NULL ? d->alpha : DCTCP_ALPHA_ONE, least = 2u * p->mss;
	uint32_t ssthresh = p->cwnd - (uint32_t)((uint64_t)p->cwnd * alpha / (2 * DCTCP_ALPHA_ONE));

	return ssthresh > least ? ssthresh : least;
}

const struct tcp_cc tcp_cc_dctcp = {
	.name = "dctcp",
	.start = tcp_reno_start,
	.acked = dctcp_acked,
	.ssthresh = tcp_reno_ssthresh, /* 3.5: a loss is a loss */
	.ssthresh_ecn = dctcp_ssthresh_ecn,
	.attach = dctcp_attach,
	.keeps_state = true,
	.needs_ecn = true,
};
