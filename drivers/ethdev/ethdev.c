/* ethdev.c: probing and configuring a device with what it offers of what we can use. */
#include "drivers/ethdev/ethdev.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_dev.h>

#include "base/log.h"
#include "config/config.h"
#include "drivers/signals.h"

#define ARGS_LEN 768

/* The device's own address, or one of ours where it has none. A tap device's is the one of the kernel's interface, which is
 * the other end of the wire: we are its neighbour, one bit away. */
static void choose_mac(struct ethdev *e)
{
	if (rte_eth_macaddr_get(e->id, &e->port.mac) == 0 && rte_is_valid_assigned_ether_addr(&e->port.mac)) {
		if (strcmp(e->info.driver_name, "net_tap") == 0)
			e->port.mac.addr_bytes[RTE_ETHER_ADDR_LEN - 1] ^= 1;
		return;
	}
	rte_eth_random_addr(e->port.mac.addr_bytes);
	if (rte_eth_dev_default_mac_addr_set(e->id, &e->port.mac) != 0)
		rte_eth_promiscuous_enable(e->id);
}

/* Where the port's MTU is a setting of its own (mlx5 shares it with its kernel driver), it must follow. */
static void mtu_follow(const struct ethdev *e, uint16_t wanted)
{
	int rc = wanted != 0 && e->kind == DEV_PCI ? rte_eth_dev_set_mtu(e->id, wanted) : 0;

	if (rc != 0 && rc != -ENOTSUP)
		LOG_WARN("%s: the port does not take an MTU of %u: %s", e->port.name, wanted, rte_strerror(-rc));
}

static int set_up(struct ethdev *e, const struct dev_name *d, const struct spate_config *c, uint64_t seed, char *err,
		  size_t err_len)
{
	struct port *p = &e->port;
	int rc = rte_eth_dev_info_get(e->id, &e->info);

	if (rc != 0)
		goto fail;
	p->numa_node = rte_eth_dev_socket_id(e->id);
	p->n_queues = RTE_MIN(e->n_stacks, RTE_MIN(e->info.max_rx_queues, e->info.max_tx_queues));
	ethdev_rss_key(e->key, seed);
	ethdev_offload_choose(e);
	rc = ethdev_mtu_choose(e, d, c->mtu, err, err_len);
	if (rc != 0)
		return rc;
	e->conf.intr_conf.rxq = c->rx_interrupts;
	rc = ethdev_configure(e);
	if (rc != 0)
		goto fail;
	mtu_follow(e, c->mtu);
	choose_mac(e);
	return 0;
fail:
	snprintf(err, err_len, "%s cannot be configured with %u queue%s: %s", p->name, p->n_queues, p->n_queues == 1 ? "" : "s",
		 rc == -1 ? "see the line above" : rte_strerror(-rc));
	return rc == -1 ? -EIO : rc; /* PMDs with no error numbers */
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

static int probe_with(struct ethdev *e, const struct dev_name *d, uint16_t n_queues, uint16_t mtu)
{
	static unsigned n_devs;
	char args[ARGS_LEN], name[RTE_ETH_NAME_MAX_LEN];
	int rc = dev_name_args(d, n_devs, n_queues, mtu, args, sizeof(args));
	sigset_t occupied;

	signals_occupy(&occupied);
	if (rc == 0 && d->kind != DEV_PCI) {
		n_devs++;
		rc = rte_dev_probe(args);
		e->plugged = rc == 0;
	}
	signals_release(&occupied);
	snprintf(name, sizeof(name), "%.*s", (int)RTE_MIN(strcspn(args, ","), sizeof(name) - 1), args);
	if (d->kind == DEV_PCI && strlen(d->what) < 10)
		snprintf(name, sizeof(name), "0000:%.12s", d->what);
	return rc != 0 ? rc : rte_eth_dev_get_port_by_name(name, &e->id);
}

/* With fewer queues where the other side, or the kernel's interface, has no more. */
static int probe(struct ethdev *e, const struct dev_name *d, const struct spate_config *c, char *err, size_t err_len)
{
	uint16_t mtu = c->mtu != 0 ? c->mtu : ethdev_mtu_of_interface(d);
	int rc = probe_with(e, d, e->n_stacks, mtu);

	if (rc != 0 && e->n_stacks > 1 && (d->kind == DEV_XDP || d->kind == DEV_VIRTIO))
		rc = probe_with(e, d, 1, mtu);
	if (rc != 0)
		snprintf(err, err_len, "%s does not open (%s)%s", e->port.name, rte_strerror(-rc), probe_hint(d->kind, rc));
	return rc;
}

int ethdev_open(const struct dev_name *d, const struct spate_config *c, uint16_t n_stacks, uint64_t seed,
		struct port **port, char *err, size_t err_len)
{
	struct ethdev *e = calloc(1, sizeof(*e));
	int rc;

	if (e == NULL)
		return -ENOMEM;
	e->port.ops = &ethdev_ops;
	e->kind = d->kind;
	e->hash_can_be_real = d->kind == DEV_PCI;
	e->offload = c->offload;
	e->n_stacks = n_stacks;
	e->mbufs = c->mbufs;
	snprintf(e->port.name, sizeof(e->port.name), "%.*s", (int)sizeof(e->port.name) - 1, c->dev);
	rc = probe(e, d, c, err, err_len);
	if (rc != 0) {
		free(e);
		return rc;
	}
	rc = set_up(e, d, c, seed, err, err_len);
	if (rc != 0) {
		ethdev_ops.close(&e->port);
		return rc;
	}
	*port = &e->port;
	return 0;
}
