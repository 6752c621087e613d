/* queues.c: queues of an ethdev: start, the packet calls, statistics, the end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_dev.h>

#include "base/log.h"
#include "drivers/ethdev/ethdev.h"

#define LINK_WAIT_MS 2000 /* memif and vhost wait for the other process */
#define LINK_STEP_MS 10

static struct ethdev *ethdev_of(struct port *p) { return (struct ethdev *)p; }

static uint16_t ethdev_rx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	struct ethdev *e = ethdev_of(p);
	uint16_t got = rte_eth_rx_burst(e->id, queue, m, n);

	(void)now_ns;
	if (e->wants_strip) {
		for (uint16_t i = 0; i < got; i++)
			m[i]->ol_flags &= ~RTE_MBUF_F_RX_RSS_HASH;
	}
	return got;
}

static uint16_t ethdev_tx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	(void)now_ns;
	return rte_eth_tx_burst(ethdev_of(p)->id, queue, m, n);
}

int ethdev_queues_start(struct ethdev *e, const struct rte_eth_dev_info *info, struct rte_mempool **pools)
{
	struct rte_eth_rxconf rx = info->default_rxconf;
	struct rte_eth_txconf tx = info->default_txconf;
	unsigned node = (unsigned)e->port.numa_node;
	int rc = 0;

	rx.offloads = e->conf.rxmode.offloads;
	tx.offloads = e->conf.txmode.offloads;
	for (uint16_t q = 0; q < e->port.n_queues && rc == 0; q++)
		rc = rte_eth_rx_queue_setup(e->id, q, e->n_rxd, node, &rx, pools[q]);
	for (uint16_t q = 0; q < e->port.n_queues && rc == 0; q++)
		rc = rte_eth_tx_queue_setup(e->id, q, e->n_txd, node, &tx);
	return rc != 0 ? rc : rte_eth_dev_start(e->id);
}

static bool link_up(uint16_t id)
{
	struct rte_eth_link link;

	return rte_eth_link_get_nowait(id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

static void link_wait(const struct ethdev *e)
{
	for (unsigned ms = 0; ms < LINK_WAIT_MS && !link_up(e->id); ms += LINK_STEP_MS)
		rte_delay_us_sleep(LINK_STEP_MS * 1000);
	if (!link_up(e->id))
		LOG_WARN("%s: no link yet; what is sent before the other side is there is lost", e->port.name);
}

static int ethdev_start(struct port *p, struct rte_mempool **pools)
{
	struct ethdev *e = ethdev_of(p);
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(e->id, &info);

	if (rc == 0)
		rc = ethdev_queues_start(e, &info, pools);
	if (rc != 0) {
		LOG_ERR("%s: the queues do not start: %s", p->name, rte_strerror(-rc));
		return rc;
	}
	rte_mempool_free(e->trial_pool);
	e->trial_pool = NULL;
	ethdev_rss_settle(e, &info); /* again: some PMDs write a fresh table at every start */
	e->wants_strip = e->hash_can_be_real && !(p->offloads & PORT_RX_HASH);
	link_wait(e);
	return 0;
}

static void ethdev_stats(struct port *p, struct port_stats *st)
{
	struct rte_eth_stats s;

	memset(st, 0, sizeof(*st));
	if (rte_eth_stats_get(ethdev_of(p)->id, &s) != 0)
		return;
	*st = (struct port_stats){
		.rx_packets = s.ipackets,
		.rx_bytes = s.ibytes,
		.tx_packets = s.opackets,
		.tx_bytes = s.obytes,
		.rx_missed = s.imissed + s.rx_nombuf,
		.rx_errors = s.ierrors,
		.tx_errors = s.oerrors,
	};
}

static void ethdev_close(struct port *p)
{
	struct ethdev *e = ethdev_of(p);
	struct rte_eth_dev_info info;
	bool known = rte_eth_dev_info_get(e->id, &info) == 0;

	rte_eth_dev_stop(e->id);
	rte_eth_dev_close(e->id);
	rte_mempool_free(e->trial_pool);
	if (e->plugged && known)
		rte_dev_remove(info.device);
	free(e);
}

const struct port_ops ethdev_ops = {
	.rx = ethdev_rx,
	.tx = ethdev_tx,
	.start = ethdev_start,
	.stats = ethdev_stats,
	.close = ethdev_close,
};
