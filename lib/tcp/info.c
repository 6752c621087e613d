/* info.c: TCP_INFO and TCP_CC_INFO as on Linux. Not known here, and 0: fackets, last_ack_sent (as on Linux),
 * rcv_ooopack. Counters begin when the connection gets its ext (ext.h): with the handshake where an option asked for it
 * before, else when it becomes busy or somebody first looks. */
#include "tcp/info.h"

#include <linux/inet_diag.h>

#include "tcp/ext.h"
#include "tcp/flight.h"
#include "tcp/life.h"
#include "tcp/out.h"
#include "tcp/rtx.h"

#define SSTHRESH_INFINITE 0x7fffffffu /* Linux TCP_INFINITE_SSTHRESH */
#define REORDERING 3                  /* duplicates that tell a loss (RFC 5681 3.2) */

static uint8_t info_options(const struct tcp_pcb *p)
{
	return (uint8_t)((p->tflags & TF_TS ? TCPI_OPT_TIMESTAMPS : 0) | (p->wscale != 0 ? TCPI_OPT_WSCALE : 0) |
			 (p->xflags & TX_SACK ? TCPI_OPT_SACK : 0) | (p->xflags & TX_ECN ? TCPI_OPT_ECN : 0) |
			 (p->state != TCP_SYN_SENT && (p->xflags & TX_FO_TAKEN) ? TCPI_OPT_SYN_DATA : 0));
}

/* Linux numbers the states differently. */
static uint8_t info_state(const struct tcp_pcb *p)
{
	static const uint8_t linux_state[TCP_STATES] = {
		[TCP_CLOSED] = 7, [TCP_LISTEN] = 10, [TCP_SYN_SENT] = 2, [TCP_SYN_RECEIVED] = 3, [TCP_ESTABLISHED] = 1,
		[TCP_FIN_WAIT_1] = 4, [TCP_FIN_WAIT_2] = 5, [TCP_CLOSE_WAIT] = 8, [TCP_CLOSING] = 11, [TCP_LAST_ACK] = 9,
		[TCP_TIME_WAIT] = 6,
	};

	return linux_state[p->state];
}

static uint8_t info_ca_state(const struct tcp_pcb *p, const struct tcp_buf *b)
{
	if (p->tflags & TF_LOSS)
		return TCP_CA_Loss;
	if (p->tflags & TF_RECOVERY)
		return TCP_CA_Recovery;
	if (b != NULL && b->cwr)
		return TCP_CA_CWR;
	return p->dupacks > 0 ? TCP_CA_Disorder : TCP_CA_Open;
}

static uint64_t limit_time(const struct tcp *t, const struct tcp_counts *n, enum tcp_limit limit)
{
	return n->limit_us[limit] + (n->limit == limit ? (uint32_t)t->clock->now_us - n->limit_us_since : 0);
}

static void ext_info(const struct tcp *t, const struct tcp_pcb *p, struct tcp_ext *x, uint32_t mss, struct tcp_info *i)
{
	const struct tcp_counts *n = &x->n;
	uint32_t now_ms = t->clock->now_ms;

	i->tcpi_last_data_sent = now_ms - n->data_sent_ms;
	i->tcpi_last_data_recv = now_ms - n->data_rcvd_ms;
	i->tcpi_last_ack_recv = now_ms - n->ack_rcvd_ms;
	i->tcpi_total_retrans = n->retrans;
	if (x->pace.rate != 0)
		i->tcpi_pacing_rate = x->pace.rate;
	i->tcpi_bytes_acked = n->bytes_acked;
	i->tcpi_bytes_received = n->bytes_received + (p->rcv_nxt - n->rcv_seen);
	i->tcpi_segs_out = n->segs_out;
	i->tcpi_segs_in = n->segs_in;
	i->tcpi_min_rtt = x->min_rtt_us;
	i->tcpi_data_segs_in = n->data_segs_in;
	i->tcpi_data_segs_out = n->data_segs_out;
	i->tcpi_delivery_rate = x->rate.last_us != 0 ? (uint64_t)x->rate.last_bytes * 1000000 / x->rate.last_us : 0;
	i->tcpi_delivery_rate_app_limited = x->rate.last_app_limited;
	i->tcpi_rwnd_limited = limit_time(t, n, TCP_LIMIT_RWND);
	i->tcpi_sndbuf_limited = limit_time(t, n, TCP_LIMIT_SNDBUF);
	i->tcpi_busy_time = limit_time(t, n, TCP_LIMIT_BUSY) + i->tcpi_rwnd_limited + i->tcpi_sndbuf_limited;
	i->tcpi_delivered = 1 + (x->rate.delivered + mss - 1) / mss; /* with the SYN */
	i->tcpi_delivered_ce = n->delivered_ce / mss;
	i->tcpi_bytes_sent = n->bytes_sent;
	i->tcpi_bytes_retrans = n->bytes_retrans;
	i->tcpi_dsack_dups = n->dsack_dups;
	i->tcpi_reord_seen = n->reord_seen;
	if ((n->reord_bytes + mss - 1) / mss > REORDERING)
		i->tcpi_reordering = (n->reord_bytes + mss - 1) / mss;
}

static void listener_info(const struct tcp_listener *l, struct tcp_info *i)
{
	i->tcpi_unacked = l->n_accept;
	i->tcpi_sacked = l->backlog;
}

void tcp_info_get(struct tcp *t, struct tcp_pcb *p, struct tcp_info *i)
{
	uint32_t mss = p->mss != 0 ? p->mss : TCP_MSS_FALLBACK;
	const struct tcp_flight *f;
	const struct tcp_buf *b;
	struct tcp_ext *x;

	memset(i, 0, sizeof(*i));
	i->tcpi_state = info_state(p);
	i->tcpi_max_pacing_rate = tcp_opt(t, p)->max_pacing != 0 ? tcp_opt(t, p)->max_pacing : UINT64_MAX;
	i->tcpi_pacing_rate = UINT64_MAX;
	i->tcpi_reordering = REORDERING;
	if (p->c.type == CONN_LISTEN) {
		listener_info((const struct tcp_listener *)p, i);
		return;
	}
	b = tcp_buf_of(t, p);
	i->tcpi_ca_state = info_ca_state(p, b);
	i->tcpi_retransmits = i->tcpi_backoff = p->backoff;
	i->tcpi_probes = p->probes;
	i->tcpi_options = info_options(p);
	i->tcpi_snd_wscale = p->wscale & 15;
	i->tcpi_rcv_wscale = p->wscale >> 4 & 15;
	i->tcpi_rto = (uint32_t)tcp_rtt_rto_backed_us(p);
	i->tcpi_ato = TCP_DELACK_US;
	i->tcpi_snd_mss = mss;
	i->tcpi_rcv_mss = p->rcv_mss;
	i->tcpi_unacked = (p->snd_nxt - p->snd_una + mss - 1) / mss;
	i->tcpi_last_data_recv = i->tcpi_last_ack_recv = (t->clock->tick - p->rcv_tick) / ticks_from_ms(1);
	i->tcpi_pmtu = p->c.h.path != 0 ? path_at(&t->net->paths, p->c.h.path)->pmtu : 0;
	i->tcpi_rcv_ssthresh = seq_gt(p->rcv_adv, p->rcv_nxt) ? p->rcv_adv - p->rcv_nxt : 0;
	i->tcpi_rtt = p->srtt_us8 >> 3;
	i->tcpi_rttvar = p->rttvar_us4 >> 2;
	i->tcpi_snd_ssthresh = p->ssthresh >= TCP_CWND_MAX ? SSTHRESH_INFINITE : p->ssthresh / mss;
	i->tcpi_snd_cwnd = p->cwnd / mss;
	i->tcpi_advmss = mss;
	f = b != NULL ? tcp_flight_of(t, b) : NULL;
	if (f != NULL) {
		i->tcpi_sacked = (f->sacked + mss - 1) / mss;
		i->tcpi_lost = (f->lost + mss - 1) / mss;
		i->tcpi_retrans = (f->retrans + mss - 1) / mss;
	}
	i->tcpi_notsent_bytes = b != NULL && seq_lt(p->snd_nxt, tcp_data_end(p, b)) ? tcp_data_end(p, b) - p->snd_nxt : 0;
	i->tcpi_snd_wnd = p->snd_wnd;
	x = tcp_ext_need(t, p);
	if (x == NULL)
		return;
	x->keep |= EXT_KEEP_INFO;
	i->tcpi_rcv_rtt = x->drs.rtt_us8 >> 3;
	i->tcpi_rcv_space = x->drs.space;
	ext_info(t, p, x, mss, i);
}

void tcp_info_more(struct tcp *t, struct tcp_pcb *p, struct tcp_info_more *i)
{
	memset(i, 0, sizeof(*i));
	tcp_info_get(t, p, &i->info);
	if (p->c.type == CONN_TCP && TCP_IN(p->state, TCP_SYNCHRONIZED))
		i->rcv_wnd = p->rcv_adv - p->rcv_nxt;
}

uint32_t tcp_cc_info_get(const struct tcp *t, const struct tcp_pcb *p, union tcp_cc_info *i)
{
	const struct tcp_ext *x = p->c.type == CONN_TCP ? tcp_ext_of(t, p) : NULL;
	const struct tcp_cc *cc = tcp_cc_of(p);
	uint64_t bw;

	memset(i, 0, sizeof(*i));
	if (cc == &tcp_cc_dctcp) {
		i->dctcp.dctcp_enabled = (p->xflags & TX_ECN) && x != NULL;
		if (i->dctcp.dctcp_enabled) {
			i->dctcp.dctcp_ce_state = x->cc.dctcp.ce;
			i->dctcp.dctcp_alpha = x->cc.dctcp.alpha;
			i->dctcp.dctcp_ab_ecn = (uint32_t)x->cc.dctcp.bytes_marked;
			i->dctcp.dctcp_ab_tot = (uint32_t)x->cc.dctcp.bytes_acked;
		}
		return sizeof(i->dctcp);
	}
	if (cc != &tcp_cc_bbr)
		return 0;
	if (x != NULL) {
		bw = bbr_bw(&x->cc.bbr);
		i->bbr.bbr_bw_lo = (uint32_t)bw;
		i->bbr.bbr_bw_hi = (uint32_t)(bw >> 32);
		i->bbr.bbr_min_rtt = x->cc.bbr.rtprop_us;
		i->bbr.bbr_pacing_gain = x->cc.bbr.pacing_gain;
		i->bbr.bbr_cwnd_gain = x->cc.bbr.cwnd_gain;
	}
	return sizeof(i->bbr);
}
