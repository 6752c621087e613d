/* back.c: answers to where a packet came from, without a path: to somebody who need not exist. */
#include <string.h>

#include "net/either.h"
#include "net/net6.h"
#include "net/private.h"

/* Our own question comes by no link: its answer goes by the path that the question came by. */
static void back_to_self(struct net *n, const struct net_pkt *pkt, struct rte_mbuf *m, uint8_t proto, uint8_t tos, uint8_t ttl)
{
	struct flow_key key = pkt->key;
	int err;
	uint32_t path = net_path_back(n, pkt, &key, &err);

	if (path == 0) {
		net_drop(n, m, DROP_NO_ROUTE);
		return;
	}
	net_output(n, path_at(&n->paths, path), m, proto, tos, ttl, pkt->hash);
	net_path_put(n, path);
}

static void back6(struct net *n, const struct net_iface *iface, const struct net_pkt *pkt, struct rte_mbuf *m, uint8_t proto,
		  uint8_t tos, uint8_t ttl)
{
	uint16_t len = (uint16_t)m->pkt_len, l2_len = iface->l2_len;
	uint8_t *ip = (uint8_t *)rte_pktmbuf_prepend(m, (uint16_t)(l2_len + IP6_HDR_LEN)) + l2_len;

	net_l2_emit(iface, m, &rte_pktmbuf_mtod(pkt->m, const struct rte_ether_hdr *)->src_addr, RTE_ETHER_TYPE_IPV6);
	ip6_emit(ip, net_pkt_laddr6(pkt), net_pkt_raddr6(pkt), proto, len, ttl);
	store32(ip, 6u << 28 | (uint32_t)tos << 20 | net6_flow_label(n, pkt->hash));
	pkt_tx_cksum_ip6(n->tx[iface->port].port, m, l2_len, (uint16_t)(l2_len + IP6_HDR_LEN), proto);
}

static void back4(struct net *n, const struct net_iface *iface, const struct net_pkt *pkt, struct rte_mbuf *m, uint8_t proto,
		  uint8_t tos, uint8_t ttl)
{
	uint16_t total = (uint16_t)(m->pkt_len + IP4_HDR_LEN), l2_len = iface->l2_len;
	uint8_t *ip = (uint8_t *)rte_pktmbuf_prepend(m, (uint16_t)(l2_len + IP4_HDR_LEN)) + l2_len;

	net_l2_emit(iface, m, &rte_pktmbuf_mtod(pkt->m, const struct rte_ether_hdr *)->src_addr, RTE_ETHER_TYPE_IPV4);
	ip4_emit(ip, pkt->key.laddr_be, pkt->key.raddr_be, proto, total, 0, tos, ttl);
	memset(ip + 10, 0, 2); /* completed with the others */
	pkt_tx_cksum_ip4(n->tx[iface->port].port, m, l2_len, (uint16_t)(l2_len + IP4_HDR_LEN), proto);
}

void net_back(struct net *n, const struct net_pkt *pkt, struct rte_mbuf *m, uint8_t proto, uint8_t tos, uint8_t ttl)
{
	const struct net_iface *iface = &n->iface[pkt->iface];

	if (pkt->port == NET_PORT_LOOP) {
		back_to_self(n, pkt, m, proto, tos, ttl);
		return;
	}
	if (unlikely(net_from_group(pkt))) {
		net_drop(n, m, DROP_ETH_SRC);
		return;
	}
	SPATE_ASSERT(rte_pktmbuf_headroom(m) >= PATH_HDR6_LEN);
	if (pkt->ip6)
		back6(n, iface, pkt, m, proto, tos, ttl);
	else
		back4(n, iface, pkt, m, proto, tos, ttl);
	pkt_tx_push(&n->tx[iface->port], m);
}
