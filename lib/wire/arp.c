/* arp.c: ARP for IPv4 over Ethernet (RFC 826). */
#include "wire/arp.h"

#include "wire/bytes.h"

#define ARP_HTYPE_ETHER 1

bool arp_parse(struct arp_view *v, const void *pkt, uint32_t len)
{
	const uint8_t *b = pkt;

	if (len < ARP_LEN || load16(b) != ARP_HTYPE_ETHER || load16(b + 2) != RTE_ETHER_TYPE_IPV4 ||
	    b[4] != RTE_ETHER_ADDR_LEN || b[5] != 4)
		return false;
	v->op = load16(b + 6);
	memcpy(&v->sha, b + 8, RTE_ETHER_ADDR_LEN);
	v->spa_be = load32_be(b + 14);
	memcpy(&v->tha, b + 18, RTE_ETHER_ADDR_LEN);
	v->tpa_be = load32_be(b + 24);
	return (v->op == ARP_REQUEST || v->op == ARP_REPLY) && rte_is_valid_assigned_ether_addr(&v->sha);
}

void arp_emit(void *buf, const struct arp_view *v)
{
	uint8_t *b = buf;

	store16(b, ARP_HTYPE_ETHER);
	store16(b + 2, RTE_ETHER_TYPE_IPV4);
	b[4] = RTE_ETHER_ADDR_LEN;
	b[5] = 4;
	store16(b + 6, v->op);
	memcpy(b + 8, &v->sha, RTE_ETHER_ADDR_LEN);
	store32_be(b + 14, v->spa_be);
	memcpy(b + 18, &v->tha, RTE_ETHER_ADDR_LEN);
	store32_be(b + 24, v->tpa_be);
}
