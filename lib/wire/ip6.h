/* ip6.h: IPv6 addresses (RFC 4291). Where one table holds both families, IPv4 is ::ffff:a.b.c.d. */
#ifndef WIRE_IP6_H
#define WIRE_IP6_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>

/* As on the wire; no alignment is asked for. */
struct ip6_addr {
	uint8_t b[16];
};

static inline bool ip6_addr_eq(const struct ip6_addr *a, const struct ip6_addr *b)
{
	uint64_t x[2], y[2];

	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return x[0] == y[0] && x[1] == y[1];
}

static inline struct ip6_addr ip6_addr_mapped(rte_be32_t addr_be)
{
	struct ip6_addr a = {{[10] = 0xff, [11] = 0xff}};

	memcpy(a.b + 12, &addr_be, sizeof(addr_be));
	return a;
}

static inline bool ip6_addr_is_mapped(const struct ip6_addr *a)
{
	static const uint8_t prefix[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(a->b, prefix, sizeof(prefix)) == 0;
}

/* The IPv4 address in a mapped one. */
static inline rte_be32_t ip6_addr_ip4(const struct ip6_addr *a)
{
	rte_be32_t addr_be;

	memcpy(&addr_be, a->b + 12, sizeof(addr_be));
	return addr_be;
}

#endif
