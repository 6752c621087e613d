/* ip6.h: IPv6 addresses (RFC 4291), headers and extension headers (RFC 8200). Where one table holds both families, IPv4 is
 * ::ffff:a.b.c.d. */
#ifndef WIRE_IP6_H
#define WIRE_IP6_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_byteorder.h>

#include "wire/bytes.h"

#define IP6_HDR_LEN 40
#define IP6_LEN_OFF 4
#define IP6_NEXT_OFF 6
#define IP6_HOPS_OFF 7
#define IP6_SRC_OFF 8
#define IP6_DST_OFF 24
#define IP6_FRAG_HDR_LEN 8
#define IP6_MTU_MIN 1280      /* every link takes that (RFC 8200 5) */
#define IP6_PAYLOAD_MAX 65535
#define IP6_LABEL_MASK 0xfffffu

#define IP6_NEXT_HOP_BY_HOP 0
#define IP6_NEXT_ROUTING 43
#define IP6_NEXT_FRAGMENT 44
#define IP6_NEXT_ICMP 58
#define IP6_NEXT_NONE 59
#define IP6_NEXT_DST_OPTS 60

#define IP6_OPT_PAD1 0
#define IP6_OPT_PADN 1
#define IP6_OPT_ROUTER_ALERT 5 /* RFC 2711 */

/* As on the wire; no alignment is asked for. */
struct ip6_addr {
	uint8_t b[16];
};

/* For people; not shortened. */
#define IP6_PRT_FMT "%x:%x:%x:%x:%x:%x:%x:%x"
#define IP6_BYTES(a) load16((a)->b), load16((a)->b + 2), load16((a)->b + 4), load16((a)->b + 6), load16((a)->b + 8), \
	load16((a)->b + 10), load16((a)->b + 12), load16((a)->b + 14)

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

static inline bool ip6_addr_is_none(const struct ip6_addr *a) { return ip6_addr_eq(a, &(struct ip6_addr){{0}}); }
static inline bool ip6_addr_is_multicast(const struct ip6_addr *a) { return a->b[0] == 0xff; }
static inline bool ip6_addr_is_linklocal(const struct ip6_addr *a) { return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80; }
static inline bool ip6_addr_is_loopback(const struct ip6_addr *a)
{
	return ip6_addr_eq(a, &(struct ip6_addr){{[15] = 1}});
}

/* Scope as in RFC 4291 2.7 and RFC 6724 3.1: 2 link, 5 site, 14 global. */
static inline uint8_t ip6_addr_scope(const struct ip6_addr *a)
{
	if (ip6_addr_is_multicast(a))
		return a->b[1] & 0xf;
	return ip6_addr_is_linklocal(a) || ip6_addr_is_loopback(a) ? 2 : 14;
}

/* Leading bits that two addresses share. */
static inline uint8_t ip6_addr_common(const struct ip6_addr *a, const struct ip6_addr *b)
{
	uint8_t i = 0;

	while (i < 16 && a->b[i] == b->b[i])
		i++;
	return i == 16 ? 128 : (uint8_t)(i * 8 + __builtin_clz((uint32_t)(a->b[i] ^ b->b[i])) - 24);
}

/* The group in which an address is asked for (RFC 4291 2.7.1). */
static inline struct ip6_addr ip6_addr_solicited(const struct ip6_addr *a)
{
	return (struct ip6_addr){{0xff, 2, [11] = 1, 0xff, a->b[13], a->b[14], a->b[15]}};
}

enum ip6_verdict { IP6_OK, IP6_BAD_SHORT, IP6_BAD_VERSION };

struct ip6_view {
	const struct ip6_addr *src, *dst;
	uint32_t flow_label;
	uint16_t payload_len; /* <= the len given to ip6_parse() less the header */
	uint8_t next, hops, tclass;
};

/* Parses the header of a packet of len bytes (which may have link-layer padding behind it), of which it reads the first 40. */
static inline enum ip6_verdict ip6_parse(struct ip6_view *v, const void *pkt, uint32_t len)
{
	const uint8_t *b = pkt;
	uint32_t word;

	if (len < IP6_HDR_LEN)
		return IP6_BAD_SHORT;
	word = load32(b);
	v->payload_len = load16(b + IP6_LEN_OFF);
	v->flow_label = word & IP6_LABEL_MASK;
	v->tclass = (uint8_t)(word >> 20);
	v->next = b[IP6_NEXT_OFF];
	v->hops = b[IP6_HOPS_OFF];
	v->src = (const struct ip6_addr *)(b + IP6_SRC_OFF);
	v->dst = (const struct ip6_addr *)(b + IP6_DST_OFF);
	if (word >> 28 != 6)
		return IP6_BAD_VERSION;
	return v->payload_len <= len - IP6_HDR_LEN ? IP6_OK : IP6_BAD_SHORT;
}

/* Writes a header without traffic class and label. */
static inline void ip6_emit(void *buf, const struct ip6_addr *src, const struct ip6_addr *dst, uint8_t next, uint16_t payload_len,
			    uint8_t hops)
{
	uint8_t *b = buf;

	store32(b, 6u << 28);
	store16(b + IP6_LEN_OFF, payload_len);
	b[IP6_NEXT_OFF] = next;
	b[IP6_HOPS_OFF] = hops;
	memcpy(b + IP6_SRC_OFF, src, 16);
	memcpy(b + IP6_DST_OFF, dst, 16);
}

/* ---- extension headers ---- */

enum ip6_chain_verdict {
	IP6_CHAIN_OK,      /* what follows the extension headers, or those of a fragment, is known */
	IP6_CHAIN_SHORT,   /* a header ends beyond the packet */
	IP6_CHAIN_LONG,    /* more headers, options or bytes than limits.h allows */
	IP6_CHAIN_ROUTING, /* a routing header with segments left, at problem_off */
	IP6_CHAIN_ORDER,   /* hop-by-hop options that are not first; problem_off names the next-header field */
	IP6_CHAIN_OPTION,  /* an option, at problem_off, that nobody knows and that must be known */
};

/* Offsets are from the IPv6 header. */
struct ip6_chain {
	uint32_t problem_off;
	uint16_t l4_off;         /* behind the extension headers; of a later fragment: behind its fragment header */
	uint16_t next_off;       /* of the next-header field that names proto */
	uint16_t frag_hdr_off;   /* 0: no fragment header */
	uint16_t frag_off;       /* of its bytes in the fragmentable part */
	uint8_t proto;
	bool frag_more;
	bool fragment;           /* a part, not all: offset or more; others are taken as if they had no such header (RFC 6946) */
	uint8_t option_action;   /* IP6_CHAIN_OPTION: 1 drop, 2 drop and say so, 3 likewise unless it was multicast (RFC 8200 4.2) */
	bool router_alert;       /* RFC 2711 */
};

/* Walks the extension headers of a packet whose header says next, and of which the first len bytes, header included, are at
 * pkt. Of fragments the options behind the fragment header are not looked at (they are the whole packet's), but where the chain
 * of a first one ends (RFC 7112). */
enum ip6_chain_verdict ip6_chain_walk(struct ip6_chain *c, const void *pkt, uint32_t len);

#endif
