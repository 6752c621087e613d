/* igmp.h: IGMP messages of all three versions (RFC 1112, RFC 2236, RFC 3376 section 4). */
#ifndef WIRE_IGMP_H
#define WIRE_IGMP_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#define IGMP_QUERY 0x11
#define IGMP_REPORT_V1 0x12
#define IGMP_REPORT_V2 0x16
#define IGMP_LEAVE 0x17
#define IGMP_REPORT_V3 0x22

#define IGMP_LEN 8             /* versions 1 and 2, and the start of a report of version 3 */
#define IGMP_QUERY3_LEN 12
#define IGMP_RECORD_LEN 8      /* before the sources */

struct igmp_view {
	uint8_t type;
	uint8_t version;       /* of a query: 1, 2 or 3 */
	uint16_t n_src;        /* of a query of version 3; all of them are there */
	uint32_t max_ms;       /* of a query: how long answers may take */
	rte_be32_t group_be;   /* 0: a general query */
};

/* Parses a message of len bytes, which lie together. False when it is too short for what it says. The checksum is the
 * caller's. */
bool igmp_parse(struct igmp_view *v, const void *msg, uint32_t len);
/* The i-th source of a query. */
rte_be32_t igmp_source(const void *msg, uint32_t i);

/* Writes a message of version 1 or 2 (IGMP_LEN bytes), with its checksum. */
void igmp_emit(void *buf, uint8_t type, rte_be32_t group_be);
/* Writes a report of version 3 with one record, all but the sources, which the caller puts behind the first IGMP_LEN +
 * IGMP_RECORD_LEN bytes. */
void igmp_emit_record(void *buf, uint8_t record, rte_be32_t group_be, uint16_t n_src);
/* Completes the checksum. */
void igmp_finish(void *buf, uint32_t len);

#endif
