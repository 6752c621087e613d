/* icmp6.c: ICMPv6 (RFC 4443). */
#include "wire/icmp6.h"

#include "wire/bytes.h"

#define QUOTE_L4 8 /* ports, and TCP's sequence number; errors quote as much as fits 1280 bytes */

bool icmp6_parse(struct icmp6_view *v, const void *msg, uint32_t len)
{
	const uint8_t *b = msg;

	if (len < ICMP6_HDR_LEN)
		return false;
	v->type = b[0];
	v->code = b[1];
	v->param = load32(b + 4);
	return true;
}

bool icmp6_quote_parse(struct icmp6_quote *q, const void *quoted, uint32_t len)
{
	const uint8_t *b = quoted;
	struct ip6_chain c;

	if (len < IP6_HDR_LEN || b[0] >> 4 != 6)
		return false;
	if (ip6_chain_walk(&c, b, len) != IP6_CHAIN_OK || c.frag_off != 0 || len < c.l4_off + (uint32_t)QUOTE_L4)
		return false;
	memcpy(&q->src, b + IP6_SRC_OFF, sizeof(q->src));
	memcpy(&q->dst, b + IP6_DST_OFF, sizeof(q->dst));
	q->hdr_len = c.l4_off;
	q->proto = c.proto;
	q->fragmented = c.frag_hdr_off != 0;
	b += c.l4_off;
	memcpy(&q->sport_be, b, 2);
	memcpy(&q->dport_be, b + 2, 2);
	q->seq = load32(b + 4);
	return true;
}

void icmp6_emit(void *buf, uint8_t type, uint8_t code, uint32_t param)
{
	uint8_t *b = buf;

	b[0] = type;
	b[1] = code;
	store16(b + 2, 0);
	store32(b + 4, param);
}
