/* conn.h: the part that every socket has, whatever its protocol: identity, timer, readiness. Line 0 of a socket slot. */
#ifndef FLOW_CONN_H
#define FLOW_CONN_H

#include <stdint.h>

#include "flow/bind.h"
#include "flow/flow.h"

#define CONN_SLOT_BYTES 192 /* every socket of every type: three cache lines */

enum conn_type { CONN_FREE = 0, CONN_TCP, CONN_UDP, CONN_LISTEN, CONN_EPOLL };

#define CONN_NONBLOCK   (1u << 0) /* O_NONBLOCK */
#define CONN_ORPHAN     (1u << 1) /* the descriptor is closed; the protocol still works on it */
#define CONN_BOUND_ADDR (1u << 2) /* bind() named an address */
#define CONN_BOUND_PORT (1u << 3) /* bind() named (or was given) a port */
#define CONN_REUSEADDR  (1u << 4)
#define CONN_REUSEPORT  (1u << 5)
#define CONN_READY      (1u << 6) /* linked into its epoll instance's ready list */
#define CONN_IN_TABLE   (1u << 7) /* in flow.tcp or flow.udp */

#define CONN_MORE_IP6   (1u << 0) /* the socket's family is AF_INET6 */
#define CONN_MORE_V6ONLY (1u << 1) /* IPV6_V6ONLY */
#define CONN_MORE_IP4 (1u << 2)   /* an AF_INET6 socket bound to ::ffff:0.0.0.0, or to a mapped address: IPv4 alone */
#define CONN_MORE_PORT_CHOSEN (1u << 3) /* bind() or listen() was free to choose: any other port would do */
#define CONN_MORE_FLOWINFO (1u << 4) /* IPV6_FLOWINFO_SEND */
#define CONN_MORE_FREEBIND (1u << 5) /* IP_FREEBIND */
#define CONN_MORE_DIALECT_SHIFT 6 /* two bits: enum dialect, 0 for most */
#define CONN_MORE_DIALECT (3u << CONN_MORE_DIALECT_SHIFT)

/* Whose manual a socket's calls follow where the systems disagree (docs/sockets.md). Each layer has a table of its part. */
enum dialect { DIALECT_LINUX, DIALECT_BSD, DIALECT_ZOS, DIALECTS };

struct conn {
	struct flow_head h;    /* 32 */
	flow_ref ready_next;   /* ready list of the epoll instance; accept queue of the listener before accept() */
	flow_ref ready_prev;   /* 40 */
	uint64_t ep_data;      /* 48: epoll_event.data of the registration */
	uint32_t ep_events;    /* 52: interest mask with EPOLLET, EPOLLONESHOT */
	flow_ref ep;           /* 56: epoll instance that watches this socket, 0 none */
	uint8_t type;          /* enum conn_type */
	uint8_t flags;         /* CONN_* */
	uint8_t so_error;      /* pending SO_ERROR, 0 none */
	uint8_t more;          /* 60: CONN_MORE_* */
	flow_ref listener;     /* 64: before accept(): the listener that made it */
};
static_assert(sizeof(struct conn) == 64, "one cache line");

static inline enum dialect conn_dialect(const struct conn *c) { return (enum dialect)(c->more >> CONN_MORE_DIALECT_SHIFT); }

static inline struct conn *conn_at(const struct flow *f, flow_ref r)
{
	return (struct conn *)(f->pool[FLOW_CONN].base + (uint64_t)ref_index(r) * CONN_SLOT_BYTES);
}

static inline flow_ref conn_ref(const struct flow *f, const struct conn *c)
{
	return (flow_ref)((uint64_t)((const uint8_t *)c - f->pool[FLOW_CONN].base) / CONN_SLOT_BYTES);
}

/* The families that it is open for while it has no address, as flags of its bind (bind.h). */
static inline uint32_t conn_bind_families(const struct conn *c)
{
	if (likely(!(c->more & CONN_MORE_IP6)) || c->more & CONN_MORE_IP4)
		return 0;
	return c->more & CONN_MORE_V6ONLY ? BIND_IP6 | BIND_V6ONLY : BIND_IP6;
}

/* A cleared slot of this type, or NULL (ENOBUFS to the caller). */
struct conn *conn_new(struct flow *f, enum conn_type type);
/* Gives the slot back: unlinked from wheel, table, ready list first by whoever linked it (asserted). */
void conn_free(struct flow *f, struct conn *c);

#endif
