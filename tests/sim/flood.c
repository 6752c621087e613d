/* flood.c: spate-flood: a SYN flood at full wire rate against a server with many established connections, and what is left of
 * their throughput.
 * Two real stacks, the client's and the server's, run in one thread. The server's core is the only thing that takes time: the
 * clock goes on by what its turns cost, measured by the time-stamp counter, so the client, the flood and other programs on the
 * machine are not in the result. The server's NIC is a ring as real ones have: requests and SYNs share it in the order of the
 * wire, and what finds it full is lost. Requests are a closed loop: the server is never idle, and every cycle that the flood
 * takes is missing elsewhere. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_ip.h>

#include "base/hist.h"
#include "core/stack.h"
#include "drivers/drivers.h"
#include "drivers/sim/sim.h"
#include "sock/sock.h"
#include "spate/socket.h"
#include "spate/spate.h"
#include "wire/eth.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

#include "../../perf/tsc.h"
#include "../unit/eal.h"

#define SERVER_IP RTE_IPV4(10, 9, 0, 1)
#define CLIENT_IP RTE_IPV4(10, 9, 1, 1)
#define CLIENT_IPS 4
#define SERVER_PORT 80
#define NIC_RING 4096          /* descriptors, as servers set them against bursts */
#define MIN_FRAME_BITS 672     /* 64 bytes, preamble and gap: what a wire carries of a SYN */
#define REQUEST 64
#define CONCURRENCY 256        /* requests under way: they and the SYNs of their time fit into the ring */
#define EVENTS 256
#define CONNECT_EVERY_NS 1000000 /* a new client comes ... */
#define CONNECT_MAX 4096       /* ... so many in one phase */
#define ROUNDS_MAX 64u         /* of a calm phase and one of flood */
#define REPEATS_NS 8000000000ull /* in this time a SYN that was lost has been repeated several times */
#define TURN_MAX_NS 1000000    /* a turn that seems to take longer was interrupted: the longest take a third */
#define MBUFS 131072

struct nic {
	struct port port; /* first: ops get it back */
	struct port *inner;
	struct rte_mbuf *ring[NIC_RING];
	uint32_t head, n;
	uint64_t flood_due, flood_in, flood_lost, legit_lost;
};

/* One end: a stack, and an application on it. */
struct side {
	struct stack *s;
	struct sock_env env;
	struct rte_mempool *pool;
	struct eport_space *eports;
	int ep, listener;
};

enum { CLIENT, SERVER };

/* Of all phases of a kind. */
struct result {
	uint64_t answered, took_ns; /* requests, in so much time of the server's core */
	uint32_t fresh, fresh_ok;
	struct hist fresh_hist;
	uint64_t synrcvd, paths, mbufs, flood_in, flood_lost, legit_lost, cookies;
};

static struct {
	struct port *port[2];
	struct nic nic;
	struct side side[2];
	struct prng prng;
	uint64_t now_ns, flood_pps, flood_from_ns;
	int *fd;               /* the client's connections */
	uint32_t n, established, concurrency, sources, rounds;
	uint64_t bytes, answered, errors; /* of answers; whole answers */
	int fresh[CONNECT_MAX]; /* those that came later, -1: done */
	uint64_t fresh_ns[CONNECT_MAX];
	uint32_t n_fresh, fresh_done;
	struct result *result; /* of the phase that is under way: one of ... */
	struct result calm, flood;
	uint64_t turn_ns, interrupted; /* a turn's usual time */
} f;

/* ---- the server's NIC ---- */

static uint16_t nic_rx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	struct nic *nic = (struct nic *)p;
	uint16_t got = 0;

	(void)queue;
	(void)now_ns;
	for (; got < n && nic->n > 0; got++, nic->n--) {
		m[got] = nic->ring[nic->head];
		nic->head = (nic->head + 1) % NIC_RING;
	}
	return got;
}

static const struct rte_ether_addr router = {{2, 0, 0, 0, 0, 0x99}};

/* What goes to the router is on the wire, and gone. */
static uint16_t nic_tx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	struct nic *nic = (struct nic *)p;
	struct rte_mbuf *rest[TX_QUEUE_MAX];
	uint16_t k = 0, sent;

	for (uint16_t i = 0; i < n; i++) {
		if (rte_is_same_ether_addr(&rte_pktmbuf_mtod(m[i], const struct rte_ether_hdr *)->dst_addr, &router))
			rte_pktmbuf_free(m[i]);
		else
			rest[k++] = m[i];
	}
	sent = nic->inner->ops->tx(nic->inner, queue, rest, k, now_ns);
	for (uint16_t i = sent; i < k; i++)
		rte_pktmbuf_free(rest[i]);
	return n;
}

static const struct port_ops nic_ops = {.rx = nic_rx, .tx = nic_tx};

/* A SYN from anybody, by way of the router, as the NIC delivers it: checked, and hashed. */
static struct rte_mbuf *flood_frame(void)
{
	const struct tcp_opts o = {.has_mss = true, .mss = 1460, .sack_ok = true, .has_ts = true, .tsval = prng_u32(&f.prng),
				   .has_wscale = true, .wscale = 7};
	struct rte_mbuf *m = rte_pktmbuf_alloc(f.side[SERVER].pool);
	uint32_t from = f.sources != 0 ? prng_below(&f.prng, f.sources) : prng_u32(&f.prng), mix = from * 2654435761u;
	rte_be32_t src_be = rte_cpu_to_be_32(RTE_IPV4(11 + from % 100, 0, 0, 0) | mix >> 8);
	struct tcp_view v = {.sport = (uint16_t)(1024 + (mix >> 4) % 60000), .dport = SERVER_PORT, .seq = prng_u32(&f.prng),
			     .flags = TCPF_SYN, .wnd = 64240};
	uint8_t *b;
	uint32_t len;

	if (m == NULL)
		return NULL;
	b = rte_pktmbuf_mtod(m, uint8_t *);
	len = tcp_emit(b + ETH_HDR_LEN + IP4_HDR_LEN, &v, &o);
	eth_emit(b, &f.nic.port.mac, &router, RTE_ETHER_TYPE_IPV4);
	ip4_emit(b + ETH_HDR_LEN, src_be, rte_cpu_to_be_32(SERVER_IP), IPPROTO_TCP, (uint16_t)(IP4_HDR_LEN + len), 0, 0, 60);
	m->data_len = (uint16_t)(ETH_HDR_LEN + IP4_HDR_LEN + len);
	m->pkt_len = m->data_len;
	m->hash.rss = rss_hash4(&f.nic.port.rss, src_be, rte_cpu_to_be_32(SERVER_IP), rte_cpu_to_be_16(v.sport),
				rte_cpu_to_be_16(SERVER_PORT));
	m->ol_flags = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_RSS_HASH;
	return m;
}

static bool nic_put(struct nic *nic, struct rte_mbuf *m)
{
	if (nic->n == NIC_RING || m == NULL)
		return false;
	nic->ring[(nic->head + nic->n++) % NIC_RING] = m;
	return true;
}

/* What has arrived until now: the client's frames and the flood's, evenly mixed. */
static __rte_noinline void nic_feed(struct nic *nic)
{
	struct rte_mbuf *legit[1024];
	uint64_t due = f.flood_pps != 0 ? (f.now_ns - f.flood_from_ns) * f.flood_pps / 1000000000u - nic->flood_due : 0;
	uint32_t n = 0, k = 0;
	uint16_t got;

	while (n + RX_BURST <= RTE_DIM(legit) && (got = nic->inner->ops->rx(nic->inner, 0, legit + n, RX_BURST, f.now_ns)) > 0)
		n += got;
	nic->flood_due += due;
	for (uint64_t i = 0; i < due + n; i++) {
		if (k < n && (i + 1) * n / (due + n) > k) {
			if (!nic_put(nic, legit[k])) {
				rte_pktmbuf_free(legit[k]);
				nic->legit_lost++;
			}
			k++;
		} else if (nic->n < NIC_RING && nic_put(nic, flood_frame())) {
			nic->flood_in++;
		} else {
			nic->flood_lost++;
		}
	}
}

/* ---- turns ---- */

static uint32_t side_turn(struct sock_env *env) { return stack_poll(env->s, f.now_ns); }

static void server_accept(void)
{
	int fd;

	while ((fd = spate_accept4(f.side[SERVER].listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = fd};

		spate_epoll_ctl(f.side[SERVER].ep, EPOLL_CTL_ADD, fd, &ev);
	}
}

static void server_answer(int fd)
{
	char buf[16 * REQUEST];
	ssize_t n = spate_recv(fd, buf, sizeof(buf), 0);

	if (n > 0)
		spate_send(fd, buf, (size_t)n, 0);
	else if (n == 0 || errno != EAGAIN)
		spate_close(fd);
}

static uint64_t clock_ns(void) { return (uint64_t)((double)tsc_now() * 1e9 / tsc_hz()); }

/* One turn of the server, and the clock goes on by what it took. */
static void server_turn(void)
{
	struct epoll_event ev[EVENTS];
	uint64_t t0, took_ns;

	nic_feed(&f.nic);
	sock_enter(&f.side[SERVER].env);
	t0 = clock_ns();
	for (int i = 0, n = spate_epoll_wait(f.side[SERVER].ep, ev, EVENTS, 0); i < n; i++) {
		if (ev[i].data.fd == f.side[SERVER].listener)
			server_accept();
		else
			server_answer(ev[i].data.fd);
	}
	took_ns = clock_ns() - t0;
	if (took_ns > TURN_MAX_NS) {
		f.interrupted++;
		took_ns = f.turn_ns;
	} else {
		f.turn_ns = (15 * f.turn_ns + took_ns) / 16;
	}
	f.now_ns += took_ns > 100 ? took_ns : 100;
}

static void ask(uint32_t i)
{
	static const char request[REQUEST] = "request";

	if (spate_send(f.fd[i], request, sizeof(request), 0) != sizeof(request))
		f.errors++;
}

static void client_event(uint32_t i, uint32_t events)
{
	char buf[16 * REQUEST];
	ssize_t n;

	if (events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) {
		f.errors++;
	} else if (events & EPOLLIN) {
		while ((n = spate_recv(f.fd[i], buf, sizeof(buf), 0)) > 0) { /* some connections are asked twice at a time */
			f.bytes += (uint64_t)n;
			for (; f.answered < f.bytes / REQUEST; f.answered++)
				ask(prng_below(&f.prng, f.n)); /* any of them: all are in use, and their memory is cold */
		}
	} else if (events & EPOLLOUT) {
		f.established++;
	}
}

/* A client that came during the phase: its handshake is over, well or not. */
static void fresh_event(uint32_t i, uint32_t events)
{
	if (f.fresh[i] < 0)
		return;
	f.fresh_done++;
	if ((events & (EPOLLERR | EPOLLHUP)) == 0) {
		f.result->fresh_ok++;
		hist_add(&f.result->fresh_hist, f.now_ns - f.fresh_ns[i]);
	}
	spate_close(f.fresh[i]);
	f.fresh[i] = -1;
}

static int connect_one(uint64_t tag)
{
	const struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = rte_cpu_to_be_16(SERVER_PORT),
				       .sin_addr.s_addr = rte_cpu_to_be_32(SERVER_IP)};
	struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLET | EPOLLRDHUP, .data.u64 = tag};
	int fd = spate_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd >= 0 && (spate_connect(fd, (const struct sockaddr *)&to, sizeof(to)) == 0 || errno == EINPROGRESS) &&
	    spate_epoll_ctl(f.side[CLIENT].ep, EPOLL_CTL_ADD, fd, &ev) == 0)
		return fd;
	f.errors++;
	return -1;
}

#define FRESH (1ull << 32)

static void client_turn(void)
{
	struct epoll_event ev[EVENTS];
	int n;

	sock_enter(&f.side[CLIENT].env);
	do { /* its core costs nothing: until there is nothing left to do */
		n = spate_epoll_wait(f.side[CLIENT].ep, ev, EVENTS, 0);
		for (int i = 0; i < n; i++) {
			if (ev[i].data.u64 & FRESH)
				fresh_event((uint32_t)ev[i].data.u64, ev[i].events);
			else
				client_event((uint32_t)ev[i].data.u64, ev[i].events);
		}
	} while (n == EVENTS);
	stack_poll(f.side[CLIENT].s, f.now_ns);
}

/* ---- phases ---- */

static void fresh_connect(void)
{
	uint32_t i = f.n_fresh;

	if (i == CONNECT_MAX)
		return;
	f.fresh_ns[i] = f.now_ns;
	f.fresh[i] = connect_one(FRESH | i);
	f.n_fresh++;
}

static void phase_begin(uint64_t pps)
{
	f.n_fresh = f.fresh_done = 0;
	f.flood_from_ns = f.now_ns;
	f.flood_pps = pps;
	f.nic.flood_due = f.nic.flood_in = f.nic.flood_lost = f.nic.legit_lost = 0;
}

/* Those who came last get the time that repeated SYNs take, while all goes on. */
static void phase_end(void)
{
	for (uint64_t end_ns = f.now_ns + REPEATS_NS; f.fresh_done < f.n_fresh && f.now_ns < end_ns;) {
		client_turn();
		server_turn();
	}
	f.flood_pps = 0;
	for (uint32_t i = 0; i < f.n_fresh; i++) {
		if (f.fresh[i] >= 0) {
			sock_enter(&f.side[CLIENT].env);
			spate_close(f.fresh[i]);
		}
	}
}

/* Adds one phase to r. Requests per second of the server's core. */
static double phase(struct result *r, double seconds, uint64_t pps)
{
	const struct stack *s = f.side[SERVER].s;
	uint64_t start_ns = f.now_ns, end_ns = start_ns + (uint64_t)(seconds * 1e9), next_ns = start_ns, took_ns;
	uint64_t answered = f.answered, cookies = s->tcp.stats.cookies_received;

	phase_begin(pps);
	f.result = r;
	while (f.now_ns < end_ns) {
		client_turn();
		if (f.now_ns >= next_ns) {
			fresh_connect();
			next_ns += CONNECT_EVERY_NS;
		}
		server_turn();
		r->synrcvd = RTE_MAX(r->synrcvd, s->tcp.stats.synrcvd);
		r->paths = RTE_MAX(r->paths, (uint64_t)s->net.paths.pool.used);
		r->mbufs = RTE_MAX(r->mbufs, (uint64_t)rte_mempool_in_use_count(f.side[SERVER].pool));
	}
	took_ns = f.now_ns - start_ns;
	answered = f.answered - answered;
	r->took_ns += took_ns;
	r->answered += answered;
	r->flood_in += f.nic.flood_in;
	r->flood_lost += f.nic.flood_lost;
	r->legit_lost += f.nic.legit_lost;
	phase_end();
	r->fresh += f.n_fresh;
	r->cookies += s->tcp.stats.cookies_received - cookies;
	return (double)answered * 1e9 / (double)took_ns;
}

/* ---- set-up ---- */

static int side_make(int e, uint32_t conns)
{
	struct side *d = &f.side[e];
	struct port *port = e == SERVER ? &f.nic.port : f.port[CLIENT];
	const struct stack_config cfg = {
		.ports = &port, .n_ports = 1, .pool = d->pool, .eports = d->eports, .max_conns = conns + conns / 4 + 8192, .port_lo = 1024,
		.port_hi = 65535, .seed = 7 + (unsigned)e, .now_ns = f.now_ns, .numa_node = -1, .syncookies = TCP_SYNCOOKIES_AUTO,
	};
	int rc;

	d->s = aligned_alloc(64, RTE_CACHE_LINE_ROUNDUP(sizeof(struct stack)));
	if (d->s == NULL)
		return -ENOMEM;
	rc = stack_init(d->s, &cfg);
	if (rc == 0)
		rc = sock_env_init(&d->env, d->s, (unsigned)e, 2, cfg.max_conns, -1);
	d->env.turn = side_turn;
	for (unsigned i = 0; i < (e == SERVER ? 1u : CLIENT_IPS) && rc == 0; i++)
		rc = net_addr_add(&d->s->net, rte_cpu_to_be_32((e == SERVER ? SERVER_IP : CLIENT_IP) + i), 16);
	if (rc == 0 && e == SERVER)
		rc = net_gw_add(&d->s->net, rte_cpu_to_be_32(CLIENT_IP));
	return rc;
}

static int make(uint32_t conns)
{
	const struct sim_config sim = {.n_queues = {1, 1}, .seed = 1, .ring_packets = 8192, .offloads = PORT_RX_CKSUM | PORT_RX_HASH |
				       PORT_TX_IP4_CKSUM | PORT_TX_TCP_CKSUM};
	int rc = sim_open(&sim, f.port);

	if (rc != 0)
		return rc;
	f.now_ns = 1000000000;
	prng_seed(&f.prng, 42);
	for (int e = 0; e < 2; e++) {
		f.side[e].pool = drivers_mbuf_pool(e == 0 ? "flood_a" : "flood_b", MBUFS, -1);
		if (f.side[e].pool == NULL)
			return -ENOMEM;
		drivers_pool_own(f.side[e].pool);
		rc = f.port[e]->ops->start(f.port[e], &f.side[e].pool);
		f.side[e].eports = rc == 0 ? eport_space_new(&f.port[e]->rss, 1024, 65535) : NULL;
		if (f.side[e].eports == NULL)
			return -ENOMEM;
	}
	f.nic.port = *f.port[SERVER];
	f.nic.port.ops = &nic_ops;
	f.nic.inner = f.port[SERVER];
	for (int e = 0; e < 2 && rc == 0; e++)
		rc = side_make(e, conns);
	return rc;
}

static int server_listen(void)
{
	const struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = rte_cpu_to_be_16(SERVER_PORT)};
	struct side *d = &f.side[SERVER];
	struct epoll_event ev = {.events = EPOLLIN};

	sock_enter(&d->env);
	d->ep = spate_epoll_create1(0);
	d->listener = spate_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	ev.data.fd = d->listener;
	if (d->ep < 0 || d->listener < 0 || spate_bind(d->listener, (const struct sockaddr *)&at, sizeof(at)) != 0 ||
	    spate_listen(d->listener, 4096) != 0)
		return -EIO;
	return spate_epoll_ctl(d->ep, EPOLL_CTL_ADD, d->listener, &ev);
}

static int connect_all(void)
{
	uint32_t n = 0;

	sock_enter(&f.side[CLIENT].env);
	f.side[CLIENT].ep = spate_epoll_create1(0);
	for (uint64_t end_ns = f.now_ns + 60000000000ull; f.established < f.n && f.now_ns < end_ns;) {
		sock_enter(&f.side[CLIENT].env);
		for (int k = 0; k < 64 && n < f.n && n - f.established < 1024; k++, n++)
			f.fd[n] = connect_one(n);
		client_turn();
		server_turn();
	}
	return f.established == f.n && f.errors == 0 ? 0 : -EIO;
}

static void say(const char *what, const struct result *r)
{
	printf("%-8s %9.0f requests/s  %5u of %5u new clients connected, p50 %.1f ms, p99 %.1f ms  half open %6lu  paths %6lu  packet buffers "
	       "%6lu  SYNs %8lu answered or dropped by the stack, %8lu by the full ring (%lu requests)  by cookie %lu\n",
	       what, (double)r->answered * 1e9 / (double)r->took_ns, r->fresh_ok, r->fresh, (double)hist_quantile(&r->fresh_hist, .5) / 1e6,
	       (double)hist_quantile(&r->fresh_hist, .99) / 1e6, r->synrcvd, r->paths, r->mbufs, r->flood_in, r->flood_lost, r->legit_lost,
	       r->cookies);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Calm and flood in turn, so that other programs of the machine meet both alike: the median of what each flood leaves of the
 * calm around it. */
static double rounds(double seconds, uint64_t pps)
{
	double ratio[ROUNDS_MAX], before = phase(&f.calm, seconds / f.rounds, 0);

	for (unsigned i = 0; i < f.rounds; i++) {
		double during = phase(&f.flood, seconds / f.rounds, pps), after = phase(&f.calm, seconds / f.rounds, 0);

		ratio[i] = 2 * during / (before + after);
		before = after;
	}
	qsort(ratio, f.rounds, sizeof(ratio[0]), by_size);
	return ratio[f.rounds / 2];
}

static int flood_run(uint32_t conns, double seconds, double gbit, double least)
{
	uint64_t pps = (uint64_t)(gbit * 1e9 / MIN_FRAME_BITS);
	static struct result warm;
	double ratio;
	bool ok;

	f.n = conns;
	f.concurrency = conns < CONCURRENCY ? conns : CONCURRENCY;
	f.fd = calloc(conns, sizeof(f.fd[0]));
	if (f.fd == NULL || make(conns) != 0 || server_listen() != 0 || connect_all() != 0) {
		fprintf(stderr, "flood: the connections did not come about\n");
		return 1;
	}
	for (uint32_t i = 0; i < f.concurrency; i++) {
		sock_enter(&f.side[CLIENT].env);
		ask(prng_below(&f.prng, f.n));
	}
	phase(&warm, seconds / 4, 0);
	ratio = rounds(seconds, pps);
	printf("SYN flood: %u established connections, %.1f Gbit/s of SYNs (%.2f M/s) for %u times %.2f s of the server's core\n", conns, gbit,
	       (double)pps / 1e6, f.rounds, seconds / f.rounds);
	say("calm", &f.calm);
	say("flood", &f.flood);
	ok = ratio >= least && f.flood.fresh_ok == f.flood.fresh && f.errors == 0;
	printf("ratio %.3f (at least %.2f), %u of %u new clients, %lu errors, %lu turns interrupted: %s\n", ratio, least, f.flood.fresh_ok,
	       f.flood.fresh, f.errors, f.interrupted, ok ? "ok" : "NOT OK");
	return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
	uint32_t conns = 100000;
	double seconds = 2, gbit = 1, least = 0.8;

	f.rounds = 8;
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--connections") == 0)
			conns = (uint32_t)strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--seconds") == 0)
			seconds = strtod(argv[i + 1], NULL);
		else if (strcmp(argv[i], "--gbit") == 0)
			gbit = strtod(argv[i + 1], NULL);
		else if (strcmp(argv[i], "--rounds") == 0)
			f.rounds = (uint32_t)strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--sources") == 0) /* of the flood: 0, the usual: all different */
			f.sources = (uint32_t)strtoul(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--least") == 0)
			least = strtod(argv[i + 1], NULL);
		else
			conns = 0;
	}
	if (argc % 2 == 0 || conns == 0 || seconds <= 0 || gbit < 0 || f.rounds == 0 || f.rounds > ROUNDS_MAX) {
		fprintf(stderr, "usage: %s [--connections N] [--seconds S] [--gbit RATE] [--rounds N] [--sources N] [--least RATIO]\n", argv[0]);
		return 2;
	}
	if (eal_for_test(1024) != 0)
		return 1;
	return flood_run(conns, seconds, gbit, least);
}
