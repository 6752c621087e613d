/* ip4.h: IPv4 headers (RFC 791). */
#ifndef WIRE_IP4_H
#define WIRE_IP4_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_ip.h>

#include "wire/bytes.h"
#include "wire/cksum.h"

#define IP4_HDR_LEN 20
#define IP4_HDR_MAX 60

#define IP4_DF 0x4000 /* of the flags and offset word, host order */
#define IP4_MF 0x2000
#define IP4_TOTAL_MAX 65535
#define IP4_FRAG_MASK 0x3fff /* more fragments, and the offset */
#define IP4_OFFSET_MASK 0x1fff

enum ip4_verdict { IP4_OK, IP4_BAD_SHORT, IP4_BAD_VERSION, IP4_BAD_CKSUM };

struct ip4_view {
	rte_be32_t src_be, dst_be;
	uint16_t hdr_len;     /* 20..60 */
	uint16_t total_len;   /* header and payload; <= the len given to ip4_parse() */
	uint16_t id;
	uint8_t proto, ttl, tos;
	bool fragment;        /* more fragments, or an offset */
};

/* Parses a packet of len bytes (which may have link-layer padding behind it). cksum_known_good skips the checksum, for
 * when the NIC has verified it. Reads the header only: of a packet in several pieces, the first min(len, 60) bytes must
 * lie together. */
static inline enum ip4_verdict ip4_parse(struct ip4_view *v, const void *pkt, uint32_t len, bool cksum_known_good)
{
	const uint8_t *b = pkt;

	if (len < IP4_HDR_LEN)
		return IP4_BAD_SHORT;
	v->hdr_len = (b[0] & 0xf) * 4;
	if (b[0] >> 4 != 4 || v->hdr_len < IP4_HDR_LEN)
		return IP4_BAD_VERSION;
	v->total_len = load16(b + 2);
	if (v->total_len > len || v->total_len < v->hdr_len)
		return IP4_BAD_SHORT;
	if (!cksum_known_good && cksum_fold(cksum_bytes(0, b, v->hdr_len)) != 0xffff)
		return IP4_BAD_CKSUM;
	v->tos = b[1];
	v->id = load16(b + 4);
	v->fragment = (load16(b + 6) & IP4_FRAG_MASK) != 0;
	v->ttl = b[8];
	v->proto = b[9];
	v->src_be = load32_be(b + 12);
	v->dst_be = load32_be(b + 16);
	return IP4_OK;
}

/* Writes a 20-byte header without options, DF set, checksum filled in. */
static inline void ip4_emit(void *buf, rte_be32_t src_be, rte_be32_t dst_be, uint8_t proto, uint16_t total_len,
			    uint16_t id, uint8_t tos, uint8_t ttl)
{
	uint8_t *b = buf;
	uint16_t cksum;

	b[0] = 0x45;
	b[1] = tos;
	store16(b + 2, total_len);
	store16(b + 4, id);
	store16(b + 6, IP4_DF);
	b[8] = ttl;
	b[9] = proto;
	store16(b + 10, 0);
	store32_be(b + 12, src_be);
	store32_be(b + 16, dst_be);
	cksum = (uint16_t)~cksum_fold(cksum_bytes(0, b, IP4_HDR_LEN));
	memcpy(b + 10, &cksum, sizeof(cksum));
}

#endif
