/* eth.h: Ethernet II and 802.1Q (IEEE 802.3, 802.1Q). */
#ifndef WIRE_ETH_H
#define WIRE_ETH_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_ether.h>

#define ETH_HDR_LEN 14
#define ETH_VLAN_LEN 4

/* A checked view of a frame's link header. */
struct eth_view {
	const struct rte_ether_hdr *hdr;
	uint16_t type;     /* EtherType after any VLAN tag, host order */
	uint16_t vlan_id;  /* 0: untagged */
	uint16_t len;      /* bytes of link header, tag included */
};

/* Parses the first len bytes of a frame. False when it is too short. */
bool eth_parse(struct eth_view *v, const void *frame, uint32_t len);

/* Writes an untagged header at buf (ETH_HDR_LEN bytes). */
void eth_emit(void *buf, const struct rte_ether_addr *dst, const struct rte_ether_addr *src, uint16_t type);

#endif
