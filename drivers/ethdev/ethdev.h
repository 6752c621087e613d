/* ethdev.h: any DPDK poll-mode driver as a port. */
#ifndef ETHDEV_ETHDEV_H
#define ETHDEV_ETHDEV_H

#include <rte_ethdev.h>

#include "drivers/name.h"
#include "pkt/port.h"

struct spate_config;

/* RSS as the running device says that it does it. */
struct ethdev_rss {
	bool asked;             /* the device advertises it, and configure took key and types */
	uint64_t types;         /* RTE_ETH_RSS_*: granted; 0 also when they cannot be read */
	int key_rc, set_rc, table_rc; /* 0 or -errno of reading the key, writing the table, reading the table */
	uint16_t key_len;       /* 0: the key is not known */
	uint16_t table_size;    /* 0: the table is not known */
	uint8_t key[RSS_KEY_MAX];
	uint16_t table[RSS_RETA_MAX];
	char why_not[160];      /* why it is not trusted, "" when it is */
};

struct ethdev {
	struct port port;
	uint16_t id;            /* DPDK's port number */
	enum dev_kind kind;
	bool plugged;           /* we made the device, so closing removes it */
	bool offload;           /* the setting: offloads may be used */
	bool hash_can_be_real;  /* on PCI; DPDK's virtual devices store key and table, and hash otherwise or not at all */
	bool wants_strip;       /* the device may write hashes that are not port.rss's into mbufs */
	uint16_t n_stacks;      /* queues asked for */
	uint32_t mbufs;         /* packet buffers of one stack */
	uint16_t n_rxd, n_txd;
	uint64_t tx_refused;    /* frames that the PMD would not send; written by any queue's core, so only roughly right */
	struct rte_mempool *bounce; /* for PMDs that need buffers of a whole frame: received here, copied to the queue's pool */
	struct rte_mempool *pools[PORT_QUEUES_MAX];
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf;
	uint8_t key[RSS_KEY_MAX]; /* asked for */
	struct ethdev_rss rss;
};

/* Probes and configures one device for n_stacks stacks; fewer queues may be granted. 0 or -errno with a sentence. */
int ethdev_open(const struct dev_name *d, const struct spate_config *c, uint16_t n_stacks, uint64_t seed,
		struct port **port, char *err, size_t err_len);

/* ---- advice.c ---- */
void ethdev_advice(const struct ethdev *e, FILE *out); /* what the user should change, if anything */

/* ---- quirks.c: what a PMD's own description of itself does not say ---- */
struct ethdev_quirk {
	const char *driver;       /* how info.driver_name begins */
	uint64_t rx_not, tx_not;  /* offloads that are not asked for though advertised */
	const char *why_not;
	bool any_mtu;             /* max_rx_pktlen is 1518 and nothing in the PMD needs it to be */
	bool chains;              /* receives long frames into chains without advertising scattered rx */
	bool whole_frames;        /* needs receive buffers that hold a whole frame */
	bool stops_in_thread;     /* must be stopped in EAL's interrupt thread */
};
const struct ethdev_quirk *ethdev_quirk_of(const char *driver); /* never NULL */

/* ---- offload.c ---- */
/* Fills the offloads of e->conf and e->port from e->info. */
void ethdev_offload_choose(struct ethdev *e);
void ethdev_offload_describe(const struct ethdev *e, FILE *out);

/* ---- rss.c ---- */
/* A key from which any queue can be reached by local ports. It depends on the seed alone: one for all ports of a run. */
void ethdev_rss_key(uint8_t key[RSS_KEY_MAX], uint64_t seed);
/* Fills the RSS part of e->conf for a device that can do it, and port.rss with what is good until the device runs. */
void ethdev_rss_prepare(struct ethdev *e);
/* The device did not take it: clears that part again. */
void ethdev_rss_give_up(struct ethdev *e, int rc);
/* On a running device: writes the table, reads table and key back, and makes port.rss what they say. */
void ethdev_rss_settle(struct ethdev *e);
void ethdev_rss_describe(const struct ethdev *e, FILE *out);

/* ---- mtu.c ---- */
/* The MTU of the kernel interface under AF_PACKET and AF_XDP, at most MTU_MAX; 0 for other devices. */
uint16_t ethdev_mtu_of_interface(const struct dev_name *d);
/* Fills MTU and scattered rx of e->conf and e->port. wanted 0: the device's. 0 or -errno with a sentence. */
int ethdev_mtu_choose(struct ethdev *e, const struct dev_name *d, uint16_t wanted, char *err, size_t err_len);

/* ---- queues.c ---- */
int ethdev_configure(struct ethdev *e); /* with as many queues as the device takes, with RSS if it takes that */
extern const struct port_ops ethdev_ops;

#endif
