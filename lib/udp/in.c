/* in.c: datagrams and ICMP errors that arrive for UDP. */
#include <errno.h>
#include <netinet/icmp6.h>

#include "flow/away.h"
#include "net/either.h"
#include "udp/private.h"
#include "udp/queue.h"
#include "wire/icmp.h"

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
		r = bind_find_by(&u->binds, pkt->iface, pkt->key.laddr_be, pkt->key.lport_be, pkt->hash, own_only);
	if (r != 0 && ref_kind(r) == FLOW_CONN) {
		*p = (struct udp_pcb *)conn_at(u->flow, r);
		if (unlikely(!net_via_takes((*p)->via, pkt->iface))) /* connected, and bound to another device */
			*p = NULL;
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

bool udp_trim(const struct net_pkt *pkt, struct rte_mbuf *m)
{
	uint32_t have = rte_pktmbuf_pkt_len(m), want;
	struct udp_view v;

	if (!udp_parse(&v, rte_pktmbuf_mtod_offset(m, const void *, pkt->l4_off), pkt->l4_len))
		return false;
	want = (uint32_t)pkt->l4_off + v.len;
	return have >= want && rte_pktmbuf_trim(m, (uint16_t)(have - want)) == 0; /* padding of short frames */
}

void udp_deliver(struct udp *u, struct udp_pcb *p, const struct net_pkt *pkt, struct rte_mbuf *m)
{
	uint16_t l4_off = pkt->l4_off;

	if (unlikely(pkt->ip6))
		l4_off = udp_queue_join6(m, pkt->l3_off, l4_off);
	m->tx_offload = 0;
	m->l2_len = pkt->l3_off;
	m->l3_len = (uint64_t)(l4_off - pkt->l3_off);
	m->port = pkt->iface;
	if (p->n_queued >= UDP_QUEUE_MAX || p->queued_bytes + udp_payload_len(m) > p->rcvbuf) {
		drop_count(u->drops, DROP_UDP_FULL);
		p->dropped++;
		rte_pktmbuf_free(m);
		return;
	}
	udp_arrival_set(m, u->flow->clock->now_ns);
	udp_queue_add(p, m);
	u->rx++;
	ready_mark(u->flow, &p->c, EPOLLIN);
}

int udp_input(struct udp *u, struct net_pkt *pkt)
{
	struct rte_mbuf *m = pkt->m;
	struct udp_pcb *p;
	enum drop why = DROP_UDP_BAD;
	int verdict = udp_find(u, pkt, &p);

	if (verdict != FLOW_DONE)
		return verdict;
	if (!udp_trim(pkt, m))
		goto drop;
	if (p == NULL) {
		net_port_unreachable(u->net, pkt); /* RFC 1122 4.1.3.1, RFC 4443 3.1 */
		why = DROP_UDP_NO_SOCKET;
		goto drop;
	}
	udp_deliver(u, p, pkt, m);
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

/* What is larger than this must not be sent again over the path (RFC 1191 section 3). */
static void path_narrows(struct udp *u, const struct udp_pcb *p, const struct net_pkt *pkt)
{
	uint32_t path;
	int err;

	/* Some sockets do not believe ICMP. An IPv6 address without a number has no path to be narrowed. */
	if (p->pmtudisc >= IP_PMTUDISC_INTERFACE || pkt->key.raddr_be == 0)
		return;
	path = net_path_get(u->net, pkt->key.laddr_be, pkt->key.raddr_be, &err);
	if (path == 0)
		return;
	net_pmtu_lower(u->net, path, pkt->icmp.mtu);
	net_path_put(u->net, path);
}

/* For IP_RECVERR: with all that is known. */
static void error_keep(struct udp *u, struct udp_pcb *p, const struct net_pkt *pkt, int err)
{
	uint32_t payload = (uint32_t)pkt->l4_off + UDP_HDR_LEN, have = rte_pktmbuf_pkt_len(pkt->m);
	const struct udp_error e = {
		.origin = pkt->ip6 ? SO_EE_ORIGIN_ICMP6 : SO_EE_ORIGIN_ICMP, .type = pkt->icmp.type, .code = pkt->icmp.code,
		.iface = pkt->iface, .err = err, .info = pkt->icmp.mtu,
		.to = {.addr = pkt->ip6 ? *net_pkt_raddr6(pkt) : ip6_addr_mapped(pkt->key.raddr_be), .port_be = pkt->key.rport_be},
		.offender = {.addr = pkt->icmp.from}, .has_offender = true,
	};

	udp_error_add(u, p, &e, pkt->m, payload, have > payload ? have - payload : 0);
}

static bool is_too_big(const struct net_pkt *pkt)
{
	return pkt->ip6 ? pkt->icmp.type == ICMP6_PACKET_TOO_BIG :
			  pkt->icmp.type == ICMP_UNREACH && pkt->icmp.code == ICMP_UNREACH_FRAG;
}

static void icmp_pcb(struct udp *u, struct udp_pcb *p, const struct net_pkt *pkt, bool connected)
{
	bool too_big = is_too_big(pkt), keep = p->opts & UDP_OPT_RECVERR;
	int err = too_big ? EMSGSIZE : pkt->icmp.err;

	if (too_big)
		path_narrows(u, p, pkt);
	if (err == 0 || (too_big && p->pmtudisc == IP_PMTUDISC_DONT))
		return;
	/* Unconnected sockets are told only if they ask for more than a number: they could not know which peer is meant. */
	if (!keep && connected && unlikely(conn_dialect(&p->c) == DIALECT_BSD))
		err = pkt->icmp.local ? 0 : too_big ? EMSGSIZE : net_icmp_bsd(pkt).err; /* H13: what may pass is reported, too */
	else if (!keep && (!connected || !icmp_reported(pkt)))
		return;
	if (err == 0)
		return;
	if (keep)
		error_keep(u, p, pkt, err);
	p->c.so_error = (uint8_t)err;
	ready_mark(u->flow, &p->c, EPOLLERR);
}

int udp_icmp(struct udp *u, const struct net_pkt *pkt)
{
	flow_ref r = flow_find(u->flow, &u->flow->udp, pkt->hash, &pkt->key);
	bool connected = r != 0, own_only = flow_elsewhere(u->flow, pkt->hash);

	if (ref_kind(r) == FLOW_AWAY)
		return flow_away_at(u->flow, r)->stack;
	if (r == 0)
		r = own_only ? bind_find_own(&u->binds, pkt->key.laddr_be, pkt->key.lport_be, pkt->hash) :
			       bind_find(&u->binds, pkt->key.laddr_be, pkt->key.lport_be, pkt->hash);
	if (r == 0)
		drop_count(u->drops, DROP_ICMP_UNMATCHED);
	else if (ref_kind(r) == FLOW_REMOTE)
		return (int)ref_index(r);
	else
		icmp_pcb(u, (struct udp_pcb *)conn_at(u->flow, r), pkt, connected);
	return FLOW_DONE;
}
