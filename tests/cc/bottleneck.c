/* bottleneck.c: see bottleneck.h. A queue is the time at which its last packet will have left. */
#include "bottleneck.h"

#include <stdlib.h>
#include <string.h>

#include "wire/ecn.h"

#define UNDER_WAY_MAX (1u << 17) /* packets in one direction: 100 ms of 10 Gbit/s, and its queue */
#define DATA_MIN 200             /* bytes of a frame that counts as one with data */
#define IP_TOS_AT 15

struct under_way {
	struct rte_mbuf *m;
	uint64_t at_ns;
};

struct end {
	struct port port; /* first: ops get it back */
	struct bottleneck *b;
	bool forth;       /* it sends what the path holds up */
	struct under_way *ring;  /* towards this end */
	uint64_t head, tail;
	uint64_t free_ns; /* what this end sent has left the queue by then */
};

struct bottleneck {
	struct path_config c;
	struct end end[2];
	struct prng prng;
	struct path_stats st;
	uint8_t key[40];
};

static struct end *end_of(struct port *p) { return (struct end *)p; }

static bool lost(struct bottleneck *b)
{
	const struct path_config *c = &b->c;
	uint64_t n = ++b->st.data_packets;

	if (c->loss_every != 0 && n % c->loss_every == 0)
		return true;
	if (c->burst_n != 0 && n >= c->burst_at && n < c->burst_at + c->burst_n)
		return true;
	return c->loss_random != 0 && prng_u32(&b->prng) < c->loss_random;
}

static void mark(struct bottleneck *b, struct rte_mbuf *m, uint64_t waiting)
{
	uint8_t *tos = rte_pktmbuf_mtod_offset(m, uint8_t *, IP_TOS_AT);

	if (b->c.mark_bytes == 0 || waiting < b->c.mark_bytes || (*tos & ECN_CE) == 0)
		return;
	*tos |= ECN_CE;
	b->st.marked++;
}

/* When the packet arrives at the other side; 0: it does not. */
static uint64_t crosses(struct end *e, struct rte_mbuf *m, uint64_t now_ns)
{
	struct bottleneck *b = e->b;
	bool data = e->forth && m->pkt_len >= DATA_MIN;
	uint64_t start = e->free_ns > now_ns ? e->free_ns : now_ns, waiting;

	if (data && lost(b)) {
		b->st.lost++;
		return 0;
	}
	waiting = (start - now_ns) * b->c.rate_bps / 8000000000ull;
	if (data && waiting + m->pkt_len > b->c.queue_bytes) {
		b->st.queue_drops++;
		return 0;
	}
	if (data) {
		mark(b, m, waiting);
		b->st.queue_ns_sum += start - now_ns;
	}
	e->free_ns = start + m->pkt_len * 8000000000ull / b->c.rate_bps;
	start = e->free_ns + b->c.rtt_ns / 2;
	if (!e->forth && b->c.ack_gather_ns != 0)
		start = (start / b->c.ack_gather_ns + 1) * b->c.ack_gather_ns;
	return start;
}

static uint16_t end_tx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	struct end *e = end_of(p), *to = &e->b->end[e->forth ? 1 : 0];

	(void)queue;
	for (uint16_t i = 0; i < n; i++) {
		uint64_t at_ns = crosses(e, m[i], now_ns);

		if (at_ns == 0 || to->tail - to->head == UNDER_WAY_MAX)
			rte_pktmbuf_free(m[i]);
		else
			to->ring[to->tail++ % UNDER_WAY_MAX] = (struct under_way){m[i], at_ns};
	}
	return n;
}

static uint16_t end_rx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	struct end *e = end_of(p);
	uint16_t got = 0;

	(void)queue;
	while (got < n && e->head < e->tail && e->ring[e->head % UNDER_WAY_MAX].at_ns <= now_ns) {
		struct rte_mbuf *in = e->ring[e->head++ % UNDER_WAY_MAX].m;

		in->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		in->tx_offload = 0;
		m[got++] = in;
	}
	return got;
}

static void end_stats(struct port *p, struct port_stats *st)
{
	(void)p;
	memset(st, 0, sizeof(*st));
}

static bool end_link_up(struct port *p)
{
	(void)p;
	return true;
}

static const struct port_ops end_ops = {.rx = end_rx, .tx = end_tx, .stats = end_stats, .link_up = end_link_up};

struct bottleneck *bottleneck_new(const struct path_config *c, uint64_t seed, struct port *port[2])
{
	struct bottleneck *b = calloc(1, sizeof(*b));

	if (b == NULL)
		return NULL;
	b->c = *c;
	prng_seed(&b->prng, seed);
	for (unsigned i = 0; i < sizeof(b->key); i++)
		b->key[i] = (uint8_t)(i * 73 + 5);
	for (int i = 0; i < 2; i++) {
		struct end *e = &b->end[i];

		e->port.ops = &end_ops;
		e->port.mac = (struct rte_ether_addr){{2, 0, 0, 0, 0, (uint8_t)(i + 1)}};
		e->port.mtu = 1500;
		e->port.n_queues = 1;
		e->port.numa_node = -1;
		e->port.offloads = PORT_TX_IP4_CKSUM | PORT_TX_TCP_CKSUM | PORT_RX_CKSUM;
		e->b = b;
		e->forth = i == 0;
		e->ring = calloc(UNDER_WAY_MAX, sizeof(e->ring[0]));
		if (e->ring == NULL || rss_init(&e->port.rss, b->key, sizeof(b->key), NULL, 128, 1) != 0) {
			bottleneck_free(b);
			return NULL;
		}
		port[i] = &e->port;
	}
	return b;
}

void bottleneck_free(struct bottleneck *b)
{
	for (int i = 0; i < 2; i++) {
		struct end *e = &b->end[i];

		while (e->head < e->tail)
			rte_pktmbuf_free(e->ring[e->head++ % UNDER_WAY_MAX].m);
		free(e->ring);
	}
	free(b);
}

uint64_t bottleneck_next_ns(const struct bottleneck *b)
{
	uint64_t next = UINT64_MAX;

	for (int i = 0; i < 2; i++) {
		const struct end *e = &b->end[i];

		if (e->head < e->tail && e->ring[e->head % UNDER_WAY_MAX].at_ns < next)
			next = e->ring[e->head % UNDER_WAY_MAX].at_ns;
	}
	return next;
}

const struct path_stats *bottleneck_stats(const struct bottleneck *b) { return &b->st; }
