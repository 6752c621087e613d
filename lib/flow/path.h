/* path.h: what all flows between one local and one remote address share: the next hop, the ready-made link and IP
 * header, the MTU, the neighbour. Reference counted by flows; owned by one core. net/ fills it. */
#ifndef FLOW_PATH_H
#define FLOW_PATH_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#include "base/pool.h"

#define PATH_L2_MAX 18  /* Ethernet 14 + VLAN 4 */
#define PATH_HDR_LEN (PATH_L2_MAX + 20)  /* of IPv4 */
#define PATH_HDR6_LEN (PATH_L2_MAX + 40) /* of IPv6 */

struct path {
	rte_be32_t laddr_be, raddr_be;
	uint32_t refs;
	uint32_t hash_next;      /* chain in the path index */
	uint32_t neigh;          /* FLOW_NEIGH index of the next hop */
	uint16_t pmtu;           /* IP bytes, at most the port's MTU (RFC 1191) */
	uint8_t l2_len;          /* bytes of link header in hdr */
	bool resolved;           /* hdr has the next hop's MAC */
	uint8_t port;            /* of the end: where its packets leave */
	uint8_t iface;           /* network interface: port and VLAN (net.h) */
	uint16_t vlan_tci;       /* the tag that the port inserts, 0: none */
	uint8_t l3_len;          /* 20, or 40: IPv6, and the addresses are numbers, of which it holds a reference each */
	uint8_t hop_limit;       /* of IPv6: what routers said on its link */
	uint16_t pmtu_failed;    /* a size that was lost without a word: something up to it may still pass; 0: none (RFC 4821) */
	uint32_t neigh_next;     /* paths over the same neighbour */
	uint32_t confirmed_tick; /* last time a reply showed the neighbour alive */
	/* Link header, which ends at PATH_L2_MAX and starts l2_len before that, and IPv4 header with length, id and checksum
	 * zero. So all are copied as PATH_HDR_LEN bytes, whatever the link. Or the IPv6 header, without length, traffic class and
	 * label. */
	uint8_t hdr[PATH_HDR6_LEN + 2];
	uint32_t neigh_prev;     /* the other way; 0: first */
	uint32_t pmtu_tick;      /* when pmtu was last lowered */
	uint32_t route_gen;      /* of the routes that led it */
	uint8_t via;             /* part of the key: how the way was restricted (NET_VIA_*), 0: not */
	bool nowhere;            /* what is sent on it is lost */
	uint8_t spare[6];
} __attribute__((aligned(64)));
static_assert(sizeof(struct path) == 128, "two cache lines");

struct paths {
	struct pool pool;
	uint32_t *bucket; /* heads of chains by hash of (laddr, raddr) */
	uint32_t mask;
	struct region region;
};

int paths_init(struct paths *ps, uint32_t max, int numa_node);
void paths_fini(struct paths *ps);
/* The path's index with one more reference, made (zeroed but for the addresses, *fresh true) when there was none. 0:
 * full. */
uint32_t path_get(struct paths *ps, rte_be32_t laddr_be, rte_be32_t raddr_be, uint8_t via, bool *fresh);
/* One reference less; the last one frees it. Returns true when it was freed. */
bool path_put(struct paths *ps, uint32_t idx);

static inline struct path *path_at(const struct paths *ps, uint32_t idx)
{
	return POOL_AT(&ps->pool, struct path, idx);
}

#endif
