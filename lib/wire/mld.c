/* mld.c: multicast listener discovery. */
#include "wire/mld.h"

#include "wire/bytes.h"

#define QUERY2_LEN 28

/* The delay of a version 2 query: a number, or from 32768 on a floating-point one (RFC 3810 5.1.3). */
static uint32_t delay_ms(uint16_t code)
{
	return code < 0x8000 ? code : (0x1000u | (code & 0xfff)) << ((code >> 12 & 7) + 3);
}

bool mld_query_parse(struct mld_query *v, const void *msg, uint32_t len, const struct ip6_addr *src, uint8_t hops, bool alert)
{
	const uint8_t *b = msg;

	if (len < MLD_HDR_LEN || (len > MLD_HDR_LEN && len < QUERY2_LEN) || hops != 1 || !alert || !ip6_addr_is_linklocal(src))
		return false;
	memcpy(&v->group, b + 8, sizeof(v->group));
	v->v2 = len >= QUERY2_LEN;
	v->n_src = v->v2 ? load16(b + 26) : 0;
	v->src = (const struct ip6_addr *)(b + QUERY2_LEN);
	if (v->v2 && v->n_src * 16u > len - QUERY2_LEN)
		return false;
	v->max_delay_ms = v->v2 ? delay_ms(load16(b + 4)) : load16(b + 4);
	return ip6_addr_is_none(&v->group) || ip6_addr_is_multicast(&v->group);
}

uint32_t mld2_emit(void *buf, uint8_t type, const struct ip6_addr *group, const struct ip6_addr *src, uint16_t n_src)
{
	uint8_t *b = buf, *record = b + MLD2_REPORT_LEN;

	icmp6_emit(b, ICMP6_MLD2_REPORT, 0, 1);
	store32(record, (uint32_t)type << 24 | n_src);
	memcpy(record + 4, group, sizeof(*group));
	if (n_src > 0)
		memcpy(record + MLD2_RECORD_LEN, src, 16u * n_src);
	return MLD2_REPORT_LEN + MLD2_RECORD_LEN + 16u * n_src;
}

void mld1_emit(void *buf, uint8_t type, const struct ip6_addr *group)
{
	uint8_t *b = buf;

	icmp6_emit(b, type, 0, 0);
	memcpy(b + 8, group, sizeof(*group));
}

void mld_hbh_emit(void *buf)
{
	uint8_t *b = buf;

	store32(b, (uint32_t)IP6_NEXT_ICMP << 24 | IP6_OPT_ROUTER_ALERT << 8 | 2); /* 8 bytes; the option's value is 0: MLD */
	store16(b + 4, 0);
	store16(b + 6, IP6_OPT_PADN << 8);
}
