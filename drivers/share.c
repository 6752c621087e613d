/* share.c: a device's few queues for many stacks. Each stack without a queue of its own has a ring with one producer (itself)
 * and one consumer (the stack that carries its packets out, whenever that one sends or receives). */
#include "drivers/share.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_malloc.h>
#include <rte_ring.h>

#define SHARE_RING 1024 /* packets on their way to the carrier: as many as one core may have waiting for a driver */

/* What a carrier took out of a ring and the device did not take yet. */
struct share_carry {
	uint16_t n;
	struct rte_mbuf *m[TX_BURST];
} __rte_cache_aligned;

struct share {
	struct port port;
	struct port *inner;
	struct rte_ring *ring[PORT_QUEUES_MAX];      /* by queue, from inner->n_queues on */
	struct share_carry carry[PORT_QUEUES_MAX];   /* likewise; used by the carrier */
};

static struct share *share_of(struct port *p) { return (struct share *)p; }

static void carry_one(struct share *s, uint16_t guest, uint16_t queue, uint64_t now_ns)
{
	struct share_carry *c = &s->carry[guest];
	uint16_t sent;

	if (c->n == 0)
		c->n = (uint16_t)rte_ring_sc_dequeue_burst(s->ring[guest], (void **)c->m, TX_BURST, NULL);
	if (c->n == 0)
		return;
	sent = s->inner->ops->tx(s->inner, queue, c->m, c->n, now_ns);
	c->n -= sent;
	memmove(c->m, c->m + sent, c->n * sizeof(c->m[0]));
}

static void carry_all(struct share *s, uint16_t queue, uint64_t now_ns)
{
	for (uint16_t guest = queue + s->inner->n_queues; guest < s->port.n_queues; guest += s->inner->n_queues)
		carry_one(s, guest, queue, now_ns);
}

static uint16_t share_rx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	struct share *s = share_of(p);

	if (queue >= s->inner->n_queues)
		return 0;
	carry_all(s, queue, now_ns);
	return s->inner->ops->rx(s->inner, queue, m, n, now_ns);
}

static uint16_t share_tx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	struct share *s = share_of(p);

	if (queue >= s->inner->n_queues)
		return (uint16_t)rte_ring_sp_enqueue_burst(s->ring[queue], (void **)m, n, NULL);
	return s->inner->ops->tx(s->inner, queue, m, n, now_ns);
}

static int share_start(struct port *p, struct rte_mempool **pools)
{
	struct share *s = share_of(p);
	int rc = s->inner->ops->start(s->inner, pools);

	if (rc != 0)
		return rc;
	p->rss = s->inner->rss; /* settled now */
	p->offloads = s->inner->offloads;
	p->tso_max_bytes = s->inner->tso_max_bytes;
	p->tx_segs_max = s->inner->tx_segs_max;
	p->rss_trusted = p->rss_trusted6 = false;
	if (p->rss.n_queues == p->n_queues)
		return 0;
	return rss_init(&p->rss, s->inner->rss.key, p->rss.key_len, NULL, p->rss.reta_size, p->n_queues);
}

static void share_stats(struct port *p, struct port_stats *st)
{
	struct share *s = share_of(p);

	s->inner->ops->stats(s->inner, st);
}

static bool share_link_up(struct port *p)
{
	struct share *s = share_of(p);

	return s->inner->ops->link_up == NULL || s->inner->ops->link_up(s->inner);
}

static bool share_off(struct port *p)
{
	struct share *s = share_of(p);

	return s->inner->ops->off != NULL && s->inner->ops->off(s->inner);
}

static void share_groups(struct port *p, const struct rte_ether_addr *mac, uint32_t n)
{
	struct share *s = share_of(p);

	if (s->inner->ops->groups != NULL)
		s->inner->ops->groups(s->inner, mac, n);
}

static void share_describe(struct port *p, FILE *out)
{
	struct share *s = share_of(p);

	if (s->inner->ops->describe != NULL)
		s->inner->ops->describe(s->inner, out);
	fprintf(out, "  %u stacks share %u queues: packets are passed on in software\n", p->n_queues, s->inner->n_queues);
}

static void share_free(struct share *s)
{
	struct rte_mbuf *m;

	for (uint16_t i = 0; i < s->port.n_queues; i++) {
		while (s->ring[i] != NULL && rte_ring_sc_dequeue(s->ring[i], (void **)&m) == 0)
			rte_pktmbuf_free(m);
		rte_free(s->ring[i]);
		rte_pktmbuf_free_bulk(s->carry[i].m, s->carry[i].n);
	}
	rte_free(s);
}

static void share_close(struct port *p)
{
	struct share *s = share_of(p);
	struct port *inner = s->inner;

	share_free(s);
	inner->ops->close(inner);
}

static const struct port_ops share_ops = {
	.rx = share_rx,
	.tx = share_tx,
	.start = share_start,
	.stats = share_stats,
	.link_up = share_link_up,
	.off = share_off,
	.groups = share_groups,
	.describe = share_describe,
	.close = share_close,
};

static struct rte_ring *ring_new(int numa_node)
{
	struct rte_ring *r = rte_zmalloc_socket("share", (size_t)rte_ring_get_memsize(SHARE_RING), RTE_CACHE_LINE_SIZE, numa_node);

	if (r != NULL)
		rte_ring_init(r, "share", SHARE_RING, RING_F_SP_ENQ | RING_F_SC_DEQ);
	return r;
}

int share_wrap(struct port *inner, uint16_t n, struct port **outer)
{
	struct share *s = rte_zmalloc_socket("share", sizeof(*s), RTE_CACHE_LINE_SIZE, inner->numa_node);

	if (s == NULL)
		return -ENOMEM;
	s->port = *inner;
	s->port.ops = &share_ops;
	s->port.n_queues = n;
	s->port.rss_trusted = s->port.rss_trusted6 = false;
	s->inner = inner;
	for (uint16_t i = inner->n_queues; i < n; i++) {
		s->ring[i] = ring_new(inner->numa_node);
		if (s->ring[i] == NULL) {
			share_free(s);
			return -ENOMEM;
		}
	}
	*outer = &s->port;
	return 0;
}
