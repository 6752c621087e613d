/* ethdev.c: probing and configuring a device with what it offers of what we can use. */
#include "drivers/ethdev/ethdev.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_dev.h>

#include "base/log.h"
#include "config/config.h"
#include "drivers/drivers.h"

#define DESCRIPTORS 1024 /* half a millisecond at 2 Mpps; PMDs round to what they allow */
#define ARGS_LEN 768
#define TRIAL_MBUFS_PER_QUEUE (2 * DESCRIPTORS)

/* Offloads asked for where they exist. Not MBUF_FAST_FREE: TCP keeps references to what it may have to send again. */
static const struct {
	uint64_t device;
	uint32_t ours;
} rx_offloads[] = {
	{RTE_ETH_RX_OFFLOAD_IPV4_CKSUM, PORT_RX_CKSUM},
	{RTE_ETH_RX_OFFLOAD_TCP_CKSUM, PORT_RX_CKSUM},
	{RTE_ETH_RX_OFFLOAD_UDP_CKSUM, PORT_RX_CKSUM},
}, tx_offloads[] = {
	{RTE_ETH_TX_OFFLOAD_IPV4_CKSUM, PORT_TX_IP4_CKSUM},
	{RTE_ETH_TX_OFFLOAD_TCP_CKSUM, PORT_TX_TCP_CKSUM},
	{RTE_ETH_TX_OFFLOAD_UDP_CKSUM, PORT_TX_UDP_CKSUM},
	{RTE_ETH_TX_OFFLOAD_MULTI_SEGS, PORT_TX_MULTI_SEG},
};

static void choose_offloads(struct ethdev *e, const struct rte_eth_dev_info *info)
{
	/* A virtio device with this offload delivers packets whose checksum was never computed (RX_L4_CKSUM_NONE). Without
	 * it, the other side must compute them. */
	bool rx_cksum = strncmp(info->driver_name, "net_virtio", 10) != 0;

	for (unsigned i = 0; rx_cksum && i < RTE_DIM(rx_offloads); i++) {
		if (info->rx_offload_capa & rx_offloads[i].device) {
			e->conf.rxmode.offloads |= rx_offloads[i].device;
			e->port.offloads |= rx_offloads[i].ours;
		}
	}
	for (unsigned i = 0; i < RTE_DIM(tx_offloads); i++) {
		if (info->tx_offload_capa & tx_offloads[i].device) {
			e->conf.txmode.offloads |= tx_offloads[i].device;
			e->port.offloads |= tx_offloads[i].ours;
		}
	}
	if (e->hash_can_be_real && e->port.n_queues > 1)
		e->conf.rxmode.offloads |= info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH;
}

static int choose_mtu(struct ethdev *e, const struct rte_eth_dev_info *info, uint16_t wanted, char *err, size_t err_len)
{
	uint32_t most = RTE_MIN(info->max_mtu, info->max_rx_pktlen - RTE_ETHER_HDR_LEN - RTE_ETHER_CRC_LEN);
	uint16_t now = RTE_ETHER_MTU;

	rte_eth_dev_get_mtu(e->id, &now);
	if (wanted != 0 && (wanted > most || wanted < info->min_mtu)) {
		snprintf(err, err_len, "%s allows an MTU from %u to %u, not %u", e->port.name, info->min_mtu, most, wanted);
		return -EINVAL;
	}
	e->port.mtu = wanted != 0 ? wanted : now;
	e->conf.rxmode.mtu = e->port.mtu;
	if (e->port.mtu + RTE_ETHER_HDR_LEN + 4 > RTE_MBUF_DEFAULT_DATAROOM)
		e->conf.rxmode.offloads |= info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	return 0;
}

/* The device's own address, or one of ours where it has none. */
static void choose_mac(struct ethdev *e)
{
	if (rte_eth_macaddr_get(e->id, &e->port.mac) == 0 && rte_is_valid_assigned_ether_addr(&e->port.mac))
		return;
	rte_eth_random_addr(e->port.mac.addr_bytes);
	if (rte_eth_dev_default_mac_addr_set(e->id, &e->port.mac) != 0)
		rte_eth_promiscuous_enable(e->id);
}

/* Some PMDs write key and table only when they start, so they are read back in a trial run. The stacks need to know the
 * hash before they start the queues. */
static void trial_run(struct ethdev *e, const struct rte_eth_dev_info *info)
{
	struct rte_mempool *pools[PORT_QUEUES_MAX], *pool;
	char name[32];

	snprintf(name, sizeof(name), "trial%u", e->id);
	pool = drivers_mbuf_pool(name, (uint32_t)e->port.n_queues * TRIAL_MBUFS_PER_QUEUE, e->port.numa_node);
	if (pool == NULL)
		return;
	for (unsigned i = 0; i < e->port.n_queues; i++)
		pools[i] = pool;
	if (ethdev_queues_start(e, info, pools) == 0) {
		ethdev_rss_settle(e, info);
		rte_eth_dev_stop(e->id);
	}
	e->trial_pool = pool; /* its mbufs come back when the queues are set up again */
}

static int configure(struct ethdev *e, const struct spate_config *c, uint16_t n_queues, uint64_t seed, char *err,
		     size_t err_len)
{
	struct rte_eth_dev_info info;
	struct port *p = &e->port;
	int rc = rte_eth_dev_info_get(e->id, &info);

	if (rc != 0)
		goto fail;
	p->numa_node = rte_eth_dev_socket_id(e->id);
	p->n_queues = RTE_MIN(n_queues, RTE_MIN(info.max_rx_queues, info.max_tx_queues));
	choose_offloads(e, &info);
	ethdev_rss_prepare(e, &info, seed);
	rc = choose_mtu(e, &info, c->mtu, err, err_len);
	if (rc != 0)
		return rc;
	rc = rte_eth_dev_configure(e->id, p->n_queues, p->n_queues, &e->conf);
	if (rc != 0 && e->rss) { /* it says that it has RSS, and does not take it (vmxnet3 without multiqueue) */
		e->rss = false;
		e->conf.rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
		e->conf.rxmode.offloads &= ~RTE_ETH_RX_OFFLOAD_RSS_HASH;
		memset(&e->conf.rx_adv_conf, 0, sizeof(e->conf.rx_adv_conf));
		rc = rte_eth_dev_configure(e->id, p->n_queues, p->n_queues, &e->conf);
	}
	if (rc != 0)
		goto fail;
	e->n_rxd = e->n_txd = DESCRIPTORS;
	rc = rte_eth_dev_adjust_nb_rx_tx_desc(e->id, &e->n_rxd, &e->n_txd);
	if (rc != 0)
		goto fail;
	choose_mac(e);
	if (e->rss && e->hash_can_be_real)
		trial_run(e, &info);
	return 0;
fail:
	snprintf(err, err_len, "%s cannot be configured with %u queues: %s", p->name, p->n_queues, rte_strerror(-rc));
	return rc;
}

static const char *probe_hint(enum dev_kind kind, int rc)
{
	if (rc == -EPERM || rc == -EACCES)
		return ": run as root or with CAP_NET_ADMIN and CAP_NET_RAW";
	switch (kind) {
	case DEV_PCI:
		return ": bind it to vfio-pci first (dpdk-devbind.py -b vfio-pci ADDRESS), or its PMD is not installed";
	case DEV_VIRTIO:
		return ": is the vhost side up?";
	case DEV_XDP:
		return ": AF_XDP needs root, a kernel with XDP sockets, and as many queues in the interface";
	default:
		return ": see the line above, or add --eal --log-level=*:info";
	}
}

static int probe(struct ethdev *e, const struct dev_name *d, const struct spate_config *c, uint16_t n_queues, char *err,
		 size_t err_len)
{
	static unsigned n_devs;
	char args[ARGS_LEN], name[RTE_ETH_NAME_MAX_LEN];
	int rc = dev_name_args(d, n_devs, n_queues, c->mtu, args, sizeof(args));

	if (rc == 0 && d->kind != DEV_PCI) {
		n_devs++;
		rc = rte_dev_probe(args);
		e->plugged = rc == 0;
	}
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(args, ","), args);
	if (d->kind == DEV_PCI && strlen(d->what) < 10)
		snprintf(name, sizeof(name), "0000:%s", d->what);
	if (rc == 0)
		rc = rte_eth_dev_get_port_by_name(name, &e->id);
	if (rc != 0)
		snprintf(err, err_len, "%s does not open (%s)%s", e->port.name, rte_strerror(-rc), probe_hint(d->kind, rc));
	return rc;
}

int ethdev_open(const struct dev_name *d, const struct spate_config *c, uint16_t n_queues, uint64_t seed,
		struct port **port, char *err, size_t err_len)
{
	struct ethdev *e = calloc(1, sizeof(*e));
	int rc;

	if (e == NULL)
		return -ENOMEM;
	e->port.ops = &ethdev_ops;
	e->hash_can_be_real = d->kind == DEV_PCI;
	snprintf(e->port.name, sizeof(e->port.name), "%.63s", c->dev);
	rc = probe(e, d, c, n_queues, err, err_len);
	if (rc != 0) {
		free(e);
		return rc;
	}
	rc = configure(e, c, n_queues, seed, err, err_len);
	if (rc != 0) {
		ethdev_ops.close(&e->port);
		return rc;
	}
	*port = &e->port;
	return 0;
}
