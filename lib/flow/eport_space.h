/* eport_space.h: the linear algebra behind ephemeral ports; private to eport*.c and its tests.
 *
 * L(port), the low b bits of the Toeplitz hash of a local port, is linear over XOR: 16 bits to b bits (b = log2 of
 * the redirection table's size). Elimination gives a basis of its image (k vectors) and of its kernel (16 - k). So a
 * port is the same as a pair (class, rank): class numbers the value of L (k bits), rank the element of the kernel.
 * Both ways are two table lookups: x = class << rank_bits | rank.
 *
 * The basis is in reduced echelon form: each kernel vector has its leading bit to itself. So within a class ports rise
 * with their rank, and the ports of a class that lie in a range are an interval of ranks.
 *
 * A poor key has k < b. Then only those entries of the redirection table can be reached for a given hash of the
 * addresses that lie in the same coset of the image; a syndrome (b - k bits) names the coset.
 *
 * Where the table's size is no power of two ("odd"), the hash is taken modulo the size, which is not linear: there are
 * no classes, and ports are looked at one by one (eport_set.c).
 *
 * The port lies at another place of an IPv6 tuple, so IPv6 has a map of its own. */
#ifndef FLOW_EPORT_SPACE_H
#define FLOW_EPORT_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/limits.h"
#include "pkt/rss.h"

struct eport_map {
	uint8_t class_bits, rank_bits;       /* k, 16 - k */
	uint16_t rank_mask;
	uint16_t class_ports_min;            /* automatic ports in the class that has fewest */
	uint16_t port_x[2][256];             /* low, high byte of port -> x */
	uint16_t x_port[2][256];             /* low, high byte of x -> port */
	uint16_t class_of[RSS_RETA_MAX];     /* value of L -> class; meaningful where the syndrome is 0 */
	uint16_t syndrome_of[RSS_RETA_MAX];
	uint16_t class_ports[RSS_RETA_MAX];  /* automatic ports in each class */
	uint64_t auto_x[65536 / 64];         /* by x: automatic ports */
};

struct eport_space {
	const struct rss *rss;
	uint16_t lo, hi;                     /* automatic range, host order, inclusive */
	bool odd;
	uint8_t reta_bits;                   /* b, 0 when odd */
	uint16_t reta_mask;                  /* 0 when odd */
	uint64_t reta_inverse;               /* 2^64 / size, rounded up */
	uint64_t auto_port[65536 / 64];      /* by port: the range without reserved ports */
	struct eport_map map[2];             /* [ip6]; not made when odd */
};

static inline uint16_t eport_x(const struct eport_map *m, uint16_t port)
{
	return m->port_x[0][port & 0xff] ^ m->port_x[1][port >> 8];
}

static inline uint16_t eport_from_x(const struct eport_map *m, uint16_t x)
{
	return m->x_port[0][x & 0xff] ^ m->x_port[1][x >> 8];
}

static inline bool eport_is_auto(const struct eport_space *s, uint16_t port)
{
	return s->auto_port[port / 64] >> port % 64 & 1;
}

/* The entry of the redirection table: hash modulo its size, when odd by multiplications (Lemire, Kaser and Kurz, 2019). */
static inline uint32_t eport_entry(const struct eport_space *s, uint32_t hash)
{
	if (!s->odd)
		return hash & s->reta_mask;
	return (uint32_t)((unsigned __int128)(s->reta_inverse * hash) * s->rss->reta_size >> 64);
}

static inline uint32_t eport_dport_hash(const struct rss *r, bool ip6, uint16_t port)
{
	rte_be16_t port_be = rte_cpu_to_be_16(port);

	return ip6 ? rss_hash6_dport(r, port_be) : rss_hash4_dport(r, port_be);
}

/* The lowest rank of a class (its x with rank 0) whose port is not below port; 1 << rank_bits when there is none. */
uint32_t eport_rank_from(const struct eport_map *m, uint32_t class_x, uint32_t port);

#endif
