/* group_in.c: packets that come for a multicast group or a broadcast address: datagrams only. */
#include <netinet/in.h>

#include "net/group.h"
#include "net/private.h"

bool group_addressed(struct net *n, struct net_pkt *pkt, rte_be32_t dst_be, rte_be32_t src_be, enum local_kind kind)
{
	const struct ip6_addr group = ip6_addr_mapped(dst_be);

	if (pkt->port == NET_PORT_LOOP) /* our own, as those hear it who are on its link */
		pkt->iface = net_local_iface(n, src_be);
	if (dst_be == RTE_BE32(UINT32_MAX) || kind == LOCAL_BROADCAST ||
	    (dst_be == NET_LOOPBACK_BROADCAST_BE && pkt->port == NET_PORT_LOOP))
		return true;
	return IN_MULTICAST(rte_be_to_cpu_32(dst_be)) && net_group_joined(n, pkt->iface, &group);
}

enum net_verdict group_transport(struct net *n, struct net_pkt *pkt)
{
	enum net_verdict v;

	switch (pkt->proto) {
	case IPPROTO_UDP:
		v = net_l4_identify(n, pkt);
		return v == NET_UDP ? NET_GROUP : v;
	case IPPROTO_IGMP:
		igmp_input(n, pkt);
		return NET_DONE;
	default: /* a ping to all is not answered, as Linux (RFC 1122 3.2.2.6 allows it) */
		return net_drop(n, pkt->m, DROP_GROUP_PROTO);
	}
}
