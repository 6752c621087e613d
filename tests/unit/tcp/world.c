/* world.c: one TCP stack against a peer that the test writes out. */
#include "world.h"

#include <stdio.h>

#include <rte_eal.h>

#include "wire/arp.h"
#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip4.h"
#include "../eal.h"

#define POOL_MBUFS 16383

static struct rte_mempool *pool;
static const struct rte_ether_addr mac_peer = {{2, 0, 0, 0, 0, 2}};

struct rte_mempool *world_pool(void) { return pool; }

/* ---- host ---- */

static uint16_t fake_tx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	struct host *h = (struct host *)p;

	(void)queue;
	(void)now_ns;
	if (h->tx_stuck)
		return 0;
	assert_true(h->n_sent + n <= SENT_MAX);
	memcpy(&h->sent[h->n_sent], m, n * sizeof(*m));
	h->n_sent += n;
	return n;
}

static const struct port_ops fake_ops = {.tx = fake_tx};

void host_init(struct host *h, rte_be32_t addr_be, uint8_t mac_tail, uint64_t now_ns, uint64_t seed)
{
	struct flow_config fc = {.max_conns = CONNS, .numa_node = -1};
	/* Reno, since its windows are the ones that one computes in the head. */
	const struct tcp_config tc = {.max_conns = CONNS, .port_lo = 20000, .port_hi = 29999, .congestion = TCP_CC_RENO,
				      .ecn = TCP_ECN_ANSWER, .numa_node = -1};
	uint8_t key[40];

	memset(h, 0, sizeof(*h));
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 73 + 5);
	h->port.ops = &fake_ops;
	h->port.mac = (struct rte_ether_addr){{2, 0, 0, 0, 0, mac_tail}};
	h->port.mtu = WORLD_MTU;
	assert_int_equal(rss_init(&h->port.rss, key, sizeof(key), NULL, 128, 1), 0);
	clock_set(&h->clock, now_ns);
	prng_seed(&h->prng, seed);
	pkt_tx_init(h->tx, &h->port, 0, pool, &h->drops, &h->clock.now_ns);
	tcp_flow_sizes(CONNS, &fc);
	fc.size_bytes[FLOW_NEIGH] = net_neigh_bytes;
	fc.cap[FLOW_NEIGH] = 64;
	assert_int_equal(flow_init(&h->flow, &fc, &h->port.rss, &h->clock, &h->prng), 0);
	h->space = eport_space_new(&h->port.rss, 20000, 29999);
	assert_non_null(h->space);
	h->eport = eport_new(h->space, 0, &h->flow.addr6s, 64, &h->prng, -1);
	assert_non_null(h->eport);
	assert_int_equal(net_init(&h->net, &h->flow, h->tx, 1, &h->drops, &h->clock, -1), 0);
	assert_int_equal(net_addr_add(&h->net, addr_be, 24), 0);
	assert_int_equal(tcp_init(&h->tcp, &tc, &h->flow, &h->net, h->tx, &h->drops, &h->clock, &h->prng, h->eport), 0);
}

void host_fini(struct host *h)
{
	struct eport_stats es;
	struct rte_mbuf *m;

	while ((m = host_sent(h)) != NULL)
		rte_pktmbuf_free(m);
	eport_stats_get(h->eport, &es);
	assert_int_equal(es.taken, es.returned);
	assert_int_equal(h->flow.pool[FLOW_CONN].used, 0);
	assert_int_equal(h->flow.pool[FLOW_SYNRCVD].used, 0);
	assert_int_equal(h->flow.pool[FLOW_TIMEWAIT].used, 0);
	assert_int_equal(h->flow.tcp.used, 0);
	assert_int_equal(h->tcp.bufs.used, 0);
	assert_int_equal(h->tcp.optexts.used, 0);
	assert_int_equal(h->tcp.exts.used, 0);
	assert_int_equal(h->tcp.binds.pool.used, 0);
	assert_int_equal(h->net.paths.pool.used, 0);
	assert_int_equal(h->tcp.stats.established, 0);
	assert_int_equal(h->tcp.stats.synrcvd, 0);
	assert_int_equal(h->tcp.stats.timewait, 0);
	assert_int_equal(h->tcp.out_n, 0);
	tcp_fini(&h->tcp);
	net_fini(&h->net);
	assert_int_equal(h->flow.wheel.armed, 0);
	pkt_tx_fini(h->tx);
	eport_free(h->eport);
	eport_space_free(h->space);
	flow_fini(&h->flow);
}

struct rte_mbuf *host_sent(struct host *h)
{
	if (h->n_taken < h->n_sent)
		return h->sent[h->n_taken++];
	h->n_sent = h->n_taken = 0;
	return NULL;
}

static void frame_from(struct host *h, uint8_t port, struct rte_mbuf *m)
{
	struct net_pkt pkt;

	switch (net_input(&h->net, port, m, &pkt)) {
	case NET_TCP:
		tcp_input(&h->tcp, &pkt);
		break;
	case NET_ICMP_ERROR:
		tcp_icmp(&h->tcp, &pkt);
		rte_pktmbuf_free(pkt.m);
		break;
	default:
		break;
	}
}

void host_frame(struct host *h, struct rte_mbuf *m) { frame_from(h, 0, m); }
void host_looped(struct host *h, struct rte_mbuf *m) { frame_from(h, NET_PORT_LOOP, m); }

static void host_errors(struct host *h)
{
	struct net_pkt pkt;

	while (net_error_next(&h->net, &pkt)) {
		tcp_icmp(&h->tcp, &pkt);
		rte_pktmbuf_free(pkt.m);
	}
}

void host_turn(struct host *h)
{
	tcp_flush(&h->tcp);
	pkt_tx_flush(h->tx);
}

void host_flush(struct host *h)
{
	host_turn(h);
	host_turn(h);
}

void host_time(struct host *h, uint64_t now_ns)
{
	flow_ref due[8];
	uint32_t n;

	clock_set(&h->clock, now_ns);
	do {
		n = wheel_advance(&h->flow.wheel, h->flow.pool, h->clock.tick, due, 8);
		for (uint32_t i = 0; i < n; i++) {
			if (ref_kind(due[i]) == FLOW_NEIGH)
				net_timer(&h->net, due[i]);
			else
				tcp_timer(&h->tcp, due[i]);
		}
	} while (n == 8);
	host_errors(h);
	host_flush(h);
}

uint64_t host_next_ns(const struct host *h)
{
	uint32_t ahead = wheel_next(&h->flow.wheel) - h->clock.tick;

	return (h->clock.now_ns / (TICK_US * 1000) + ((int32_t)ahead > 0 ? ahead : 0)) * TICK_US * 1000;
}

/* It asked us: then we know it. */
void host_peer_known(struct host *h, rte_be32_t addr_be, uint8_t mac_tail, rte_be32_t own_be)
{
	const struct rte_ether_addr mac = {{2, 0, 0, 0, 0, mac_tail}};
	const struct arp_view a = {.op = ARP_REQUEST, .sha = mac, .spa_be = addr_be, .tpa_be = own_be};
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t *b = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t at = h->n_sent;

	rte_pktmbuf_append(m, 60);
	memset(b, 0, 60);
	eth_emit(b, &h->port.mac, &mac, RTE_ETHER_TYPE_ARP);
	arp_emit(b + 14, &a);
	host_frame(h, m);
	pkt_tx_flush(h->tx);
	assert_int_equal(h->n_sent, at + 1);
	h->n_sent--; /* its answer, or the refresh's, is of no interest */
	rte_pktmbuf_free(h->sent[h->n_sent]);
}

/* ---- world ---- */

int world_group_setup(void **state)
{
	(void)state;
	if (eal_for_test(128) != 0)
		return -1;
	pool = rte_pktmbuf_pool_create("t-tcp", POOL_MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	return pool != NULL ? 0 : -1;
}

int world_group_teardown(void **state)
{
	(void)state;
	rte_mempool_free(pool);
	return rte_eal_cleanup();
}

int world_setup(void **state)
{
	struct world *w = test_calloc(1, sizeof(*w));

	w->peer_iss = 1000000;
	w->peer_wnd = 65535;
	w->rport = PORT;
	w->peer_ts = 5000;
	w->t = &w->h.tcp;
	host_init(&w->h, US, 1, 1000000000, 7);
	host_peer_known(&w->h, PEER, 2, US);
	*state = w;
	return 0;
}

/* Resets what is open, then lets everything run out with a silent peer. */
static void world_close_all(struct world *w)
{
	struct pool *conns = &w->h.flow.pool[FLOW_CONN];

	w->h.tx_stuck = false;
	host_flush(&w->h);
	for (uint32_t i = 1; i < conns->fresh; i++) {
		struct tcp_pcb *p = tcp_pcb_at(w->t, i);

		if (p->c.type != CONN_LISTEN && (p->c.type != CONN_TCP || (p->c.flags & CONN_ORPHAN) || p->c.listener != 0))
			continue;
		if (p->c.type == CONN_TCP)
			tcp_opt_need(w->t, p)->linger_s = 0;
		tcp_close(w->t, p);
	}
	for (int i = 0; i < 4000 && w->h.flow.wheel.armed > 0; i++) {
		host_time(&w->h, w->h.clock.now_ns + 500000000);
		out_skip(w);
	}
	host_flush(&w->h);
}

int world_teardown(void **state)
{
	struct world *w = *state;

	world_close_all(w);
	host_fini(&w->h);
	test_free(w);
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
	return 0;
}

uint8_t world_byte(uint32_t seq) { return (uint8_t)(seq * 7 + (seq >> 8) * 3); }

static void stream_fill(uint8_t *to, uint32_t seq, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		to[i] = world_byte(seq + i);
}

/* ---- the peer sends ---- */

static struct rte_mbuf *frame_of(struct world *w, const struct seg *s)
{
	struct tcp_view v = {.sport = w->rport, .dport = w->lport, .seq = w->peer_iss + s->seq, .flags = s->flags, .wnd = s->wnd,
			     .urp = s->urp};
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t *b = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t hdr;
	uint16_t sum;

	assert_non_null(m);
	if (s->flags & ACK)
		v.ack = w->our_iss + s->ack;
	hdr = tcp_emit(b + 34, &v, &s->o);
	if (s->data != NULL)
		memcpy(b + 34 + hdr, s->data, s->len);
	else
		stream_fill(b + 34 + hdr, s->seq + !!(s->flags & SYN), s->len);
	eth_emit(b, &w->h.port.mac, &mac_peer, RTE_ETHER_TYPE_IPV4);
	ip4_emit(b + 14, PEER, US, IPPROTO_TCP, (uint16_t)(20 + hdr + s->len), 7, s->tos, 64);
	rte_pktmbuf_append(m, (uint16_t)(34 + hdr + s->len));
	sum = cksum_l4_ip4(m, 34, hdr + s->len, PEER, US, IPPROTO_TCP);
	memcpy(b + 34 + 16, &sum, 2);
	if (m->pkt_len < 60) /* link padding must not count */
		memset(rte_pktmbuf_append(m, (uint16_t)(60 - m->pkt_len)), 0xee, 60 - m->pkt_len);
	return m;
}

/* The same frame in mbuf segments. */
static struct rte_mbuf *frame_split(struct rte_mbuf *m, uint32_t chunk)
{
	uint32_t off = RTE_MIN(34 + 60u, m->pkt_len), total = m->pkt_len;
	struct rte_mbuf *head = rte_pktmbuf_alloc(pool);

	memcpy(rte_pktmbuf_append(head, (uint16_t)off), rte_pktmbuf_mtod(m, void *), off);
	while (off < total) {
		struct rte_mbuf *next = rte_pktmbuf_alloc(pool);
		uint16_t n = (uint16_t)RTE_MIN(chunk, total - off);

		memcpy(rte_pktmbuf_append(next, n), rte_pktmbuf_mtod_offset(m, void *, off), n);
		assert_int_equal(rte_pktmbuf_chain(head, next), 0);
		off += n;
	}
	rte_pktmbuf_free(m);
	return head;
}

void in_seg_held(struct world *w, const struct seg *s)
{
	struct seg full = *s;
	struct rte_mbuf *m;

	if (w->ts && !full.o.has_ts) {
		full.o.has_ts = true;
		full.o.tsval = w->peer_ts;
		full.o.tsecr = full.flags & ACK ? w->ts_seen : 0;
	}
	m = frame_of(w, &full);
	if (w->rx_split != 0)
		m = frame_split(m, w->rx_split);
	if (w->rx_segsz != 0) {
		m->ol_flags |= RTE_MBUF_F_RX_LRO;
		m->tso_segsz = w->rx_segsz;
	}
	host_frame(&w->h, m);
}

void in_seg(struct world *w, const struct seg *s)
{
	in_seg_held(w, s);
	host_flush(&w->h);
}

void in_wnd(struct world *w, uint8_t flags, uint32_t seq, uint32_t len, uint32_t ack, uint16_t wnd)
{
	in_seg(w, &(struct seg){.flags = flags, .seq = seq, .len = len, .ack = ack, .wnd = wnd});
}

void in(struct world *w, uint8_t flags, uint32_t seq, uint32_t len, uint32_t ack)
{
	in_wnd(w, flags, seq, len, ack, w->peer_wnd);
}

void in_held(struct world *w, uint8_t flags, uint32_t seq, uint32_t len, uint32_t ack)
{
	in_seg_held(w, &(struct seg){.flags = flags, .seq = seq, .len = len, .ack = ack, .wnd = w->peer_wnd});
}

void in_icmp(struct world *w, uint8_t type, uint8_t code, uint16_t mtu, uint32_t quoted_seq)
{
	const struct tcp_view v = {.sport = w->lport, .dport = w->rport, .seq = w->our_iss + quoted_seq, .flags = ACK};
	const struct tcp_opts none = {0};
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t *b = rte_pktmbuf_mtod(m, uint8_t *);
	uint16_t sum;

	eth_emit(b, &w->h.port.mac, &mac_peer, RTE_ETHER_TYPE_IPV4);
	ip4_emit(b + 14, IP(10, 0, 0, 99), US, IPPROTO_ICMP, 20 + 8 + 20 + 20, 7, 0, 64);
	icmp_emit(b + 34, type, code, mtu);
	ip4_emit(b + 42, US, PEER, IPPROTO_TCP, 1500, 9, 0, 3);
	tcp_emit(b + 62, &v, &none);
	rte_pktmbuf_append(m, 34 + 48);
	memset(b + 36, 0, 2);
	sum = (uint16_t)~cksum_fold(cksum_bytes(0, b + 34, 48));
	memcpy(b + 36, &sum, 2);
	host_frame(&w->h, m);
	host_flush(&w->h);
}

/* ---- the stack sends ---- */

/* Questions for addresses are no segments. */
static void drop_arp(struct world *w)
{
	uint32_t n = w->h.n_taken;

	for (uint32_t i = w->h.n_taken; i < w->h.n_sent; i++) {
		const struct rte_ether_hdr *eth = rte_pktmbuf_mtod(w->h.sent[i], const struct rte_ether_hdr *);

		if (eth->ether_type == RTE_BE16(RTE_ETHER_TYPE_ARP))
			rte_pktmbuf_free(w->h.sent[i]);
		else
			w->h.sent[n++] = w->h.sent[i];
	}
	w->h.n_sent = n;
}

bool out_take(struct world *w)
{
	struct ip4_view ip = {0};
	struct tcp_view v = {0};
	struct rte_mbuf *m;
	const uint8_t *l4;

	drop_arp(w);
	m = host_sent(&w->h);
	if (m == NULL)
		return false;
	assert_int_equal(ip4_parse(&ip, rte_pktmbuf_mtod_offset(m, void *, 14), m->pkt_len - 14, false), IP4_OK);
	assert_int_equal(ip.proto, IPPROTO_TCP);
	assert_int_equal(ip.src_be, US);
	assert_int_equal(ip.dst_be, PEER);
	assert_int_equal(cksum_l4_ip4(m, 34, ip.total_len - 20u, US, PEER, IPPROTO_TCP), 0);
	l4 = rte_pktmbuf_mtod_offset(m, const uint8_t *, 34);
	assert_true(tcp_parse(&v, l4, ip.total_len - 20u));
	if (!w->know_iss && (v.flags & SYN)) {
		w->our_iss = v.seq;
		w->lport = v.sport;
		w->know_iss = true;
	}
	assert_int_equal(v.sport, w->lport);
	assert_int_equal(v.dport, w->rport);
	w->got = (struct seg){.flags = v.flags, .seq = v.seq - w->our_iss, .ack = v.flags & ACK ? v.ack - w->peer_iss : 0,
			      .len = ip.total_len - 20u - v.hdr_len, .wnd = v.wnd, .urp = v.urp, .tos = ip.tos};
	tcp_opts_parse(&w->got.o, l4 + 20, v.hdr_len - 20u);
	if (w->got.o.has_ts)
		w->ts_seen = w->got.o.tsval;
	assert_true(w->got.len <= sizeof(w->got_data));
	memcpy(w->got_data, l4 + v.hdr_len, w->got.len);
	rte_pktmbuf_free(m);
	return true;
}

void out(struct world *w, uint8_t flags, uint32_t seq, uint32_t len, uint32_t ack)
{
	if (!out_take(w))
		fail_msg("nothing was sent, expected flags %02x seq %u len %u ack %u", flags, seq, len, ack);
	if ((w->got.flags & ~PSH) != flags || w->got.seq != seq || w->got.len != len || w->got.ack != ack)
		fail_msg("flags %02x seq %u len %u ack %u, expected flags %02x seq %u len %u ack %u", w->got.flags, w->got.seq,
			 w->got.len, w->got.ack, flags, seq, len, ack);
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(w->got_data[i], world_byte(seq + !!(flags & SYN) + i));
}

void out_none(struct world *w)
{
	if (out_take(w))
		fail_msg("sent: flags %02x seq %u len %u ack %u", w->got.flags, w->got.seq, w->got.len, w->got.ack);
}

void out_skip(struct world *w)
{
	struct rte_mbuf *m;

	while ((m = host_sent(&w->h)) != NULL)
		rte_pktmbuf_free(m);
}

unsigned out_count(struct world *w)
{
	drop_arp(w);
	return w->h.n_sent - w->h.n_taken;
}

/* ---- time ---- */

/* Runs timers one by one until something is sent or end_ns. */
static void run_until(struct world *w, uint64_t end_ns, bool stop_when_sent)
{
	while (w->h.clock.now_ns < end_ns) {
		uint64_t next = host_next_ns(&w->h);

		if (next <= w->h.clock.now_ns)
			next = w->h.clock.now_ns + TICK_US * 1000;
		host_time(&w->h, next < end_ns ? next : end_ns);
		if (stop_when_sent && out_count(w) > 0)
			return;
	}
}

/* In steps short enough for the peer to answer for its address now and then. */
static void run_known(struct world *w, uint64_t end_ns, bool stop_when_sent)
{
	while (w->h.clock.now_ns < end_ns) {
		uint64_t step_ns = w->h.clock.now_ns + 500000000;

		run_until(w, step_ns < end_ns ? step_ns : end_ns, stop_when_sent);
		if (stop_when_sent && out_count(w) > 0)
			return;
		if (w->h.clock.now_ns - w->known_ns > 5000000000) {
			w->known_ns = w->h.clock.now_ns;
			drop_arp(w);
			host_peer_known(&w->h, PEER, 2, US); /* the peer keeps answering for its address */
		}
	}
}

void after_us(struct world *w, uint64_t us) { run_known(w, w->h.clock.now_ns + us * 1000, false); }

void quiet_then(struct world *w, uint64_t us)
{
	uint64_t start_ns = w->h.clock.now_ns, took_us;

	run_known(w, start_ns + us * 1000, true);
	took_us = (w->h.clock.now_ns - start_ns) / 1000;
	if (out_count(w) == 0)
		fail_msg("nothing was sent in %llu us", (unsigned long long)us);
	if (took_us + TICK_US < us)
		fail_msg("sent after %llu us, expected %llu", (unsigned long long)took_us, (unsigned long long)us);
}

void quiet_for_ms(struct world *w, uint64_t ms)
{
	after_ms(w, ms);
	out_none(w);
}

/* ---- the application ---- */

struct tcp_pcb *app_connect(struct world *w)
{
	struct tcp_pcb *p = tcp_new(w->t);

	assert_non_null(p);
	assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0);
	assert_int_equal(p->state, TCP_SYN_SENT);
	host_flush(&w->h);
	return p;
}

struct tcp_pcb *app_connected(struct world *w)
{
	struct tcp_pcb *p = app_connect(w);
	struct seg s = {.flags = SYN | ACK, .ack = 1, .wnd = w->peer_wnd, .o = {.has_mss = true, .mss = MSS}};

	out(w, SYN, 0, 0, 0);
	in_seg(w, &s);
	out(w, ACK, 1, 0, 1);
	out_none(w);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	p->xflags &= ~TX_QUICK_MASK; /* the first ACKs are those of every later time */
	return p;
}

struct tcp_pcb *app_in_state(struct world *w, enum tcp_state st)
{
	struct tcp_pcb *p;

	w->know_iss = false;
	p = st == TCP_SYN_SENT ? app_connect(w) : app_connected(w);
	if (st == TCP_SYN_SENT)
		out(w, SYN, 0, 0, 0);
	if (TCP_IN(st, ST(FIN_WAIT_1) | ST(FIN_WAIT_2) | ST(CLOSING)))
		app_shutdown(w, p, SHUT_WR);
	if (st == TCP_FIN_WAIT_2)
		in(w, ACK, 1, 0, 2);
	if (TCP_IN(st, ST(CLOSE_WAIT) | ST(LAST_ACK) | ST(CLOSING)))
		in(w, ACK | FIN, 1, 0, 1);
	if (st == TCP_LAST_ACK)
		app_shutdown(w, p, SHUT_WR);
	out_skip(w);
	assert_int_equal(p->state, st);
	return p;
}

struct tcp_pcb *app_listen(struct world *w, int backlog)
{
	struct tcp_pcb *l = tcp_new(w->t);

	assert_non_null(l);
	assert_int_equal(tcp_bind(w->t, l, 0, RTE_BE16(PORT)), 0);
	assert_int_equal(tcp_listen(w->t, l, backlog), 0);
	w->lport = PORT;
	w->rport = CPORT;
	return l;
}

struct tcp_pcb *app_accepted(struct world *w)
{
	struct tcp_pcb *l = app_listen(w, 8), *p;

	in_seg(w, &(struct seg){.flags = SYN, .wnd = w->peer_wnd, .o = {.has_mss = true, .mss = MSS}});
	out(w, SYN | ACK, 0, 0, 1);
	in(w, ACK, 1, 0, 1);
	out_none(w);
	p = tcp_accept(w->t, &l->c);
	assert_non_null(p);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	p->xflags &= ~TX_QUICK_MASK; /* the first ACKs are those of every later time */
	return p;
}

ssize_t app_send_flags(struct world *w, struct tcp_pcb *p, uint32_t seq, uint32_t len, int flags)
{
	uint8_t *b = test_malloc(len + 1);
	struct iovec iov = {.iov_base = b, .iov_len = len};
	ssize_t n;

	stream_fill(b, seq, len);
	n = tcp_send(w->t, p, &iov, 1, flags);
	test_free(b);
	host_flush(&w->h);
	return n;
}

ssize_t app_send(struct world *w, struct tcp_pcb *p, uint32_t seq, uint32_t len) { return app_send_flags(w, p, seq, len, 0); }

ssize_t app_recv(struct world *w, struct tcp_pcb *p, uint32_t seq, uint32_t max)
{
	uint8_t *b = test_malloc(max + 1);
	struct iovec iov = {.iov_base = b, .iov_len = max};
	ssize_t n = tcp_recv(w->t, p, &iov, 1, 0);

	for (ssize_t i = 0; i < n; i++)
		assert_int_equal(b[i], world_byte(seq + (uint32_t)i));
	test_free(b);
	host_flush(&w->h);
	return n;
}

void app_close(struct world *w, struct tcp_pcb *p)
{
	tcp_close(w->t, p);
	host_flush(&w->h);
}

void app_shutdown(struct world *w, struct tcp_pcb *p, int how)
{
	assert_int_equal(tcp_shutdown(w->t, p, how), 0);
	host_flush(&w->h);
}

void app_opt(struct world *w, struct tcp_pcb *p, int level, int name, int v)
{
	assert_int_equal(tcp_setopt(w->t, p, level, name, &v, sizeof(v)), 0);
}

uint32_t conns_used(const struct world *w) { return w->h.flow.pool[FLOW_CONN].used; }
