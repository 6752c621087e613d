/* config.h: the settings of one run, from the command line, a file or spate_config_set(): one parser for all three. */
#ifndef SPATE_CONFIG_H
#define SPATE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_byteorder.h>

#include "config/limits.h"

#define CONFIG_RANGES_MAX 64 /* --ip may be repeated this often; each is a range of up to LOCAL_ADDRS_MAX addresses */

struct config_range {
	uint32_t first, last;   /* host order, inclusive */
	uint8_t prefix_len;
};

struct spate_config {
	char dev[256];
	struct config_range ip[CONFIG_RANGES_MAX], peer_ip[CONFIG_RANGES_MAX]; /* peer_ip: the far end of sim */
	unsigned n_ip, n_peer_ip;
	uint32_t gw[CONFIG_RANGES_MAX];  /* host order */
	unsigned n_gw;
	uint32_t max_conns;
	uint16_t port_lo, port_hi;
	uint16_t mtu;            /* 0: the device's */
	uint16_t cores;          /* stacks per end */
	int core_list[PORT_QUEUES_MAX]; /* CPUs to pin to, near end first; n_core_list 0: do not pin */
	unsigned n_core_list;
	bool cores_from_list;    /* cores was not given, it follows from the list (and from dev: sim shares it between its ends) */
	uint32_t mbufs;          /* per stack */
	uint32_t memory_mb;      /* DPDK memory; 0: computed */
	bool gro;                /* join received segments in software */
	int huge;                /* 1 asked for, 0 forbidden, -1 use them when they are there and enough */
	char eal[512];           /* extra EAL arguments */
	uint64_t seed;           /* 0: from the system */
	int log_level;           /* RTE_LOG_* */
	/* Impairments of sim, per direction, are options behind the device name: sim,loss=1%,delay=5ms (drivers/sim). */
};

void config_defaults(struct spate_config *c);
/* 0, or -EINVAL with a sentence in err. */
int config_set(struct spate_config *c, const char *name, const char *value, char *err, size_t err_len);
int config_load(struct spate_config *c, const char *path, char *err, size_t err_len);
/* What only the whole shows: no device, no address, gateway on no prefix. 0 or -EINVAL with a sentence. */
int config_check(const struct spate_config *c, char *err, size_t err_len);
const char *config_help(void);

#endif
