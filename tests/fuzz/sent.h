/* sent.h: what must hold of every frame that a stack sends: lengths, checksums, options, and that each byte of a stream is always the
 * same. Keeps of it what an honest peer would remember. */
#ifndef FUZZ_SENT_H
#define FUZZ_SENT_H

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "wire/ip6.h"
#include "wire/tcp.h"

/* The latest SYN, and the latest SYN-ACK. */
struct sent_syn {
	bool seen, ip6;
	struct ip6_addr to;  /* IPv4: mapped */
	uint16_t us, peer;   /* ports */
	uint32_t seq, ack, tsval;
	bool has_ts, sack_ok, ece;
	uint32_t len;        /* of its text */
	uint8_t fo_len, fo[TCP_FO_COOKIE_MAX];
};

struct sent {
	struct rte_ether_addr us;
	uint16_t mtu;
	struct sent_syn syn, synack;
};

/* Traps when it is wrong. */
void sent_check(struct sent *s, const struct rte_mbuf *m);

/* The byte that every stream has at this sequence number, in both directions: applications of the targets write it. */
static inline uint8_t sent_byte(uint32_t seq) { return (uint8_t)((seq * 0x9e3779b1u) >> 24); }
static inline void sent_fill(uint8_t *b, uint32_t len, uint32_t seq)
{
	for (uint32_t i = 0; i < len; i++)
		b[i] = sent_byte(seq + i);
}

#endif
