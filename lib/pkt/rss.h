/* rss.h: receive-side scaling as the NIC does it: tuple -> Toeplitz hash -> redirection table -> queue. The same hash is the
 * connection table's, so that software computes it only where the NIC gives none.
 * Toeplitz is linear over XOR: hash(tuple) = hash(addresses, remote port) ^ hash(local port). eport.h leans on that. */
#ifndef PKT_RSS_H
#define PKT_RSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_byteorder.h>

#include "config/limits.h"

struct rss {
	uint8_t key[RSS_KEY_MAX];
	uint16_t key_len;                /* 16 (what 12 tuple bytes need) to 52; NICs have 40, 48 or 52 */
	uint16_t reta_size;              /* a power of two for nearly every PMD; the hash is taken modulo it */
	uint16_t n_queues;
	uint16_t reta[RSS_RETA_MAX];
	/* Contribution of byte value v at tuple byte i: src 0-3, dst 4-7, sport 8-9, dport 10-11, as in an arriving packet. */
	uint32_t byte4[12][256];
};

/* Builds the tables. reta may be NULL: entries are spread round robin. 0, or -EINVAL for sizes out of range. */
int rss_init(struct rss *r, const uint8_t *key, uint16_t key_len, const uint16_t *reta, uint16_t reta_size,
	     uint16_t n_queues);

/* Hash of an arriving packet (src = remote). Fields as on the wire. */
static inline uint32_t rss_hash4(const struct rss *r, rte_be32_t src_be, rte_be32_t dst_be, rte_be16_t sport_be,
				 rte_be16_t dport_be)
{
	const uint8_t *s = (const uint8_t *)&src_be, *d = (const uint8_t *)&dst_be;
	const uint8_t *sp = (const uint8_t *)&sport_be, *dp = (const uint8_t *)&dport_be;

	return r->byte4[0][s[0]] ^ r->byte4[1][s[1]] ^ r->byte4[2][s[2]] ^ r->byte4[3][s[3]] ^ r->byte4[4][d[0]] ^
	       r->byte4[5][d[1]] ^ r->byte4[6][d[2]] ^ r->byte4[7][d[3]] ^ r->byte4[8][sp[0]] ^ r->byte4[9][sp[1]] ^
	       r->byte4[10][dp[0]] ^ r->byte4[11][dp[1]];
}

/* The part of the hash that depends on the packet's destination port (our local port), alone. */
static inline uint32_t rss_hash4_dport(const struct rss *r, rte_be16_t dport_be)
{
	const uint8_t *dp = (const uint8_t *)&dport_be;

	return r->byte4[10][dp[0]] ^ r->byte4[11][dp[1]];
}

/* Hash of an arriving packet that RSS knows by its addresses only (fragments, ICMP). */
static inline uint32_t rss_hash2(const struct rss *r, rte_be32_t src_be, rte_be32_t dst_be)
{
	return rss_hash4(r, src_be, dst_be, 0, 0); /* a zero byte contributes nothing */
}

static inline uint16_t rss_queue(const struct rss *r, uint32_t hash)
{
	uint32_t mask = r->reta_size - 1u;

	return r->reta[(r->reta_size & mask) == 0 ? hash & mask : hash % r->reta_size];
}

#endif
