/* mld.h: multicast listener discovery: queries of both versions, reports of version 2 (RFC 3810, RFC 9777) and 1 (RFC 2710). */
#ifndef WIRE_MLD_H
#define WIRE_MLD_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/icmp6.h"

#define MLD_HDR_LEN 24         /* of version 1, and of queries without sources but for 4 bytes */
#define MLD2_REPORT_LEN 8
#define MLD2_RECORD_LEN 20     /* without sources, of 16 bytes each */

struct mld_query {
	struct ip6_addr group; /* none: about all */
	uint32_t max_delay_ms;
	uint16_t n_src;        /* of version 2, which lie at src */
	const struct ip6_addr *src;
	bool v2;
};

/* Parses a query of len bytes, which the IPv6 header says to come from src with this hop limit and a router alert (RFC 3810
 * 5.1.14, 6.2). */
bool mld_query_parse(struct mld_query *v, const void *msg, uint32_t len, const struct ip6_addr *src, uint8_t hops, bool alert);

/* A report of one record (types as in RFC 3810 5.2.12); returns its length. */
uint32_t mld2_emit(void *buf, uint8_t type, const struct ip6_addr *group, const struct ip6_addr *src, uint16_t n_src);
/* A report or done of version 1: MLD_HDR_LEN bytes. */
void mld1_emit(void *buf, uint8_t type, const struct ip6_addr *group);

/* The hop-by-hop header in front of all of them: 8 bytes (RFC 2711). */
#define MLD_HBH_LEN 8
void mld_hbh_emit(void *buf);

#endif
