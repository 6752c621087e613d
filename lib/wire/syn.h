/* syn.h: connection requests told from other frames at a glance, before anything is parsed or verified. */
#ifndef WIRE_SYN_H
#define WIRE_SYN_H

#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/ip6.h"
#include "wire/tcp.h"

/* Where the addresses, both, and the ports of a packet stand. */
struct syn_at {
	const uint8_t *addrs, *l4;
	uint32_t addrs_len; /* 8 or 32 */
};

static inline struct syn_at syn_at(const uint8_t *l3, const uint8_t *l4, bool ip6)
{
	return (struct syn_at){.addrs = l3 + (ip6 ? 8 : 12), .l4 = l4, .addrs_len = ip6 ? 32 : 8};
}

/* The first len bytes of a frame are untagged, with IP headers of the usual lengths, and whole TCP. */
static inline bool syn_glance(const uint8_t *b, uint32_t len, struct syn_at *at)
{
	const uint8_t *l3 = b + ETH_HDR_LEN;
	uint16_t type;

	if (unlikely(len < ETH_HDR_LEN + IP4_HDR_LEN + TCP_HDR_LEN))
		return false;
	type = load16(b + 12);
	if (type == RTE_ETHER_TYPE_IPV4) {
		*at = syn_at(l3, l3 + IP4_HDR_LEN, false);
		return l3[0] == 0x45 && l3[9] == IPPROTO_TCP && (load16(l3 + 6) & IP4_FRAG_MASK) == 0;
	}
	*at = syn_at(l3, l3 + IP6_HDR_LEN, true);
	return type == RTE_ETHER_TYPE_IPV6 && l3[6] == IPPROTO_TCP && len >= ETH_HDR_LEN + IP6_HDR_LEN + TCP_HDR_LEN;
}

static inline bool syn_alone(const struct syn_at *at) { return (at->l4[TCP_FLAGS_OFF] & (TCPF_SYN | TCPF_ACK)) == TCPF_SYN; }

#endif
