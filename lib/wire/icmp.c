/* icmp.c: ICMP for IPv4 (RFC 792). */
#include "wire/icmp.h"

#include "wire/bytes.h"
#include "wire/ip4.h"

#define ICMP_QUOTE_L4 8 /* every error quotes this much behind the IPv4 header */

bool icmp_parse(struct icmp_view *v, const void *msg, uint32_t len)
{
	const uint8_t *b = msg;

	if (len < ICMP_HDR_LEN)
		return false;
	v->type = b[0];
	v->code = b[1];
	v->mtu = load16(b + 6);
	return true;
}

bool icmp_quote_parse(struct icmp_quote *q, const void *quoted, uint32_t len)
{
	const uint8_t *b = quoted;

	if (len < IP4_HDR_LEN || b[0] >> 4 != 4)
		return false;
	q->hdr_len = (b[0] & 0xf) * 4;
	if (q->hdr_len < IP4_HDR_LEN || len < q->hdr_len + (uint32_t)ICMP_QUOTE_L4)
		return false;
	q->total_len = load16(b + 2);
	if ((load16(b + 6) & IP4_OFFSET_MASK) != 0)
		return false;
	q->proto = b[9];
	q->src_be = load32_be(b + 12);
	q->dst_be = load32_be(b + 16);
	b += q->hdr_len;
	memcpy(&q->sport_be, b, 2);
	memcpy(&q->dport_be, b + 2, 2);
	q->seq = load32(b + 4);
	return true;
}

void icmp_emit(void *buf, uint8_t type, uint8_t code, uint16_t mtu)
{
	uint8_t *b = buf;

	b[0] = type;
	b[1] = code;
	store16(b + 2, 0);
	store16(b + 4, 0);
	store16(b + 6, mtu);
}
