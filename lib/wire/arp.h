/* arp.h: ARP for IPv4 over Ethernet (RFC 826). */
#ifndef WIRE_ARP_H
#define WIRE_ARP_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>
#include <rte_ether.h>

#define ARP_LEN 28
#define ARP_REQUEST 1
#define ARP_REPLY 2

struct arp_view {
	uint16_t op;                     /* ARP_REQUEST or ARP_REPLY */
	struct rte_ether_addr sha, tha;  /* sender's and target's hardware address; tha is not checked */
	rte_be32_t spa_be, tpa_be;       /* sender's and target's protocol address */
};

/* Parses what follows the link header. False when it is not a request or reply for IPv4 over Ethernet, or the sender's
 * hardware address cannot be one station's. */
bool arp_parse(struct arp_view *v, const void *pkt, uint32_t len);

/* Writes ARP_LEN bytes. */
void arp_emit(void *buf, const struct arp_view *v);

#endif
