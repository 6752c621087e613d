/* icmp6.h: ICMPv6 (RFC 4443), and the packets that its errors quote. */
#ifndef WIRE_ICMP6_H
#define WIRE_ICMP6_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#include "wire/ip6.h"

#define ICMP6_HDR_LEN 8

#define ICMP6_UNREACH 1
#define ICMP6_TOO_BIG 2
#define ICMP6_TIME_EXCEEDED 3
#define ICMP6_PARAM_PROBLEM 4
#define ICMP6_ECHO 128
#define ICMP6_ECHO_REPLY 129
#define ICMP6_MLD_QUERY 130
#define ICMP6_MLD_REPORT 131
#define ICMP6_MLD_DONE 132
#define ICMP6_RS 133
#define ICMP6_RA 134
#define ICMP6_NS 135
#define ICMP6_NA 136
#define ICMP6_REDIRECT 137
#define ICMP6_MLD2_REPORT 143
#define ICMP6_INFORMATIONAL 128 /* types from here on are no errors */

#define ICMP6_UNREACH_PORT 4
#define ICMP6_UNREACH_ADDR 3
#define ICMP6_TIME_REASSEMBLY 1
#define ICMP6_PARAM_FIELD 0     /* erroneous header field */
#define ICMP6_PARAM_NEXT 1      /* unrecognized next header */
#define ICMP6_PARAM_OPTION 2    /* unrecognized option */
#define ICMP6_PARAM_CHAIN 3     /* first fragment without all of its headers (RFC 7112) */

struct icmp6_view {
	uint8_t type, code;
	uint32_t param;      /* MTU of "too big", pointer of "parameter problem" */
};

/* What an error says about the packet that caused it. */
struct icmp6_quote {
	struct ip6_addr src, dst;
	rte_be16_t sport_be, dport_be; /* of TCP and UDP */
	uint32_t seq;        /* TCP's */
	uint16_t hdr_len;    /* of the quoted IPv6 and extension headers */
	uint8_t proto;
	bool fragmented;     /* there was a fragment header */
};

/* Parses the header of a message of len bytes, of which it reads the first 8. */
bool icmp6_parse(struct icmp6_view *v, const void *msg, uint32_t len);

/* Parses the len quoted bytes. False unless they hold the headers of a first (or only) fragment and 8 bytes more. */
bool icmp6_quote_parse(struct icmp6_quote *q, const void *quoted, uint32_t len);

/* Writes a message's header, ICMP6_HDR_LEN bytes, checksum zero. */
void icmp6_emit(void *buf, uint8_t type, uint8_t code, uint32_t param);

#endif
