/* net6.h: what the files of net/ share about IPv6: our addresses, routers and what they said. */
#ifndef NET_NET6_H
#define NET_NET6_H

#include "net/group.h"
#include "net/private.h"
#include "wire/icmp6.h"
#include "wire/ndp.h"

#define NET6_FOREVER UINT32_MAX /* lifetimes: seconds of the stack's clock, or this */

/* What parsers may read of IPv6: link header with a tag, IPv6 with extension headers, and ICMPv6 quoting a packet with as
 * many. It must lie in one piece. */
#define NET_HEADERS6_MAX (ETH_HDR_LEN + ETH_VLAN_LEN + 2 * (IP6_HDR_LEN + IP6_EXT_BYTES_MAX) + 8 + 8)

enum addr6_state {
	ADDR6_TENTATIVE,  /* being asked for */
	ADDR6_PREFERRED,
	ADDR6_DEPRECATED, /* for new flows only when there is no other (RFC 4862 5.5.4) */
	ADDR6_DUPLICATE,  /* somebody else has it: never used */
};

struct net_addr6 {
	rte_be32_t addr_be;     /* its number, held */
	uint8_t iface, prefix_len;
	uint8_t state;          /* enum addr6_state */
	bool autoconf;          /* a router's prefix made it */
	bool conflict;          /* somebody else was heard using it */
	bool asked;             /* TENTATIVE: the probe has left */
	uint32_t due_tick;      /* TENTATIVE: when the next step is due */
	uint32_t valid_s, preferred_s;
};

/* A prefix that a router said to be on-link. */
struct net6_prefix {
	struct ip6_addr prefix;
	uint8_t len, iface;
	uint32_t valid_s;
};

struct net6_router {
	struct ip6_addr addr;
	uint8_t iface;
	uint32_t until_s;
};

struct net6_iface {
	uint8_t hops;           /* of packets that leave here */
	uint16_t mtu;           /* IP bytes, as a router said; 0: the interface's */
	uint8_t asks_left;      /* router solicitations to send */
	bool mld1;              /* a querier of MLD version 1 was heard, at mld1_tick */
	uint32_t mld1_tick;
	uint32_t ask_tick;
};

struct net6 {
	struct net_ip6_settings set;
	uint32_t n_addrs, n_prefixes, n_routers, n_tentative;
	uint64_t nonce;         /* of our probes */
	uint32_t life_tick;     /* when lifetimes are looked at next */
	struct {                /* the answer to the last net_sources6_via(), for the same question in the same tick */
		struct ip6_addr dst;
		uint32_t scope, gen, tick, count;
		uint8_t via;
	} last;
	struct net6_iface iface[IFACES_MAX + 1];
	struct net6_prefix prefix[IP6_PREFIXES_MAX];
	struct net6_router router[IP6_ROUTERS_MAX];
	struct net_addr6 addr[LOCAL_ADDRS_MAX];
	rte_be32_t source_be[LOCAL_ADDRS_MAX];
	struct region region;
};

/* ---- net6.c ---- */
int net6_init(struct net *n, int numa_node);
void net6_fini(struct net *n);
/* What has no hurry. True while there is something to come. */
bool net6_chores(struct net *n);
static inline uint32_t net6_now_s(const struct net *n) { return (uint32_t)(n->clock->now_ns / 1000000000u); }

/* What one stack tells the others (MAIL_IP6). Each does the same with it. */
enum net6_news {
	NEWS_ADDR_GOOD,         /* nobody else has addr */
	NEWS_ADDR_DUPLICATE,    /* somebody has it */
	NEWS_PREFIX,            /* a router advertised it */
	NEWS_ROUTER,            /* itself: addr; lifetime, preference */
	NEWS_LINK,              /* MTU and hop limit of its link */
	NEWS_REDIRECT,          /* dst is reached better by addr */
};
struct net6_note {
	uint8_t kind;           /* enum net6_news */
	uint8_t iface;
	uint8_t prefix_len, hops;
	bool onlink, autonomous;
	int8_t preference;
	uint16_t mtu;
	uint32_t valid_s, preferred_s;
	struct ip6_addr addr, dst;
};
static_assert(sizeof(struct net6_note) <= MAIL_BODY_MAX, "one note");
/* Applies it here, and tells the others. */
void net6_tell(struct net *n, const struct net6_note *note);
void net6_apply(struct net *n, const struct net6_note *note);

/* ---- local6.c ---- */

/* A number's mark (flow/addr6.h) says what its address is to us: enum local_kind and the interface. */
static inline uint32_t local6_mark(const struct net *n, rte_be32_t addr_be)
{
	return addr_be != 0 ? addr6_at(&n->flow->addr6s, addr_be)->mark : 0;
}
static inline enum local_kind local6_kind(uint32_t mark) { return (enum local_kind)(mark & 0xff); }
/* Ours, and for new flows. */
static inline bool local6_usable(uint32_t mark) { return local6_kind(mark) == LOCAL_OURS || local6_kind(mark) == LOCAL_LOOPBACK; }
/* Ours, at least for flows that are there, by a name that the packet's sender may know. */
static inline bool local6_named(uint32_t mark, const struct net_pkt *pkt)
{
	return likely(local6_kind(mark) == LOCAL_OURS) || local6_kind(mark) == LOCAL_OLD ||
	       (local6_kind(mark) == LOCAL_LOOPBACK && pkt->port == NET_PORT_LOOP);
}
static inline uint8_t local6_iface_of(uint32_t mark) { return (uint8_t)(mark >> 8); }

/* The scope with which an address has its number, heard or meant on this interface. */
static inline uint32_t scope6_of(const struct ip6_addr *a, uint8_t iface) { return ip6_addr_is_linklocal(a) ? iface + 1u : 0; }
/* The number of an address seen on iface; 0: none. */
static inline rte_be32_t number6(const struct net *n, const struct ip6_addr *a, uint8_t iface)
{
	return addr6_find(&n->flow->addr6s, a, scope6_of(a, iface));
}

struct net_addr6 *local6_at(struct net *n, uint8_t iface, const struct ip6_addr *a); /* NULL: not ours */
/* An address and how long it lives; net_addr6_add_on() of one that lives for ever. */
int local6_add(struct net *n, uint8_t iface, const struct ip6_addr *a, uint8_t prefix_len, bool autoconf, uint32_t valid_s,
	       uint32_t preferred_s);
void local6_remove(struct net *n, struct net_addr6 *a);
void local6_state(struct net *n, struct net_addr6 *a, enum addr6_state state);
/* The best address of ours on iface to talk to a neighbour from, or NULL. */
const struct net_addr6 *local6_towards(const struct net *n, uint8_t iface, const struct ip6_addr *neighbour);
/* The leader is in the groups in which our addresses are asked for: of this one, or of all that are there. */
void local6_group_join(struct net *n, const struct net_addr6 *a);
void local6_groups_join(struct net *n);
/* The address of an interface that is made of its hardware address (RFC 4291 appendix A). */
struct ip6_addr local6_eui64(const struct net_iface *ifc, const struct ip6_addr *prefix);

/* ---- input6.c ---- */
enum net_verdict ip6_input(struct net *n, struct rte_mbuf *m, struct net_pkt *pkt, uint16_t l3_off, bool to_us);
/* A whole packet whose extension headers are still to be walked. */
enum net_verdict ip6_transport(struct net *n, struct net_pkt *pkt);
uint32_t ip6_hash(const struct net *n, const struct net_pkt *pkt);

/* ---- output6.c ---- */
/* Makes a packet of m, with the path's headers and its checksum. */
void net6_headers_add(struct net *n, const struct path *p, struct rte_mbuf *m, uint8_t proto, uint8_t tos, uint8_t ttl,
		      uint32_t flow);

/* ---- mld.c ---- */
/* Receives an MLD message, all of it at msg; false: it was bad. The leader only. */
bool mld_input(struct net *n, const struct net_pkt *pkt, const uint8_t *msg, bool alert);

/* ---- icmp6.c ---- */
/* Receives an ICMPv6 message; owns pkt->m. alert: the packet had a router alert. */
enum net_verdict icmp6_input(struct net *n, struct net_pkt *pkt, bool alert);
/* An error about pkt, which stays the caller's. */
void icmp6_send_error(struct net *n, const struct net_pkt *pkt, uint8_t type, uint8_t code, uint32_t param);
/* Sends a message of len bytes, checksum zero, from src on iface to dst at this hardware address. alert: with the hop-by-hop
 * option. */
void icmp6_send(struct net *n, uint8_t iface, const struct rte_ether_addr *mac, const struct ip6_addr *src,
		const struct ip6_addr *dst, uint8_t hops, const void *msg, uint16_t len, bool alert);

/* ---- ndp.c ---- */
/* Receives a message of neighbour discovery, all of it at msg; false: it was bad. */
bool ndp_input(struct net *n, const struct net_pkt *pkt, const uint8_t *msg);
/* Asks for a neighbour: by multicast, or (mac) whether it is still there. */
void ndp_solicit(struct net *n, uint8_t iface, rte_be32_t target_be, rte_be32_t from_be, const struct rte_ether_addr *mac);
/* Asks whether anybody has an address that we would like to use. */
void ndp_probe(struct net *n, const struct net_addr6 *a);
/* Says that the address is ours. */
void ndp_announce(struct net *n, const struct net_addr6 *a);

/* ---- router.c ---- */
bool router_input(struct net *n, const struct net_pkt *pkt, const uint8_t *msg);
void router_apply(struct net *n, const struct net6_note *note);
/* It no longer routes. */
void router_forget(struct net *n, uint8_t iface, const struct ip6_addr *addr);
void router_ask_begin(struct net *n, uint8_t iface);
void router_asks_run(struct net *n); /* by the leader */
void router_age(struct net *n);

/* The flow's label (RFC 6437 3): the same for all of its packets, and from outside any number. */
static inline uint32_t net6_flow_label(const struct net *n, uint32_t flow) { return flow * n->label_mult >> 12; }

#endif
