/* in.c: datagrams and ICMP errors that arrive for UDP. */
#include <errno.h>
#include <netinet/icmp6.h>

#include "flow/away.h"
#include "net/either.h"
#include "udp/private.h"
#include "udp/queue.h"

#define ICMP_UNREACH 3
#define ICMP_PARAM_PROBLEM 12

/* Codes of "destination unreachable" that Linux reports to a connected socket without IP_RECVERR: 2 3 4 6-10 13-15. The
 * others (net, host, source route, TOS) may pass, and RFC 1122 4.1.3.3 wants only hard errors to reach a program. */
#define UNREACH_REPORTED 0xe7dcu

/* Whose packet it is: the socket connected to its sender, else one bound to its destination, in *p (NULL: nobody's). The
 * result is that of udp_input(). */
static int udp_find(struct udp *u, struct net_pkt *pkt, struct udp_pcb **p)
{
	bool own_only = flow_elsewhere(u->flow, pkt->hash); /* sent on to here already: never further */
	flow_ref r = flow_find(u->flow, &u->flow->udp, pkt->hash, &pkt->key);

	*p = NULL;
	if (ref_kind(r) == FLOW_AWAY)
		return flow_away_at(u->flow, r)->stack;
	/* A wrong hash matters where there are connected sockets that it may have missed, or nobody is bound here. */
	if (r == 0 && pkt->nic_hash && u->flow->udp.used > 0 && !net_hash_confirm(u->net, pkt))
		return FLOW_REHASHED;
	if (r == 0)
		r = own_only ? bind_find_own(&u->binds, pkt->key.laddr_be, pkt->key.lport_be, pkt->hash) :
			       bind_find(&u->binds, pkt->key.laddr_be, pkt->key.lport_be, pkt->hash);
	if (r != 0 && ref_kind(r) == FLOW_CONN) {
		*p = (struct udp_pcb *)conn_at(u->flow, r);
		return FLOW_DONE;
	}
	if (pkt->nic_hash && !net_hash_confirm(u->net, pkt))
		return FLOW_REHASHED;
	if (r != 0)
		return (int)ref_index(r);
	if (own_only)
		net_release_stale(u->net, pkt);
	return FLOW_DONE;
}

int udp_input(struct udp *u, struct net_pkt *pkt)
{
	struct rte_mbuf *m = pkt->m;
	struct udp_view v;
	struct udp_pcb *p;
	enum drop why = DROP_UDP_BAD;
	uint32_t have = rte_pktmbuf_pkt_len(m), want;
	int verdict = udp_find(u, pkt, &p);

	if (verdict != FLOW_DONE)
		return verdict;

	if (!udp_parse(&v, rte_pktmbuf_mtod_offset(m, const void *, pkt->l4_off), pkt->l4_len))
		goto drop;
	want = (uint32_t)pkt->l4_off + v.len;
	if (have < want || rte_pktmbuf_trim(m, (uint16_t)(have - want)) < 0) /* padding of short frames */
		goto drop;
	if (p == NULL) {
		net_port_unreachable(u->net, pkt); /* RFC 1122 4.1.3.1, RFC 4443 3.1 */
		why = DROP_UDP_NO_SOCKET;
		goto drop;
	}
	if (unlikely(pkt->ip6))
		udp_queue_join6(m, pkt);
	m->tx_offload = 0;
	m->l2_len = pkt->l3_off;
	m->l3_len = (uint64_t)(pkt->l4_off - pkt->l3_off);
	m->tso_segsz = pkt->iface;
	why = DROP_UDP_FULL;
	if (p->n_queued >= UDP_QUEUE_MAX || p->queued_bytes + udp_payload_len(m) > p->rcvbuf)
		goto drop;
	udp_queue_add(p, m);
	u->rx++;
	ready_mark(u->flow, &p->c, EPOLLIN);
	return FLOW_DONE;
drop:
	drop_count(u->drops, why);
	rte_pktmbuf_free(m);
	return FLOW_DONE;
}

/* All but no route, beyond the scope, and address unreachable, which may pass. */
static bool icmp6_reported(const struct net_pkt *pkt)
{
	if (pkt->icmp.type == ICMP6_DST_UNREACH)
		return pkt->icmp.code != ICMP6_DST_UNREACH_NOROUTE && pkt->icmp.code != ICMP6_DST_UNREACH_BEYONDSCOPE &&
		       pkt->icmp.code != ICMP6_DST_UNREACH_ADDR;
	return pkt->icmp.type == ICMP6_PACKET_TOO_BIG || pkt->icmp.type == ICMP6_PARAM_PROB;
}

static bool icmp_reported(const struct net_pkt *pkt)
{
	if (pkt->icmp.local)
		return false; /* like a host unreachable: may pass */
	if (pkt->ip6)
		return icmp6_reported(pkt);
	if (pkt->icmp.type == ICMP_UNREACH)
		return pkt->icmp.code < 16 && (UNREACH_REPORTED >> pkt->icmp.code & 1);
	return pkt->icmp.type == ICMP_PARAM_PROBLEM;
}

int udp_icmp(struct udp *u, const struct net_pkt *pkt)
{
	flow_ref r = flow_find(u->flow, &u->flow->udp, pkt->hash, &pkt->key);
	bool too_big = pkt->ip6 ? pkt->icmp.type == ICMP6_PACKET_TOO_BIG : pkt->icmp.type == ICMP_UNREACH && pkt->icmp.code == 4;
	struct conn *c;

	if (ref_kind(r) == FLOW_AWAY)
		return flow_away_at(u->flow, r)->stack;
	if (r == 0) {
		/* Unconnected sockets are never told: they could not know which peer is meant. */
		if (bind_find(&u->binds, pkt->key.laddr_be, pkt->key.lport_be, pkt->hash) == 0)
			drop_count(u->drops, DROP_ICMP_UNMATCHED);
		return FLOW_DONE;
	}
	if (!icmp_reported(pkt) || (pkt->icmp.err == 0 && !too_big))
		return FLOW_DONE;
	c = conn_at(u->flow, r);
	c->so_error = (uint8_t)(too_big ? EMSGSIZE : pkt->icmp.err);
	ready_mark(u->flow, c, EPOLLERR);
	return FLOW_DONE;
}
