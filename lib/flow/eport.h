/* eport.h: ephemeral ports. A port is busy per (local address, remote address, remote port), never globally, and it
 * is chosen so that the packet that answers has its home (rss_queue()) at the calling stack. Toeplitz is linear, so
 * ports fall into classes by the low bits of hash(local port), and the ports that come home to a stack are whole
 * classes: no trial and error for any key and redirection table. Taking is O(1) up to the last free port; failing is
 * O(1). Exact at exhaustion: every home port can be taken, none twice, and the next take fails. Where a table's size is
 * no power of two, ports are looked at one by one until a destination has enough of them to list; that is as exact and
 * slower.
 *
 * Owned by one core, but for struct eport_space, which is read-only after start and shared by all.
 * A port stays busy until it is put back: through TIME-WAIT too.
 *
 * Why an observer cannot guess the next port (RFC 6056). Each take draws anew from the stack's xoshiro256** generator,
 * seeded with 64 bits from getrandom(), and takes the first free home port from the drawn place on, cyclically: RFC 6056
 * section 3.3.1. There is no counter and no hash of the destination (its sections 3.3.3 to 3.3.5), so the ports of one
 * destination say nothing about another's. What is seen of a draw of 64 bits is one port, at most 16 of them, and between
 * two ports that an observer sees lie the draws for all other connections of the stack. The generator is not a cipher:
 * somebody who sees hundreds of draws one after the other, and knows which ports were busy, has enough equations for
 * its state. What ports seen so far do tell: that they are busy; and, to who knows the RSS key, which stack a tuple
 * belongs to, which leaves one n-th of the range to guess from with n stacks. Free ports behind a run of busy ones are
 * more likely than others, the more the fuller the range. Nothing leans on ports alone: ISNs have a keyed hash (isn.c). */
#ifndef FLOW_EPORT_H
#define FLOW_EPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_byteorder.h>

#include "base/pool.h"
#include "base/prng.h"
#include "flow/flow.h"
#include "pkt/rss.h"

struct eport_space; /* the classes of one (key, redirection table, port range): shared, read-only */

/* lo..hi: the automatic range, inclusive. NULL when out of memory, or when lo > hi or lo is 0. rss must outlive the
 * space. */
struct eport_space *eport_space_new(const struct rss *rss, uint16_t lo, uint16_t hi);
void eport_space_free(struct eport_space *s);
/* Ports lo..hi are never chosen automatically; explicit takes may have them. Before the first eport_new() only. */
void eport_space_reserve(struct eport_space *s, uint16_t lo, uint16_t hi);
/* 65536 bits, one per port (host order): those that may be chosen automatically. */
const uint64_t *eport_space_auto(const struct eport_space *s);

/* What key, table and range give: how many ports come home to a queue (a stack), for one local address and one
 * destination. Counted over all hashes that addresses and remote ports can have; with an odd table, over a sample. */
struct eport_report {
	uint32_t range_ports;                /* automatic ports, all queues together */
	uint32_t queues, queues_empty;       /* of the table; those without an entry: no ports at all */
	uint32_t ports_min, ports_max;       /* of the queues that have entries */
	uint8_t table_bits, key_bits;        /* poor key: ports reach only key_bits of the table's bits */
	bool odd, poor;
};
void eport_space_report(const struct eport_space *s, bool ip6, struct eport_report *r);
/* The same as a sentence, without a full stop. */
void eport_report_text(const struct eport_report *r, char *buf, size_t len);

struct eport_stats {
	uint64_t taken, returned, failed; /* failed: EADDRNOTAVAIL */
};

struct eport; /* one stack's allocator; layout private to eport*.c */

/* queue: the stack's number: ports must come home there. max_groups bounds (laddr, raddr, rport) triples in use. addrs: what
 * gives the stack's IPv6 addresses their numbers; NULL: there are none. */
struct eport *eport_new(const struct eport_space *s, uint16_t queue, const struct addr6s *addrs, uint32_t max_groups,
			struct prng *prng, int numa_node);
void eport_free(struct eport *e);

/* IPv6 addresses are numbers in all of this, in lists, arguments and keys (addr6.h), of one family in one call. Numbers must be
 * held while ports of them are taken. */

/* Takes a free port to (raddr, rport) from one of n local addresses (used evenly; n >= 1, at most LOCAL_ADDRS_MAX; the
 * pointed-to list may differ from call to call). range: 0, or only some ports, see
 * port_range.h. Fills *key whole and *hash. 0;
 * -EADDRNOTAVAIL: every port of the range that comes home to this queue is busy for every given address; -ENOBUFS: too
 * many destinations. With a range it costs more: in the worst case, at exhaustion, a look at the whole range per local
 * address. */
int eport_take(struct eport *e, const rte_be32_t *laddrs_be, uint32_t n, rte_be32_t raddr_be, rte_be16_t rport_be,
	       uint32_t range, struct flow_key *key, uint32_t *hash);

/* Takes exactly key's port (an explicit bind; any port 1..65535, in the range or not, home or not). 0, -EADDRINUSE,
 * -ENOBUFS. */
int eport_take_exact(struct eport *e, const struct flow_key *key);

/* Gives back what one of the two took. */
void eport_put(struct eport *e, const struct flow_key *key);

/* A random port that eport_take() with these arguments could have taken, busy or not: to look for one whose owner can
 * give it up. Takes nothing. 0, or -EADDRNOTAVAIL when chance found none. */
int eport_guess(struct eport *e, const rte_be32_t *laddrs_be, uint32_t n, rte_be32_t raddr_be, rte_be16_t rport_be,
		uint32_t range, struct flow_key *key, uint32_t *hash);

/* Whether eport_take() with this range could choose key's port (of this hash), were it free. IPv4 and IPv6. */
bool eport_may_take(const struct eport *e, uint32_t range, const struct flow_key *key, uint32_t hash);

void eport_stats_get(const struct eport *e, struct eport_stats *st);

#endif
