/* eport.h: ephemeral ports. A port is busy per (local address, remote address, remote port), never globally, and it
 * is chosen so that RSS brings the answers to the calling core. Toeplitz is linear, so ports fall into classes by the
 * low bits of hash(local port), and the ports that come home to a queue are whole classes: no trial and error for any
 * key and redirection table. Taking is O(1) up to the last free port; failing is O(1). Random (RFC 6056 section
 * 3.3.1). Owned by one core, but for struct eport_space, which is read-only after eport_space_new() and shared by
 * all.
 *
 * A port stays busy until eport_put(): through TIME-WAIT too. */
#ifndef FLOW_EPORT_H
#define FLOW_EPORT_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#include "base/pool.h"
#include "base/prng.h"
#include "flow/flow.h"
#include "pkt/rss.h"

struct eport_space; /* the classes of one (key, redirection table, port range): shared, read-only */

/* lo..hi: the automatic range, inclusive. NULL when out of memory, when lo > hi or lo is 0, or (said in the log) when
 * the redirection table's size is not a power of two. rss must outlive the space. */
struct eport_space *eport_space_new(const struct rss *rss, uint16_t lo, uint16_t hi);
void eport_space_free(struct eport_space *s);

struct eport_stats {
	uint64_t taken, returned, failed; /* failed: EADDRNOTAVAIL */
};

struct eport; /* one stack's allocator; layout private to eport.c */

/* queue: the rx queue that ports must come home to. max_groups bounds (laddr, raddr, rport) triples in use. */
struct eport *eport_new(const struct eport_space *s, uint16_t queue, uint32_t max_groups, struct prng *prng,
			int numa_node);
void eport_free(struct eport *e);

/* Takes a free port to (raddr, rport) from one of n local addresses (used evenly; n >= 1, at most LOCAL_ADDRS_MAX; the
 * pointed-to list may differ from call to call). Fills *key whole and *hash. 0; -EADDRNOTAVAIL: every port of the range
 * that comes home to this queue is busy for every given address; -ENOBUFS: too many destinations. */
int eport_take(struct eport *e, const rte_be32_t *laddrs_be, uint32_t n, rte_be32_t raddr_be, rte_be16_t rport_be,
	       struct flow_key *key, uint32_t *hash);

/* Takes exactly key's port (an explicit bind; any port 1..65535, in the range or not, home or not). 0, -EADDRINUSE,
 * -ENOBUFS. */
int eport_take_exact(struct eport *e, const struct flow_key *key);

/* Gives back what one of the two took. */
void eport_put(struct eport *e, const struct flow_key *key);

void eport_stats_get(const struct eport *e, struct eport_stats *st);

#endif
