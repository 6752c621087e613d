/* private.h: what the files of net/ share. */
#ifndef NET_PRIVATE_H
#define NET_PRIVATE_H

#include "base/assert.h"
#include "net/filter.h"
#include "net/net.h"
#include "pkt/queue.h"
#include "wire/eth.h"
#include "wire/ip4.h"

#define NET_TTL 64            /* RFC 1700's default */

/* What there is to know about an address that a packet names. */
static inline enum local_kind net_local_find(const struct net *n, rte_be32_t addr_be)
{
	uint32_t i = rte_be_to_cpu_32(addr_be) * 2654435769u >> (32 - NET_LOCAL_BITS);

	for (;; i = (i + 1) % NET_LOCAL_SLOTS) {
		if (n->local[i].addr_be == addr_be)
			return (enum local_kind)n->local[i].kind;
		if (n->local[i].addr_be == 0)
			return LOCAL_NONE;
	}
}

/* The interface of an address that is ours, or was. */
static inline uint8_t net_local_iface(const struct net *n, rte_be32_t addr_be)
{
	uint32_t i = rte_be_to_cpu_32(addr_be) * 2654435769u >> (32 - NET_LOCAL_BITS);

	while (n->local[i].addr_be != addr_be && n->local[i].addr_be != 0)
		i = (i + 1) % NET_LOCAL_SLOTS;
	if (unlikely(net_is_loopback4(addr_be)))
		return NET_IFACE_LO;
	return n->local[i].addr_be == addr_be ? n->local[i].iface : 0;
}

/* The address is of 127.0.0.0/8, and we wrote the packet: nobody else may call us so. */
static inline bool net_pkt_names_loopback(const struct net *n, const struct net_pkt *pkt, rte_be32_t addr_be)
{
	return pkt->port == NET_PORT_LOOP && net_is_loopback4(addr_be) && net_is_local(n, addr_be);
}

static inline enum net_verdict net_drop(struct net *n, struct rte_mbuf *m, enum drop why)
{
	drop_count(n->drops, why);
	rte_pktmbuf_free(m);
	return NET_DONE;
}

/* The filter, if there is one, lets it pass. */
static inline bool net_filter_passes_in(const struct net *n, const struct net_pkt *pkt)
{
	return likely(n->filter == NULL) || net_filter_in(n, pkt);
}
static inline bool net_filter_passes_out(const struct net *n, const struct path *p, const struct rte_mbuf *m, uint8_t proto)
{
	return likely(n->filter == NULL) || net_filter_out(n, p, m, proto);
}
/* It does not: m is gone, -EPERM. */
int net_filter_drop(struct net *n, struct rte_mbuf *m);

/* m, or a copy of m where somebody else holds a part of it too; NULL (counted, m is gone) without buffers. */
struct rte_mbuf *net_own(struct net *n, struct rte_mbuf *m);

/* What parsers may read: link header with a tag, IPv4, and ICMP quoting IPv4 and 8 bytes. It must lie in one piece. */
#define NET_HEADERS_MAX (ETH_HDR_LEN + ETH_VLAN_LEN + IP4_HDR_MAX + 8 + IP4_HDR_MAX + 8)
/* Brings the first NET_HEADERS_MAX bytes of m, or all that it has, together. False: no room in its first segment. */
bool net_headers_gather(struct rte_mbuf *m);

/* The same for the first want bytes. */
bool net_gather(struct rte_mbuf *m, uint32_t want);
/* Cuts off what follows the first len bytes. */
void net_trim(struct rte_mbuf *m, uint32_t len);

/* Writes the link header of a frame from iface at the start of m's data, which has room for iface's l2_len bytes. */
void net_l2_emit(const struct net_iface *iface, struct rte_mbuf *m, const struct rte_ether_addr *dst, uint16_t type);

/* A whole packet to a group or broadcast address: NET_GROUP, or NET_DONE. */
enum net_verdict group_transport(struct net *n, struct net_pkt *pkt);

/* What is whole, known as far as its IP header (key addresses, offsets, proto): to the protocols. */
enum net_verdict net_transport(struct net *n, struct net_pkt *pkt);

/* A TCP segment or UDP datagram: length, checksum, ports, hash. */
enum net_verdict net_l4_identify(struct net *n, struct net_pkt *pkt);

/* Net chores are wanted from now on (net_chores()). */
void net_chores_want(struct net *n);

/* "lo" and its address. -ENOMEM. */
int loop_init(struct net *n);
void loop_fini(struct net *n);
/* Queues a packet of path p, with all headers, for net_loop_next(). */
int loop_output(struct net *n, const struct path *p, struct rte_mbuf *m);

/* Receives an ARP packet that came by iface; owns m. */
void arp_input(struct net *n, uint8_t iface, struct rte_mbuf *m, const struct eth_view *eth);
/* Asks for or answers with (op) tpa's or spa's hardware address. dst: where the frame goes. */
void arp_send(struct net *n, uint8_t iface, uint16_t op, const struct rte_ether_addr *dst, rte_be32_t spa_be,
	      const struct rte_ether_addr *tha, rte_be32_t tpa_be);

/* Receives an ICMP message, pkt filled but for ports and hash; owns pkt->m. */
enum net_verdict icmp_input(struct net *n, struct net_pkt *pkt);
/* An error about pkt, which stays the caller's. */
void icmp_send_error(struct net *n, const struct net_pkt *pkt, uint8_t type, uint8_t code);
/* "Parameter problem" at this byte of its IPv4 header (RFC 1122 3.2.2.5). */
void icmp_send_problem(struct net *n, const struct net_pkt *pkt, uint8_t pointer);
/* May one more error be sent now? Of both families together. */
bool icmp_error_allowed(struct net *n);

/* A port of ours has this hardware address. */
bool net_mac_is_ours(const struct net *n, const struct rte_ether_addr *mac);
/* An address, whatever its family: as it is, or ::ffff:a.b.c.d. */
struct ip6_addr net_addr_whole(const struct net *n, rte_be32_t addr_be);

/* A packet of ours is complete and on its way: to the wire, its neighbour, or ourselves. 0 or -EHOSTUNREACH. */
int net_send_on(struct net *n, struct path *p, struct rte_mbuf *m);

/* Routes or addresses have changed since p was led, and its neighbour is not there: perhaps there is another way. */
void path_lead_anew(struct net *n, struct path *p);

void frags_init(struct net *n, struct net_frags *f, uint8_t *mem);
size_t frags_bytes(void);
void frags_fini(struct net *n);
void frags_expire(struct net *n);

/* The leader's chores (announce.c). */
void announce_begin(struct net *n);
void announce_run(struct net *n);

/* The identification of a datagram that may be fragmented: unlike any other of the same two hosts for a while (RFC 6864 4.3), and
 * nothing that another host could count: each has one of some counters, which begin anywhere and take steps of random length. */
uint16_t net_datagram_id(struct net *n, const struct path *p);

/* The frame claims to come from a group's hardware address: an answer would go to all of it, many for a stranger's one. */
static inline bool net_from_group(const struct net_pkt *pkt)
{
	return pkt->port != NET_PORT_LOOP &&
	       rte_is_multicast_ether_addr(&rte_pktmbuf_mtod(pkt->m, const struct rte_ether_hdr *)->src_addr);
}

#endif
