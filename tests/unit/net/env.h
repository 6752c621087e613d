/* env.h: a network layer on a device that keeps what is sent, with a clock that the test turns. */
#ifndef NET_TEST_ENV_H
#define NET_TEST_ENV_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/neigh.h"
#include "net/net.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip4.h"
#include "wire/tcp.h"
#include "wire/udp.h"

#define IP(a, b, c, d) RTE_BE32((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define US IP(10, 0, 0, 1)    /* /24 */
#define PEER IP(10, 0, 0, 2)
#define GW IP(10, 0, 0, 254)
#define FAR IP(192, 0, 2, 7)
#define MTU 1500
#define SENT_MAX 8192

struct env {
	struct port port, port1; /* port1 has nothing until a test makes an interface of it */
	struct clock clock;
	struct prng prng;
	struct flow flow;
	struct drops drops;
	struct pkt_tx tx[NET_PORT_LOOP + 1];
	struct net net;
	struct rte_mempool *pool;
	struct rte_mbuf *sent[SENT_MAX];
	uint32_t n_sent, n_taken;
	uint64_t seed;
	uint8_t from;        /* port of what arrives: 0, or NET_PORT_LOOP */
};

extern const struct rte_ether_addr mac_us, mac_us1, mac_peer, mac_other, mac_all;

int env_group_setup(void **state);    /* EAL and mbufs */
int env_group_teardown(void **state);
int env_setup(void **state);          /* a fresh env with address US/24 */
int env_teardown(void **state);       /* fails when an mbuf is missing */

void env_advance_ms(struct env *e, uint32_t ms); /* timers run at their tick */
/* The next sent frame (the test frees it), or NULL. Its field port says where it left. */
struct rte_mbuf *env_sent(struct env *e);
/* The next sent frame must be this ARP packet. */
void env_expect_arp(struct env *e, uint16_t op, const struct rte_ether_addr *dst, rte_be32_t spa_be, rte_be32_t tpa_be);
void env_expect_silence(struct env *e);

struct rte_mbuf *env_mbuf(struct env *e, const void *data, uint32_t len); /* one segment */
uint8_t *env_prepend(struct rte_mbuf *m, uint16_t len);
struct rte_mbuf *env_split(struct env *e, struct rte_mbuf *m, uint32_t first, uint32_t rest); /* the same in segments */
/* The frame with an 802.1Q tag. */
struct rte_mbuf *env_tag(struct rte_mbuf *m, uint16_t tci);
/* Arriving frames. payload bytes count up from 0. */
struct rte_mbuf *env_arp(struct env *e, uint16_t op, const struct rte_ether_addr *sha, rte_be32_t spa_be,
			 rte_be32_t tpa_be, const struct rte_ether_addr *dst);
struct rte_mbuf *env_ip4(struct env *e, rte_be32_t src_be, uint8_t proto, const void *l4, uint32_t len);
struct rte_mbuf *env_tcp(struct env *e, rte_be32_t src_be, uint32_t payload);
struct rte_mbuf *env_udp(struct env *e, rte_be32_t src_be, uint32_t payload);
struct rte_mbuf *env_echo(struct env *e, uint32_t payload);
/* An ICMP message whose quoted packet is TCP 1000 -> 80, seq 0x01020304, from src to FAR. quoted_len bytes of it. */
struct rte_mbuf *env_icmp_error(struct env *e, uint8_t type, uint8_t code, uint16_t mtu, rte_be32_t src_be,
				uint8_t quoted_proto, uint32_t quoted_len);
void env_fix_ip4(struct rte_mbuf *m);  /* recomputes the IPv4 checksum of a frame */
void env_fix_icmp(struct rte_mbuf *m); /* and that of ICMP behind 20 bytes of IPv4 */

/* net_input(), which must return want; frees m when it is the caller's. */
void env_input(struct env *e, struct rte_mbuf *m, enum net_verdict want, struct net_pkt *pkt);
/* net_input() of m must be dropped for this reason alone. */
void env_input_drop(struct env *e, struct rte_mbuf *m, enum drop why);
void env_peer_known(struct env *e, rte_be32_t addr_be, const struct rte_ether_addr *mac); /* it asked us */

struct rte_mbuf *env_segment(struct env *e, uint16_t tag); /* a TCP segment from port tag, to be sent */
int env_output(struct env *e, uint32_t path, uint16_t tag);
uint32_t env_path(struct env *e, rte_be32_t raddr_be);

#endif
