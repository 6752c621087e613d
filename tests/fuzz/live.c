/* live.c: one whole stack on a device that a fuzzer writes. */
#include "live.h"

#include <stdlib.h>

#include <netinet/in.h>

#include <rte_eal.h>
#include <rte_ip.h>

#include "base/assert.h"
#include "drivers/drivers.h"
#include "wire/arp.h"
#include "wire/eth.h"
#include "wire/ip4.h"

#define MBUFS 4095
#define TURNS_MAX 2000000u
static const struct rte_ether_addr mac_peer = {{2, 0, 0, 0, 0, 2}};
static struct rte_mempool *mbufs;
static struct rss rss;             /* of every port: the port space leans on it */
static struct eport_space *space;

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
	static char *argv[] = {"fuzz", "--no-huge", "-m", "64", "--no-pci", "--no-telemetry", "--no-shconf", "-l", "0",
			       "--log-level", "lib.*:error", "--log-level", "user1:critical"};
	uint8_t key[40];

	SPATE_ASSERT(rte_eal_init(RTE_DIM(argv), argv) >= 0);
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

/* The peer asks for our address: then its own is known. */
static void peer_asks(struct live *l)
{
	const struct arp_view a = {.op = ARP_REQUEST, .sha = mac_peer, .spa_be = rte_cpu_to_be_32(LIVE_PEER),
				   .tpa_be = rte_cpu_to_be_32(LIVE_US)};
	uint8_t frame[60] = {0};

	eth_emit(frame, &l->port.mac, &mac_peer, RTE_ETHER_TYPE_ARP);
	arp_emit(frame + ETH_HDR_LEN, &a);
	live_frame(l, frame, sizeof(frame), 0);
	live_turn(l);
}

struct live *live_open(void)
{
	struct live *l = calloc(1, sizeof(*l));
	struct port *port = &l->port;
	struct stack_config cfg = {.ports = &port, .n_ports = 1, .pool = mbufs, .eports = space, .max_conns = LIVE_CONNS, .port_lo = 20000,
				   .port_hi = 20999, .seed = 1, .now_ns = 1000000000, .numa_node = -1};

	SPATE_ASSERT(l != NULL);
	port_fill(port);
	l->now_ns = cfg.now_ns;
	l->mbufs = rte_mempool_avail_count(mbufs);
	l->pool = mbufs;
	l->s = aligned_alloc(64, RTE_CACHE_LINE_ROUNDUP(sizeof(struct stack)));
	SPATE_ASSERT(l->s != NULL && stack_init(l->s, &cfg) == 0);
	SPATE_ASSERT(net_addr_add(&l->s->net, rte_cpu_to_be_32(LIVE_US), 24) == 0);
	peer_asks(l);
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

void live_pass(struct live *l, uint64_t ns)
{
	uint64_t end = l->now_ns + ns;

	for (unsigned i = 0; i < TURNS_MAX && l->now_ns < end; i++) {
		uint64_t next = stack_next_ns(l->s);

		l->now_ns = next > l->now_ns && next < end ? next : next >= end ? end : l->now_ns + TICK_US * 1000;
		live_turn(l);
	}
}

static uint32_t conns_left(const struct live *l)
{
	const struct stack *s = l->s;

	return s->flow.pool[FLOW_CONN].used + s->flow.pool[FLOW_SYNRCVD].used + s->flow.pool[FLOW_TIMEWAIT].used;
}

/* The longest that a closed socket may stay: LAST-ACK after all retries, then TIME-WAIT. */
void live_settle(struct live *l)
{
	for (int minutes = 0; minutes < 60 && conns_left(l) > 0; minutes++)
		live_pass(l, 60ull * 1000000000);
	SPATE_ASSERT(conns_left(l) == 0);
	SPATE_ASSERT(l->s->flow.tcp.used == 0 && l->s->tcp.bufs.used == 0 && l->s->tcp.optexts.used == 0);
}

uint32_t live_ip4(struct live *l, uint8_t *frame, uint8_t proto, uint32_t len)
{
	uint8_t *ip = frame + ETH_HDR_LEN, *l4 = ip + IP4_HDR_LEN;
	uint32_t at = proto == IPPROTO_TCP ? 16 : proto == IPPROTO_UDP ? 6 : 2;

	eth_emit(frame, &l->port.mac, &mac_peer, RTE_ETHER_TYPE_IPV4);
	ip4_emit(ip, rte_cpu_to_be_32(LIVE_PEER), rte_cpu_to_be_32(LIVE_US), proto, (uint16_t)(IP4_HDR_LEN + len), 0, 0, 64);
	if (len >= at + 2) {
		memset(l4 + at, 0, 2);
		if (proto == IPPROTO_ICMP) {
			uint16_t sum = (uint16_t)~rte_raw_cksum(l4, len);

			memcpy(l4 + at, &sum, 2);
		} else {
			uint16_t sum = rte_ipv4_udptcp_cksum((const struct rte_ipv4_hdr *)ip, l4);

			memcpy(l4 + at, &sum, 2);
		}
	}
	return LIVE_HEADERS + len;
}
