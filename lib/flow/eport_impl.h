/* eport_impl.h: what the parts of the port allocator share; private to eport*.c.
 *
 * A group is the busy ports of one (local address, remote address, remote port). Its home ports are those of the
 * entries of the redirection table that belong to the queue; numbered y = entry << rank_bits | rank they are dense:
 * 0..n_bits-1. Automatic ports that are home can be chosen. Everything else (explicit binds) is in a second, "foreign"
 * group with the same addresses, where y is the port; so the two never meet. In an odd space (eport_space.h) y is the
 * port in both.
 *
 * A set of ports grows: 15 in the group's own line; 64, then 256, in an array; then a bitmap, which costs one bit for
 * each port that could be taken. Where the bitmap is smaller than the array, the array is left out. A summary has a
 * bit per word of the bitmap, so that a free port is found in two steps; up to 64 words (16 queues or more) it is in
 * the group.
 *
 * A destination (remote address and port) is recorded only while one of its groups is full: which addresses of the
 * list that callers give are still open.
 *
 * IPv6 addresses are numbers here (addr6.h), so that all of this serves both families. Functions get ip6 as a
 * constant from the face of their family, and the compiler makes one of each. */
#ifndef FLOW_EPORT_IMPL_H
#define FLOW_EPORT_IMPL_H

#include <assert.h>
#include <stddef.h>

#include "flow/eport.h"
#include "flow/eport_space.h"

#define GROUP_INLINE 15
#define ARRAY_SMALL 64
#define ARRAY_LARGE 256
#define NOT_HOME UINT16_MAX
#define NO_POS UINT16_MAX
#define LEFT_UNKNOWN 32768 /* more than arrays ever hold; the bitmap counts */

enum set_mode { SET_INLINE, SET_SMALL, SET_LARGE, SET_BITMAP, SET_MODES };

#define GROUP_FOREIGN 1u /* ports that are not chosen automatically */
#define GROUP_IP6 2u

struct eport_group {
	uint32_t next;          /* chain in the index */
	rte_be32_t laddr, raddr;
	rte_be16_t rport_be;
	uint8_t kind;           /* GROUP_* */
	uint8_t mode;           /* 16: enum set_mode */
	uint32_t hash0;         /* hash of the tuple with local port 0 */
	uint16_t used;          /* busy ports */
	uint16_t left;          /* free ones; while no bitmap: at least that many, odd: perhaps. Foreign: unused */
	uint32_t block;         /* array or bitmap, by mode */
	uint16_t pos;           /* where laddr stood in the destination's list last time, a hint */
	uint16_t first;         /* 32: first of its entries in eport_side.entry */
	uint16_t n_entries;     /* 0: y is the port */
	union {
		uint16_t port[GROUP_INLINE]; /* SET_INLINE: host order; unused ones are 0, as in arrays */
		struct {
			uint16_t spare[3];
			uint64_t summary;    /* SET_BITMAP with up to 64 words */
		} __attribute__((packed));
	};
};
static_assert(sizeof(struct eport_group) == 64, "a destination with few connections is one cache line");
static_assert(offsetof(struct eport_group, summary) % 8 == 0, "aligned, though packed");

/* Addresses as a caller listed them, and which of them have free ports. */
struct eport_list {
	uint64_t open[LOCAL_ADDRS_MAX / 64];
	uint32_t laddr[LOCAL_ADDRS_MAX];
};

struct eport_dest {
	uint32_t next;
	uint32_t raddr;
	rte_be16_t rport_be;
	uint16_t n;             /* addresses in list, 0: no list yet */
	uint32_t n_full;        /* groups that are full, in the list or not */
	uint32_t list;          /* struct eport_list, when n > 0 */
	uint32_t ip6;
	uint32_t spare[2];
};
static_assert(sizeof(struct eport_dest) == 32, "two in a cache line");

/* One family's view of the redirection table. */
struct eport_side {
	const struct eport_map *map;
	uint16_t entry[RSS_RETA_MAX];    /* table entries of the queue, by syndrome */
	uint16_t first[RSS_RETA_MAX + 1];/* by syndrome: where its entries start */
	uint16_t place[RSS_RETA_MAX];    /* of a table entry in entry[], NOT_HOME: another queue's */
};

struct eport {
	const struct eport_space *space;
	const struct addr6s *addrs;
	struct prng *prng;
	uint64_t secret;                 /* of the indexes: nobody can fill one chain */
	uint32_t *bucket, *dest_bucket; /* heads of chains */
	uint32_t mask;
	uint32_t n_home;                 /* table entries of the queue */
	struct pool groups, dests, lists;
	struct pool set[SET_MODES];      /* blocks of SET_SMALL, SET_LARGE, SET_BITMAP */
	struct pool port_bitmaps;        /* bitmaps in which y is the port */
	struct eport_stats stats;
	struct region region;
	uint16_t queue;
	struct eport_side side[2];       /* [ip6] */
};

/* ---- eport.c ---- */
struct eport_group *eport_group_find(const struct eport *e, uint32_t laddr, uint32_t raddr, rte_be16_t rport_be,
				     uint8_t kind);
uint32_t eport_hash0(const struct eport *e, bool ip6, const struct flow_key *k);

/* ---- eport_set.c: the busy ports of a group. They leave used and left alone, but for left when a bitmap is made. ---- */
uint32_t eport_set_bitmap_bytes(uint32_t n_bits);
bool eport_set_has(const struct eport *e, bool ip6, const struct eport_group *g, uint16_t port);
/* A random free port (left > 0), now busy; -ENOBUFS; odd: -EADDRNOTAVAIL, left being 0 now. */
int eport_set_take(struct eport *e, bool ip6, struct eport_group *g);
/* The same, of lo..hi; -EADDRNOTAVAIL: none of these is free. */
int eport_set_take_between(struct eport *e, bool ip6, struct eport_group *g, uint16_t lo, uint16_t hi);
/* Makes a free port busy. 0 or -ENOBUFS. */
int eport_set_add(struct eport *e, bool ip6, struct eport_group *g, uint16_t port);
/* Makes a busy port free; used is already one less. */
void eport_set_remove(struct eport *e, bool ip6, struct eport_group *g, uint16_t port);
/* Gives the group's block back. */
void eport_set_clear(struct eport *e, struct eport_group *g);

/* ---- eport_dest.c ---- */
struct eport_dest *eport_dest_find(const struct eport *e, bool ip6, uint32_t raddr, rte_be16_t rport_be);
void eport_dest_full(struct eport *e, struct eport_group *g);  /* g has no free port any more */
void eport_dest_freed(struct eport *e, struct eport_group *g); /* g has one again */
/* The position of a random address of the list that may have a free port, or -1: none has. */
int eport_dest_pick(struct eport *e, struct eport_dest *d, const uint32_t *laddrs, uint32_t n);
/* Picked, but it turned out to have no port: the next pick will know. */
void eport_dest_miss(struct eport *e, struct eport_dest *d, const uint32_t *laddrs, uint32_t n, uint32_t pos);

static inline uint32_t eport_index_hash(const struct eport *e, uint32_t laddr, uint32_t raddr, uint32_t rest)
{
	uint64_t x = (((uint64_t)laddr << 32 | raddr) ^ e->secret) * 0x9e3779b97f4a7c15u;

	x = (x ^ x >> 32 ^ rest) * 0xd6e8feb86659fd93u;
	return (uint32_t)(x >> 32) & e->mask;
}

#endif
