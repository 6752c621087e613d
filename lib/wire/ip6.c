/* ip6.c: IPv6's extension headers (RFC 8200 4), with limits on what they may cost. */
#include "wire/ip6.h"

#include "config/limits.h"

#define EXT_UNIT 8

/* Options of a hop-by-hop or destination header: bytes [off, end) of the packet. */
static enum ip6_chain_verdict options_walk(struct ip6_chain *c, const uint8_t *b, uint32_t off, uint32_t end)
{
	int options = 0;

	while (off < end) {
		uint8_t type = b[off];
		uint32_t next = off + 1;

		if (type == IP6_OPT_PAD1) {
			off = next;
			continue;
		}
		if (off + 2 > end || off + 2u + b[off + 1] > end)
			return IP6_CHAIN_SHORT;
		next = off + 2u + b[off + 1];
		if (type != IP6_OPT_PADN && ++options > IP6_EXT_OPTIONS_MAX)
			return IP6_CHAIN_LONG;
		c->router_alert |= type == IP6_OPT_ROUTER_ALERT;
		if (type != IP6_OPT_PADN && type != IP6_OPT_ROUTER_ALERT && type >> 6 != 0) {
			c->option_action = type >> 6;
			c->problem_off = off;
			return IP6_CHAIN_OPTION;
		}
		off = next;
	}
	return IP6_CHAIN_OK;
}

static void fragment_read(struct ip6_chain *c, const uint8_t *b, uint32_t off)
{
	uint16_t word = load16(b + off + 2);

	c->frag_hdr_off = (uint16_t)off;
	c->frag_off = word & 0xfff8;
	c->frag_more = word & 1;
	c->fragment = c->frag_off != 0 || c->frag_more;
}

/* What an extension header of len bytes at off says by itself. */
static enum ip6_chain_verdict header_check(struct ip6_chain *c, const uint8_t *b, uint32_t off, uint32_t len)
{
	if (c->proto == IP6_NEXT_ROUTING) {
		if (b[off + 3] == 0 || c->fragment)
			return IP6_CHAIN_OK;
		c->problem_off = off + 2;
		return IP6_CHAIN_ROUTING; /* we are no waypoint, of any type (RFC 8200 4.4, RFC 5095) */
	}
	return c->fragment ? IP6_CHAIN_OK : options_walk(c, b, off + 2, off + len);
}

static bool is_extension(uint8_t next)
{
	return next == IP6_NEXT_HOP_BY_HOP || next == IP6_NEXT_ROUTING || next == IP6_NEXT_FRAGMENT || next == IP6_NEXT_DST_OPTS;
}

enum ip6_chain_verdict ip6_chain_walk(struct ip6_chain *c, const void *pkt, uint32_t len)
{
	const uint8_t *b = pkt;
	uint32_t off = IP6_HDR_LEN;

	memset(c, 0, sizeof(*c));
	c->next_off = IP6_NEXT_OFF;
	c->proto = b[IP6_NEXT_OFF];
	for (int n = 0; is_extension(c->proto); n++) {
		enum ip6_chain_verdict verdict;
		uint32_t ext_len;

		if (c->proto == IP6_NEXT_HOP_BY_HOP && off != IP6_HDR_LEN) {
			c->problem_off = c->next_off;
			return IP6_CHAIN_ORDER;
		}
		if (off + EXT_UNIT > len)
			return IP6_CHAIN_SHORT;
		ext_len = c->proto == IP6_NEXT_FRAGMENT ? IP6_FRAG_HDR_LEN : EXT_UNIT * (b[off + 1] + 1u);
		if (n == IP6_EXT_HEADERS_MAX || off + ext_len > IP6_HDR_LEN + IP6_EXT_BYTES_MAX)
			return IP6_CHAIN_LONG;
		if (off + ext_len > len)
			return IP6_CHAIN_SHORT;
		if (c->proto == IP6_NEXT_FRAGMENT) {
			if (c->frag_hdr_off != 0)
				return IP6_CHAIN_LONG; /* a fragment of a fragment */
			fragment_read(c, b, off);
		} else {
			verdict = header_check(c, b, off, ext_len);
			if (verdict != IP6_CHAIN_OK)
				return verdict;
		}
		c->proto = b[off];
		c->next_off = (uint16_t)off;
		off += ext_len;
		if (c->fragment && c->frag_off != 0)
			break; /* what follows is the middle of something */
	}
	c->l4_off = (uint16_t)off;
	return IP6_CHAIN_OK;
}
