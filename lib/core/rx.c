/* rx.c: the spine: a packet's whole way in, in call order. A burst goes through in stages, so that the memory which one
 * packet needs is on its way while others are worked on: headers, then table buckets, then connections, then TCP. */
#include "core/rx.h"

#include <netinet/in.h>

#include <rte_prefetch.h>

#include "core/stack.h"

/* An ICMP error, or a neighbour that did not answer, concerns the flow whose packet it quotes. */
static void rx_error(struct stack *s, struct net_pkt *pkt)
{
	if (pkt->proto == IPPROTO_TCP)
		tcp_icmp(&s->tcp, pkt);
	else if (pkt->proto == IPPROTO_UDP)
		udp_icmp(&s->udp, pkt);
	rte_pktmbuf_free(pkt->m);
}

static void rx_prefetch_headers(struct rte_mbuf **m, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(m[i], void *));
}

static void rx_burst(struct stack *s, struct rte_mbuf **m, uint16_t n)
{
	struct net_pkt pkt[RX_BURST];
	uint16_t n_tcp = 0;

	/* Stage 1: link and network layer; TCP's segments collect, everything else ends here. */
	rx_prefetch_headers(m, n);
	for (uint16_t i = 0; i < n; i++) {
		struct net_pkt *p = &pkt[n_tcp];

		s->rx_bytes += rte_pktmbuf_pkt_len(m[i]);
		switch (net_input(&s->net, m[i], p)) {
		case NET_TCP:
			table_prefetch(&s->flow.tcp, p->hash);
			n_tcp++;
			break;
		case NET_UDP:
			udp_input(&s->udp, p);
			break;
		case NET_ICMP_ERROR:
			rx_error(s, p);
			break;
		case NET_DONE:
			break;
		}
	}
	/* Stage 2: the buckets have arrived; ask for the connections. */
	for (uint16_t i = 0; i < n_tcp; i++)
		flow_prefetch(&s->flow, &s->flow.tcp, pkt[i].hash);
	/* Stage 3: the connections have arrived. */
	for (uint16_t i = 0; i < n_tcp; i++)
		tcp_input(&s->tcp, &pkt[i]);
}

/* What we sent to ourselves, as far as it was there when we began: answers wait for the next turn. */
static uint32_t rx_loop(struct stack *s)
{
	struct rte_mbuf *m[RX_BURST];
	uint16_t n = 0;

	while (n < RX_BURST && (m[n] = net_loop_next(&s->net)) != NULL)
		n++;
	rx_burst(s, m, n);
	return n;
}

static uint32_t rx_failed_neighbours(struct stack *s)
{
	struct net_pkt pkt;
	uint32_t n = 0;

	while (n < TIMER_BURST && net_error_next(&s->net, &pkt)) {
		rx_error(s, &pkt);
		n++;
	}
	return n;
}

uint32_t rx_poll(struct stack *s)
{
	struct rte_mbuf *m[RX_BURST];
	uint32_t total = 0;

	for (int i = 0; i < RX_BURSTS_PER_POLL; i++) {
		uint16_t n = s->port->ops->rx(s->port, s->queue, m, RX_BURST, s->clock.now_ns);

		rx_burst(s, m, n);
		total += n;
		if (n < RX_BURST)
			break;
	}
	s->rx_packets += total;
	if (s->net.loop != NULL)
		total += rx_loop(s);
	if (s->net.failed != NULL)
		total += rx_failed_neighbours(s);
	return total;
}
