/* wire_fuzz.c: the parsers of lib/wire on bytes that end where the input ends. What a parser accepts lies within the bytes; TCP
 * options that were understood are written and read again, and say the same. */
#include "base/assert.h"
#include "input.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip4.h"
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

static void fuzz_rest(uint8_t which, const uint8_t *b, uint32_t len)
{
	struct icmp_view icmp;
	struct arp_view arp;
	struct udp_view udp;

	if (which == 0)
		(void)arp_parse(&arp, b, len);
	else if (which == 1)
		(void)icmp_parse(&icmp, b, len);
	else if (udp_parse(&udp, b, len))
		SPATE_ASSERT(udp.len <= len);
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
	switch (data[0] % 6) {
	case 0:
		fuzz_tcp(data + 1, len);
		break;
	case 1:
		fuzz_ip4(data + 1, len);
		break;
	case 2:
		fuzz_eth(data + 1, len);
		break;
	default:
		fuzz_rest(data[0] % 6 - 3, data + 1, len);
		break;
	}
	return 0;
}
