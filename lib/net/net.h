/* net.h: the network layer of one stack: Ethernet and VLAN, ARP, NDP and neighbours, IPv4 and IPv6, ICMP, routes and
 * local addresses. Owned by one core. Does not know TCP or UDP beyond their ports: it returns verdicts and the spine
 * (core/rx.c) acts. */
#ifndef NET_NET_H
#define NET_NET_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_mbuf.h>

#include "base/clock.h"
#include "base/drop.h"
#include "flow/flow.h"
#include "flow/path.h"
#include "pkt/tx.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

#define NET_PORT_LOOP PORTS_MAX /* in place of a port: packets of a stack to itself */

#define NET_LOCAL_BITS 12  /* 1024 addresses, 256 broadcast and 256 removed ones fill less than half of the slots */
#define NET_LOCAL_SLOTS (1u << NET_LOCAL_BITS)

enum net_verdict {
	NET_DONE,       /* consumed: handled (ARP, echo) or dropped and counted; m is gone */
	NET_TCP,        /* pkt is filled, L4 checksum verified; the caller owns m */
	NET_UDP,        /* likewise */
	NET_GROUP,      /* UDP to a group or a broadcast address, for every stack that wants it; else like NET_UDP */
	NET_FRAGMENT,   /* pkt.key's addresses, and hash by them; the caller owns m: net_reassemble() at its home */
	NET_ICMP_ERROR, /* pkt.icmp and pkt.key (of the quoted packet, seen from here) are filled; the caller owns m */
};

/* One received packet, parsed as far as IP. */
struct net_pkt {
	struct rte_mbuf *m;
	struct flow_key key;    /* local = destination of an arriving packet, source of a quoted one. IPv6: numbers; raddr_be is 0
				 * when the remote address has none, laddr_be 0 when it is a group */
	uint32_t hash;          /* of key: the NIC's where it gave one, else computed */
	uint16_t l3_off, l4_off;/* from the start of m's data */
	uint16_t l4_len;        /* L4 header and payload, without link padding */
	uint8_t port;           /* of the end, that received it; NET_PORT_LOOP: sent to ourselves */
	uint8_t iface;          /* of net.iface, that it came by (without meaning for NET_PORT_LOOP) */
	bool verified;          /* the L4 checksum is right */
	bool glanced;           /* core: tcp_without_excess() saw this very frame */
	bool nic_hash;          /* hash is what the NIC wrote, not computed */
	bool ip6;               /* proto is what follows the extension headers, tos the traffic class, ttl the hop limit */
	bool quoted;            /* l3_off is the quoted packet's, which left from here */
	uint32_t flow_label;    /* IPv6 */
	uint8_t proto, tos, ttl;/* of NET_ICMP_ERROR: l3_off, l4_off and proto are the quoted packet's */
	struct {                /* NET_ICMP_ERROR only */
		uint8_t type, code;
		uint16_t mtu;   /* of "fragmentation needed" and "packet too big" */
		uint32_t seq;   /* TCP sequence number that was quoted */
		int err;        /* errno as Linux maps it (positive), 0: none (ignored codes, fragmentation needed) */
		bool local;     /* made here: the neighbour did not answer */
		struct ip6_addr from; /* who says so */
	} icmp;
};

/* A network interface: a port, or one VLAN of it. Addresses, routes and neighbours belong to one. */
struct net_iface {
	uint8_t port;           /* of the end */
	bool up;                /* the port's link */
	bool off;               /* the port is switched off in the system: as if there were no routes by it (F49) */
	bool ip6;               /* IPv6 is spoken here (net_ip6_enable()) */
	uint8_t l2_len;         /* link header that we write: with a tag, unless the port inserts tags */
	uint16_t vlan_id;       /* 0: untagged */
	uint16_t mtu;           /* IP bytes */
	struct rte_ether_addr mac;
	char name[64];          /* the device's, with ".VLAN" */
};

#define NET_IFACE_ANY UINT8_MAX /* the interface whose network it is */
#define NET_IFACE_LO IFACES_MAX /* "lo", which every stack has: no packet leaves by it */

struct net_addr {
	rte_be32_t addr_be;
	uint8_t prefix_len, iface;
	bool conflict;          /* somebody else was heard using it */
};

/* The last three refuse (net_route_error()). */
enum route_type { ROUTE_ONLINK, ROUTE_GATEWAY, ROUTE_UNREACHABLE, ROUTE_PROHIBIT, ROUTE_BLACKHOLE };

/* IPv4 is here as ::ffff:a.b.c.d, its prefixes 96 bits longer. */
struct net_route {
	struct ip6_addr prefix; /* bits behind prefix_len are 0 */
	struct ip6_addr gw;     /* ROUTE_GATEWAY */
	struct ip6_addr src;    /* preferred address of ours, all 0: any that fits */
	uint32_t metric;        /* of several to one prefix the lowest is used, of equal ones the first */
	uint8_t prefix_len;     /* 0..128 */
	uint8_t type;           /* enum route_type */
	uint8_t iface;
	bool dead;              /* its gateway did not answer at dead_tick (RFC 1122 3.3.1.5) */
	uint32_t dead_tick;
	uint16_t mtu;           /* 0: the interface's */
	uint16_t src_first;     /* ROUTE_ONLINK of IPv4: the prefix's addresses are source_be[src_first..src_first+src_count) */
	uint16_t src_count;
};

#define NET_PREFIX4 96 /* what a prefix of IPv4 is longer by */

/* The routes of one prefix length, which lie together. */
struct net_route_group {
	struct ip6_addr mask; /* of this length */
	uint32_t first;
	uint8_t prefix_len;
};

/* Slot of the hash set that every packet's addresses are looked up in. */
struct net_local {
	rte_be32_t addr_be;     /* 0: empty */
	uint8_t kind;           /* enum local_kind */
	uint8_t iface;
	uint16_t spare;
};
enum local_kind {
	LOCAL_NONE = 0,
	LOCAL_OURS,
	LOCAL_BROADCAST,
	LOCAL_OLD,              /* was ours: only for the flows that still use it */
	LOCAL_TENTATIVE,        /* IPv6: will be ours unless somebody else has it, or would be */
	LOCAL_LOOPBACK,         /* ::1: ours, but never from a link */
};

/* 127.0.0.0/8: every stack's own, in no list (RFC 1122 3.2.1.3 (g)). */
static inline bool net_is_loopback4(rte_be32_t addr_be) { return ((const uint8_t *)&addr_be)[0] == 127; }
#define NET_LOOPBACK_BE RTE_BE32(0x7f000001)           /* 127.0.0.1 */
#define NET_LOOPBACK_BROADCAST_BE RTE_BE32(0x7fffffff) /* of that network */

struct net_filter;    /* filter.h */
struct neigh;         /* neigh.h */
struct net6;          /* net6.h */
struct frag_datagram; /* reassemble.c */

/* Fragments that wait for others. Datagrams in the order in which they began, and in chains by their key. */
struct net_frags {
	struct frag_datagram *d; /* [0] is unused */
	uint16_t *bucket;
	uint32_t fresh;         /* from here on none was ever used */
	uint16_t free;          /* chain of those that were */
	uint16_t oldest, newest;
	uint32_t held, held_max;/* packet buffers */
	uint32_t mult;          /* random, odd: the hash of the chains */
};

struct group_stage;   /* group.c */

/* Multicast groups (group.h). */
struct net_groups {
	struct pool member, group;
	uint32_t bucket[64];    /* of groups, by interface and address */
	struct group_stage *stage; /* by stack: what it is telling */
	struct {
		bool answer[2];         /* a general query of IGMP, MLD is to be answered at answer_tick */
		uint32_t answer_tick[2];
		bool older[3];          /* a querier of IGMP version 1, 2 was heard, at older_tick */
		uint32_t older_tick[3];
	} iface[IFACES_MAX + 1];
	struct region region;
};

/* What stack 0 of an end does for all: looks at links, makes our addresses known (announce.c). */
struct net_announce {
	bool leader;
	uint8_t pass;           /* 0: probe, 1 and 2: announcements, 3: done */
	uint32_t next;          /* address */
	uint32_t pass_tick;     /* the pass begins */
};

struct net {
	struct flow *flow;      /* hash, wheel (FLOW_NEIGH timers), pools */
	struct pkt_tx *tx;      /* one per port of the end, and [NET_PORT_LOOP]: what is to come back to us */
	uint16_t n_ports;
	uint8_t hash_off;       /* bit per port: its hash is not ours, do not use it */
	uint8_t hash_off6;      /* the same for IPv6 */
	uint64_t hash_wrong;    /* packets that showed it */
	struct drops *drops;
	const struct clock *clock;
	struct paths paths;
	struct net_iface iface[IFACES_MAX + 1]; /* the last one is "lo" */
	uint32_t n_ifaces;
	uint8_t *iface_of;      /* by port and VLAN: interface + 1, 0 none */
	struct net_addr *addr;  /* sorted by address (host order) */
	rte_be32_t *source_be;  /* the same as a plain list for eport_take(): by prefix, then in the order added */
	struct net_local *local;/* NET_LOCAL_SLOTS: our addresses and the broadcast addresses of our prefixes */
	uint32_t n_addrs;
	rte_be32_t old_be[LOCAL_OLD_MAX]; /* removed addresses, a ring */
	uint32_t n_old;         /* removed so far */
	struct net_route *route; /* longest prefix first, then by prefix, by metric, in the order added */
	uint32_t n_routes;
	struct net_route_group route_group[129]; /* by length, longest first */
	uint32_t n_route_groups;
	uint64_t gateway_bits;  /* of the last bytes of gateways: which neighbours may be some */
	uint32_t route_gen;     /* counts changes of routes and addresses: paths are led anew */
	struct {                /* the answer to the last net_sources_via(), for the same question in the same tick */
		const rte_be32_t *from;
		rte_be32_t raddr_be;
		uint32_t count, gen, tick;
		uint8_t via;
	} last;
	uint32_t *neigh_bucket; /* chains by next-hop address */
	uint64_t neigh_mult;    /* random, odd: the hash of the chains */
	uint32_t neigh_hand;    /* where the search for neighbours to forget goes on */
	uint32_t n_waiting;     /* packets that wait for neighbours, or in released */
	struct rte_mbuf *released, *released_last; /* packets whose neighbour was found, for net_flush() */
	struct rte_mbuf *failed, *failed_last; /* packets whose neighbour did not answer, for net_error_next() */
	uint32_t icmp_tokens, icmp_ms; /* errors that may be sent now, and when that was worked out */
	bool chores;            /* net_chores_run() at chore_tick */
	uint32_t chore_tick;
	struct net_frags frags;
	struct net_filter *filter; /* NULL: everything passes */
	struct net_groups groups;
	struct net_announce announce;
	uint64_t addr_conflicts; /* ARP packets in which somebody else used an address of ours */
	uint64_t mac_conflicts; /* and those in which somebody else had a hardware address of ours */
	uint64_t link_downs, link_ups;
	uint64_t reassembled, fragments_out; /* datagrams; fragments */
	uint16_t ip_id[NET_ID_COUNTERS]; /* of datagrams that may be fragmented */
	struct net6 *net6;      /* addresses, groups and routers of IPv6 */
	uint32_t label_mult;    /* random, odd: flow labels */
	uint64_t addr6_conflicts; /* times that somebody else used, or wanted, an IPv6 address of ours */
	rte_be32_t loopback6_be; /* the number of ::1 */
	struct region region;
};

/* Size of a FLOW_NEIGH object, for flow_config. */
extern const uint32_t net_neigh_bytes;

/* tx: one per port of the end, n_ports of them, and room for another at NET_PORT_LOOP, which is made here. */
int net_init(struct net *n, struct flow *flow, struct pkt_tx *tx, uint16_t n_ports, struct drops *drops,
	     const struct clock *clock, int numa_node);
void net_fini(struct net *n);

/* The interface of this port and VLAN (0: untagged), made when there is none. mtu 0: the port's. Its number, or -ENOSPC,
 * -EINVAL (no such port, VLAN above 4094, MTU above the port's). */
int net_iface_get(struct net *n, uint8_t port, uint16_t vlan_id, uint16_t mtu);

/* The name of a device's interface: without the device's options. */
void net_iface_name(char *to, size_t size, const char *dev, uint16_t vlan_id);
/* The number of the interface with this name, "lo" among them; -ENODEV. */
int net_iface_find(const struct net *n, const char *name);
/* What a socket calls the interface (SO_BINDTOIFINDEX, sin6_scope_id) is its number + 1. */
static inline bool net_iface_exists(const struct net *n, uint32_t iface) { return iface < n->n_ifaces || iface == NET_IFACE_LO; }

/* A local address and the on-link route of its prefix. -EEXIST, -ENOSPC, -EINVAL (0, multicast, prefix over 32). */
int net_addr_add_on(struct net *n, uint8_t iface, rte_be32_t addr_be, uint8_t prefix_len);
/* On port 0, untagged. */
int net_addr_add(struct net *n, rte_be32_t addr_be, uint8_t prefix_len);
/* No longer ours: no new flow uses or reaches it; those that are there go on. With the last address of a prefix go its
 * route and the gateways on it. -ENOENT. */
int net_addr_remove(struct net *n, rte_be32_t addr_be);
/* A default route through gw, which must be on a local prefix of iface (NET_IFACE_ANY: of any). -ENETUNREACH, -ENOSPC,
 * -EEXIST. */
int net_gw_add_on(struct net *n, uint8_t iface, rte_be32_t gw_be);
static inline int net_gw_add(struct net *n, rte_be32_t gw_be) { return net_gw_add_on(n, NET_IFACE_ANY, gw_be); }
int net_gw_remove(struct net *n, rte_be32_t gw_be); /* -ENOENT */
bool net_is_local(const struct net *n, rte_be32_t addr_be);

/* The notes MAIL_ADDR_* and MAIL_GATEWAY, as net_mail() takes them. */
struct net_addr_note {
	rte_be32_t addr_be;
	uint8_t prefix_len, iface;
};
struct net_addr6_note { /* MAIL_ADDR6_* */
	struct ip6_addr addr;
	uint8_t prefix_len, iface;
};
/* MAIL_ROUTE: as struct net_route. */
struct net_route_note {
	struct ip6_addr prefix, gw, src;
	uint32_t metric;
	uint16_t mtu;
	uint8_t prefix_len, type, iface;
	bool remove;
};
struct net_gw_note {
	rte_be32_t gw_be;       /* 0: IPv6, */
	struct ip6_addr gw6;    /* this */
	uint8_t iface;
	bool remove;
};

/* This stack watches links and makes addresses known for all of its end: one stack of each end, once, when its addresses
 * are there. */
void net_lead(struct net *n);

/* The broadcast address of a network that we are on, or that of all. */
bool net_is_broadcast(const struct net *n, rte_be32_t addr_be);

/* Routes of both families. r: prefix, prefix_len, type, metric, mtu, src; iface: NET_IFACE_ANY for refusing ones, and where a
 * gateway's own network says it. ROUTE_ONLINK here is a network without an address of ours in it. -EINVAL (prefix, type),
 * -ENETUNREACH (the gateway is on no network of ours, or is ours), -EEXIST (this prefix, metric and next hop), -ENOSPC. */
int net_route_add(struct net *n, const struct net_route *r);
/* The first one with this prefix and, where r names them (not ANY, 0, all 0), type, metric, interface and gateway. -ENOENT. */
int net_route_remove(struct net *n, const struct net_route *r);
/* The route to dst for packets that leave from an address of iface (NET_IFACE_ANY: any), or NULL. Of several to one prefix,
 * those whose gateway lives come first, then those of iface. It may be one that refuses. Own addresses, groups and broadcasts
 * are the caller's business. */
const struct net_route *net_route_lookup(const struct net *n, uint8_t iface, const struct ip6_addr *dst);
/* What connect() says about a destination with this route (NULL: none): 0, -ENETUNREACH, -EHOSTUNREACH, -EACCES, -EINVAL. */
int net_route_error(const struct net_route *r);
/* The route to raddr, or NULL (none, or not a single station's address). It may be one that refuses. Own addresses are reachable
 * without one. */
const struct net_route *net_route_find(const struct net *n, rte_be32_t raddr_be);
static inline int net_unreachable(const struct net *n, rte_be32_t raddr_be)
{
	return net_route_error(net_route_find(n, raddr_be));
}

/* How a socket restricts its ways, in one byte: to the device that it is bound to (SO_BINDTODEVICE), and to neighbours
 * (SO_DONTROUTE; IPv6 knows it not). Functions with _via take it; 0 is what the others mean. */
#define NET_VIA_DEV 0x7fu    /* interface + 1, 0: any */
#define NET_VIA_ONLINK 0x80u /* over no gateway */
static inline uint8_t net_via_iface(uint8_t via)
{
	return via & NET_VIA_DEV ? (uint8_t)((via & NET_VIA_DEV) - 1) : NET_IFACE_ANY;
}
static inline bool net_via_takes(uint8_t via, uint8_t iface) { return !(via & NET_VIA_DEV) || net_via_iface(via) == iface; }
/* The local addresses to use towards raddr: those of the route's prefix, its preferred one, or all. Count in *count; NULL when
 * unreachable, for which net_unreachable_via() is the reason. As on Linux, IPv4 believes the device more than the routes: what it
 * has none for is tried on its link. What is for "lo" and not of this host, and what is for an own address by another device, is
 * lost. */
const rte_be32_t *net_sources_via(struct net *n, rte_be32_t raddr_be, uint8_t via, uint32_t *count);
static inline const rte_be32_t *net_sources(struct net *n, rte_be32_t raddr_be, uint32_t *count)
{
	return net_sources_via(n, raddr_be, 0, count);
}
int net_unreachable_via(const struct net *n, rte_be32_t raddr_be, uint8_t via);

/* The address of ours from which a group or broadcast address is reached: of iface, unless that is NET_IFACE_ANY. 0 and *err as
 * net_route_error(). Paths from it lead out of its interface, without a neighbour. */
rte_be32_t net_source_to_group(const struct net *n, uint8_t iface, rte_be32_t group_be, int *err);
static inline bool net_path_is_group(const struct path *p) { return p->neigh == 0 && p->resolved; }

/* The path's index (one reference, give back with net_path_put()), 0 when full or unreachable (*err = -ENOBUFS, or as
 * net_route_error()). */
uint32_t net_path_get_via(struct net *n, rte_be32_t laddr_be, rte_be32_t raddr_be, uint8_t via, int *err);
static inline uint32_t net_path_get(struct net *n, rte_be32_t laddr_be, rte_be32_t raddr_be, int *err)
{
	return net_path_get_via(n, laddr_be, raddr_be, 0, err);
}
void net_path_put(struct net *n, uint32_t path);

/* ---- IPv6 ---- Addresses are numbers (flow/addr6.h) where IPv4's stand in keys, lists and paths. A scope is the interface's
 * number + 1: link-local addresses (fe80::/10) need one, others ignore it; 0: none was named. */

/* Before the first address; the same for all stacks of an end. */
struct net_ip6_settings {
	bool dad;               /* addresses are tentative until nobody was heard using them for a second (RFC 4862 5.4) */
	bool routers;           /* routers are asked for and believed: prefixes, default routes, MTU, hop limit (RFC 4861, RFC 4862) */
	bool redirects;         /* and their redirects */
};
void net_ip6_set(struct net *n, const struct net_ip6_settings *s);

/* IPv6 is spoken on this interface from now on: with a link-local address (from its hardware address, RFC 4291 appendix A). 0,
 * -EINVAL, -ENOSPC; -EMSGSIZE: its MTU is below IPv6's 1280. Once more is no error. */
int net_ip6_enable(struct net *n, uint8_t iface);
/* A local address, and its prefix on-link; enables IPv6 there. -EEXIST, -ENOSPC, -EINVAL (no station's address, prefix over
 * 128), or as net_ip6_enable(). */
int net_addr6_add_on(struct net *n, uint8_t iface, const struct ip6_addr *a, uint8_t prefix_len);
/* As net_addr_remove(). iface: NET_IFACE_ANY for all but link-local ones. -ENOENT. */
int net_addr6_remove(struct net *n, uint8_t iface, const struct ip6_addr *a);
/* A default route through gw; a link-local one needs iface. As net_gw_add_on(). */
int net_gw6_add_on(struct net *n, uint8_t iface, const struct ip6_addr *gw);
int net_gw6_remove(struct net *n, uint8_t iface, const struct ip6_addr *gw); /* -ENOENT */

/* No address is tentative any more: all can be used. */
bool net_ip6_settled(const struct net *n);

/* The number of an address of ours that may be used (not a tentative one), or 0. */
rte_be32_t net_local6(const struct net *n, const struct ip6_addr *a, uint32_t scope_id);
/* The address with this number, whosever it is. */
static inline const struct ip6_addr *net_addr6_at(const struct net *n, rte_be32_t number_be)
{
	return &addr6_at(&n->flow->addr6s, number_be)->addr;
}
/* A group's or broadcast address, of either family. */
static inline bool net_is_group(const struct net *n, rte_be32_t addr_be)
{
	if (unlikely(flow_addr_is6(addr_be)))
		return ip6_addr_is_multicast(net_addr6_at(n, addr_be));
	return (rte_be_to_cpu_32(addr_be) >> 28) == 0xe || net_is_broadcast(n, addr_be);
}
/* The interface of an address of ours: its scope, when it is link-local. */
uint8_t net_local6_iface(const struct net *n, rte_be32_t number_be);
/* The numbers of local addresses to use towards dst, best first (RFC 6724 section 5, reduced): those of the best kind only. NULL
 * and 0 when it is unreachable: net_unreachable6() is the reason. Valid until the next call. */
const rte_be32_t *net_sources6_via(struct net *n, const struct ip6_addr *dst, uint32_t scope_id, uint8_t via, uint32_t *count);
static inline const rte_be32_t *net_sources6(struct net *n, const struct ip6_addr *dst, uint32_t scope_id, uint32_t *count)
{
	return net_sources6_via(n, dst, scope_id, 0, count);
}
/* 0, or why dst cannot be reached: -EINVAL (link-local and no scope, or not that of via), -ENETUNREACH, -EHOSTUNREACH,
 * -EACCES. */
int net_unreachable6_via(const struct net *n, const struct ip6_addr *dst, uint32_t scope_id, uint8_t via);
static inline int net_unreachable6(const struct net *n, const struct ip6_addr *dst, uint32_t scope_id)
{
	return net_unreachable6_via(n, dst, scope_id, 0);
}
/* As net_path_get(). laddr_be: a number of ours. The path holds both numbers. net_path_get() with two numbers does the same. */
uint32_t net_path6_get_via(struct net *n, rte_be32_t laddr_be, const struct ip6_addr *raddr, uint32_t scope_id, uint8_t via,
			   int *err);
static inline uint32_t net_path6_get(struct net *n, rte_be32_t laddr_be, const struct ip6_addr *raddr, uint32_t scope_id,
				     int *err)
{
	return net_path6_get_via(n, laddr_be, raddr, scope_id, 0, err);
}

/* The remote and the local address of an IPv6 packet, seen from here. */
static inline const struct ip6_addr *net_pkt_raddr6(const struct net_pkt *pkt)
{
	return rte_pktmbuf_mtod_offset(pkt->m, const struct ip6_addr *, pkt->l3_off + (pkt->quoted ? IP6_DST_OFF : IP6_SRC_OFF));
}
static inline const struct ip6_addr *net_pkt_laddr6(const struct net_pkt *pkt)
{
	return rte_pktmbuf_mtod_offset(pkt->m, const struct ip6_addr *, pkt->l3_off + (pkt->quoted ? IP6_SRC_OFF : IP6_DST_OFF));
}
/* The scope that belongs to the remote address: the interface's, when it is link-local. */
static inline uint32_t net_pkt_scope6(const struct net_pkt *pkt)
{
	return ip6_addr_is_linklocal(net_pkt_raddr6(pkt)) ? pkt->iface + 1u : 0;
}

/* What a NET_ICMP_ERROR means to BSD, whose kernels fold the codes into few errors: err 0: nothing. */
struct net_icmp_bsd {
	uint8_t err;
	bool hard; /* ends an attempt to connect; others are remembered */
};
struct net_icmp_bsd net_icmp_bsd(const struct net_pkt *pkt);

/* First step of a packet that this port received. Stage one of the burst: parses, verifies, answers what is its own. */
enum net_verdict net_input(struct net *n, uint8_t port, struct rte_mbuf *m, struct net_pkt *pkt);

/* A packet found no flow, or came to the wrong stack, by the NIC's hash: is it the right one? If not, says so once, no longer
 * uses that port's hashes, corrects pkt->hash and returns false. */
bool net_hash_confirm(struct net *n, struct net_pkt *pkt);

/* Sends m, whose data starts at the L4 header (checksum field zero), over path: prepends IPv4 and link headers, completes
 * checksums. Owns m in every case. While the neighbour is being resolved m waits with it. 0; -EMSGSIZE when larger than
 * the path's MTU; -EHOSTUNREACH when the neighbour is known not to answer; -EPERM when the filter says so; dropped packets are
 * counted. */
int net_ip4_output(struct net *n, struct path *p, struct rte_mbuf *m, uint8_t proto, uint8_t tos, uint8_t ttl);

/* The same to where pkt came from, over the link that brought it and to the station that sent it: an answer to somebody who
 * need not exist costs no path and no question for a neighbour. */
void net_back(struct net *n, const struct net_pkt *pkt, struct rte_mbuf *m, uint8_t proto, uint8_t tos, uint8_t ttl);
/* The same as an option of the socket wants it: without DF, or (a probe, RFC 4821) as large as the interface's MTU allows. */
#define NET_OUT_NO_DF (1u << 0)
#define NET_OUT_PROBE (1u << 1)
int net_ip4_output_as(struct net *n, struct path *p, struct rte_mbuf *m, uint8_t proto, uint8_t tos, uint8_t ttl, unsigned how);
static inline uint16_t net_path_mtu_max(const struct net *n, const struct path *p)
{
	return p->port == NET_PORT_LOOP ? LOOP_MTU : n->iface[p->iface].mtu;
}

/* A copy of m, which is about to be sent over a path to a group or a broadcast address, for those of this host that listen. */
void net_group_loop(struct net *n, const struct path *p, struct rte_mbuf *m, uint8_t proto, uint8_t tos, uint8_t ttl);

/* The same for a packet larger than the path's MTU: in fragments (RFC 791 2.3), which the peer puts together. m may be any
 * chain, whatever the port takes. 0 or -EHOSTUNREACH; what is dropped is counted. */
int net_ip4_fragment(struct net *n, struct path *p, struct rte_mbuf *m, uint8_t proto, uint8_t tos, uint8_t ttl);

/* The same two over IPv6 (the fragment header: RFC 8200 4.5). ttl 0: what routers said on that link, or 64. flow: any number that
 * is the flow's own, for the flow label (RFC 6437), usually its hash; 0: no label. */
int net_ip6_output(struct net *n, struct path *p, struct rte_mbuf *m, uint8_t proto, uint8_t tos, uint8_t ttl, uint32_t flow);
int net_ip6_fragment(struct net *n, struct path *p, struct rte_mbuf *m, uint8_t proto, uint8_t tos, uint8_t ttl, uint32_t flow);

/* And over whatever path it is. */
static inline int net_output(struct net *n, struct path *p, struct rte_mbuf *m, uint8_t proto, uint8_t tos, uint8_t ttl,
			     uint32_t flow)
{
	return likely(p->l3_len == IP4_HDR_LEN) ? net_ip4_output(n, p, m, proto, tos, ttl)
						: net_ip6_output(n, p, m, proto, tos, ttl, flow);
}
static inline int net_fragment(struct net *n, struct path *p, struct rte_mbuf *m, uint8_t proto, uint8_t tos, uint8_t ttl,
			       uint32_t flow)
{
	return likely(p->l3_len == IP4_HDR_LEN) ? net_ip4_fragment(n, p, m, proto, tos, ttl)
						: net_ip6_fragment(n, p, m, proto, tos, ttl, flow);
}

/* Takes a NET_FRAGMENT at the home of its addresses; owns pkt->m until the datagram is whole. NET_TCP, NET_UDP: pkt is
 * filled with the whole one, the caller owns m; NET_ICMP_ERROR likewise. NET_FRAGMENT: others are missing. NET_DONE: dropped and
 * counted, or handled. */
enum net_verdict net_reassemble(struct net *n, struct net_pkt *pkt);

/* A note from another stack of the end or from outside (MAIL_NEIGH, MAIL_ADDR_*, MAIL_ADDR6_*, MAIL_GATEWAY, MAIL_LINK,
 * MAIL_IP6). */
void net_mail(struct net *n, enum mail_kind kind, const void *body);

/* ICMP destination unreachable with this code, quoting pkt (RFC 792, RFC 1812 4.3.2.7: never about broadcasts, fragments
 * or ICMP errors; rate limited). pkt.m stays the caller's. */
void net_icmp_unreachable(struct net *n, const struct net_pkt *pkt, uint8_t code);
/* "Port unreachable" of the packet's family. */
void net_port_unreachable(struct net *n, const struct net_pkt *pkt);

/* A FLOW_NEIGH timer fired. */
void net_timer(struct net *n, flow_ref r);

/* What has no hurry and no timer of its own, every CHORE_MS while there is something: once per turn. */
void net_chores_run(struct net *n);
static inline void net_chores(struct net *n)
{
	if (unlikely(n->chores && (int32_t)(n->clock->tick - n->chore_tick) >= 0))
		net_chores_run(n);
}

/* A router said that packets over path may have at most mtu bytes (RFC 1191, RFC 8201; the caller has checked that the message is
 * about a packet of its own, RFC 5927). Lowers path->pmtu, not below PMTU_MIN or IPv6's 1280, until the path is freed, or used by
 * a new flow after PMTU_AGE_MS. */
void net_pmtu_lower(struct net *n, uint32_t path, uint16_t mtu);
/* Packets of mtu bytes have arrived: what is known of the path before they were lost still stands. */
void net_pmtu_raise(struct net *n, uint32_t path, uint16_t mtu);

/* Takes the next packet whose neighbour failed, as a NET_ICMP_ERROR with err EHOSTUNREACH and local set. False: none. */
bool net_error_next(struct net *n, struct net_pkt *pkt);
/* Takes the next frame that was sent to one of our own addresses. NULL: none. The caller passes it to net_input(). */
struct rte_mbuf *net_loop_next(struct net *n);

/* Sends what waited for neighbours that were found since, as far as the tx queue has room. Once per turn, first. */
void net_flush(struct net *n);

/* The flow behind path heard from its peer (an ACK of new data): the neighbour is alive (RFC 4861 7.3.1). */
static inline void net_confirm(struct net *n, uint32_t path)
{
	path_at(&n->paths, path)->confirmed_tick = n->clock->tick;
}

#endif
