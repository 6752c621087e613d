/* router.c: see router.h. */
#include "router.h"

#include <netinet/in.h>
#include <string.h>

#include <rte_ip.h>

#include "wire/cksum.h"
#include "wire/ecn.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/icmp6.h"
#include "wire/ip4.h"
#include "wire/ip6.h"

#define ROUTER_IP RTE_BE32(RTE_IPV4(10, 9, 0, 254))
#define QUOTE_MAX 128 /* of the packet, with its headers */
#define IP4_HDR_CKSUM_OFF 10

static const struct ip6_addr router_ip6 = {{0xfd, [15] = 0xfe}};
static const struct rte_ether_addr router_mac = {{2, 0, 0, 0, 0, 0xfe}};

static struct router *router_of(struct port *p) { return (struct router *)p; }

static void sum_store(uint8_t *to, uint64_t sum)
{
	uint16_t cksum = (uint16_t)~cksum_fold(sum);

	memcpy(to, &cksum, sizeof(cksum));
}

/* ---- too large ---- */

/* "Fragmentation needed" (RFC 1191) about the packet at ip, of which len bytes are quoted. */
static uint16_t say4(const struct router *r, uint8_t *b, const uint8_t *ip, uint16_t len)
{
	uint8_t *icmp = b + IP4_HDR_LEN;

	ip4_emit(b, ROUTER_IP, load32_be(ip + 12), IPPROTO_ICMP, (uint16_t)(IP4_HDR_LEN + ICMP_HDR_LEN + len), 0, 0, 64);
	icmp_emit(icmp, ICMP_UNREACH, ICMP_UNREACH_FRAG, r->mtu);
	memcpy(icmp + ICMP_HDR_LEN, ip, len);
	memset(icmp + 2, 0, 2);
	sum_store(icmp + 2, cksum_bytes(0, icmp, ICMP_HDR_LEN + len));
	return IP4_HDR_LEN + ICMP_HDR_LEN + len;
}

/* "Packet too big" (RFC 8201). */
static uint16_t say6(const struct router *r, uint8_t *b, const uint8_t *ip, uint16_t len)
{
	uint8_t *icmp = b + IP6_HDR_LEN;
	struct ip6_addr both[2] = {router_ip6};

	memcpy(&both[1], ip + IP6_SRC_OFF, sizeof(both[1]));
	ip6_emit(b, &both[0], &both[1], IPPROTO_ICMPV6, (uint16_t)(ICMP6_HDR_LEN + len), 64);
	icmp6_emit(icmp, ICMP6_TOO_BIG, 0, r->mtu);
	memcpy(icmp + ICMP6_HDR_LEN, ip, len);
	memset(icmp + 2, 0, 2);
	sum_store(icmp + 2, cksum_bytes(cksum_pseudo_sum6(both, IPPROTO_ICMPV6, ICMP6_HDR_LEN + len), icmp, ICMP6_HDR_LEN + len));
	return IP6_HDR_LEN + ICMP6_HDR_LEN + len;
}

static void say(struct router *r, const struct rte_mbuf *m, bool ip6)
{
	uint8_t quoted[QUOTE_MAX], out[ETH_HDR_LEN + IP6_HDR_LEN + ICMP6_HDR_LEN + QUOTE_MAX];
	uint16_t len = (uint16_t)RTE_MIN((uint32_t)QUOTE_MAX, m->pkt_len - ETH_HDR_LEN), n;
	struct rte_mbuf *answer = r->n_says < ROUTER_SAYS_MAX ? rte_pktmbuf_alloc(r->pool) : NULL;
	const uint8_t *ip = rte_pktmbuf_read(m, ETH_HDR_LEN, len, quoted);

	if (answer == NULL)
		return;
	eth_emit(out, &r->port.mac, &router_mac, ip6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	n = (uint16_t)(ETH_HDR_LEN + (ip6 ? say6 : say4)(r, out + ETH_HDR_LEN, ip, len));
	memcpy(rte_pktmbuf_append(answer, n), out, n);
	r->says[r->n_says++] = answer;
}

/* ---- marks ---- */

/* Of a packet that may be marked, one whose sender knows about it. */
static void mark(struct router *r, struct rte_mbuf *m, bool ip6)
{
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, ETH_HDR_LEN), *tos = ip + 1;
	unsigned shift = ip6 ? 4 : 0; /* IPv6's traffic class is across two bytes */

	if ((*tos >> shift & ECN_CE) == 0)
		return;
	*tos |= (uint8_t)(ECN_CE << shift);
	r->marked++;
	if (ip6 || m->ol_flags & RTE_MBUF_F_TX_IP_CKSUM)
		return;
	memset(ip + IP4_HDR_CKSUM_OFF, 0, 2);
	sum_store(ip + IP4_HDR_CKSUM_OFF, cksum_bytes(0, ip, IP4_HDR_LEN));
}

/* ---- the port ---- */

static bool passes(struct router *r, struct rte_mbuf *m)
{
	uint16_t type = load16(rte_pktmbuf_mtod_offset(m, const uint8_t *, 12));
	bool ip6 = type == RTE_ETHER_TYPE_IPV6;

	if (!ip6 && type != RTE_ETHER_TYPE_IPV4)
		return true;
	if (r->mtu != 0 && m->pkt_len - ETH_HDR_LEN > r->mtu) {
		r->too_large++;
		if (!r->silent)
			say(r, m, ip6);
		return false;
	}
	if (prng_u32(&r->prng) < r->mark)
		mark(r, m, ip6);
	return true;
}

static uint16_t router_tx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	struct router *r = router_of(p);

	for (uint16_t i = 0; i < n; i++) {
		if (!passes(r, m[i]))
			rte_pktmbuf_free(m[i]);
		else if (r->inner->ops->tx(r->inner, queue, &m[i], 1, now_ns) == 0)
			return i;
	}
	return n;
}

static uint16_t router_rx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	struct router *r = router_of(p);
	uint16_t said = RTE_MIN(n, r->n_says);

	memcpy(m, r->says, said * sizeof(m[0]));
	memmove(r->says, r->says + said, (r->n_says - said) * sizeof(m[0]));
	r->n_says -= said;
	return said + r->inner->ops->rx(r->inner, queue, m + said, n - said, now_ns);
}

static const struct port_ops router_ops = {.rx = router_rx, .tx = router_tx};

void router_open(struct router *r, struct port *inner, struct rte_mempool *pool, uint64_t seed)
{
	memset(r, 0, sizeof(*r));
	r->port = *inner;
	r->port.ops = &router_ops;
	r->inner = inner;
	r->pool = pool;
	prng_seed(&r->prng, seed);
}

void router_close(struct router *r)
{
	rte_pktmbuf_free_bulk(r->says, r->n_says);
	r->n_says = 0;
}
