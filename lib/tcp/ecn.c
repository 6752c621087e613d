/* ecn.c: see ecn.h. Section numbers are RFC 3168's. */
#include "tcp/ecn.h"

#include "tcp/cc.h"
#include "tcp/ext.h"
#include "tcp/out.h"

/* ---- the handshake (6.1.1) ---- */

/* A SYN that was lost may have been lost for its flags: repetitions go without (6.1.1.1; Linux tcp_ecn_fallback). A SYN-ACK to
 * the first one counts nevertheless. SYNs are not ECN-capable themselves, except of DCTCP as Linux does it (RFC 8311 4.3). */
uint8_t tcp_ecn_syn_flags(const struct tcp *t, struct tcp_pcb *p, uint8_t *tos)
{
	bool needs = tcp_cc_of(p)->needs_ecn;

	if (p->state == TCP_SYN_RECEIVED) {
		if (!(p->xflags & TX_ECN))
			return 0;
		*tos |= needs ? ECN_ECT0 : 0;
		return TCPF_ECE;
	}
	if (p->backoff > 0 || !(needs || t->ecn == TCP_ECN_ON))
		return 0;
	*tos |= needs ? ECN_ECT0 : 0;
	p->xflags |= TX_ECN;
	return ECN_SETUP_SYN;
}

void tcp_ecn_syn_answered(struct tcp_pcb *p, uint8_t flags)
{
	uint8_t wanted = flags & TCPF_ACK ? TCPF_ECE : ECN_SETUP_SYN;

	if ((flags & ECN_SETUP_SYN) != wanted)
		p->xflags &= ~TX_ECN;
}

/* 6.1.1: a SYN must not be ECN-capable; one that is has passed something that sets these bits (Linux tcp_ecn_create_request). */
bool tcp_ecn_accept(const struct tcp *t, const struct tcp_pcb *listener, const struct tcp_seg *s, uint8_t *tos)
{
	bool needs = tcp_cc_of(listener)->needs_ecn;

	if ((s->flags & ECN_SETUP_SYN) != ECN_SETUP_SYN)
		return false;
	if (!needs && (t->ecn == TCP_ECN_OFF || (s->pkt->tos & ECN_CE) != 0))
		return false;
	*tos |= needs ? ECN_ECT0 : 0;
	return true;
}

/* ---- the sender ---- */

/* 6.1.4, 6.1.5, 6.1.6: neither ACKs nor retransmissions nor window probes are ECN-capable: nobody would slow down for their
 * marks, and who forges them could abuse that. In a data center DCTCP wants marks instead of losses on all of them. */
uint8_t tcp_ecn_mark(struct tcp_pcb *p, uint32_t seq, uint32_t len, uint8_t *flags)
{
	bool fresh = len > 0 && seq_ge(seq, p->snd_nxt) && seq_le(seq + len, p->snd_una + p->snd_wnd);

	if (fresh && (p->xflags & TX_ECN_CWR)) {
		*flags |= TCPF_CWR;
		p->xflags &= ~TX_ECN_CWR;
	}
	return fresh || tcp_cc_of(p)->needs_ecn ? ECN_ECT0 : 0;
}

void tcp_ecn_echo(struct tcp *t, struct tcp_pcb *p, uint32_t ack)
{
	struct tcp_buf *b = tcp_buf_of(t, p);
	const struct tcp_cc *cc = tcp_cc_of(p);
	uint32_t flight = p->snd_nxt - p->snd_una;

	if (b == NULL || flight == 0 || (p->tflags & (TF_RECOVERY | TF_LOSS)) || (b->cwr && seq_le(ack, b->cwr_seq)))
		return;
	p->ssthresh = cc->ssthresh_ecn != NULL ? cc->ssthresh_ecn(t, p) : cc->ssthresh(t, p, flight);
	if (!cc->own_recovery && p->cwnd > p->ssthresh)
		p->cwnd = p->ssthresh;
	b->cc_acked = 0;
	b->cwr = true;
	b->cwr_seq = p->snd_nxt;
	tcp_ecn_reduced(p);
	t->stats.ecn_reductions++;
	tcp_cc_tell(t, p, TCP_CC_CWR);
}

/* ---- the receiver ---- */

/* RFC 8257 3.2: the peer counts marked bytes, so every ACK says what its own bytes were. When that changes, what is owed
 * for the bytes before leaves first. */
static void ce_state_set(struct tcp *t, struct tcp_pcb *p, bool ce)
{
	struct tcp_ext *x = tcp_ext_of(t, p);

	if (x == NULL || x->cc.dctcp.ce == ce)
		return;
	if (p->rcv_nxt != p->last_ack_sent && tcp_out_room(t, p->c.h.path))
		tcp_out_ack(t, p);
	x->cc.dctcp.ce = ce;
	p->xflags = ce ? p->xflags | TX_ECN_ECE : p->xflags & ~TX_ECN_ECE;
	tcp_out_ack_now(t, p);
}

void tcp_ecn_data(struct tcp *t, struct tcp_pcb *p, const struct tcp_seg *s)
{
	bool ce = (s->pkt->tos & ECN_CE) == ECN_CE;

	if (tcp_cc_of(p)->needs_ecn && (p->xflags & TX_EXT)) {
		ce_state_set(t, p, ce);
		return;
	}
	if (s->flags & TCPF_CWR) { /* its window may be a single segment now: it should not wait for a delayed ACK */
		p->xflags &= ~TX_ECN_ECE;
		tcp_out_ack_now(t, p);
	}
	if (ce && !(p->xflags & TX_ECN_ECE)) { /* 6.1.3 */
		p->xflags |= TX_ECN_ECE;
		t->stats.ecn_ce++;
		tcp_out_ack_now(t, p);
	}
}
