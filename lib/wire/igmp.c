/* igmp.c: IGMP messages in and out. */
#include "wire/igmp.h"

#include "wire/bytes.h"
#include "wire/cksum.h"

#define V1_MAX_MS 10000 /* version 1 named no time (RFC 2236 section 4) */

/* From 128 on an exponent and a mantissa (RFC 3376 4.1.1); in tenths of a second. */
static uint32_t max_resp_ms(uint8_t code)
{
	uint32_t tenths = code < 128 ? code : ((code & 0xfu) | 0x10u) << ((code >> 4 & 7) + 3);

	return tenths * 100;
}

static bool query_parse(struct igmp_view *v, const uint8_t *b, uint32_t len)
{
	v->group_be = load32_be(b + 4);
	if (len < IGMP_QUERY3_LEN) {
		v->version = b[1] == 0 ? 1 : 2;
		v->max_ms = b[1] == 0 ? V1_MAX_MS : b[1] * 100u;
		return len == IGMP_LEN; /* other lengths must be ignored (RFC 3376 7.1) */
	}
	v->version = 3;
	v->max_ms = max_resp_ms(b[1]);
	v->n_src = load16(b + 10);
	return len - IGMP_QUERY3_LEN >= v->n_src * 4u && (v->group_be != 0 || v->n_src == 0);
}

bool igmp_parse(struct igmp_view *v, const void *msg, uint32_t len)
{
	const uint8_t *b = msg;

	if (len < IGMP_LEN)
		return false;
	*v = (struct igmp_view){.type = b[0], .group_be = load32_be(b + 4)};
	return b[0] != IGMP_QUERY || query_parse(v, b, len);
}

rte_be32_t igmp_source(const void *msg, uint32_t i) { return load32_be((const uint8_t *)msg + IGMP_QUERY3_LEN + 4 * i); }

void igmp_finish(void *buf, uint32_t len)
{
	uint16_t sum;

	store16((uint8_t *)buf + 2, 0);
	sum = (uint16_t)~cksum_fold(cksum_bytes(0, buf, len));
	memcpy((uint8_t *)buf + 2, &sum, sizeof(sum));
}

void igmp_emit(void *buf, uint8_t type, rte_be32_t group_be)
{
	uint8_t *b = buf;

	b[0] = type;
	b[1] = 0;
	store32_be(b + 4, group_be);
	igmp_finish(b, IGMP_LEN);
}

void igmp_emit_record(void *buf, uint8_t record, rte_be32_t group_be, uint16_t n_src)
{
	uint8_t *b = buf;

	memset(b, 0, IGMP_LEN);
	b[0] = IGMP_REPORT_V3;
	store16(b + 6, 1);
	b[8] = record;
	b[9] = 0;
	store16(b + 10, n_src);
	store32_be(b + 12, group_be);
}
