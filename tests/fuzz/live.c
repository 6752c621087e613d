/* live.c: one whole stack on a device that a fuzzer writes. */
#include "live.h"

#include <stdlib.h>

#include <netinet/in.h>
#include <sys/prctl.h>

#include <rte_ip.h>

#include "base/assert.h"
#include "drivers/drivers.h"
#include "net/net6.h"
#include "wire/arp.h"
#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/ndp.h"
#include "../unit/eal.h"

#define MBUFS 4095
#define FRAME_MAX 2048
static const struct rte_ether_addr mac_peer = {{2, 0, 0, 0, 0, 2}};
const struct ip6_addr live_us6 = {{0xfd, [15] = 1}};
static struct rte_mempool *mbufs;
static struct rss rss;             /* of every port: the port space leans on it */
static struct eport_space *space;

rte_be32_t live_addr(enum live_host who)
{
	static const uint32_t addr[LIVE_HOSTS] = {RTE_IPV4(10, 0, 0, 2), RTE_IPV4(10, 0, 0, 3), RTE_IPV4(10, 9, 9, 9)};

	return rte_cpu_to_be_32(addr[who]);
}

const struct ip6_addr *live_addr6(enum live_host who)
{
	static const struct ip6_addr addr[LIVE_HOSTS] = {{{0xfd, [15] = 2}}, {{0xfd, [15] = 3}}, {{0xfd, 9, [15] = 9}}};

	return &addr[who];
}

static uint16_t live_rx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	struct live *l = (struct live *)p;
	uint16_t got = (uint16_t)(l->n_in < n ? l->n_in : n);

	(void)queue;
	(void)now_ns;
	memcpy(m, l->in, got * sizeof(*m));
	memmove(l->in, l->in + got, (l->n_in - got) * sizeof(*m));
	l->n_in -= got;
	return got;
}

static uint16_t live_tx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	struct live *l = (struct live *)p;

	(void)queue;
	(void)now_ns;
	l->frames_out += n;
	for (uint16_t i = 0; i < n; i++)
		sent_check(&l->sent, m[i]);
	rte_pktmbuf_free_bulk(m, n);
	return n;
}

static bool live_link_up(struct port *p)
{
	(void)p;
	return true;
}

static const struct port_ops live_ops = {.rx = live_rx, .tx = live_tx, .link_up = live_link_up};

void live_eal(void)
{
	uint8_t key[40];

	/* A fresh stack per input touches little of much memory: clearing huge pages would take longer than the input. */
	SPATE_ASSERT(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0);
	SPATE_ASSERT(eal_for_test(64) == 0);
	rte_log_set_level_pattern("user1", RTE_LOG_CRIT);
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 73 + 5);
	SPATE_ASSERT(rss_init(&rss, key, sizeof(key), NULL, 128, 1) == 0);
	space = eport_space_new(&rss, 20000, 20999);
	mbufs = drivers_mbuf_pool("fuzz", MBUFS, -1);
	SPATE_ASSERT(space != NULL && mbufs != NULL);
}

static void port_fill(struct port *p)
{
	p->ops = &live_ops;
	p->mac = (struct rte_ether_addr){{2, 0, 0, 0, 0, 1}};
	p->mtu = 1500;
	p->n_queues = 1;
	p->numa_node = -1;
	p->rss = rss;
}

/* The peer asks for our addresses: then its own are known. */
static void peer_asks(struct live *l)
{
	const struct arp_view a = {.op = ARP_REQUEST, .sha = mac_peer, .spa_be = live_addr(LIVE_PEER), .tpa_be = rte_cpu_to_be_32(LIVE_US)};
	struct live_ip ip = {.from = LIVE_PEER, .ip6 = true, .proto = IPPROTO_ICMPV6, .hops = NDP_HOPS};
	uint8_t frame[60] = {0}, msg[NDP_MSG_MAX];

	eth_emit(frame, &l->port.mac, &mac_peer, RTE_ETHER_TYPE_ARP);
	arp_emit(frame + ETH_HDR_LEN, &a);
	live_frame(l, frame, sizeof(frame), 0);
	live_packet(l, &ip, msg, ndp_ns_emit(msg, &live_us6, &mac_peer));
	live_turn(l);
}

static struct stack_config config_of(uint32_t how, struct port *const *ports)
{
	return (struct stack_config){
		.ports = ports, .n_ports = 1, .pool = mbufs, .eports = space, .max_conns = LIVE_CONNS, .port_lo = 20000, .port_hi = 20999,
		.seed = 1, .now_ns = 1000000000, .numa_node = -1, .secret = {.k0 = 1, .k1 = 2},
		.congestion = (uint8_t)(how % TCP_CC_IDS),
		.ecn = (uint8_t)((how >> 2 & 3) % TCP_ECN_MODES),
		.syncookies = (uint8_t)((how >> 4 & 3) % 3),
		.without = (uint8_t)(how >> 6 & 15),
		.fastopen = (uint16_t)(TCP_FO_CLIENT | TCP_FO_SERVER | (how >> 10 & 1 ? TCP_FO_SERVER_NO_COOKIE : 0) |
				       (how >> 11 & 1 ? TCP_FO_CLIENT_NO_COOKIE : 0)),
		.gro = how >> 12 & 1,
		.uto = how >> 13 & 1,
		.mtu_probing = (uint8_t)(how >> 14 & 1),
	};
}

struct live *live_open(uint32_t how)
{
	struct live *l = calloc(1, sizeof(*l));
	struct port *port = &l->port;
	const struct stack_config cfg = config_of(how, &port);
	const bool careful = how >> 15 & 1;
	const struct net_ip6_settings ip6 = {.dad = careful, .routers = careful, .redirects = true};

	SPATE_ASSERT(l != NULL);
	port_fill(port);
	l->now_ns = cfg.now_ns;
	l->mbufs = rte_mempool_avail_count(mbufs);
	l->pool = mbufs;
	l->sent = (struct sent){.us = port->mac, .mtu = port->mtu};
	l->s = aligned_alloc(64, RTE_CACHE_LINE_ROUNDUP(sizeof(struct stack)));
	SPATE_ASSERT(l->s != NULL && stack_init(l->s, &cfg) == 0);
	l->s->tcp.cookie_from = 2; /* half-open connections: a flood is near */
	net_ip6_set(&l->s->net, &ip6);
	SPATE_ASSERT(net_addr_add(&l->s->net, rte_cpu_to_be_32(LIVE_US), 24) == 0);
	SPATE_ASSERT(net_addr6_add_on(&l->s->net, 0, &live_us6, 64) == 0);
	net_lead(&l->s->net);
	while (!net_ip6_settled(&l->s->net))
		live_pass(l, 100000000);
	peer_asks(l);
	l->addrs6 = l->s->flow.addr6s.pool.used;
	return l;
}

void live_close(struct live *l)
{
	stack_fini(l->s);
	for (unsigned i = 0; i < l->n_in; i++)
		rte_pktmbuf_free(l->in[i]);
	SPATE_ASSERT(rte_mempool_avail_count(mbufs) == l->mbufs);
	free(l->s);
	free(l);
}

void live_frame(struct live *l, const void *frame, uint32_t len, uint32_t split)
{
	struct rte_mbuf *head = rte_pktmbuf_alloc(l->pool), *m = head;
	const uint8_t *b = frame;

	if (head == NULL || l->n_in == LIVE_QUEUE) {
		rte_pktmbuf_free(head);
		return;
	}
	if (split == 0 || split > rte_pktmbuf_tailroom(head))
		split = rte_pktmbuf_tailroom(head);
	for (;;) {
		uint16_t n = (uint16_t)(len < split ? len : split);

		memcpy(rte_pktmbuf_mtod(m, void *), b, n);
		m->data_len = n;
		head->pkt_len += n;
		b += n;
		len -= n;
		if (len == 0)
			break;
		m->next = rte_pktmbuf_alloc(l->pool);
		if (m->next == NULL)
			break;
		m = m->next;
		head->nb_segs++;
	}
	l->in[l->n_in++] = head;
}

void live_turn(struct live *l)
{
	for (int i = 0; i < 8 && stack_poll(l->s, l->now_ns) != 0; i++)
		;
}

/* Timers are at least a tick apart, so there are no more turns than ticks, and chores. */
void live_pass(struct live *l, uint64_t ns)
{
	uint64_t end = l->now_ns + ns;

	while (l->now_ns < end) {
		uint64_t next = stack_next_ns(l->s);

		l->now_ns = next > l->now_ns && next < end ? next : next >= end ? end : l->now_ns + TICK_US * 1000;
		live_turn(l);
	}
}

void live_check(const struct live *l)
{
	const struct tcp *t = &l->s->tcp;

	SPATE_ASSERT(t->snd_held <= t->snd_held_max && t->rcv_held <= t->rcv_held_max);
	SPATE_ASSERT(l->s->net.frags.held <= l->s->net.frags.held_max && l->s->net.n_waiting <= NEIGH_WAITING_MAX);
	SPATE_ASSERT(t->stats.synrcvd <= t->synrcvd_max && t->stats.timewait <= t->timewait_max);
}

static uint32_t conns_left(const struct live *l)
{
	const struct stack *s = l->s;

	return s->flow.pool[FLOW_CONN].used + s->flow.pool[FLOW_SYNRCVD].used + s->flow.pool[FLOW_TIMEWAIT].used;
}

/* The longest that a closed socket may stay: LAST-ACK after all retries, or the user timeout that it had asked for; then TIME-WAIT. */
void live_settle(struct live *l)
{
	const struct tcp *t = &l->s->tcp;
	struct eport_stats ports;

	for (unsigned minutes = 0; minutes < LIVE_SETTLE_MIN && conns_left(l) > 0; minutes++)
		live_pass(l, 60ull * 1000000000);
	SPATE_ASSERT(conns_left(l) == 0);
	SPATE_ASSERT(l->s->flow.tcp.used == 0 && t->bufs.used == 0 && t->optexts.used == 0 && t->exts.used == 0);
	SPATE_ASSERT(t->ooos.used == 0 && t->flights.used == 0 && t->chunks.used == 0 && t->fastopens.used == 0 && t->binds.pool.used == 0);
	SPATE_ASSERT(t->snd_held == 0 && t->rcv_held == 0 && t->out_n == 0);
	SPATE_ASSERT(t->stats.established == 0 && t->stats.synrcvd == 0 && t->stats.timewait == 0);
	SPATE_ASSERT(l->s->net.paths.pool.used == 0);
	eport_stats_get(l->s->eport, &ports);
	SPATE_ASSERT(ports.taken == ports.returned);
	/* Fragments that never were whole are told about, which may take a question for a neighbour. */
	for (int ms = -1000; ms <= FRAG6_TIMEOUT_MS + NEIGH_PROBES * NEIGH_PROBE_MS &&
			       (l->s->net.frags.held != 0 || l->s->net.n_waiting != 0); ms += 1000)
		live_pass(l, 1000000000);
	SPATE_ASSERT(l->s->net.frags.held == 0 && l->s->net.n_waiting == 0);
}

/* ---- packets ---- */

static uint32_t exts_emit(const struct live_ip *ip, uint8_t *b, uint8_t *first)
{
	static const uint8_t types[] = {IP6_NEXT_HOP_BY_HOP, IP6_NEXT_DST_OPTS};
	uint8_t *next = first;
	uint32_t len = 0;

	*next = ip->proto;
	for (unsigned i = 0; i < RTE_DIM(types); i++) {
		if (!(ip->exts >> i & 1))
			continue;
		memcpy(b + len, (uint8_t[]){*next, 0, IP6_OPT_PADN, 4, 0, 0, 0, 0}, 8);
		*next = types[i];
		next = b + len;
		len += 8;
	}
	return len;
}

static void cksum_complete(const struct live_ip *ip, uint8_t *l4, uint32_t len)
{
	const struct ip6_addr both[2] = {*live_addr6(ip->from), live_us6};
	uint32_t at = ip->proto == IPPROTO_TCP ? 16 : ip->proto == IPPROTO_UDP ? 6 : 2;
	uint64_t pseudo = ip->ip6 ? cksum_pseudo_sum6(both, ip->proto, len) :
		ip->proto == IPPROTO_ICMP ? 0 :
		cksum_pseudo_sum(live_addr(ip->from), rte_cpu_to_be_32(LIVE_US), ip->proto, len);
	uint16_t sum;

	if (len < at + 2)
		return;
	memset(l4 + at, 0, 2);
	sum = (uint16_t)~cksum_fold(cksum_bytes(pseudo, l4, len));
	memcpy(l4 + at, &sum, 2);
}

/* One packet, or one fragment of one: bytes [off, off+n) of what follows the IP header. */
static void piece_send(struct live *l, const struct live_ip *ip, uint8_t first, const uint8_t *body, uint32_t len,
		       uint32_t off, uint32_t n)
{
	bool whole = n == len, more = off + n < len;
	uint8_t frame[FRAME_MAX] = {0}, *b = frame + ETH_HDR_LEN;
	uint32_t hdr = ip->ip6 ? IP6_HDR_LEN + (whole ? 0u : IP6_FRAG_HDR_LEN) : IP4_HDR_LEN;

	eth_emit(frame, &l->port.mac, &mac_peer, ip->ip6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	if (ip->ip6) {
		ip6_emit(b, live_addr6(ip->from), &live_us6, whole ? first : IP6_NEXT_FRAGMENT, (uint16_t)(hdr - IP6_HDR_LEN + n), ip->hops);
		store32(b, 6u << 28 | (uint32_t)ip->tos << 20);
		b[IP6_HDR_LEN] = first;
		store16(b + IP6_HDR_LEN + 2, (uint16_t)(off | more));
		store32(b + IP6_HDR_LEN + 4, (uint32_t)l->now_ns);
	} else {
		ip4_emit(b, live_addr(ip->from), rte_cpu_to_be_32(LIVE_US), ip->proto, (uint16_t)(IP4_HDR_LEN + n), (uint16_t)l->now_ns, ip->tos,
			 ip->hops);
		store16(b + 6, (uint16_t)(whole ? IP4_DF : off / 8 | (more ? IP4_MF : 0)));
		memset(b + 10, 0, 2);
		((struct rte_ipv4_hdr *)b)->hdr_checksum = rte_ipv4_cksum((struct rte_ipv4_hdr *)b);
	}
	memcpy(b + hdr, body + off, n);
	live_frame(l, frame, ETH_HDR_LEN + hdr + n, ip->split);
}

void live_packet(struct live *l, const struct live_ip *ip, void *l4, uint32_t len)
{
	uint32_t piece = ip->piece & ~7u, total, n;
	uint8_t body[LIVE_L4_MAX + 16], first = ip->proto;

	SPATE_ASSERT(len <= LIVE_L4_MAX);
	cksum_complete(ip, l4, len);
	total = ip->ip6 ? exts_emit(ip, body, &first) : 0;
	memcpy(body + total, l4, len);
	total += len;
	if (piece == 0 || piece >= total) {
		piece_send(l, ip, first, body, total, 0, total);
		return;
	}
	n = (total + piece - 1) / piece;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t off = (ip->backwards ? n - 1 - i : i) * piece;

		piece_send(l, ip, first, body, total, off, total - off < piece ? total - off : piece);
	}
}
