/* cksum.h: the Internet checksum (RFC 1071) over mbufs, with the IPv4 pseudo header. */
#ifndef WIRE_CKSUM_H
#define WIRE_CKSUM_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_mbuf.h>

/* Checksum of the L4 bytes [off, off+len) of m (any number of segments) with an IPv4 pseudo header. 0 for a received
 * segment whose checksum field is right; ready to store for one whose field is zero. */
uint16_t cksum_l4_ip4(const struct rte_mbuf *m, uint32_t off, uint32_t len, rte_be32_t src_be, rte_be32_t dst_be,
		      uint8_t proto);

/* The pseudo header's sum alone, as NICs with checksum offload want it in the L4 checksum field. */
uint16_t cksum_pseudo_ip4(rte_be32_t src_be, rte_be32_t dst_be, uint8_t proto, uint16_t l4_len);

#endif
