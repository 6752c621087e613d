/* icmp.h: ICMP for IPv4 (RFC 792), and the packets that its errors quote. */
#ifndef WIRE_ICMP_H
#define WIRE_ICMP_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#define ICMP_HDR_LEN 8

#define ICMP_ECHO_REPLY 0
#define ICMP_UNREACH 3
#define ICMP_ECHO 8
#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAM_PROBLEM 12

#define ICMP_UNREACH_HOST 1
#define ICMP_UNREACH_PROTO 2
#define ICMP_UNREACH_PORT 3
#define ICMP_UNREACH_FRAG 4
#define ICMP_TIME_REASSEMBLY 1 /* of ICMP_TIME_EXCEEDED */

struct icmp_view {
	uint8_t type, code;
	uint16_t mtu;        /* of ICMP_UNREACH_FRAG (RFC 1191); 0 from old routers */
};

/* What an error says about the packet that caused it: its IPv4 header and the first 8 bytes behind it. */
struct icmp_quote {
	rte_be32_t src_be, dst_be;
	rte_be16_t sport_be, dport_be; /* of TCP and UDP */
	uint32_t seq;        /* TCP's */
	uint16_t hdr_len;    /* of the quoted IPv4 header */
	uint16_t total_len;  /* that the quoted packet had: usually more than is quoted */
	uint8_t proto;
};

/* Parses the header of a message of len bytes, of which it reads the first 8. The checksum is the caller's business
 * (cksum_mbuf()). */
bool icmp_parse(struct icmp_view *v, const void *msg, uint32_t len);

/* Parses the len quoted bytes. False unless they hold the header of a first (or only) fragment and 8 bytes more. */
bool icmp_quote_parse(struct icmp_quote *q, const void *quoted, uint32_t len);

/* Writes an error's header, ICMP_HDR_LEN bytes, checksum zero. */
void icmp_emit(void *buf, uint8_t type, uint8_t code, uint16_t mtu);

#endif
