/* eth.h: Ethernet II and 802.1Q (IEEE 802.3, 802.1Q). */
#ifndef WIRE_ETH_H
#define WIRE_ETH_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_ether.h>

#include "wire/bytes.h"

#define ETH_HDR_LEN 14
#define ETH_VLAN_LEN 4

/* A checked view of a frame's link header. */
struct eth_view {
	const struct rte_ether_hdr *hdr;
	uint16_t type;     /* EtherType after any VLAN tag, host order */
	uint16_t vlan_id;  /* 0: untagged, or tagged with a priority only */
	uint16_t len;      /* bytes of link header, tag included */
};

/* Parses the first len bytes of a frame. False when it is too short. */
static inline bool eth_parse(struct eth_view *v, const void *frame, uint32_t len)
{
	const uint8_t *b = frame;

	if (len < ETH_HDR_LEN)
		return false;
	v->hdr = frame;
	v->type = load16(b + 12);
	v->vlan_id = 0;
	v->len = ETH_HDR_LEN;
	if (v->type != RTE_ETHER_TYPE_VLAN)
		return true;
	if (len < ETH_HDR_LEN + ETH_VLAN_LEN)
		return false;
	v->vlan_id = load16(b + 14) & 0xfff;
	v->type = load16(b + 16);
	v->len = ETH_HDR_LEN + ETH_VLAN_LEN;
	return true;
}

/* Bytes of the link header of a frame that was parsed before, or is our own. */
static inline uint16_t eth_len(const void *frame)
{
	return load16((const uint8_t *)frame + 12) == RTE_ETHER_TYPE_VLAN ? ETH_HDR_LEN + ETH_VLAN_LEN : ETH_HDR_LEN;
}

/* Writes an untagged header at buf (ETH_HDR_LEN bytes). */
static inline void eth_emit(void *buf, const struct rte_ether_addr *dst, const struct rte_ether_addr *src,
			    uint16_t type)
{
	uint8_t *b = buf;

	memcpy(b, dst, RTE_ETHER_ADDR_LEN);
	memcpy(b + 6, src, RTE_ETHER_ADDR_LEN);
	store16(b + 12, type);
}

/* The same with an 802.1Q tag of priority 0 (ETH_HDR_LEN + ETH_VLAN_LEN bytes). */
static inline void eth_emit_vlan(void *buf, const struct rte_ether_addr *dst, const struct rte_ether_addr *src,
				 uint16_t vlan_id, uint16_t type)
{
	uint8_t *b = buf;

	eth_emit(b, dst, src, RTE_ETHER_TYPE_VLAN);
	store16(b + 14, vlan_id);
	store16(b + 16, type);
}

#endif
