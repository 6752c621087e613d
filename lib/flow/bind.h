/* bind.h: who has which local address and port: bind() conflicts, and the sockets that receive without being connected
 * (TCP listeners, UDP sockets). One instance for TCP and one for UDP. Owned by one core. */
#ifndef FLOW_BIND_H
#define FLOW_BIND_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#include "base/pool.h"
#include "base/prng.h"
#include "flow/ref.h"

struct bind_entry; /* private to bind.c */

struct binds {
	struct pool pool;
	uint32_t *port_head; /* 65536 chains of entries */
	const uint64_t *auto_ports; /* bit per port that may be chosen automatically (eport_space_auto()); NULL: all */
	struct region region;
};

#define BIND_REUSE (1u << 0)     /* SO_REUSEADDR or SO_REUSEPORT was set */
#define BIND_RECEIVES (1u << 1)  /* bind_find() may return it: a listener or a UDP socket */

int binds_init(struct binds *b, uint32_t max, int numa_node);
void binds_fini(struct binds *b);

/* Enters ref at (laddr, lport), laddr 0 meaning any. -EADDRINUSE when another entry with the same port and an
 * overlapping address is in and one of the two lacks BIND_REUSE, or the other is a TCP listener (BIND_RECEIVES) when
 * strict; -ENOBUFS. */
int bind_add(struct binds *b, flow_ref ref, rte_be32_t laddr_be, rte_be16_t lport_be, uint32_t flags, bool strict);
/* A random automatic port of lo..hi that has no entry overlapping laddr, entered. 0 or -EADDRINUSE, -ENOBUFS. */
int bind_add_any(struct binds *b, flow_ref ref, rte_be32_t laddr_be, uint16_t lo, uint16_t hi, uint32_t flags,
		 struct prng *prng, rte_be16_t *lport_be);
/* Whether a port (host order) may be chosen automatically at all: it is not reserved. */
static inline bool bind_is_auto(const struct binds *b, uint16_t port)
{
	return b->auto_ports == NULL || (b->auto_ports[port / 64] >> port % 64 & 1);
}
/* Whether no entry for this port overlaps laddr. */
bool bind_is_free(const struct binds *b, rte_be32_t laddr_be, rte_be16_t lport_be);
/* Changes an entry's flags (a bound socket starts to listen). -EADDRINUSE when another one that receives overlaps and
 * not both have BIND_REUSE. */
int bind_set_flags(struct binds *b, flow_ref ref, rte_be16_t lport_be, uint32_t flags);
void bind_remove(struct binds *b, flow_ref ref, rte_be16_t lport_be);

/* The receiver for a packet to (laddr, lport): the entry for exactly laddr before one for any address; 0 none. Of
 * several equals (SO_REUSEPORT) hash chooses. */
flow_ref bind_find(const struct binds *b, rte_be32_t laddr_be, rte_be16_t lport_be, uint32_t hash);

#endif
