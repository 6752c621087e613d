/* udp.h: UDP headers (RFC 768). */
#ifndef WIRE_UDP_H
#define WIRE_UDP_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#define UDP_HDR_LEN 8

struct udp_view {
	uint16_t sport, dport;
	uint16_t len;        /* header and payload, <= the len given to udp_parse() */
	bool has_cksum;      /* zero on the wire means the sender computed none */
};

bool udp_parse(struct udp_view *v, const void *dgram, uint32_t len);
void udp_emit(void *buf, uint16_t sport, uint16_t dport, uint16_t len); /* checksum zero */

#endif
