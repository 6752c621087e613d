/* eport_space.h: the linear algebra behind ephemeral ports; private to eport*.c and its tests.
 *
 * L(port), the low b bits of the Toeplitz hash of a local port, is linear over XOR: 16 bits to b bits (b = log2 of
 * the redirection table's size). Elimination gives a basis of its image (k vectors) and of its kernel (16 - k). So a
 * port is the same as a pair (class, rank): class numbers the value of L (k bits), rank the element of the kernel.
 * Both ways are two table lookups: x = class << rank_bits | rank.
 *
 * A poor key has k < b. Then only those entries of the redirection table can be reached for a given hash of the
 * addresses that lie in the same coset of the image; a syndrome (b - k bits) names the coset. */
#ifndef FLOW_EPORT_SPACE_H
#define FLOW_EPORT_SPACE_H

#include <stdint.h>

#include "config/limits.h"
#include "pkt/rss.h"

struct eport_space {
	const struct rss *rss;
	uint16_t lo, hi;                     /* automatic range, host order, inclusive */
	uint8_t reta_bits;                   /* b */
	uint8_t class_bits, rank_bits;       /* k, 16 - k */
	uint16_t reta_mask, rank_mask;
	uint16_t class_ports_min;            /* ports of the range in the class that has fewest */
	uint16_t port_x[2][256];             /* low, high byte of port -> x */
	uint16_t x_port[2][256];             /* low, high byte of x -> port */
	uint16_t class_of[RSS_RETA_MAX];     /* value of L -> class; meaningful where the syndrome is 0 */
	uint16_t syndrome_of[RSS_RETA_MAX];
	uint16_t class_ports[RSS_RETA_MAX];  /* ports of the range in each class */
	uint64_t in_range[65536 / 64];       /* by x: ports of the range */
};

static inline uint16_t eport_x(const struct eport_space *s, uint16_t port)
{
	return s->port_x[0][port & 0xff] ^ s->port_x[1][port >> 8];
}

static inline uint16_t eport_from_x(const struct eport_space *s, uint16_t x)
{
	return s->x_port[0][x & 0xff] ^ s->x_port[1][x >> 8];
}

#endif
