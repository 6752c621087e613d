/* input.c: a received frame's way to a verdict: link header, ARP, IPv4, checksums, the flow's key. */
#include <netinet/in.h>
#include <string.h>

#include "base/log.h"
#include "net/private.h"
#include "wire/cksum.h"
#include "wire/icmp.h"
#include "wire/tcp.h"
#include "wire/udp.h"

/* What parsers may read: link header with a tag, IPv4, and ICMP quoting IPv4 and 8 bytes. It must lie in one piece. */
#define HEADERS_MAX (ETH_HDR_LEN + ETH_VLAN_LEN + IP4_HDR_MAX + ICMP_HDR_LEN + IP4_HDR_MAX + 8)

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
	return cksum_l4_ip4(m, pkt->l4_off, len, pkt->key.raddr_be, pkt->key.laddr_be, pkt->proto) != 0;
}

/* Loops and ports whose hashes turned out to be others have none. */
static inline bool nic_hash_usable(const struct net *n, const struct rte_mbuf *m, uint8_t port)
{
	return m->ol_flags & RTE_MBUF_F_RX_RSS_HASH && port < PORTS_MAX && n->tx[port].port->offloads & PORT_RX_HASH &&
	       likely(!(n->hash_off >> port & 1));
}

/* The flow that the packet belongs to: ports and hash. */
static inline void pkt_identify(const struct net *n, struct net_pkt *pkt, const uint8_t *l4)
{
	const struct rte_mbuf *m = pkt->m;

	memcpy(&pkt->key.rport_be, l4, 2);
	memcpy(&pkt->key.lport_be, l4 + 2, 2);
	pkt->nic_hash = nic_hash_usable(n, m, pkt->port);
	pkt->hash = pkt->nic_hash ? m->hash.rss : flow_hash(n->flow, &pkt->key);
}

bool net_hash_confirm(struct net *n, struct net_pkt *pkt)
{
	uint32_t hash = flow_hash(n->flow, &pkt->key);

	pkt->nic_hash = false;
	if (likely(hash == pkt->hash))
		return true;
	if (n->hash_wrong++ == 0)
		LOG_WARN("%s: the hash that it gives with packets is not that of its key: hashes are computed in software from now on",
			 n->tx[pkt->port].port->name);
	n->hash_off |= (uint8_t)(1u << pkt->port);
	pkt->hash = hash;
	return false;
}

static inline enum net_verdict tcp_identify(struct net *n, struct net_pkt *pkt)
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
	if (v.has_cksum && l4_cksum_bad(m, pkt, v.len))
		return net_drop(n, m, DROP_UDP_CKSUM);
	pkt_identify(n, pkt, l4);
	pkt->verified = true;
	return NET_UDP;
}

/* A source that no packet from the link may have (RFC 1122 3.2.1.3): nobody, a group, a broadcast, loopback, or we. */
static inline bool source_bad(const struct net *n, const struct net_pkt *pkt, rte_be32_t src_be)
{
	uint32_t net8 = rte_be_to_cpu_32(src_be) >> 24;

	if (unlikely(net8 == 0 || net8 == 127 || net8 >= 224))
		return true;
	return unlikely(net_local_find(n, src_be) != LOCAL_NONE) && pkt->port != NET_PORT_LOOP;
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

static enum net_verdict ip4_input(struct net *n, struct rte_mbuf *m, struct net_pkt *pkt, uint16_t l3_off)
{
	uint64_t nic = m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
	enum ip4_verdict verdict;
	struct ip4_view ip;

	verdict = ip4_parse(&ip, rte_pktmbuf_mtod_offset(m, const void *, l3_off), m->pkt_len - l3_off,
			    nic != RTE_MBUF_F_RX_IP_CKSUM_UNKNOWN);
	if (unlikely(verdict != IP4_OK))
		return ip4_drop(n, m, verdict);
	if (unlikely(nic == RTE_MBUF_F_RX_IP_CKSUM_BAD))
		return net_drop(n, m, DROP_IP4_CKSUM);
	if (unlikely(net_local_find(n, ip.dst_be) != LOCAL_OURS))
		return net_drop(n, m, DROP_IP4_DST);
	if (unlikely(source_bad(n, pkt, ip.src_be)))
		return net_drop(n, m, DROP_IP4_SRC);
	if (unlikely(ip.fragment))
		return net_drop(n, m, DROP_IP4_FRAGMENT);
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
	if (likely(ip.proto == IPPROTO_TCP))
		return tcp_identify(n, pkt);
	if (ip.proto == IPPROTO_UDP)
		return udp_identify(n, pkt);
	if (ip.proto == IPPROTO_ICMP)
		return icmp_input(n, pkt);
	net_icmp_unreachable(n, pkt, ICMP_UNREACH_PROTO); /* RFC 1122 3.2.2.1 */
	return net_drop(n, m, DROP_IP4_PROTO);
}

enum net_verdict net_input(struct net *n, uint8_t port, struct rte_mbuf *m, struct net_pkt *pkt)
{
	struct eth_view eth;
	bool to_us;

	pkt->port = port;
	pkt->verified = pkt->nic_hash = false;
	if (unlikely(m->nb_segs > 1 && m->data_len < HEADERS_MAX) && rte_pktmbuf_linearize(m) != 0)
		return net_drop(n, m, DROP_ETH_SHORT);
	if (unlikely(!eth_parse(&eth, rte_pktmbuf_mtod(m, const void *), m->data_len)))
		return net_drop(n, m, DROP_ETH_SHORT);
	to_us = rte_is_same_ether_addr(&eth.hdr->dst_addr, &n->tx->port->mac);
	if (unlikely(!to_us && !rte_is_multicast_ether_addr(&eth.hdr->dst_addr)))
		return net_drop(n, m, DROP_ETH_DST);
	if (unlikely(eth.vlan_id != 0))
		return net_drop(n, m, DROP_VLAN);
	if (likely(eth.type == RTE_ETHER_TYPE_IPV4)) {
		/* Only unicast addresses are ours, and those must not come by link-layer broadcast (RFC 1122 3.3.6). */
		return likely(to_us) ? ip4_input(n, m, pkt, eth.len) : net_drop(n, m, DROP_IP4_DST);
	}
	if (eth.type != RTE_ETHER_TYPE_ARP)
		return net_drop(n, m, DROP_ETH_TYPE);
	arp_input(n, m, &eth);
	return NET_DONE;
}
