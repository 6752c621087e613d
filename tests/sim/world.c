/* world.c: the world's set-up, and its clock. */
#include "world.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ip.h>
#include <rte_mempool.h>

#include "actor.h"
#include "check.h"
#include "drivers/drivers.h"
#include "habits.h"

#define SERVER_IP RTE_IPV4(10, 9, 0, 1)
#define CLIENT_IP RTE_IPV4(10, 9, 0, 2)
#define SERVER_PORT 4242
#define MBUFS 32768
#define DEADLINE_NS (3600ull * 1000000000) /* of virtual time, for every connection to end */
#define STEPS_MAX 40000000ull

static struct rte_mempool *pools[2];

int world_setup(void)
{
	pools[0] = drivers_mbuf_pool("sim_a", MBUFS, -1);
	pools[1] = drivers_mbuf_pool("sim_b", MBUFS, -1);
	return pools[0] != NULL && pools[1] != NULL ? 0 : -ENOMEM;
}

void world_teardown(void)
{
	rte_mempool_free(pools[0]);
	rte_mempool_free(pools[1]);
}

static struct sim_link random_link(struct prng *r)
{
	struct sim_link l = {0};

	if (prng_below(r, 4) == 0)
		return l; /* a perfect one now and then */
	l.delay_ns = prng_below(r, 100) * 1000000ull;
	l.jitter_ns = prng_below(r, 3) == 0 ? prng_below(r, 10000000) : 0;
	l.loss = sim_prob(prng_below(r, 50) / 1000.0);
	l.duplicate = sim_prob(prng_below(r, 30) / 1000.0);
	l.corrupt = sim_prob(prng_below(r, 10) / 1000.0);
	l.reorder = sim_prob(prng_below(r, 100) / 1000.0);
	l.rate_bps = prng_below(r, 2) == 0 ? 1000000ull << prng_below(r, 12) : 0;
	return l;
}

/* Every third world speaks IPv6. */
static bool is_ip6(const struct world *w) { return w->seed % 3 == 1; }
static const struct ip6_addr client_ip6 = {{0xfd, [15] = 2}}, server_ip6 = {{0xfd, [15] = 1}};

static struct stack *stack_make(struct world *w, int side, const struct eport_space *eports)
{
	struct stack *s = aligned_alloc(64, RTE_CACHE_LINE_ROUNDUP(sizeof(struct stack)));
	struct port *port = w->capture != NULL ? &w->capture[side].port : w->has_router ? &w->router[side].port : w->port[side];
	struct stack_config cfg = {
		.ports = &port, .n_ports = 1, .pool = pools[side], .eports = eports, .max_conns = 256,
		.port_lo = 1024, .port_hi = 65535, .seed = w->seed * 2 + (unsigned)side + 1, .now_ns = w->now_ns,
		.numa_node = -1, .gro = w->seed % 3 == 0, .congestion = (uint8_t)(w->seed / 3 % TCP_CC_IDS),
		.ecn = (uint8_t)(w->seed / 12 % TCP_ECN_MODES),
	};

	habits_of_stack(w, side, &cfg);
	if (s == NULL || stack_init(s, &cfg) != 0)
		return NULL;
	net_addr_add(&s->net, rte_cpu_to_be_32(side == 0 ? CLIENT_IP : SERVER_IP), 24);
	if (is_ip6(w))
		net_addr6_add_on(&s->net, 0, side == 0 ? &client_ip6 : &server_ip6, 64);
	return s;
}

static void actors_make(struct world *w)
{
	w->n_conns = 1 + prng_below(&w->prng, WORLD_CONNS_MAX);
	for (unsigned i = 0; i < w->n_conns; i++) {
		struct actor *c = &w->client[i], *s = &w->server[i];

		*c = (struct actor){.s = w->stack[0], .peer = s, .stream = w->seed << 20 | i << 1};
		*s = (struct actor){.s = w->stack[1], .peer = c, .stream = w->seed << 20 | i << 1 | 1};
		c->tx_total = prng_below(&w->prng, 4) == 0 ? 0 : prng_below(&w->prng, 300000);
		s->tx_total = prng_below(&w->prng, 4) == 0 ? 0 : prng_below(&w->prng, 300000);
		c->abort_after = prng_below(&w->prng, 16) == 0 ? prng_below(&w->prng, 100000) : UINT64_MAX;
		s->abort_after = prng_below(&w->prng, 16) == 0 ? prng_below(&w->prng, 100000) : UINT64_MAX;
		c->wake_ns = habits_start_ns(w, i);
	}
}

static void client_start(struct world *w, struct actor *c)
{
	struct tcp *t = &w->stack[0]->tcp;

	c->started = true;
	actor_take(c, tcp_new(t));
	habits_take(w, w->stack[0], c->p);
	habits_open_fast(w, c);
	if (is_ip6(w) ? tcp_connect6(t, c->p, &server_ip6, 0, rte_cpu_to_be_16(SERVER_PORT)) :
			tcp_connect(t, c->p, rte_cpu_to_be_32(SERVER_IP), rte_cpu_to_be_16(SERVER_PORT)))
		WORLD_FAIL(w, "connect() did not start");
}

static void world_accept(struct world *w)
{
	struct tcp_pcb *p;

	while ((p = tcp_accept(&w->stack[1]->tcp, &w->listener->c)) != NULL) {
		unsigned i = 0;

		while (i < w->n_conns && (w->client[i].p == NULL || w->server[i].p != NULL || w->server[i].end != ACTOR_RUNNING ||
					  w->client[i].p->c.h.key.lport_be != p->c.h.key.rport_be))
			i++;
		if (i < w->n_conns)
			actor_take(&w->server[i], p);
		else /* its client has left already */
			tcp_close(&w->stack[1]->tcp, p);
	}
}

static bool world_step(struct world *w)
{
	bool busy = false, running = false;

	for (int i = 0; i < 2; i++)
		busy |= stack_poll(w->stack[i], w->now_ns) != 0;
	world_accept(w);
	for (unsigned i = 0; i < w->n_conns; i++) {
		if (!w->client[i].started && w->now_ns >= w->client[i].wake_ns)
			client_start(w, &w->client[i]);
		busy |= actor_turn(w, &w->client[i]);
		busy |= actor_turn(w, &w->server[i]);
		check_connection(w, &w->client[i], &w->server[i]);
		running |= !w->client[i].started || w->client[i].p != NULL || w->server[i].p != NULL;
	}
	check_stack(w, w->stack[0]);
	check_stack(w, w->stack[1]);
	w->steps++;
	w->now_ns += busy ? 1000 : 0;
	return running;
}

/* Nothing happens before the next packet, timer or application; go there at once. */
static void world_sleep(struct world *w)
{
	uint64_t next = UINT64_MAX;

	for (int i = 0; i < 2; i++) {
		next = RTE_MIN(next, stack_next_ns(w->stack[i]));
		next = RTE_MIN(next, sim_next_ns(w->port[i]));
	}
	for (unsigned i = 0; i < w->n_conns; i++) {
		if ((w->client[i].p != NULL || !w->client[i].started) && w->client[i].wake_ns > w->now_ns)
			next = RTE_MIN(next, w->client[i].wake_ns);
		if (w->server[i].p != NULL && w->server[i].wake_ns > w->now_ns)
			next = RTE_MIN(next, w->server[i].wake_ns);
	}
	if (next == UINT64_MAX)
		next = w->now_ns + 1000000000;
	w->now_ns = RTE_MAX(next, w->now_ns + 1000);
}

static void stack_seen(uint64_t seen[WORLD_SEEN_N], const struct stack *s)
{
	const struct tcp_stats *st = &s->tcp.stats;

	seen[SEEN_RTOS] += st->rtos;
	seen[SEEN_TLPS] += st->tlp_probes;
	seen[SEEN_UNDONE] += st->undone;
	seen[SEEN_CE] += st->ecn_ce;
	seen[SEEN_ECN] += st->ecn_reductions;
	seen[SEEN_COOKIES] += st->cookies_received;
	seen[SEEN_FASTOPEN] += st->fastopen_passive;
	seen[SEEN_HOLES] += st->mtu_holes;
	seen[SEEN_JOINED] += s->gro_joined;
	seen[SEEN_NO_SACK] += (s->tcp.without & TCP_NO_SACK) != 0;
	seen[SEEN_NO_TS] += (s->tcp.without & TCP_NO_TIMESTAMPS) != 0;
	seen[SEEN_BAD_CKSUM] += s->drops.n[DROP_TCP_CKSUM];
}

static void world_unmake(struct world *w)
{
	w->seen[SEEN_IP6] = is_ip6(w);
	for (int i = 0; i < 2; i++) {
		stack_seen(w->seen, w->stack[i]);
		w->seen[SEEN_TOO_LARGE] += w->router[i].too_large;
		stack_fini(w->stack[i]);
		free(w->stack[i]);
		if (w->has_router)
			router_close(&w->router[i]);
	}
	w->port[0]->ops->close(w->port[0]);
	w->port[1]->ops->close(w->port[1]);
	if (rte_mempool_in_use_count(pools[0]) + rte_mempool_in_use_count(pools[1]) != 0)
		WORLD_FAIL(w, "%u and %u mbufs leaked", rte_mempool_in_use_count(pools[0]),
			   rte_mempool_in_use_count(pools[1]));
}

static bool world_make(struct world *w, struct eport_space **eports)
{
	static const uint16_t mtus[] = {1500, 1500, 1500, 1280, 576 /* IPv4 only */};
	struct sim_config sc = {.n_queues = {1, 1}, .seed = w->seed, .mtu = mtus[prng_below(&w->prng, is_ip6(w) ? 4 : RTE_DIM(mtus))]};

	sc.link[0] = random_link(&w->prng);
	sc.link[1] = random_link(&w->prng);
	sc.offloads = prng_below(&w->prng, 2) == 0 ? 0 :
		      PORT_TX_IP4_CKSUM | PORT_TX_TCP_CKSUM | PORT_TX_UDP_CKSUM | PORT_RX_CKSUM | PORT_RX_HASH;
	if (w->offloads != NULL)
		sc.offloads = *w->offloads;
	if (sim_open(&sc, w->port) != 0)
		return false;
	for (int i = 0; i < 2 && w->capture != NULL; i++)
		capture_open(&w->capture[i], w->port[i]);
	w->has_router = w->capture == NULL && prng_below(&w->whims, 2) == 0;
	for (unsigned i = 0; i < 2 && w->has_router; i++)
		router_open(&w->router[i], w->port[i], pools[i], w->seed * 2 + i);
	w->port[0]->ops->start(w->port[0], &pools[0]);
	w->port[1]->ops->start(w->port[1], &pools[1]);
	*eports = eport_space_new(&w->port[0]->rss, 1024, 65535);
	w->stack[0] = stack_make(w, 0, *eports);
	w->stack[1] = stack_make(w, 1, *eports);
	if (w->stack[0] == NULL || w->stack[1] == NULL)
		return false;
	check_begin(w);
	w->listener = tcp_new(&w->stack[1]->tcp);
	habits_take(w, w->stack[1], w->listener);
	w->listener->c.more |= CONN_MORE_IP6; /* for both families */
	return tcp_bind(&w->stack[1]->tcp, w->listener, 0, rte_cpu_to_be_16(SERVER_PORT)) == 0 &&
	       tcp_listen(&w->stack[1]->tcp, w->listener, WORLD_CONNS_MAX) == 0;
}

/* The weather changes, and routes do. */
static void world_change(struct world *w)
{
	if (prng_below(&w->prng, 20000) == 0) {
		struct sim_link l = random_link(&w->prng);

		sim_set_link(w->port[0], (int)prng_below(&w->prng, 2), &l);
	}
	if (w->has_router && prng_below(&w->whims, 2000) == 0) {
		unsigned side = prng_below(&w->whims, 2);

		habits_of_router(w, w->stack[side], &w->router[side], is_ip6(w));
	}
}

static void router_straighten(struct router *r)
{
	r->mtu = 0;
	r->mark = 0;
}

/* A client that gave up (reset) before its connection was accepted leaves a server actor without connection. */
static void forget_unaccepted(struct world *w)
{
	for (unsigned i = 0; i < w->n_conns; i++)
		if (w->client[i].end == ACTOR_ABORTED && w->server[i].p == NULL)
			w->server[i].end = ACTOR_RESET_BY_PEER;
}

bool world_run(struct world *w, uint64_t seed)
{
	struct eport_space *eports = NULL;
	struct sim_link perfect = {0};
	bool running = true;

	memset(w, 0, offsetof(struct world, offloads));
	w->seed = seed;
	w->now_ns = 1000000000;
	prng_seed(&w->prng, seed);
	prng_seed(&w->whims, ~seed);
	if (!world_make(w, &eports)) {
		WORLD_FAIL(w, "the world could not be made");
		return false;
	}
	actors_make(w);
	while (running && w->failure[0] == '\0') {
		uint64_t before = w->now_ns;

		running = world_step(w);
		if (running && w->now_ns == before)
			world_sleep(w);
		if (w->now_ns > DEADLINE_NS || w->steps > STEPS_MAX)
			WORLD_FAIL(w, "not ended after %lu s of virtual time and %lu steps", w->now_ns / 1000000000, w->steps);
		world_change(w);
	}
	/* Both applications have left. What remains must end by itself: retransmissions, FIN-WAIT-2, TIME-WAIT. */
	sim_set_link(w->port[0], 0, &perfect);
	sim_set_link(w->port[0], 1, &perfect);
	router_straighten(&w->router[0]);
	router_straighten(&w->router[1]);
	if (w->failure[0] == '\0') {
		uint64_t end = w->now_ns + 1200ull * 1000000000;

		tcp_close(&w->stack[1]->tcp, w->listener);
		while (w->now_ns < end) {
			uint64_t before = w->now_ns;

			world_step(w);
			if (w->now_ns == before)
				world_sleep(w);
			if (w->stack[0]->flow.pool[FLOW_CONN].used + w->stack[1]->flow.pool[FLOW_CONN].used +
				    w->stack[0]->flow.tcp.used + w->stack[1]->flow.tcp.used == 0)
				break;
		}
		forget_unaccepted(w);
		check_end(w);
	}
	world_unmake(w);
	eport_space_free(eports);
	return w->failure[0] == '\0';
}
