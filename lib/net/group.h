/* group.h: multicast groups that sockets of this end are in, with the sources that they want (RFC 3376 section 3, RFC 3810
 * section 4). Every stack knows the memberships of all, so that whichever receives a packet knows who wants it; the leader
 * (net_lead()) tells routers and devices (group_tell.c, igmp.c). Groups of IPv4 are ::ffff:a.b.c.d. */
#ifndef NET_GROUP_H
#define NET_GROUP_H

#include "net/net.h"

/* INCLUDE: only from these sources; EXCLUDE: from all but these. INCLUDE of none is no membership. */
enum group_mode { GROUP_INCLUDE = 1, GROUP_EXCLUDE = 2 }; /* as in records of reports */

/* Which sources are wanted. Sorted by address. */
struct group_sources {
	uint8_t mode;           /* enum group_mode */
	uint8_t n_src;
	struct ip6_addr src[GROUP_FILTER_MAX];
};

struct net_member {
	uint32_t next;          /* of the group's */
	uint32_t owner;         /* the socket's flow_ref at its stack, 0: the stack itself */
	uint16_t stack;
	uint8_t mode, n_src;
	struct ip6_addr src[GROUP_SOURCES_MAX];
};

/* One group on one interface. At the leader also what routers were told of it. */
struct net_group {
	struct ip6_addr addr;
	uint32_t chain;         /* next in the bucket */
	uint32_t members;       /* first of them */
	uint8_t iface;
	uint8_t change_left;    /* reports of a change that are to be sent; until then told is what was before it */
	bool whole;             /* the change followed one half told: all is told, not the difference from before it */
	bool answer;            /* a query is to be answered at answer_tick, ... */
	bool answer_all;        /* ... it named no sources */
	bool reported;          /* an older version's report of ours was the last one: it is we who must say goodbye */
	uint32_t change_tick, answer_tick;
	struct group_sources told;
	struct group_sources asked; /* sources that queries named (mode has no meaning) */
};

/* owner's membership in a group of iface: made, changed, or (INCLUDE of none) ended. -EINVAL (no such interface, no group
 * address), -ENOBUFS (GROUPS_MAX, GROUP_MEMBERS_MAX, or GROUP_SOURCES_MAX of src). Others hear of it by mail. */
int net_group_set(struct net *n, uint8_t iface, const struct ip6_addr *group, uint32_t owner, enum group_mode mode,
		  const struct ip6_addr *src, uint32_t n_src);
static inline int net_group_join(struct net *n, uint8_t iface, const struct ip6_addr *group, uint32_t owner)
{
	return net_group_set(n, iface, group, owner, GROUP_EXCLUDE, NULL, 0);
}
static inline void net_group_leave(struct net *n, uint8_t iface, const struct ip6_addr *group, uint32_t owner)
{
	net_group_set(n, iface, group, owner, GROUP_INCLUDE, NULL, 0);
}

/* Somebody of the end is in this group (or it is one that everybody is in). */
bool net_group_joined(const struct net *n, uint8_t iface, const struct ip6_addr *group);
/* What the filter of an own socket says about a packet: -1: it is not in the group. */
int net_group_allows(const struct net *n, uint8_t iface, const struct ip6_addr *group, uint32_t owner,
		     const struct ip6_addr *src);
/* MAIL_GROUP. */
void net_group_mail(struct net *n, uint16_t from, const void *body);

/* ---- for the protocols that tell routers (igmp.c, and MLD) ---- */

#define GROUP_ROBUSTNESS 2      /* times that a change is reported (RFC 3376 8.1) */
#define GROUP_UNSOLICITED_MS 1000 /* the second time within so much (8.11) */

static inline bool group_is6(const struct net_group *g) { return !ip6_addr_is_mapped(&g->addr); }
struct net_group *group_find(const struct net *n, uint8_t iface, const struct ip6_addr *addr); /* NULL: none */
/* The filters of all members together (RFC 3376 3.2). */
void group_filter_of(const struct net *n, const struct net_group *g, struct group_sources *f);

/* Types of records, the same in IGMPv3 and MLDv2. */
enum group_record { GROUP_IS_IN = 1, GROUP_IS_EX, GROUP_TO_IN, GROUP_TO_EX, GROUP_ALLOW, GROUP_BLOCK };

/* Sends one report of one record. An interface's older querier may want something else, or nothing, instead. */
void igmp_record(struct net *n, struct net_group *g, enum group_record type, const struct ip6_addr *src, uint32_t n_src);

void mld_record(struct net *n, struct net_group *g, enum group_record type, const struct ip6_addr *src, uint32_t n_src);
bool mld_v1_on(struct net *n, uint8_t iface); /* such a querier is on the link */

/* A general query (group NULL), or one about a group, or some sources of it, arrived: it is answered within max_ms. */
void group_query(struct net *n, uint8_t iface, bool is6, const struct ip6_addr *group, const struct ip6_addr *src, uint32_t n_src,
		 uint32_t max_ms);

int groups_init(struct net *n, int numa_node);
void groups_fini(struct net *n);
/* The leader's chores: what is due is sent. */
void groups_run(struct net *n);
/* A group's filter has changed from what it was; it may have lost its last member. */
void group_changed(struct net *n, struct net_group *g, const struct group_sources *before);
void group_free_if_unused(struct net *n, struct net_group *g);
/* The leader tells devices which groups to let pass. */
void group_filter_ports(struct net *n);

/* Receives an IGMP message; owns pkt->m. */
void igmp_input(struct net *n, struct net_pkt *pkt);

/* A packet that came by pkt->iface is for a group that somebody is in, or a broadcast. kind: of dst. */
bool group_addressed(struct net *n, struct net_pkt *pkt, rte_be32_t dst_be, rte_be32_t src_be, enum local_kind kind);

/* The link-layer address of a group (RFC 1112 6.4, RFC 2464 section 7). */
struct rte_ether_addr group_mac(const struct ip6_addr *group);

#endif
