/* wire_fuzz.c: the parsers of lib/wire on bytes that end where the input ends. What a parser accepts lies within the bytes; TCP
 * options that were understood are written and read again, and say the same. */
#include "base/assert.h"
#include "input.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/icmp6.h"
#include "wire/igmp.h"
#include "wire/ip4.h"
#include "wire/ip4_opts.h"
#include "wire/ip6.h"
#include "wire/mld.h"
#include "wire/ndp.h"
#include "wire/tcp.h"
#include "wire/udp.h"

static void options_again(const struct tcp_opts *o)
{
	const struct tcp_view v = {.sport = 1, .dport = 2, .flags = TCPF_ACK};
	uint8_t buf[TCP_HDR_LEN + TCP_OPTS_MAX];
	uint32_t len = tcp_emit(buf, &v, o);
	struct tcp_opts again;
	struct tcp_view w;

	SPATE_ASSERT(len <= sizeof(buf) && len == tcp_emit_len(o));
	SPATE_ASSERT(tcp_parse(&w, buf, len) && w.hdr_len == len && w.sport == 1 && w.dport == 2);
	tcp_opts_parse(&again, buf + TCP_HDR_LEN, len - TCP_HDR_LEN);
	SPATE_ASSERT(again.has_mss == o->has_mss && (!o->has_mss || again.mss == o->mss));
	SPATE_ASSERT(again.has_wscale == o->has_wscale && (!o->has_wscale || again.wscale == o->wscale));
	SPATE_ASSERT(again.has_ts == o->has_ts && (!o->has_ts || (again.tsval == o->tsval && again.tsecr == o->tsecr)));
	SPATE_ASSERT(again.has_fo == o->has_fo && (!o->has_fo || (again.fo_len == o->fo_len && memcmp(again.fo, o->fo, o->fo_len) == 0)));
	SPATE_ASSERT(again.uto == o->uto);
	SPATE_ASSERT(again.sack_ok == o->sack_ok && again.n_sack == tcp_opts_sack_fit(o));
	for (uint32_t i = 0; i < again.n_sack; i++)
		SPATE_ASSERT(again.sack[i].left == o->sack[i].left && again.sack[i].right == o->sack[i].right);
}

static void fuzz_tcp(const uint8_t *b, uint32_t len)
{
	struct tcp_view v;
	struct tcp_opts o;

	if (!tcp_parse(&v, b, len))
		return;
	SPATE_ASSERT(v.hdr_len >= TCP_HDR_LEN && v.hdr_len <= len);
	tcp_opts_parse(&o, b + TCP_HDR_LEN, v.hdr_len - TCP_HDR_LEN);
	SPATE_ASSERT(o.n_sack <= TCP_SACK_BLOCKS_MAX);
	options_again(&o);
}

static void fuzz_ip4(const uint8_t *b, uint32_t len)
{
	struct ip4_view v;

	if (ip4_parse(&v, b, len, true) == IP4_OK)
		SPATE_ASSERT(v.hdr_len >= IP4_HDR_LEN && v.hdr_len <= v.total_len && v.total_len <= len);
}

static void fuzz_eth(const uint8_t *b, uint32_t len)
{
	struct eth_view v;

	if (eth_parse(&v, b, len))
		SPATE_ASSERT(v.len <= len);
}

static void fuzz_arp(const uint8_t *b, uint32_t len)
{
	struct arp_view v;

	(void)arp_parse(&v, b, len);
}

static void fuzz_icmp(const uint8_t *b, uint32_t len)
{
	struct icmp_view v;
	struct icmp_quote q;

	if (icmp_parse(&v, b, len) && icmp_quote_parse(&q, b + ICMP_HDR_LEN, len - ICMP_HDR_LEN))
		SPATE_ASSERT(q.hdr_len >= IP4_HDR_LEN && ICMP_HDR_LEN + q.hdr_len + 8u <= len);
}

static void fuzz_udp(const uint8_t *b, uint32_t len)
{
	struct udp_view v;

	if (udp_parse(&v, b, len))
		SPATE_ASSERT(v.len <= len);
}

/* The chain lies within the packet, and what names the upper layer is one of its bytes. */
static void fuzz_ip6(const uint8_t *b, uint32_t len)
{
	struct ip6_chain c;
	struct ip6_view v;
	uint32_t total;

	if (ip6_parse(&v, b, len) != IP6_OK)
		return;
	total = IP6_HDR_LEN + v.payload_len;
	SPATE_ASSERT(total <= len);
	switch (ip6_chain_walk(&c, b, total)) {
	case IP6_CHAIN_OK:
		SPATE_ASSERT(c.l4_off >= IP6_HDR_LEN && c.l4_off <= total && c.next_off < c.l4_off);
		SPATE_ASSERT(c.l4_off <= IP6_HDR_LEN + IP6_EXT_BYTES_MAX && b[c.next_off] == c.proto);
		break;
	case IP6_CHAIN_ROUTING:
	case IP6_CHAIN_ORDER:
	case IP6_CHAIN_OPTION:
		SPATE_ASSERT(c.problem_off < total);
		break;
	case IP6_CHAIN_SHORT:
	case IP6_CHAIN_LONG:
		break;
	}
}

/* ---- ICMPv6: hop limit and two addresses stand before the message ---- */

struct msg6 {
	uint8_t hops;
	struct ip6_addr src, dst;
	const uint8_t *b;
	uint32_t len;
};

static void opts_check(const struct ndp_opts *o) { SPATE_ASSERT(o->n_prefixes <= NDP_PREFIXES_MAX); }

static void fuzz_neighbour(const struct msg6 *m)
{
	struct ndp_neigh v;

	if (ndp_ns_parse(&v, m->b, m->len, &m->src, &m->dst, m->hops))
		opts_check(&v.opts);
	if (ndp_na_parse(&v, m->b, m->len, &m->dst, m->hops))
		opts_check(&v.opts);
}

static void fuzz_router(const struct msg6 *m)
{
	struct ndp_ra ra;
	struct ndp_redirect rd;

	if (ndp_ra_parse(&ra, m->b, m->len, &m->src, m->hops))
		opts_check(&ra.opts);
	if (ndp_redirect_parse(&rd, m->b, m->len, &m->src, m->hops))
		opts_check(&rd.opts);
}

static void fuzz_mld(const struct msg6 *m)
{
	struct mld_query q;

	if (mld_query_parse(&q, m->b, m->len, &m->src, m->hops, true) && q.n_src > 0)
		SPATE_ASSERT((const uint8_t *)(q.src + q.n_src) <= m->b + m->len);
}

static void fuzz_icmp6(const struct msg6 *m)
{
	struct icmp6_view v;
	struct icmp6_quote q;

	if (icmp6_parse(&v, m->b, m->len) && icmp6_quote_parse(&q, m->b + ICMP6_HDR_LEN, m->len - ICMP6_HDR_LEN))
		SPATE_ASSERT(q.hdr_len >= IP6_HDR_LEN && ICMP6_HDR_LEN + q.hdr_len + 8u <= m->len);
}

static void with_addresses(void (*f)(const struct msg6 *), const uint8_t *b, uint32_t len)
{
	struct msg6 m;

	if (len < 33)
		return;
	m.hops = b[0];
	memcpy(&m.src, b + 1, 16);
	memcpy(&m.dst, b + 17, 16);
	m.b = b + 33;
	m.len = len - 33;
	f(&m);
}

/* ---- */

static void fuzz_igmp(const uint8_t *b, uint32_t len)
{
	struct igmp_view v;

	if (!igmp_parse(&v, b, len))
		return;
	for (uint32_t i = 0; v.type == IGMP_QUERY && i < v.n_src; i++)
		(void)igmp_source(b, i); /* the sanitizer looks */
}

static void fuzz_ip4_opts(const uint8_t *b, uint32_t len)
{
	uint32_t at = 0;

	if (ip4_opts_check(b, len, &at) != IP4_OPTS_OK)
		SPATE_ASSERT(at < len);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t len = (uint32_t)size - 1;

	if (size < 1)
		return 0;
	switch (data[0] % 13) {
	case 0: fuzz_tcp(data + 1, len); break;
	case 1: fuzz_ip4(data + 1, len); break;
	case 2: fuzz_eth(data + 1, len); break;
	case 3: fuzz_arp(data + 1, len); break;
	case 4: fuzz_icmp(data + 1, len); break;
	case 5: fuzz_udp(data + 1, len); break;
	case 6: fuzz_ip6(data + 1, len); break;
	case 7: with_addresses(fuzz_neighbour, data + 1, len); break;
	case 8: with_addresses(fuzz_router, data + 1, len); break;
	case 9: with_addresses(fuzz_mld, data + 1, len); break;
	case 10: with_addresses(fuzz_icmp6, data + 1, len); break;
	case 11: fuzz_igmp(data + 1, len); break;
	default: fuzz_ip4_opts(data + 1, len); break;
	}
	return 0;
}
