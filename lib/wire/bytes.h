/* bytes.h: fields in network order at any address. */
#ifndef WIRE_BYTES_H
#define WIRE_BYTES_H

#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>

static inline uint16_t load16(const void *p)
{
	rte_be16_t v;

	memcpy(&v, p, sizeof(v));
	return rte_be_to_cpu_16(v);
}

static inline uint32_t load32(const void *p)
{
	rte_be32_t v;

	memcpy(&v, p, sizeof(v));
	return rte_be_to_cpu_32(v);
}

static inline rte_be32_t load32_be(const void *p)
{
	rte_be32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void store16(void *p, uint16_t host)
{
	rte_be16_t v = rte_cpu_to_be_16(host);

	memcpy(p, &v, sizeof(v));
}

static inline void store32(void *p, uint32_t host)
{
	rte_be32_t v = rte_cpu_to_be_32(host);

	memcpy(p, &v, sizeof(v));
}

static inline void store32_be(void *p, rte_be32_t v) { memcpy(p, &v, sizeof(v)); }

#endif
