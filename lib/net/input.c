/* input.c: a received frame's way to a verdict: link header, ARP, IPv4, checksums, the flow's key. */
#include <netinet/in.h>
#include <string.h>

#include "base/log.h"
#include "net/group.h"
#include "net/net6.h"
#include "wire/cksum.h"
#include "wire/icmp.h"
#include "wire/ip4_opts.h"
#include "wire/tcp.h"
#include "wire/udp.h"

bool net_headers_gather(struct rte_mbuf *m) { return net_gather(m, NET_HEADERS_MAX); }

bool net_gather(struct rte_mbuf *m, uint32_t want)
{
	want = RTE_MIN(m->pkt_len, want);
	if (want > m->data_len && want - m->data_len > rte_pktmbuf_tailroom(m))
		return false;
	while (m->data_len < want) {
		struct rte_mbuf *next = m->next;
		uint16_t part = (uint16_t)RTE_MIN(want - m->data_len, (uint32_t)next->data_len);

		memcpy(rte_pktmbuf_mtod_offset(m, void *, m->data_len), rte_pktmbuf_mtod(next, void *), part);
		m->data_len += part;
		next->data_off += part;
		next->data_len -= part;
		if (next->data_len == 0) {
			m->next = next->next;
			m->nb_segs--;
			rte_pktmbuf_free_seg(next);
		}
	}
	return true;
}

static void trim_segments(struct rte_mbuf *m, uint32_t len)
{
	struct rte_mbuf *last = m;

	m->pkt_len = len;
	for (m->nb_segs = 1; len > last->data_len; m->nb_segs++) {
		len -= last->data_len;
		last = last->next;
	}
	last->data_len = (uint16_t)len;
	rte_pktmbuf_free(last->next);
	last->next = NULL;
}

/* Cuts off what follows the first len bytes: the padding of short frames. */
static inline void trim(struct rte_mbuf *m, uint32_t len)
{
	if (likely(m->pkt_len == len))
		return;
	if (likely(m->nb_segs == 1))
		m->data_len = m->pkt_len = (uint16_t)len;
	else
		trim_segments(m, len);
}

void net_trim(struct rte_mbuf *m, uint32_t len) { trim(m, len); }

/* Must the checksum be computed here? "NONE" says that the data was not in danger (a virtual link), though the field is
 * not filled in. */
static inline bool l4_unverified(const struct rte_mbuf *m)
{
	return (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN;
}

static inline bool l4_cksum_bad(const struct rte_mbuf *m, const struct net_pkt *pkt, uint32_t len)
{
	if (!l4_unverified(m))
		return (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) == RTE_MBUF_F_RX_L4_CKSUM_BAD;
	if (unlikely(pkt->ip6))
		return cksum_l4_ip6(m, pkt->l4_off, len, net_pkt_raddr6(pkt), pkt->proto) != 0;
	return cksum_l4_ip4(m, pkt->l4_off, len, pkt->key.raddr_be, pkt->key.laddr_be, pkt->proto) != 0;
}

/* Loops and ports whose hashes turned out to be others have none. */
static inline bool nic_hash_usable(const struct net *n, const struct rte_mbuf *m, uint8_t port)
{
	return m->ol_flags & RTE_MBUF_F_RX_RSS_HASH && port < PORTS_MAX && n->tx[port].port->offloads & PORT_RX_HASH &&
	       likely(!(n->hash_off >> port & 1));
}

/* Extension headers make devices hash otherwise: by addresses alone, or past them. */
static inline uint32_t pkt_identify6(const struct net *n, struct net_pkt *pkt)
{
	pkt->nic_hash = nic_hash_usable(n, pkt->m, pkt->port) && !(n->hash_off6 >> pkt->port & 1) &&
			pkt->l4_off - pkt->l3_off == IP6_HDR_LEN;
	return pkt->nic_hash ? pkt->m->hash.rss : ip6_hash(n, pkt);
}

/* The flow that the packet belongs to: ports and hash. */
static inline void pkt_identify(const struct net *n, struct net_pkt *pkt, const uint8_t *l4)
{
	const struct rte_mbuf *m = pkt->m;

	memcpy(&pkt->key.rport_be, l4, 2);
	memcpy(&pkt->key.lport_be, l4 + 2, 2);
	if (unlikely(pkt->ip6)) {
		pkt->hash = pkt_identify6(n, pkt);
		return;
	}
	pkt->nic_hash = nic_hash_usable(n, m, pkt->port);
	pkt->hash = pkt->nic_hash ? m->hash.rss : flow_hash(n->flow, &pkt->key);
}

bool net_hash_confirm(struct net *n, struct net_pkt *pkt)
{
	uint32_t hash = pkt->ip6 ? ip6_hash(n, pkt) : flow_hash(n->flow, &pkt->key);

	pkt->nic_hash = false;
	if (likely(hash == pkt->hash))
		return true;
	n->hash_wrong++;
	if (port_say(&n->tx[pkt->port].port->said_hash))
		LOG_WARN("%s: the hash that it gives with packets is not that of its key: hashes are computed in software from now on",
			 n->tx[pkt->port].port->name);
	if (pkt->ip6)
		n->hash_off6 |= (uint8_t)(1u << pkt->port);
	else
		n->hash_off |= (uint8_t)(1u << pkt->port);
	pkt->hash = hash;
	return false;
}

static __rte_always_inline enum net_verdict tcp_identify(struct net *n, struct net_pkt *pkt)
{
	struct rte_mbuf *m = pkt->m;

	if (unlikely(pkt->l4_len < TCP_HDR_LEN))
		return net_drop(n, m, DROP_TCP_BAD);
	if (unlikely(l4_cksum_bad(m, pkt, pkt->l4_len)))
		return net_drop(n, m, DROP_TCP_CKSUM);
	pkt_identify(n, pkt, rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt->l4_off));
	pkt->verified = true;
	return NET_TCP;
}

static enum net_verdict udp_identify(struct net *n, struct net_pkt *pkt)
{
	struct rte_mbuf *m = pkt->m;
	const uint8_t *l4 = rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt->l4_off);
	struct udp_view v;

	if (!udp_parse(&v, l4, pkt->l4_len))
		return net_drop(n, m, DROP_UDP_BAD);
	if (v.has_cksum ? l4_cksum_bad(m, pkt, v.len) : pkt->ip6) /* RFC 8200 8.1: there is no IPv6 without one */
		return net_drop(n, m, DROP_UDP_CKSUM);
	pkt_identify(n, pkt, l4);
	pkt->verified = true;
	return NET_UDP;
}

enum net_verdict net_l4_identify(struct net *n, struct net_pkt *pkt)
{
	if (unlikely(!net_filter_passes_in(n, pkt)))
		return net_drop(n, pkt->m, DROP_FILTER);
	return likely(pkt->proto == IPPROTO_TCP) ? tcp_identify(n, pkt) : udp_identify(n, pkt);
}

/* A source that no packet from the link may have (RFC 1122 3.2.1.3): nobody, a group, a broadcast, loopback, or we. Class E but
 * 255/8 is as good as any (B24). */
static inline bool source_bad(const struct net *n, const struct net_pkt *pkt, rte_be32_t src_be)
{
	uint32_t net8 = rte_be_to_cpu_32(src_be) >> 24;

	if (unlikely(net8 == 0 || net8 == 127 || net8 >= 224))
		return net8 == 127 ? pkt->port != NET_PORT_LOOP : net8 < 240 || net8 == 255;
	switch (net_local_find(n, src_be)) {
	case LOCAL_OURS:
	case LOCAL_BROADCAST:
		return pkt->port != NET_PORT_LOOP;
	default:
		return false;
	}
}

static inline enum net_verdict ip4_drop(struct net *n, struct rte_mbuf *m, enum ip4_verdict why)
{
	static const enum drop drops[] = {
		[IP4_BAD_SHORT] = DROP_IP4_SHORT,
		[IP4_BAD_VERSION] = DROP_IP4_VERSION,
		[IP4_BAD_CKSUM] = DROP_IP4_CKSUM,
	};

	return net_drop(n, m, drops[why]);
}

static __rte_always_inline enum net_verdict transport(struct net *n, struct net_pkt *pkt)
{
	if (unlikely(!net_filter_passes_in(n, pkt)))
		return net_drop(n, pkt->m, DROP_FILTER);
	if (likely(pkt->proto == IPPROTO_TCP))
		return tcp_identify(n, pkt);
	if (pkt->proto == IPPROTO_UDP)
		return udp_identify(n, pkt);
	if (pkt->proto == IPPROTO_ICMP)
		return icmp_input(n, pkt);
	net_icmp_unreachable(n, pkt, ICMP_UNREACH_PROTO); /* RFC 1122 3.2.2.1 */
	return net_drop(n, pkt->m, DROP_IP4_PROTO);
}

/* For an address that was removed: only what belongs to a flow that was there before, and lives here. */
static __rte_noinline enum net_verdict transport_old(struct net *n, struct net_pkt *pkt)
{
	const struct table *t = pkt->proto == IPPROTO_TCP ? &n->flow->tcp : &n->flow->udp;
	enum net_verdict v;

	if (pkt->proto != IPPROTO_TCP && pkt->proto != IPPROTO_UDP)
		return net_drop(n, pkt->m, DROP_IP4_DST);
	v = transport(n, pkt);
	if (v == NET_DONE)
		return v;
	pkt->hash = flow_hash(n->flow, &pkt->key);
	pkt->nic_hash = false;
	if (flow_home(n->flow, pkt->hash) == n->flow->self && flow_find(n->flow, t, pkt->hash, &pkt->key) == 0)
		return net_drop(n, pkt->m, DROP_IP4_DST);
	return v;
}

enum net_verdict net_transport(struct net *n, struct net_pkt *pkt)
{
	if (likely(net_is_local(n, pkt->key.laddr_be)))
		return transport(n, pkt);
	return net_local_find(n, pkt->key.laddr_be) == LOCAL_OLD ? transport_old(n, pkt) : group_transport(n, pkt);
}

/* RSS hashes of fragments are of their addresses, so those of one datagram meet at one stack. */
static __rte_noinline enum net_verdict fragment_identify(const struct net *n, struct net_pkt *pkt)
{
	pkt->key.lport_be = pkt->key.rport_be = 0;
	pkt->hash = rss_hash2(n->flow->rss, pkt->key.raddr_be, pkt->key.laddr_be);
	return NET_FRAGMENT;
}

/* Source routes are refused, as RFC 7126 4.3 and 4.4 advise and Linux does; the rest says nothing to a host. */
static __rte_noinline bool options_pass(struct net *n, const struct net_pkt *pkt)
{
	uint32_t len = (uint32_t)pkt->l4_off - pkt->l3_off - IP4_HDR_LEN, at;
	const uint8_t *opts = rte_pktmbuf_mtod_offset(pkt->m, const uint8_t *, pkt->l3_off + IP4_HDR_LEN);
	enum ip4_opts_verdict v = ip4_opts_check(opts, len, &at);

	if (v == IP4_OPTS_BAD && !(load16(opts - IP4_HDR_LEN + 6) & IP4_OFFSET_MASK)) /* never about later fragments */
		icmp_send_problem(n, pkt, (uint8_t)(IP4_HDR_LEN + at));
	return v == IP4_OPTS_OK;
}

static enum net_verdict ip4_input(struct net *n, struct rte_mbuf *m, struct net_pkt *pkt, uint16_t l3_off, bool to_us)
{
	uint64_t nic = m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
	enum ip4_verdict verdict;
	enum local_kind kind;
	struct ip4_view ip;

	verdict = ip4_parse(&ip, rte_pktmbuf_mtod_offset(m, const void *, l3_off), m->pkt_len - l3_off,
			    nic != RTE_MBUF_F_RX_IP_CKSUM_UNKNOWN);
	if (unlikely(verdict != IP4_OK))
		return ip4_drop(n, m, verdict);
	if (unlikely(nic == RTE_MBUF_F_RX_IP_CKSUM_BAD))
		return net_drop(n, m, DROP_IP4_CKSUM);
	kind = net_local_find(n, ip.dst_be);
	/* A unicast address must not come by link-layer broadcast (RFC 1122 3.3.6). */
	if (unlikely((kind != LOCAL_OURS && kind != LOCAL_OLD) || !to_us) && !net_pkt_names_loopback(n, pkt, ip.dst_be) &&
	    !group_addressed(n, pkt, ip.dst_be, ip.src_be, kind))
		return net_drop(n, m, DROP_IP4_DST);
	if (unlikely(source_bad(n, pkt, ip.src_be)))
		return net_drop(n, m, DROP_IP4_SRC);
	trim(m, (uint32_t)l3_off + ip.total_len);

	pkt->m = m;
	pkt->key.laddr_be = ip.dst_be;
	pkt->key.raddr_be = ip.src_be;
	pkt->l3_off = l3_off;
	pkt->l4_off = l3_off + ip.hdr_len;
	pkt->l4_len = ip.total_len - ip.hdr_len;
	pkt->proto = ip.proto;
	pkt->tos = ip.tos;
	pkt->ttl = ip.ttl;
	if (unlikely(ip.hdr_len != IP4_HDR_LEN) && !options_pass(n, pkt))
		return net_drop(n, m, DROP_IP4_OPTIONS);
	if (unlikely(ip.fragment))
		return fragment_identify(n, pkt);
	return likely(kind == LOCAL_OURS) ? transport(n, pkt) : net_transport(n, pkt);
}

/* The interface that a frame came by, or -1. The NIC may have taken the tag off and put it beside the frame. */
static inline int iface_of(const struct net *n, uint8_t port, const struct rte_mbuf *m, const struct eth_view *eth)
{
	uint16_t vlan_id = eth->vlan_id;

	if (unlikely(port == NET_PORT_LOOP))
		return m->port; /* loop_output() wrote it */
	if (unlikely(m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED)) {
		if (eth->len != ETH_HDR_LEN)
			return -1; /* a tag within a tag */
		vlan_id = m->vlan_tci & 0xfff;
	}
	return n->iface_of[port << 12 | vlan_id] - 1;
}

enum net_verdict net_input(struct net *n, uint8_t port, struct rte_mbuf *m, struct net_pkt *pkt)
{
	struct eth_view eth;
	bool to_us;
	int iface;

	pkt->port = port;
	pkt->verified = pkt->glanced = pkt->nic_hash = pkt->ip6 = pkt->quoted = false;
	if (unlikely(m->nb_segs > 1 && m->data_len < NET_HEADERS_MAX) && !net_headers_gather(m))
		return net_drop(n, m, DROP_ETH_SHORT);
	if (unlikely(!eth_parse(&eth, rte_pktmbuf_mtod(m, const void *), m->data_len)))
		return net_drop(n, m, DROP_ETH_SHORT);
	to_us = unlikely(port == NET_PORT_LOOP) || rte_is_same_ether_addr(&eth.hdr->dst_addr, &n->tx[port].port->mac);
	if (unlikely(!to_us && !rte_is_multicast_ether_addr(&eth.hdr->dst_addr)))
		return net_drop(n, m, DROP_ETH_DST);
	iface = iface_of(n, port, m, &eth);
	if (unlikely(iface < 0))
		return net_drop(n, m, DROP_VLAN);
	pkt->iface = (uint8_t)iface;
	if (likely(eth.type == RTE_ETHER_TYPE_IPV4))
		return ip4_input(n, m, pkt, eth.len, to_us);
	if (likely(eth.type == RTE_ETHER_TYPE_IPV6) && n->iface[iface].ip6)
		return ip6_input(n, m, pkt, eth.len, to_us);
	if (eth.type != RTE_ETHER_TYPE_ARP)
		return net_drop(n, m, DROP_ETH_TYPE);
	arp_input(n, (uint8_t)iface, m, &eth);
	return NET_DONE;
}
