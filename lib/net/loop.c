/* loop.c: packets of a stack to itself: to its own addresses, 127.0.0.0/8 and ::1. They go as to a device whose driver takes
 * nothing, and wait there for the next input of the stack. So senders see how full it is, as with any other, and nothing calls
 * itself. */
#include <errno.h>

#include "net/net6.h"

/* Of the longest packet: behind an IPv4 header and TCP's with all options. IPv6 does not count its own. */
#define LOOP_TCP_MAX (LOOP_MTU - IP4_HDR_LEN - 60)

static uint16_t loop_take_none(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	(void)p, (void)queue, (void)m, (void)n, (void)now_ns;
	return 0;
}

static const struct port_ops loop_ops = {.tx = loop_take_none};

/* Of all stacks, and never written: it does what needs not be done for packets that no wire can harm. */
static struct port loop_port = {
	.ops = &loop_ops,
	.name = "lo",
	.mtu = LOOP_MTU,
	.offloads = PORT_TX_IP4_CKSUM | PORT_TX_TCP_CKSUM | PORT_TX_UDP_CKSUM | PORT_TX_MULTI_SEG | PORT_TX_TSO,
	.tso_max_bytes = LOOP_TCP_MAX,
};

int loop_init(struct net *n)
{
	static const struct ip6_addr loopback = {{[15] = 1}};

	n->loopback6_be = addr6_get(&n->flow->addr6s, &loopback, 0);
	if (n->loopback6_be == 0)
		return -ENOMEM;
	addr6_at(&n->flow->addr6s, n->loopback6_be)->mark = LOCAL_LOOPBACK | NET_IFACE_LO << 8;
	n->iface[NET_IFACE_LO] = (struct net_iface){.port = NET_PORT_LOOP, .up = true, .ip6 = true, .l2_len = ETH_HDR_LEN,
						    .mtu = LOOP_MTU, .name = "lo"};
	n->net6->iface[NET_IFACE_LO].hops = NET_TTL;
	pkt_tx_init(&n->tx[NET_PORT_LOOP], &loop_port, 0, n->tx->pool, n->drops, &n->clock->now_ns);
	return 0;
}

void loop_fini(struct net *n)
{
	pkt_tx_fini(&n->tx[NET_PORT_LOOP]);
	addr6_put(&n->flow->addr6s, n->loopback6_be);
}

int loop_output(struct net *n, const struct path *p, struct rte_mbuf *m)
{
	if (unlikely(p->nowhere)) {
		net_drop(n, m, DROP_NO_ROUTE);
		return 0;
	}
	m = net_own(n, m);
	if (m == NULL)
		return 0;
	/* Where checksums were left to the device, there is nothing to verify. */
	m->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	m->tx_offload = 0;
	m->port = p->iface;
	pkt_tx_push(&n->tx[NET_PORT_LOOP], m);
	return 0;
}

struct rte_mbuf *net_loop_next(struct net *n)
{
	struct pkt_tx *tx = &n->tx[NET_PORT_LOOP];
	struct rte_mbuf *m;

	if (tx->n == 0)
		return NULL;
	m = tx->m[tx->head++];
	if (--tx->n == 0)
		tx->head = 0;
	return m;
}
