/* neighbour.c: everybody else on the link, as the stack sees it: one hardware address has all of theirs (ARP, RFC 4861). */
#include <string.h>

#include <rte_ip.h>

#include "packetdrill/drill.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/ndp.h"

#define CKSUM_OFF 2     /* of ICMPv6 */
#define IP4_PROTO_OFF 9

static uint32_t answer_arp(const uint8_t *pkt, uint32_t len, const struct rte_ether_addr *mac, uint8_t *answer)
{
	struct arp_view v, r;

	/* Who asks for itself announces itself, and who asks from nowhere looks for a conflict (RFC 5227). */
	if (!arp_parse(&v, pkt, len) || v.op != ARP_REQUEST || v.spa_be == v.tpa_be || v.spa_be == 0)
		return 0;
	r = (struct arp_view){.op = ARP_REPLY, .sha = *mac, .spa_be = v.tpa_be, .tha = v.sha, .tpa_be = v.spa_be};
	arp_emit(answer, &r);
	return ARP_LEN;
}

/* A solicitation from nowhere is a probe for duplicates (RFC 4862 5.4): nobody has that address. */
static uint32_t answer_ndp(const struct ip6_view *ip, const uint8_t *msg, uint32_t len, const struct rte_ether_addr *mac,
			   uint8_t *answer)
{
	struct ndp_neigh v;
	uint32_t sum;
	uint16_t n;

	if (!ndp_ns_parse(&v, msg, len, ip->src, ip->dst, ip->hops) || ip6_addr_is_none(ip->src))
		return 0;
	n = (uint16_t)ndp_na_emit(answer + IP6_HDR_LEN, &v.target, mac, true, true);
	ip6_emit(answer, &v.target, ip->src, IPPROTO_ICMPV6, n, NDP_HOPS);
	sum = rte_ipv6_phdr_cksum((const struct rte_ipv6_hdr *)answer, 0) + (uint32_t)rte_raw_cksum(answer + IP6_HDR_LEN, n);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	memcpy(answer + IP6_HDR_LEN + CKSUM_OFF, &sum, 2);
	return IP6_HDR_LEN + n;
}

/* Solicitations and the like of neighbours and routers, and reports of groups, whatever stands before them. */
static bool is_link_ip6(const struct ip6_view *ip, const uint8_t *msg, uint32_t len)
{
	if (ip6_addr_is_multicast(ip->dst))
		return true;
	return ip->next == IPPROTO_ICMPV6 && len > 0 && msg[0] >= ICMP6_MLD_QUERY && msg[0] <= ICMP6_REDIRECT;
}

bool neighbour_asked(const struct eth_view *v, const uint8_t *pkt, uint32_t len, const struct rte_ether_addr *mac,
		     uint8_t *answer, uint32_t *n)
{
	struct ip6_view ip;

	*n = 0;
	if (v->type == RTE_ETHER_TYPE_ARP) {
		*n = answer_arp(pkt, len, mac, answer);
		return true;
	}
	if (v->type == RTE_ETHER_TYPE_IPV4)
		return len > IP4_PROTO_OFF && pkt[IP4_PROTO_OFF] == IPPROTO_IGMP;
	if (v->type != RTE_ETHER_TYPE_IPV6 || ip6_parse(&ip, pkt, len) != IP6_OK)
		return false;
	if (!is_link_ip6(&ip, pkt + IP6_HDR_LEN, ip.payload_len))
		return false;
	if (ip.next == IPPROTO_ICMPV6)
		*n = answer_ndp(&ip, pkt + IP6_HDR_LEN, ip.payload_len, mac, answer);
	return true;
}
