/* bind.h: who has which local address and port: bind() conflicts, and the sockets that receive without being connected
 * (TCP listeners, UDP sockets). One instance for TCP and one for UDP. Owned by one core.
 *
 * The stacks of an end tell each other (MAIL_BIND, MAIL_UNBIND; tcp/mail.c, udp/mail.c), so each has the others' entries
 * too, with refs of kind FLOW_REMOTE: they count in conflicts, and packets for them are sent on. */
#ifndef FLOW_BIND_H
#define FLOW_BIND_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#include "base/pool.h"
#include "base/prng.h"
#include "flow/addr6.h"
#include "flow/ref.h"

struct bind_entry; /* private to bind.c */

struct binds {
	struct pool pool;
	uint32_t *port_head; /* 65536 chains of entries */
	uint32_t n_remote_exact; /* entries of other stacks that name an address and receive */
	struct addr6s *addr6s;   /* entries of IPv6 addresses hold their numbers; NULL: there are none */
	const uint64_t *auto_ports; /* bit per port that may be chosen automatically (eport_space_auto()); NULL: all */
	struct region region;
};

/* What stacks tell each other about one entry: the body of MAIL_BIND (new, or its flags change) and MAIL_UNBIND. */
struct bind_note {
	uint8_t proto;
	uint8_t flags;
	rte_be16_t lport_be;
	rte_be32_t laddr_be;     /* of IPv6 the sender's number; the address follows */
	flow_ref owner;          /* the socket, at its stack */
	struct ip6_addr laddr6;
	uint16_t scope;
	uint8_t more;            /* CONN_MORE_* of the socket */
	uint8_t dev;             /* as behind BIND_DEV_SHIFT */
};
static inline void bind_note_complete(struct bind_note *n, const struct addr6s *s)
{
	if (!flow_addr_is6(n->laddr_be))
		return;
	n->laddr6 = addr6_at(s, n->laddr_be)->addr;
	n->scope = (uint16_t)addr6_at(s, n->laddr_be)->scope;
}

/* The families of an entry for any address: IPv4, or with these both, or IPv6 alone (RFC 3493 5.3). An address has its own. */
#define BIND_IP6 (1u << 2)
#define BIND_V6ONLY (1u << 3)
#define BIND_REUSE (1u << 0)     /* SO_REUSEADDR or SO_REUSEPORT was set */
#define BIND_RECEIVES (1u << 1)  /* bind_find() may return it: a listener or a UDP socket */
#define BIND_DEV_SHIFT 8         /* seven bits: SO_BINDTODEVICE, as number of the interface + 1; 0: any */
#define BIND_IFACE_ANY UINT8_MAX

int binds_init(struct binds *b, uint32_t max, struct addr6s *addr6s, int numa_node);
void binds_fini(struct binds *b);

/* Enters ref at (laddr, lport), laddr 0 meaning any of the families in flags. -EADDRINUSE when another entry with the same port
 * and an overlapping address is in (two of different devices do not overlap) and one of the two lacks BIND_REUSE, or the other is
 * a TCP listener (BIND_RECEIVES) when strict; -ENOBUFS. */
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

/* Enters ref without asking whether it conflicts: a twin of another stack's listener. 0 or -ENOBUFS. */
int bind_add_twin(struct binds *b, flow_ref ref, rte_be32_t laddr_be, rte_be16_t lport_be, uint32_t flags);

/* The address in another stack's note, as it is known here, with a reference. False: no room for it. */
bool bind_note_addr(const struct binds *b, const struct bind_note *n, rte_be32_t *laddr_be);

/* Another stack's entry is new or has changed; is gone (unknown ones are ignored). Without room (BIND_REMOTE_MAX) it is
 * forgotten: then its conflicts are not seen and its packets are refused here. */
void bind_remote_set(struct binds *b, uint16_t stack, const struct bind_note *n);
void bind_remote_remove(struct binds *b, uint16_t stack, const struct bind_note *n);

/* The receiver for a packet that came by iface (BIND_IFACE_ANY: or another) to (laddr, lport): the entry for exactly laddr before
 * one for any address; of those, this stack's own before other stacks' (FLOW_REMOTE with the stack as index); 0 none. Of several
 * equals (SO_REUSEPORT) hash chooses. own_only: among this stack's own. */
flow_ref bind_find_by(const struct binds *b, uint8_t iface, rte_be32_t laddr_be, rte_be16_t lport_be, uint32_t hash,
		      bool own_only);
static inline flow_ref bind_find(const struct binds *b, rte_be32_t laddr_be, rte_be16_t lport_be, uint32_t hash)
{
	return bind_find_by(b, BIND_IFACE_ANY, laddr_be, lport_be, hash, false);
}
static inline flow_ref bind_find_own(const struct binds *b, rte_be32_t laddr_be, rte_be16_t lport_be, uint32_t hash)
{
	return bind_find_by(b, BIND_IFACE_ANY, laddr_be, lport_be, hash, true);
}

/* All receivers of a packet that came by iface to (laddr, lport), one by one: other stacks as often as they have some. *cursor is
 * 0 at first; 0: no more. Nothing may change in between. */
flow_ref bind_each(const struct binds *b, uint8_t iface, rte_be32_t laddr_be, rte_be16_t lport_be, uint32_t *cursor);

#endif
