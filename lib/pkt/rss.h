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

#define RSS_TUPLE4_BYTES 12 /* src 0-3, dst 4-7, sport 8-9, dport 10-11, as in an arriving packet */
#define RSS_TUPLE6_BYTES 36 /* src 0-15, dst 16-31, sport 32-33, dport 34-35 */
#define RSS_KEY4_MIN (RSS_TUPLE4_BYTES + 4) /* the last tuple bit's window ends here */
#define RSS_KEY6_MIN (RSS_TUPLE6_BYTES + 4)

/* Read-only after rss_init() and shared by all cores: 41 KiB, of which IPv4 uses 12. */
struct rss {
	uint8_t key[RSS_KEY_MAX];        /* zeros behind key_len */
	uint16_t key_len;                /* RSS_KEY4_MIN to RSS_KEY_MAX; NICs have 40, 48 or 52 */
	uint16_t reta_size;              /* a power of two for nearly every PMD; the hash is taken modulo it */
	uint16_t n_queues;
	uint16_t reta[RSS_RETA_MAX];
	/* Contribution of byte value v at tuple byte i. IPv4 and IPv6 tuples both begin at key bit 0 and share the tables. */
	uint32_t byte[RSS_TUPLE6_BYTES][256];
};

/* Builds the tables. reta may be NULL: entries are spread round robin. 0, or -EINVAL for sizes out of range. With a key
 * shorter than RSS_KEY6_MIN IPv6 is hashed as with zeros behind it: good for software, but no NIC's hash. */
int rss_init(struct rss *r, const uint8_t *key, uint16_t key_len, const uint16_t *reta, uint16_t reta_size,
	     uint16_t n_queues);

/* n bytes of a tuple from its byte at on. Linear: a hash is the XOR of its parts, in any order. */
static inline uint32_t rss_hash_part(const struct rss *r, unsigned at, const void *bytes, unsigned n)
{
	const uint8_t *p = (const uint8_t *)bytes;
	uint32_t hash = 0;

	for (unsigned i = 0; i < n; i++)
		hash ^= r->byte[at + i][p[i]];
	return hash;
}

/* ---- IPv4: fields as on the wire, src = remote ---- */

/* The part of the hash that depends on the packet's destination port (our local port), alone. */
static inline uint32_t rss_hash4_dport(const struct rss *r, rte_be16_t dport_be)
{
	return rss_hash_part(r, 10, &dport_be, 2);
}

/* Hash of an arriving packet that RSS knows by its addresses only (fragments, ICMP). */
static inline uint32_t rss_hash2(const struct rss *r, rte_be32_t src_be, rte_be32_t dst_be)
{
	return rss_hash_part(r, 0, &src_be, 4) ^ rss_hash_part(r, 4, &dst_be, 4);
}

/* Hash of an arriving packet. */
static inline uint32_t rss_hash4(const struct rss *r, rte_be32_t src_be, rte_be32_t dst_be, rte_be16_t sport_be,
				 rte_be16_t dport_be)
{
	return rss_hash2(r, src_be, dst_be) ^ rss_hash_part(r, 8, &sport_be, 2) ^ rss_hash4_dport(r, dport_be);
}

/* ---- IPv6: the same, addresses of 16 bytes ---- */

static inline uint32_t rss_hash6_dport(const struct rss *r, rte_be16_t dport_be)
{
	return rss_hash_part(r, 34, &dport_be, 2);
}

static inline uint32_t rss_hash6_src(const struct rss *r, const void *src) { return rss_hash_part(r, 0, src, 16); }
static inline uint32_t rss_hash6_dst(const struct rss *r, const void *dst) { return rss_hash_part(r, 16, dst, 16); }
static inline uint32_t rss_hash6_sport(const struct rss *r, rte_be16_t sport_be)
{
	return rss_hash_part(r, 32, &sport_be, 2);
}

static inline uint32_t rss_hash2_ip6(const struct rss *r, const void *src, const void *dst)
{
	return rss_hash6_src(r, src) ^ rss_hash6_dst(r, dst);
}

static inline uint32_t rss_hash6(const struct rss *r, const void *src, const void *dst, rte_be16_t sport_be,
				 rte_be16_t dport_be)
{
	return rss_hash2_ip6(r, src, dst) ^ rss_hash6_sport(r, sport_be) ^ rss_hash6_dport(r, dport_be);
}

/* ---- queues ---- */

static inline uint16_t rss_queue(const struct rss *r, uint32_t hash)
{
	uint32_t mask = r->reta_size - 1u;

	return r->reta[(r->reta_size & mask) == 0 ? hash & mask : hash % r->reta_size];
}

#endif
