/* config.h: the settings of one run, from the command line, a file or spate_config_set(): one parser for all three. */
#ifndef SPATE_CONFIG_H
#define SPATE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <netinet/in.h>
#include <rte_byteorder.h>

#include "config/congestion.h"
#include "config/limits.h"
#include "config/rules.h"

#define CONFIG_RANGES_MAX 64 /* --ip may be repeated this often; each is a range of up to LOCAL_ADDRS_MAX addresses */

struct config_range {
	uint32_t first, last;   /* host order, inclusive */
	uint8_t prefix_len;
	uint8_t iface;          /* whose addresses they are */
};

struct config_range6 {
	struct in6_addr first;
	uint32_t count;
	uint8_t prefix_len;
	uint8_t iface;
};

struct config_gw6 {
	struct in6_addr addr;   /* link-local ones are on iface */
	uint8_t iface;
};

struct config_dev {
	char name[256];
	uint16_t mtu;           /* 0: the device's */
};

/* A network interface: a device, or one VLAN of it. "ip", "gw" and "mtu" are for the latest "dev" or "vlan" before them. */
struct config_iface {
	uint8_t dev;
	uint16_t vlan_id;       /* 0: untagged */
	uint16_t mtu;           /* of a VLAN, 0: the device's */
};

struct config_ports {
	uint16_t lo, hi;        /* inclusive */
};

struct spate_config {
	char dev[256];           /* the first device */
	struct config_dev more[PORTS_MAX - 1]; /* the others */
	unsigned n_more;
	struct config_iface iface[IFACES_MAX]; /* [0]: the first device, untagged */
	unsigned n_ifaces;
	uint8_t iface_now;       /* what the next settings are for */
	struct config_range ip[CONFIG_RANGES_MAX], peer_ip[CONFIG_RANGES_MAX]; /* peer_ip: the far end of sim */
	unsigned n_ip, n_peer_ip;
	uint32_t gw[CONFIG_RANGES_MAX];  /* host order */
	uint8_t gw_iface[CONFIG_RANGES_MAX];
	unsigned n_gw;
	struct config_range6 ip6[CONFIG_RANGES_MAX], peer_ip6[CONFIG_RANGES_MAX];
	unsigned n_ip6, n_peer_ip6;
	struct config_gw6 gw6[CONFIG_RANGES_MAX];
	unsigned n_gw6;
	struct config_route route[CONFIG_ROUTES_MAX];
	unsigned n_routes;
	struct config_filter filter[CONFIG_FILTERS_MAX]; /* the first that matches a packet says what becomes of it */
	unsigned n_filters;
	bool ip6_auto;           /* routers are asked and believed; else IPv6 is what is written here */
	int dad;                 /* are IPv6 addresses asked for before they are used? 1, 0, -1: where others may have them */
	uint32_t max_conns;
	uint16_t port_lo, port_hi;
	struct config_ports reserved[CONFIG_RANGES_MAX]; /* never chosen automatically */
	unsigned n_reserved;
	uint16_t mtu;            /* of the first device, 0: its own */
	uint16_t cores;          /* stacks per end */
	int core_list[PORT_QUEUES_MAX]; /* CPUs to pin to, near end first; n_core_list 0: do not pin */
	unsigned n_core_list;
	bool cores_from_list;    /* cores was not given, it follows from the list (and from dev: sim shares it between its ends) */
	uint32_t mbufs;          /* per stack */
	uint32_t memory_mb;      /* DPDK memory; 0: computed */
	uint32_t rcvbuf_max;     /* TCP receive buffers grow up to this */
	bool uto;                /* the user timeout option of RFC 5482 */
	uint8_t congestion;      /* enum tcp_cc_id of new sockets */
	uint8_t ecn;             /* enum tcp_ecn_mode */
	bool mtu_probing;        /* are black holes of large packets looked for? */
	bool gro;                /* join received segments in software */
	bool rx_interrupts;      /* devices that can wake threads are set up to */
	int huge;                /* 1 asked for, 0 forbidden, -1 use them when they are there and enough */
	bool offload;            /* may the device do checksums, segmentation, VLAN tags? false: all in software */
	char eal[512];           /* extra EAL arguments */
	uint8_t syncookies;      /* 0 no, 1 when half-open connections are many, 2 always */
	uint8_t without;         /* TCP_NO_* */
	uint64_t fastopen_key[2]; /* as two words of SipHash's, ... */
	bool fastopen_key_given; /* ... also when they are zero */
	uint16_t fastopen;       /* bits as of Linux's net.ipv4.tcp_fastopen */
	uint8_t dialect;         /* enum dialect of new sockets (lib/flow/conn.h) + 1; 0: not said */
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

/* Devices by number: dev, then more. */
static inline unsigned config_devs(const struct spate_config *c) { return 1 + c->n_more; }
static inline const char *config_dev(const struct spate_config *c, unsigned i) { return i == 0 ? c->dev : c->more[i - 1].name; }
static inline uint16_t config_mtu(const struct spate_config *c, unsigned i) { return i == 0 ? c->mtu : c->more[i - 1].mtu; }
bool config_iface_used(const struct spate_config *c, unsigned iface); /* it has addresses */
/* "ADDR/LEN" in words of the settings, for spate_address_add(). 0, or -EINVAL with a sentence. */
int config_parse_address(const char *text, struct config_range *r, char *err, size_t err_len);
/* For spate_route_add() and spate_filter_set(). */
int config_parse_route(const char *text, struct config_route *r, char *err, size_t err_len);
int config_parse_filter(const char *text, struct config_filter *f, char *err, size_t err_len);
int config_parse_gateway(const char *text, uint32_t *gw, char *err, size_t err_len);
/* The same of IPv6. */
static inline bool config_is_ip6(const char *text) { return strchr(text, ':') != NULL; }
int config_parse_address6(const char *text, struct config_range6 *r, char *err, size_t err_len);
int config_parse_gateway6(const char *text, struct in6_addr *gw, char *err, size_t err_len);
/* The n-th address behind a. */
struct in6_addr config_ip6_add(const struct in6_addr *a, uint32_t n);
bool config_dad(const struct spate_config *c);

#endif
