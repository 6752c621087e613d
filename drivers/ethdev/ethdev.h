/* ethdev.h: any DPDK poll-mode driver as a port. */
#ifndef ETHDEV_ETHDEV_H
#define ETHDEV_ETHDEV_H

#include <rte_ethdev.h>

#include "drivers/name.h"
#include "pkt/port.h"

struct spate_config;

struct ethdev {
	struct port port;
	uint16_t id;            /* DPDK's port number */
	bool plugged;           /* we made the device, so closing removes it */
	bool hash_can_be_real;  /* on PCI; DPDK's virtual devices store key and table, and hash otherwise or not at all */
	bool rss;               /* asked for, and configure took it */
	bool wants_strip;       /* the device may write hashes that are not port.rss's into mbufs */
	uint16_t n_rxd, n_txd;
	struct rte_mempool *trial_pool;
	struct rte_eth_conf conf;
	uint8_t key[RSS_KEY_MAX];
};

/* Probes and configures one device. 0 or -errno with a sentence. */
int ethdev_open(const struct dev_name *d, const struct spate_config *c, uint16_t n_queues, uint64_t seed,
		struct port **port, char *err, size_t err_len);

/* ---- rss.c ---- */
/* Fills the RSS part of e->conf for a device that can do it, with a key from the seed. */
void ethdev_rss_prepare(struct ethdev *e, const struct rte_eth_dev_info *info, uint64_t seed);
/* On a running device: writes the table, reads table and key back, and makes port.rss what they say. */
void ethdev_rss_settle(struct ethdev *e, const struct rte_eth_dev_info *info);

/* ---- queues.c ---- */
int ethdev_queues_start(struct ethdev *e, const struct rte_eth_dev_info *info, struct rte_mempool **pools);
extern const struct port_ops ethdev_ops;

#endif
