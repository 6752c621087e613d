/* env6.h: frames of IPv6 for the tests of net/, on the device of env.h. */
#ifndef NET_TEST_ENV6_H
#define NET_TEST_ENV6_H

#include "env.h"

#include "net/net6.h"
#include "wire/icmp6.h"
#include "wire/ip6.h"
#include "wire/mld.h"
#include "wire/ndp.h"

extern const struct ip6_addr us6, peer6, far6, gw6, ll_us, ll_peer, ll_gw, none6, all_nodes6;
/* us6 2001:db8::1/64, peer6 2001:db8::2, far6 2001:db8:ff::7, gw6 2001:db8::fe; ll_us is the link-local one of mac_us */

int env6_setup(void **state);       /* env_setup(), and us6/64 on interface 0 */
int env6_teardown(void **state);

/* A frame from mac_peer to us (or, when dst is a group, to its hardware address). */
struct rte_mbuf *env6_frame(struct env *e, const struct ip6_addr *src, const struct ip6_addr *dst, uint8_t next, uint8_t hops,
			    const void *payload, uint32_t len);
/* The same, an ICMPv6 message whose checksum is made. */
struct rte_mbuf *env6_icmp(struct env *e, const struct ip6_addr *src, const struct ip6_addr *dst, uint8_t hops, void *msg,
			   uint32_t len);
struct rte_mbuf *env6_udp(struct env *e, const struct ip6_addr *src, const struct ip6_addr *dst, uint32_t payload);
struct rte_mbuf *env6_echo(struct env *e, const struct ip6_addr *src, const struct ip6_addr *dst, uint32_t payload);
struct rte_mbuf *env6_na(struct env *e, const struct ip6_addr *target, const struct ip6_addr *dst, const struct rte_ether_addr *mac,
			 bool solicited, bool override);
struct rte_mbuf *env6_ns(struct env *e, const struct ip6_addr *src, const struct ip6_addr *target, const struct rte_ether_addr *mac);

/* The next sent frame: an ICMPv6 message with right checksum, lengths, and hardware address dst_mac (NULL: any). Its bytes stay
 * valid until the next call. */
struct sent6 {
	struct rte_ether_addr to;
	struct ip6_addr src, dst;
	uint8_t hops, next;
	const uint8_t *msg;
	uint32_t len;
};
void env6_expect(struct env *e, struct sent6 *s, uint8_t type, uint8_t code); /* passes over reports of groups but where asked for */
void env6_expect_silence(struct env *e); /* but for such reports */
/* A neighbour solicitation for target, by multicast or to this hardware address. */
void env6_expect_ns(struct env *e, const struct ip6_addr *src, const struct ip6_addr *target, const struct rte_ether_addr *unicast);
uint32_t env6_path(struct env *e, const struct ip6_addr *raddr, uint32_t scope);
int env6_output(struct env *e, uint32_t path, uint16_t tag);
rte_be32_t env6_us(struct env *e); /* number of us6 */

#endif
