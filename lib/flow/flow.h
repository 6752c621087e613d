/* flow.h: what one stack keeps per flow: the pools of everything that has a flow_ref, the head they share, the tables
 * that find them, the wheel that wakes them. Owned by one core. */
#ifndef FLOW_FLOW_H
#define FLOW_FLOW_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_byteorder.h>

#include "base/clock.h"
#include "base/pool.h"
#include "base/prng.h"
#include "flow/addr6.h"
#include "flow/ref.h"
#include "flow/table.h"
#include "flow/wheel.h"
#include "pkt/mail.h"
#include "pkt/rss.h"

/* Identity of a flow seen from here. IPv4 as on the wire. IPv6 addresses have numbers of this stack in their place
 * (addr6.h), which no IPv4 address that can be ours or a peer's looks like, so that keys stay 12 bytes. A remote address that
 * nothing here holds a reference of has none, 0, and no flow. Both are of one family. */
struct flow_key {
	rte_be32_t laddr_be, raddr_be;
	rte_be16_t lport_be, rport_be;
};

/* The first 32 bytes of every object with a flow_ref. */
struct flow_head {
	struct flow_key key;     /* 12 */
	uint32_t hash;           /* 16: rss_hash4() of an arriving packet */
	uint32_t path;           /* 20: index into the path pool, 0 none */
	struct wheel_node timer; /* 32 */
};
static_assert(sizeof(struct flow_key) == 12, "keys are compared as 12 bytes");
static_assert(sizeof(struct flow_head) == 32, "half a cache line");

/* A flow whose home is here and whose socket is on another stack (it was bound or listens there): its packets are sent
 * on. In the connection table like any other. */
struct flow_away {
	struct flow_head h;      /* without path and timer */
	uint16_t stack;
	bool eport;              /* the local port was taken here, so that nobody else gets it */
};
static_assert(sizeof(struct flow_away) == 36, "small: there may be many");

struct flow {
	struct pool pool[FLOW_KINDS]; /* objects by kind */
	struct table tcp;             /* TCP flows of every kind */
	struct table udp;             /* connected UDP sockets */
	struct wheel wheel;
	struct addr6s addr6s;         /* IPv6 addresses: ours, those that paths lead to, those of away flows */
	const struct rss *rss;        /* the end's homing function (port.h) */
	struct mailbox *mail;         /* to the other stacks of the end; NULL: there are none */
	uint16_t self;                /* number of this stack at its end */
	const struct clock *clock;
	struct prng *prng;
};

struct flow_config {
	uint32_t max_conns;           /* sockets; half-open and TIME-WAIT pools are sized from it */
	uint32_t size_bytes[FLOW_KINDS]; /* object sizes, given by the layers that own them */
	uint32_t cap[FLOW_KINDS];
	uint32_t max_addr6s;          /* IPv6 addresses; 0: PATHS_MAX and twice LOCAL_ADDRS_MAX */
	int numa_node;
	uint16_t self;
	struct mailbox *mail;
};

/* 0 or -ENOMEM. */
int flow_init(struct flow *f, const struct flow_config *cfg, const struct rss *rss, const struct clock *clock,
	      struct prng *prng);
void flow_fini(struct flow *f);

static inline struct flow_head *flow_at(const struct flow *f, flow_ref r)
{
	return (struct flow_head *)pool_at(&f->pool[ref_kind(r)], ref_index(r));
}

static inline bool flow_key_eq(const struct flow_key *a, const struct flow_key *b)
{
	uint64_t a0, b0;
	uint32_t a1, b1;

	__builtin_memcpy(&a0, a, 8);
	__builtin_memcpy(&b0, b, 8);
	__builtin_memcpy(&a1, (const char *)a + 8, 4);
	__builtin_memcpy(&b1, (const char *)b + 8, 4);
	return a0 == b0 && a1 == b1;
}

static inline struct flow_away *flow_away_at(const struct flow *f, flow_ref r)
{
	return (struct flow_away *)flow_at(f, r);
}

/* The same for addresses that are numbers. */
static inline uint32_t flow_hash6(const struct flow *f, const struct flow_key *k)
{
	return addr6_at(&f->addr6s, k->raddr_be)->hash_src ^ addr6_at(&f->addr6s, k->laddr_be)->hash_dst ^
	       rss_hash6_sport(f->rss, k->rport_be) ^ rss_hash6_dport(f->rss, k->lport_be);
}

/* Hash of an arriving packet with this key. Both addresses are known. */
static inline uint32_t flow_hash(const struct flow *f, const struct flow_key *k)
{
	if (unlikely(flow_addr_is6(k->raddr_be)))
		return flow_hash6(f, k);
	return rss_hash4(f->rss, k->raddr_be, k->laddr_be, k->rport_be, k->lport_be);
}

/* What stands behind a key of IPv6, for keyed hashes (sequence numbers, cookies). */
struct flow_tuple6 {
	struct ip6_addr laddr, raddr;
	rte_be16_t lport_be, rport_be;
	uint32_t scope;
};
static_assert(sizeof(struct flow_tuple6) == 40, "without holes");

static inline void flow_tuple6_fill(const struct flow *f, const struct flow_key *k, struct flow_tuple6 *t)
{
	const struct addr6 *l = addr6_at(&f->addr6s, k->laddr_be), *r = addr6_at(&f->addr6s, k->raddr_be);

	*t = (struct flow_tuple6){.laddr = l->addr, .raddr = r->addr, .lport_be = k->lport_be, .rport_be = k->rport_be,
				  .scope = r->scope};
}

/* What a protocol makes of a packet: it is done with it; or, the packet still being the caller's, the number of the stack
 * that has its socket; or that the NIC's hash was wrong and is now right, so that another stack or flow may be meant. */
#define FLOW_DONE (-1)
#define FLOW_REHASHED (-2)

/* The stack that owns flows with this hash, unless they are away (struct flow_away) from it. */
static inline uint16_t flow_home(const struct flow *f, uint32_t hash)
{
	return f->rss->n_queues == 1 ? f->self : rss_queue(f->rss, hash);
}

/* The flow with this key, or 0. The two prefetching stages before it are table_prefetch() on all of a burst, then
 * flow_prefetch() on all of a burst; without them it is merely slower. */
flow_ref flow_find(const struct flow *f, const struct table *t, uint32_t hash, const struct flow_key *key);

/* Prefetches the object that flow_find() will compare first, if the bucket has a candidate. */
void flow_prefetch(const struct flow *f, const struct table *t, uint32_t hash);

/* Timers: (re)arms r's node for absolute tick (in the past: next advance); a running node is moved. */
static inline void flow_timer_set(struct flow *f, flow_ref r, uint32_t tick)
{
	wheel_set(&f->wheel, f->pool, r, tick);
}
static inline void flow_timer_clear(struct flow *f, flow_ref r) { wheel_clear(&f->wheel, f->pool, r); }

#endif
