/* icmp.c: ICMP errors about our segments (RFC 5927, RFC 1191; connect-semantics F11 to F30). */
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include "tcp/buf.h"
#include "tcp/dialect.h"
#include "tcp/fastopen.h"
#include "tcp/in.h"
#include "tcp/life.h"
#include "tcp/rtx.h"

/* The path is narrower than thought: all its flows see that at their next segment. What was too big goes again, which is
 * no sign of congestion (RFC 1191 6.4). */
static void path_narrows(struct tcp *t, uint32_t path_idx, uint16_t mtu, struct tcp_pcb *p)
{
	const struct path *path = path_at(&t->net->paths, path_idx);
	uint16_t before = path->pmtu;

	net_pmtu_lower(t->net, path_idx, mtu);
	if (path->pmtu == before || p == NULL)
		return;
	if (TCP_IN(p->state, TCP_SYNCHRONIZED))
		tcp_rtx_narrowed(t, p);
	else if (p->state == TCP_SYN_SENT)
		tcp_fo_syn_narrowed(t, p);
}

static bool is_frag_needed(const struct net_pkt *pkt)
{
	if (pkt->ip6)
		return pkt->icmp.type == ICMP6_PACKET_TOO_BIG && !pkt->icmp.local;
	return pkt->icmp.type == ICMP_DEST_UNREACH && pkt->icmp.code == ICMP_FRAG_NEEDED && !pkt->icmp.local;
}

static void attempt_ends(struct tcp *t, struct tcp_pcb *p, int err)
{
	t->stats.attempt_fails++;
	tcp_done(t, p, err);
}

/* BSD: what may pass is remembered, and ends an attempt when it comes again after some SYNs were sent again (F11). */
static void icmp_bsd(struct tcp *t, struct tcp_pcb *p, const struct net_pkt *pkt)
{
	const struct net_icmp_bsd says = net_icmp_bsd(pkt);

	if (says.err == 0)
		return;
	if (TCP_IN(p->state, ST(SYN_SENT) | ST(SYN_RECEIVED)) &&
	    (says.hard || (p->backoff >= TCP_SOFT_RETRIES && p->soft_error != 0)))
		attempt_ends(t, p, says.err);
	else
		p->soft_error = says.err;
}

static void icmp_pcb(struct tcp *t, struct tcp_pcb *p, const struct net_pkt *pkt)
{
	if (seq_lt(pkt->icmp.seq, p->snd_una) || seq_ge(pkt->icmp.seq, p->snd_nxt)) {
		/* From outside only what is in flight counts (RFC 5927 4.1); a bare ACK that met a dead neighbour is ours. */
		if (!pkt->icmp.local || pkt->icmp.seq != p->snd_nxt) {
			drop_count(t->drops, DROP_ICMP_UNMATCHED);
			return;
		}
	}
	if (is_frag_needed(pkt)) {
		if (!tcp_opt_unusual_df(tcp_opt(t, p))) /* such sockets did not ask, and do not believe it */
			path_narrows(t, p->c.h.path, pkt->icmp.mtu, p);
		return;
	}
	if (unlikely(tcp_dialect_of(p)->folds_icmp)) {
		icmp_bsd(t, p, pkt);
		return;
	}
	if (pkt->icmp.err == 0)
		return;
	if (TCP_IN(p->state, ST(SYN_SENT) | ST(SYN_RECEIVED))) {
		attempt_ends(t, p, pkt->icmp.err);
		return;
	}
	p->soft_error = (uint8_t)pkt->icmp.err; /* told if retransmission gives up (RFC 9293 3.9.2.2) */
}

int tcp_icmp(struct tcp *t, const struct net_pkt *pkt)
{
	flow_ref r = flow_find(t->flow, &t->flow->tcp, pkt->hash, &pkt->key);

	if (r == 0) {
		drop_count(t->drops, DROP_ICMP_UNMATCHED);
	} else if (ref_kind(r) == FLOW_CONN) {
		icmp_pcb(t, tcp_pcb_at(t, r), pkt);
	} else if (ref_kind(r) == FLOW_SYNRCVD) {
		struct tcp_synrcvd *sr = tcp_synrcvd_at(t, r);

		if (pkt->icmp.seq != sr->iss)
			drop_count(t->drops, DROP_ICMP_UNMATCHED);
		else if (is_frag_needed(pkt))
			path_narrows(t, sr->h.path, pkt->icmp.mtu, NULL);
		else if (pkt->icmp.err != 0)
			tcp_synrcvd_end(t, sr);
	} else if (ref_kind(r) == FLOW_AWAY) {
		return flow_away_at(t->flow, r)->stack;
	}
	return FLOW_DONE;
}
