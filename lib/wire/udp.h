/* udp.h: UDP headers (RFC 768). */
#ifndef WIRE_UDP_H
#define WIRE_UDP_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#include "wire/bytes.h"

#define UDP_HDR_LEN 8

struct udp_view {
	uint16_t sport, dport;
	uint16_t len;        /* header and payload, <= the len given to udp_parse() */
	bool has_cksum;      /* zero on the wire means the sender computed none */
};

/* Parses the header of a datagram of len bytes, of which it reads the first 8. False when the lengths do not fit. */
static inline bool udp_parse(struct udp_view *v, const void *dgram, uint32_t len)
{
	const uint8_t *b = dgram;

	if (len < UDP_HDR_LEN)
		return false;
	v->sport = load16(b);
	v->dport = load16(b + 2);
	v->len = load16(b + 4);
	v->has_cksum = load16(b + 6) != 0;
	return v->len >= UDP_HDR_LEN && v->len <= len;
}

/* Writes a header, checksum zero. */
static inline void udp_emit(void *buf, uint16_t sport, uint16_t dport, uint16_t len)
{
	uint8_t *b = buf;

	store16(b, sport);
	store16(b + 2, dport);
	store16(b + 4, len);
	store16(b + 6, 0);
}

#endif
