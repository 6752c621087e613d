/* ndp.h: neighbour discovery (RFC 4861): solicitations, advertisements and redirects as ICMPv6 messages, and their options. */
#ifndef WIRE_NDP_H
#define WIRE_NDP_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ether.h>

#include "config/limits.h"
#include "wire/icmp6.h"

#define NDP_HOPS 255           /* of every message: no router lets one of another link through (RFC 4861 3.1) */
#define NDP_MSG_MAX 32         /* of those that are written here */

#define NDP_OPT_SLLA 1
#define NDP_OPT_TLLA 2
#define NDP_OPT_PREFIX 3
#define NDP_OPT_REDIRECTED 4
#define NDP_OPT_MTU 5
#define NDP_OPT_NONCE 14       /* RFC 3971; of probes: RFC 7527 */

struct ndp_prefix {
	struct ip6_addr prefix;
	uint8_t len;
	bool onlink, autonomous;
	uint32_t valid_s, preferred_s; /* UINT32_MAX: for ever */
};

/* What the options said. Unknown ones are skipped (RFC 4861 4.6). */
struct ndp_opts {
	bool has_slla, has_tlla;
	struct rte_ether_addr slla, tlla;
	uint32_t mtu;          /* 0: none */
	uint8_t n_prefixes;    /* those behind NDP_PREFIXES_MAX are not read */
	struct ndp_prefix prefix[NDP_PREFIXES_MAX];
	uint64_t nonce;        /* 0: none; its first 6 bytes */
};

/* False when an option has no length, or ends beyond the message: then all of it is worth nothing. */
bool ndp_opts_parse(struct ndp_opts *o, const uint8_t *b, uint32_t len);

struct ndp_neigh {             /* NS and NA */
	struct ip6_addr target;
	bool router, solicited, override;
	struct ndp_opts opts;
};

struct ndp_ra {
	uint8_t hops;          /* 0: does not say */
	bool managed, other;
	int8_t preference;     /* of the default route: -1, 0, 1 (RFC 4191) */
	uint16_t lifetime_s;   /* of the default route; 0: is none */
	uint32_t reachable_ms, retrans_ms; /* 0: does not say */
	struct ndp_opts opts;
};

struct ndp_redirect {
	struct ip6_addr target, dst;
	struct ndp_opts opts;
};

/* Parse and validate whole messages of len bytes, of which the IPv6 header said src, dst and hops (RFC 4861 6.1, 7.1, 8.1). The
 * checksum is the caller's business. */
bool ndp_ns_parse(struct ndp_neigh *v, const void *msg, uint32_t len, const struct ip6_addr *src, const struct ip6_addr *dst,
		  uint8_t hops);
bool ndp_na_parse(struct ndp_neigh *v, const void *msg, uint32_t len, const struct ip6_addr *dst, uint8_t hops);
bool ndp_ra_parse(struct ndp_ra *v, const void *msg, uint32_t len, const struct ip6_addr *src, uint8_t hops);
bool ndp_redirect_parse(struct ndp_redirect *v, const void *msg, uint32_t len, const struct ip6_addr *src, uint8_t hops);

/* Write a message, checksum zero, and return its length. mac: the option, NULL: none. */
uint32_t ndp_ns_emit(void *buf, const struct ip6_addr *target, const struct rte_ether_addr *mac);
/* The same as a probe (RFC 4862 5.4.2) with this nonce, by which we know our own when they come back (RFC 7527). */
uint32_t ndp_probe_emit(void *buf, const struct ip6_addr *target, uint64_t nonce);
uint32_t ndp_na_emit(void *buf, const struct ip6_addr *target, const struct rte_ether_addr *mac, bool solicited, bool override);
uint32_t ndp_rs_emit(void *buf, const struct rte_ether_addr *mac);

#endif
