/* ip4.h: IPv4 headers (RFC 791). */
#ifndef WIRE_IP4_H
#define WIRE_IP4_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_ip.h>

#define IP4_HDR_LEN 20

enum ip4_verdict { IP4_OK, IP4_BAD_SHORT, IP4_BAD_VERSION, IP4_BAD_CKSUM };

struct ip4_view {
	rte_be32_t src_be, dst_be;
	uint16_t hdr_len;     /* 20..60 */
	uint16_t total_len;   /* header and payload; <= the len given to ip4_parse() */
	uint16_t id;
	uint8_t proto, ttl, tos;
	bool fragment;        /* more fragments, or an offset */
};

/* Parses a packet of len bytes (which may have link-layer padding behind it). cksum_known_good skips the checksum, for when
 * the NIC has verified it. */
enum ip4_verdict ip4_parse(struct ip4_view *v, const void *pkt, uint32_t len, bool cksum_known_good);

/* Writes a 20-byte header without options, DF set, checksum filled in. */
void ip4_emit(void *buf, rte_be32_t src_be, rte_be32_t dst_be, uint8_t proto, uint16_t total_len, uint16_t id, uint8_t tos,
	      uint8_t ttl);

#endif
