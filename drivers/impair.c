/* impair.c: a bad wire in front of any device. What the stack sends waits in the wire of one direction and then goes to the
 * device; what the device received waits in the wire of the other and then goes to the stack. */
#include "drivers/impair.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_malloc.h>

#include "drivers/sim/sim_int.h"

#define LINK_HDR_MAX (RTE_ETHER_HDR_LEN + 4)

/* Packets whose time has come and which the device did not take yet. */
struct impair_out {
	uint16_t n;
	struct rte_mbuf *m[TX_BURST];
} __rte_cache_aligned;

struct impair {
	struct port port;
	struct port *inner;
	struct sim_dir out, in;
	struct rss rss; /* the wire's: over the device's queues, which may be fewer than the stacks that port.rss is over */
	struct impair_out waiting[PORT_QUEUES_MAX];
};

static struct impair *impair_of(struct port *p) { return (struct impair *)p; }

static void push_due(struct impair *im, uint16_t queue, uint64_t now_ns)
{
	struct impair_out *w = &im->waiting[queue];
	uint16_t sent;

	for (;;) {
		if (w->n == 0)
			w->n = wire_rx(&im->out, queue, w->m, TX_BURST, now_ns);
		if (w->n == 0)
			return;
		sent = im->inner->ops->tx(im->inner, queue, w->m, w->n, now_ns);
		w->n -= sent;
		memmove(w->m, w->m + sent, w->n * sizeof(w->m[0]));
		if (w->n != 0)
			return;
	}
}

static uint16_t impair_tx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	struct impair *im = impair_of(p);

	n = wire_tx(&im->out, queue, m, n, now_ns);
	push_due(im, queue, now_ns);
	return n;
}

static uint16_t impair_rx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	struct impair *im = impair_of(p);
	struct rte_mbuf *arrived[RX_BURST];
	uint16_t got = im->inner->ops->rx(im->inner, queue, arrived, RX_BURST, now_ns);

	wire_tx(&im->in, queue, arrived, got, now_ns);
	push_due(im, queue, now_ns);
	return wire_rx(&im->in, queue, m, n, now_ns);
}

/* Takes over what the device knows of its hash: more once it runs. */
static int follow_rss(struct impair *im)
{
	const struct rss *r = &im->inner->rss;

	im->port.rss = im->rss = *r;
	im->port.rss_trusted = im->inner->rss_trusted;
	im->port.rss_trusted6 = im->inner->rss_trusted6;
	if (r->n_queues == im->port.n_queues)
		return 0;
	return rss_init(&im->rss, r->key, r->key_len, NULL, r->reta_size, im->port.n_queues);
}

static int impair_start(struct port *p, struct rte_mempool **pools)
{
	struct impair *im = impair_of(p);
	int rc = im->inner->ops->start(im->inner, pools);

	return rc != 0 ? rc : follow_rss(im);
}

static void impair_stats(struct port *p, struct port_stats *st)
{
	struct impair *im = impair_of(p);

	im->inner->ops->stats(im->inner, st);
}

static bool impair_link_up(struct port *p)
{
	struct impair *im = impair_of(p);

	return im->inner->ops->link_up == NULL || im->inner->ops->link_up(im->inner);
}

static bool impair_off(struct port *p)
{
	struct impair *im = impair_of(p);

	return im->inner->ops->off != NULL && im->inner->ops->off(im->inner);
}

static void impair_groups(struct port *p, const struct rte_ether_addr *mac, uint32_t n)
{
	struct impair *im = impair_of(p);

	if (im->inner->ops->groups != NULL)
		im->inner->ops->groups(im->inner, mac, n);
}

static void impair_describe(struct port *p, FILE *out)
{
	struct impair *im = impair_of(p);

	if (im->inner->ops->describe != NULL)
		im->inner->ops->describe(im->inner, out);
}

static void dir_fini(struct sim_dir *d)
{
	wire_fini(&d->wire);
	rte_free(d->txq);
	rte_free(d->rxq);
}

static void impair_close(struct port *p)
{
	struct impair *im = impair_of(p);

	for (unsigned i = 0; i < p->n_queues; i++)
		rte_pktmbuf_free_bulk(im->waiting[i].m, im->waiting[i].n);
	dir_fini(&im->out);
	dir_fini(&im->in);
	im->inner->ops->close(im->inner);
	rte_free(im);
}

static const struct port_ops impair_ops = {
	.rx = impair_rx,
	.tx = impair_tx,
	.start = impair_start,
	.stats = impair_stats,
	.link_up = impair_link_up,
	.off = impair_off,
	.groups = impair_groups,
	.describe = impair_describe,
	.close = impair_close,
};

static int dir_init(struct impair *im, struct sim_dir *d, uint64_t seed, const struct sim_link *link)
{
	d->rss = &im->rss;
	d->rx_offloads = PORT_RX_HASH;
	d->frame_max = im->port.mtu + LINK_HDR_MAX;
	d->n_tx = d->n_rx = im->port.n_queues;
	d->hashes = true;
	d->segs_max = UINT16_MAX; /* of the device as of the stack: they are copied on the way */
	d->txq = rte_calloc("impair_txq", d->n_tx, sizeof(*d->txq), RTE_CACHE_LINE_SIZE);
	d->rxq = rte_calloc("impair_rxq", d->n_rx, sizeof(*d->rxq), RTE_CACHE_LINE_SIZE);
	wire_init(&d->wire, seed, d->n_rx);
	return d->txq == NULL || d->rxq == NULL ? -ENOMEM : wire_set_link(d, link);
}

int impair_wrap(struct port *inner, const char *options, uint64_t seed, struct port **outer, char *err, size_t err_len)
{
	struct sim_config cfg = {.seed = seed};
	struct impair *im;
	int rc = sim_parse(&cfg, options, err, err_len);

	if (rc != 0)
		return rc;
	im = rte_zmalloc("impair", sizeof(*im), RTE_CACHE_LINE_SIZE);
	if (im == NULL)
		goto no_memory;
	im->port = *inner;
	im->port.ops = &impair_ops;
	im->port.offloads = PORT_RX_HASH;
	im->inner = inner;
	follow_rss(im); /* good until start */
	if (dir_init(im, &im->out, cfg.seed, &cfg.link[0]) != 0 || dir_init(im, &im->in, cfg.seed + 1, &cfg.link[1]) != 0)
		goto no_wires;
	*outer = &im->port;
	return 0;

no_wires:
	dir_fini(&im->out);
	dir_fini(&im->in);
	rte_free(im);
no_memory:
	snprintf(err, err_len, "not enough memory for an impaired link: raise --memory");
	return -ENOMEM;
}
