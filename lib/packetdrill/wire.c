/* wire.c: the stack's device. The other end of it is packetdrill, which knows no link layer: frames lose their Ethernet
 * header on the way out and get one on the way in, and neighbour.c answers for whom the stack asks about. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ip.h>

#include "config/limits.h"
#include "packetdrill/drill.h"
#include "wire/bytes.h"
#include "wire/eth.h"
#include "wire/tcp.h"

#define RETA 128

struct sent {
	long long time_us;
	uint16_t len;
	uint8_t ip[MTU_MAX];
};

static const struct rte_ether_addr neighbour = {{0x02, 'p', 'd', 0, 0, 2}}; /* everybody but the stack */

/* Towards the stack: the worker's alone. Towards packetdrill: the ring from head to tail, under lock. */
static struct {
	struct port port;
	struct rte_mempool *pool;
	struct rte_mbuf *in[DRILL_IN_MAX];
	unsigned n_in;
	pthread_mutex_t lock;
	struct sent *sent;
	unsigned head, tail;
	struct port_stats stats;
	bool hide_psh;
	uint16_t joined;
} wire = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- towards the stack ---- */

static uint16_t wire_rx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	uint16_t got = (uint16_t)RTE_MIN(n, wire.n_in);

	(void)p, (void)queue, (void)now_ns;
	memcpy(m, wire.in, got * sizeof(m[0]));
	wire.n_in -= got;
	memmove(wire.in, wire.in + got, wire.n_in * sizeof(wire.in[0]));
	wire.stats.rx_packets += got;
	return got;
}

bool wire_waiting(void) { return wire.n_in > 0; }

/* Room for len bytes at the end of a chain. NULL: no buffer. */
static uint8_t *chain_append(struct rte_mbuf *m, uint16_t len)
{
	struct rte_mbuf *last = rte_pktmbuf_lastseg(m);

	if (rte_pktmbuf_tailroom(last) < len) {
		struct rte_mbuf *more = rte_pktmbuf_alloc(wire.pool);

		if (more == NULL || rte_pktmbuf_chain(m, more) != 0) {
			rte_pktmbuf_free(more);
			return NULL;
		}
	}
	return (uint8_t *)rte_pktmbuf_append(m, len);
}

/* A frame of these bytes behind an Ethernet header. */
static long receive(uint16_t ether_type, const void *bytes, size_t len)
{
	struct rte_mbuf *m = wire.n_in < DRILL_IN_MAX ? rte_pktmbuf_alloc(wire.pool) : NULL;
	uint8_t *to = m != NULL ? chain_append(m, ETH_HDR_LEN) : NULL;
	const uint8_t *from = bytes;

	if (to == NULL)
		return -ENOBUFS;
	eth_emit(to, &wire.port.mac, &neighbour, ether_type);
	while (len > 0) {
		uint16_t piece = (uint16_t)RTE_MIN(len, (size_t)DRILL_PIECE_BYTES);

		to = chain_append(m, piece);
		if (to == NULL) {
			rte_pktmbuf_free(m);
			return -ENOBUFS;
		}
		memcpy(to, from, piece);
		from += piece;
		len -= piece;
	}
	if (wire.joined != 0 && m->pkt_len > ETH_HDR_LEN + (uint32_t)wire.port.mtu) {
		m->ol_flags |= RTE_MBUF_F_RX_LRO;
		m->tso_segsz = wire.joined;
	}
	wire.stats.rx_bytes += m->pkt_len;
	wire.in[wire.n_in++] = m;
	return 0;
}

long wire_put(const void *packet, size_t len)
{
	const uint8_t *ip = packet;

	if (len < 1 || len > UINT16_MAX)
		return -EINVAL;
	return receive(ip[0] >> 4 == 6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4, packet, len);
}

/* ---- from the stack ---- */

/* Without PSH, and with the checksum that this makes (RFC 1624 section 3, equation 3). */
static void psh_clear(uint8_t *ip, uint32_t len)
{
	uint8_t *tcp = ip + (ip[0] & 15) * 4;
	uint32_t sum;

	if (ip[0] >> 4 == 6)
		tcp = ip + sizeof(struct rte_ipv6_hdr);
	if (ip[ip[0] >> 4 == 6 ? 6 : 9] != IPPROTO_TCP || tcp + TCP_HDR_LEN > ip + len || !(tcp[13] & TCPF_PSH))
		return;
	tcp[13] &= (uint8_t)~TCPF_PSH;
	sum = (uint16_t)~load16(tcp + 16) + (uint32_t)(uint16_t)~TCPF_PSH;
	sum = (sum & 0xffff) + (sum >> 16);
	store16(tcp + 16, (uint16_t)~sum);
}

static void hand_out(const uint8_t *ip, uint32_t len)
{
	struct sent *s;

	pthread_mutex_lock(&wire.lock);
	if (wire.tail - wire.head < DRILL_SENT_MAX && len <= MTU_MAX) {
		s = &wire.sent[wire.tail++ % DRILL_SENT_MAX];
		s->time_us = (long long)worker_now_us();
		s->len = (uint16_t)len;
		memcpy(s->ip, ip, len);
		if (wire.hide_psh)
			psh_clear(s->ip, len);
	} else {
		wire.stats.tx_errors++;
	}
	pthread_mutex_unlock(&wire.lock);
}

static void sent(struct rte_mbuf *m)
{
	uint8_t copy[ETH_HDR_LEN + MTU_MAX];
	const uint8_t *frame = rte_pktmbuf_read(m, 0, RTE_MIN(m->pkt_len, (uint32_t)sizeof(copy)), copy);
	uint8_t answer[NEIGHBOUR_ANSWER_MAX];
	struct eth_view v;
	uint32_t n;

	wire.stats.tx_packets++;
	wire.stats.tx_bytes += m->pkt_len;
	if (!eth_parse(&v, frame, m->pkt_len))
		return;
	if (neighbour_asked(&v, frame + v.len, m->pkt_len - v.len, &neighbour, answer, &n)) {
		if (n > 0)
			receive(v.type, answer, n);
	} else if (v.type == RTE_ETHER_TYPE_IPV4 || v.type == RTE_ETHER_TYPE_IPV6) {
		hand_out(frame + v.len, m->pkt_len - v.len);
	}
}

static uint16_t wire_tx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	(void)p, (void)queue, (void)now_ns;
	for (uint16_t i = 0; i < n; i++)
		sent(m[i]);
	rte_pktmbuf_free_bulk(m, n);
	return n;
}

bool wire_sent(void)
{
	bool any;

	pthread_mutex_lock(&wire.lock);
	any = wire.head != wire.tail;
	pthread_mutex_unlock(&wire.lock);
	return any;
}

bool wire_get(void *packet, size_t *len, long long *time_us)
{
	bool any;

	pthread_mutex_lock(&wire.lock);
	any = wire.head != wire.tail;
	if (any) {
		const struct sent *s = &wire.sent[wire.head++ % DRILL_SENT_MAX];

		*len = RTE_MIN(*len, (size_t)s->len);
		*time_us = s->time_us;
		memcpy(packet, s->ip, *len);
	}
	pthread_mutex_unlock(&wire.lock);
	return any;
}

/* ---- the port ---- */

static int wire_start(struct port *p, struct rte_mempool **pools)
{
	(void)p;
	wire.pool = pools[0];
	return 0;
}

static void wire_stats(struct port *p, struct port_stats *st)
{
	(void)p;
	*st = wire.stats;
}

static bool wire_link_up(struct port *p)
{
	(void)p;
	return true;
}

static void wire_close(struct port *p)
{
	(void)p;
	rte_pktmbuf_free_bulk(wire.in, wire.n_in);
	wire.n_in = 0;
	free(wire.sent);
	wire.sent = NULL;
}

static const struct port_ops wire_ops = {
	.rx = wire_rx,
	.tx = wire_tx,
	.start = wire_start,
	.stats = wire_stats,
	.link_up = wire_link_up,
	.close = wire_close,
};

void wire_hide_psh(void) { wire.hide_psh = true; }

void wire_joined(uint16_t bytes) { wire.joined = bytes; }

struct port *wire_open(uint16_t mtu)
{
	uint8_t key[RSS_KEY_MAX]; /* one queue, so any that hashes at all */
	struct port *p = &wire.port;

	*p = (struct port){
		.ops = &wire_ops,
		.name = "packetdrill",
		.mac = {{0x02, 'p', 'd', 0, 0, 1}},
		.mtu = mtu != 0 ? mtu : RTE_ETHER_MTU,
		.n_queues = 1,
		.offloads = PORT_TX_MULTI_SEG,
		.numa_node = -1,
	};
	wire.sent = calloc(DRILL_SENT_MAX, sizeof(wire.sent[0]));
	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 37 + 109);
	if (wire.sent == NULL || rss_init(&p->rss, key, sizeof(key), NULL, RETA, 1) != 0) {
		free(wire.sent);
		return NULL;
	}
	wire.head = wire.tail = 0;
	return p;
}
