/* cksum.h: the Internet checksum (RFC 1071) over bytes and mbufs, with the IPv4 pseudo header. Sums are 64-bit one's
 * complement sums of words as they lie in memory, so a folded sum can be stored without a swap on any machine. */
#ifndef WIRE_CKSUM_H
#define WIRE_CKSUM_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_mbuf.h>

static inline uint64_t cksum_add64(uint64_t sum, uint64_t word)
{
	sum += word;
	return sum + (sum < word);
}

/* A sum folded to 16 bits, not complemented. */
static inline uint16_t cksum_fold(uint64_t sum)
{
	sum = (sum >> 32) + (uint32_t)sum;
	sum = (sum >> 32) + (uint32_t)sum;
	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t)sum;
}

/* Adds the first len bytes, a multiple of 64, of a large block: sums of 32-bit words, which compilers vectorise. */
static inline uint64_t cksum_blocks(uint64_t sum, const uint8_t *p, uint32_t len)
{
	uint64_t words = 0;
	uint32_t w32;

	for (uint32_t i = 0; i < len; i += 4) {
		memcpy(&w32, p + i, 4);
		words += w32; /* 2^32 of them fit */
	}
	return cksum_add64(sum, words);
}

/* Adds len bytes at any address; an odd last byte counts as if a zero followed. */
static inline uint64_t cksum_bytes(uint64_t sum, const void *data, uint32_t len)
{
	const uint8_t *p = data;
	uint32_t blocks = len & ~63u, w32;
	uint64_t w64;
	uint16_t w16;

	if (blocks != 0) {
		sum = cksum_blocks(sum, p, blocks);
		p += blocks;
		len -= blocks;
	}
	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&w64, p, 8);
		sum = cksum_add64(sum, w64);
	}
	if (len & 4) {
		memcpy(&w32, p, 4);
		sum = cksum_add64(sum, w32);
		p += 4;
	}
	if (len & 2) {
		memcpy(&w16, p, 2);
		sum = cksum_add64(sum, w16);
		p += 2;
	}
	if (len & 1) {
		w16 = 0;
		memcpy(&w16, p, 1);
		sum = cksum_add64(sum, w16);
	}
	return sum;
}

/* The sum of the IPv4 pseudo header (RFC 9293 3.1, RFC 768). */
static inline uint64_t cksum_pseudo_sum(rte_be32_t src_be, rte_be32_t dst_be, uint8_t proto, uint32_t l4_len)
{
	return (uint64_t)src_be + dst_be + rte_cpu_to_be_16(proto) + rte_cpu_to_be_16((uint16_t)l4_len);
}

/* The same of IPv6 (RFC 8200 8.1): addresses of 16 bytes each, one behind the other. */
static inline uint64_t cksum_pseudo_sum6(const void *addrs, uint8_t proto, uint32_t l4_len)
{
	return cksum_bytes((uint64_t)rte_cpu_to_be_16(proto) + rte_cpu_to_be_16((uint16_t)l4_len), addrs, 32);
}

/* Adds the bytes [off, off+len) of m, in any number of segments of any length; what m does not have is left out. */
uint64_t cksum_mbuf(uint64_t sum, const struct rte_mbuf *m, uint32_t off, uint32_t len);

/* Checksum of the L4 bytes [off, off+len) of m (any number of segments) with an IPv4 pseudo header. 0 for a received
 * segment whose checksum field is right; ready to store for one whose field is zero (but UDP stores 0xffff for 0: RFC
 * 768). */
static inline uint16_t cksum_l4_ip4(const struct rte_mbuf *m, uint32_t off, uint32_t len, rte_be32_t src_be,
				    rte_be32_t dst_be, uint8_t proto)
{
	uint64_t sum = cksum_pseudo_sum(src_be, dst_be, proto, len);

	if (likely(off + len <= m->data_len))
		sum = cksum_bytes(sum, rte_pktmbuf_mtod_offset(m, const uint8_t *, off), len);
	else
		sum = cksum_mbuf(sum, m, off, len);
	return (uint16_t)~cksum_fold(sum);
}

/* cksum_l4_ip4() for IPv6; addrs: source, then destination (but UDP stores 0xffff for 0, and has no segment without: RFC 8200
 * 8.1). */
static inline uint16_t cksum_l4_ip6(const struct rte_mbuf *m, uint32_t off, uint32_t len, const void *addrs, uint8_t proto)
{
	uint64_t sum = cksum_pseudo_sum6(addrs, proto, len);

	if (likely(off + len <= m->data_len))
		sum = cksum_bytes(sum, rte_pktmbuf_mtod_offset(m, const uint8_t *, off), len);
	else
		sum = cksum_mbuf(sum, m, off, len);
	return (uint16_t)~cksum_fold(sum);
}

/* The pseudo header's sum alone, as NICs with checksum offload want it in the L4 checksum field. */
static inline uint16_t cksum_pseudo_ip4(rte_be32_t src_be, rte_be32_t dst_be, uint8_t proto, uint16_t l4_len)
{
	return cksum_fold(cksum_pseudo_sum(src_be, dst_be, proto, l4_len));
}

/* A checksum field after one 16-bit word under it changed (RFC 1624, eqn. 3). All as they lie in memory. */
static inline uint16_t cksum_update(uint16_t field, uint16_t from, uint16_t to)
{
	return (uint16_t)~cksum_fold((uint64_t)(uint16_t)~field + (uint16_t)~from + to);
}

#endif
