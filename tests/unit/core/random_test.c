/* random_test.c: random sequences of listening, connecting, talking and closing on stacks that share ports. Every seed is
 * another world: numbers of stacks and queues, loss, the order of turns. A failure names its seed; --seed N runs it alone. */
#include "cores.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mail.h"
#include "flow/away.h"

#define SEEDS 40
#define STEPS 2000
#define LISTENERS 4
#define CLIENTS 40
#define SERVERS 80
#define TURNS_MAX 1000000 /* of a world: an ordinary one takes some ten thousand */

struct client {
	int fd;
	unsigned core;
	uint8_t sent, got; /* bytes count up from 1 */
};

static struct {
	struct prng r;
	struct { int fd; unsigned core; } l[LISTENERS];
	struct client c[CLIENTS];
	struct { int fd; unsigned core; } s[SERVERS];
	uint64_t turns;
	uint64_t connected, accepted, echoed, denied;
} w;

static uint64_t seed_now, seed_only;

static uint32_t rnd(uint32_t n) { return prng_below(&w.r, n); }

static void go(int end) { on(end, rnd(cores.cfg.n[end])); }

/* ---- what may happen ---- */

/* In half of the worlds sockets are of one family or the other: listeners for :: serve both. */
static void choose_family(void) { cores.ip6 = cores.cfg.ip6 && rnd(2); }

static void do_listen(void)
{
	unsigned i = rnd(LISTENERS), core = rnd(cores.cfg.n[FAR]);
	int fd;

	if (w.l[i].fd != 0 && rnd(4) > 0)
		return;
	if (w.l[i].fd != 0) {
		on(FAR, w.l[i].core);
		assert_int_equal(spate_sys_close(w.l[i].fd), 0);
		w.l[i].fd = 0;
		return;
	}
	on(FAR, core);
	choose_family();
	fd = cores_stream(SOCK_NONBLOCK);
	if (rnd(2))
		cores_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (cores_bind(fd, rnd(2) ? CORES_FAR_IP : "0.0.0.0", (uint16_t)(80 + rnd(2))) < 0 || spate_sys_listen(fd, 20) < 0) {
		assert_int_equal(spate_sys_close(fd), 0);
		return;
	}
	w.l[i].fd = fd;
	w.l[i].core = core;
}

/* Through any stack of the end: that makes twins. */
static void do_accept(void)
{
	unsigned i = rnd(LISTENERS), core = rnd(cores.cfg.n[FAR]);
	int fd;

	if (w.l[i].fd == 0)
		return;
	on(FAR, core);
	for (unsigned k = 0; k < SERVERS; k++) {
		if (w.s[k].fd != 0)
			continue;
		fd = cores_accept(w.l[i].fd);
		if (fd < 0) {
			assert_int_equal(fd, -EAGAIN);
			return;
		}
		w.s[k].fd = fd;
		w.s[k].core = core;
		w.accepted++;
	}
}

static void do_give_up_twin(void)
{
	unsigned i = rnd(LISTENERS), core = rnd(cores.cfg.n[FAR]);

	if (w.l[i].fd == 0 || w.l[i].core == core)
		return;
	on(FAR, core);
	assert_int_equal(spate_sys_close(w.l[i].fd), 0);
}

static void close_client(struct client *c)
{
	on(NEAR, c->core);
	w.denied += cores_so_error(c->fd) == EADDRNOTAVAIL;
	assert_int_equal(spate_sys_close(c->fd), 0);
	memset(c, 0, sizeof(*c));
}

static void do_connect(void)
{
	struct client *c = &w.c[rnd(CLIENTS)];
	int rc;

	if (c->fd != 0) {
		if (rnd(3) == 0)
			close_client(c);
		return;
	}
	c->core = rnd(cores.cfg.n[NEAR]);
	on(NEAR, c->core);
	choose_family();
	c->fd = cores_stream(SOCK_NONBLOCK);
	if (rnd(2)) { /* few ports: tuples meet */
		cores_option(c->fd, SOL_SOCKET, SO_REUSEADDR, 1);
		if (cores_bind(c->fd, CORES_NEAR_IP, (uint16_t)(5000 + rnd(12))) < 0) {
			close_client(c);
			return;
		}
	}
	rc = cores_connect(c->fd, CORES_FAR_IP, (uint16_t)(80 + rnd(2)));
	assert_true(rc == -EINPROGRESS || rc == -EADDRNOTAVAIL);
	w.connected += rc == -EINPROGRESS;
	if (rc != -EINPROGRESS)
		close_client(c);
}

static void do_talk(void)
{
	struct client *c = &w.c[rnd(CLIENTS)];
	uint8_t byte;
	ssize_t n;

	if (c->fd == 0)
		return;
	on(NEAR, c->core);
	byte = (uint8_t)(c->sent + 1);
	if (c->sent < 200 && spate_sys_sendto(c->fd, &byte, 1, 0, NULL, 0) == 1)
		c->sent++;
	while ((n = spate_sys_recvfrom(c->fd, &byte, 1, 0, NULL, NULL)) == 1) {
		assert_int_equal(byte, ++c->got);
		assert_true(c->got <= c->sent);
		w.echoed++;
	}
}

static void do_serve(void)
{
	for (unsigned k = 0; k < SERVERS; k++) {
		uint8_t b[64];
		ssize_t n;

		if (w.s[k].fd == 0)
			continue;
		on(FAR, w.s[k].core);
		n = spate_sys_recvfrom(w.s[k].fd, b, sizeof(b), 0, NULL, NULL);
		if (n > 0)
			spate_sys_sendto(w.s[k].fd, b, (size_t)n, 0, NULL, 0);
		if (n == 0 || (n < 0 && n != -EAGAIN) || rnd(200) == 0) {
			assert_int_equal(spate_sys_close(w.s[k].fd), 0);
			w.s[k].fd = 0;
		}
	}
}

/* ---- what must hold ---- */

/* A key of from as to has it: with its own numbers of IPv6 addresses. */
static struct flow_key key_at(const struct flow *to, const struct flow *from, const struct flow_key *key)
{
	struct flow_key k = *key;

	if (flow_addr_is6(key->raddr_be)) {
		k.laddr_be = addr6_find(&to->addr6s, &addr6_at(&from->addr6s, key->laddr_be)->addr, 0);
		k.raddr_be = addr6_find(&to->addr6s, &addr6_at(&from->addr6s, key->raddr_be)->addr, 0);
	}
	return k;
}

/* The home of every connection knows where it is; whatever a home keeps for others is home. */
static void check_one(int end, unsigned core)
{
	struct stack *s = cores.stack[end][core];
	const struct pool *conns = &s->flow.pool[FLOW_CONN];

	for (uint32_t i = 1; i < conns->fresh; i++) {
		struct conn *c = conn_at(&s->flow, ref_make(FLOW_CONN, i));
		struct tcp_pcb *p = (struct tcp_pcb *)c;
		const struct flow_away *a;
		struct flow_key key;
		struct flow *home;

		if (c->type != CONN_TCP || !(c->flags & CONN_IN_TABLE) || !flow_elsewhere(&s->flow, c->h.hash))
			continue;
		if (p->state == TCP_SYN_SENT && (p->tflags & TF_CLAIMING))
			continue;
		home = &cores.stack[end][flow_home(&s->flow, c->h.hash)]->flow;
		key = key_at(home, &s->flow, &c->h.key);
		a = flow_away_find(home, &home->tcp, c->h.hash, &key);
		if (a == NULL || a->stack != core)
			fail_msg("seed %lu: end %d core %u: a connection in state %u that its home does not know", seed_now, end, core,
				 p->state);
	}
}

/* Until nobody has any: what has been told is known. */
static void read_mail(void)
{
	uint32_t n;

	do {
		n = 0;
		for (int e = 0; e < 2; e++)
			for (unsigned i = 0; i < cores.cfg.n[e]; i++)
				n += mail_poll(cores.stack[e][i]);
	} while (n > 0);
}

static void check_all(void)
{
	read_mail();
	for (int e = 0; e < 2; e++) {
		for (unsigned i = 0; i < cores.cfg.n[e]; i++) {
			check_one(e, i);
			assert_int_equal(cores.stack[e][i]->mail.dropped, 0);
		}
	}
}

static void print_flow(int end, unsigned core, const char *kind, const struct flow_head *h, unsigned state, uint32_t snd_una,
		       uint32_t snd_nxt, uint32_t rcv_nxt)
{
	print_message("end %d core %u %s %u: port %u to %u, una %u nxt %u rcv %u, home %u\n", end, core, kind, state,
		      rte_be_to_cpu_16(h->key.lport_be), rte_be_to_cpu_16(h->key.rport_be), snd_una, snd_nxt, rcv_nxt,
		      flow_home(&cores.stack[end][core]->flow, h->hash));
}

static void print_flows(int end, unsigned core)
{
	struct stack *s = cores.stack[end][core];

	for (uint32_t i = 1; i < s->flow.pool[FLOW_CONN].fresh; i++) {
		struct tcp_pcb *p = (struct tcp_pcb *)conn_at(&s->flow, ref_make(FLOW_CONN, i));

		if (p->c.type == CONN_TCP && p->state != TCP_CLOSED)
			print_flow(end, core, "state", &p->c.h, p->state, p->snd_una, p->snd_nxt, p->rcv_nxt);
	}
	for (uint32_t i = s->tcp.tw_head; i != 0;) {
		struct tcp_timewait *tw = pool_at(&s->flow.pool[FLOW_TIMEWAIT], i);

		print_flow(end, core, "TIME-WAIT", &tw->h, 0, 0, tw->snd_nxt, tw->rcv_nxt);
		i = tw->next;
	}
}

/* Nobody speaks for ever: two stacks that answer each other's answers would. */
static void no_storm(void)
{
	if (w.turns++ < TURNS_MAX)
		return;
	for (int e = 0; e < 2; e++)
		for (unsigned i = 0; i < cores.cfg.n[e]; i++)
			print_flows(e, i);
	fail_msg("seed %lu: no end of packets", seed_now);
}

static void close_everything(void)
{
	for (unsigned i = 0; i < LISTENERS; i++) {
		on(FAR, w.l[i].core);
		if (w.l[i].fd != 0)
			assert_int_equal(spate_sys_close(w.l[i].fd), 0);
	}
	for (unsigned i = 0; i < CLIENTS; i++)
		if (w.c[i].fd != 0)
			close_client(&w.c[i]);
	for (unsigned i = 0; i < SERVERS; i++) {
		on(FAR, w.s[i].core);
		if (w.s[i].fd != 0)
			assert_int_equal(spate_sys_close(w.s[i].fd), 0);
	}
	cores_run_ms(1000000);
	cores_assert_clean();
}

static void world_make(uint64_t seed)
{
	struct cores_config c = {.seed = seed, .ip6 = seed % 2 == 0, .shuffle = true, .max_conns = 1024, .mbufs = 2047};

	memset(&w, 0, sizeof(w));
	prng_seed(&w.r, seed * 7919);
	for (int e = 0; e < 2; e++) {
		c.n[e] = (uint16_t)(1 + rnd(5));
		c.queues[e] = (uint16_t)(rnd(3) == 0 ? 1 + rnd(c.n[e]) : 0);
		if (rnd(2))
			c.sim.link[e] = (struct sim_link){.loss = sim_prob(0.02), .delay_ns = 50000, .jitter_ns = 50000,
							  .reorder = sim_prob(0.02), .duplicate = sim_prob(0.02)};
	}
	if (rnd(2))
		c.sim.offloads = PORT_RX_HASH | PORT_RX_CKSUM;
	cores_make(&c);
	cores.every_turn = no_storm;
}

static void one_seed(uint64_t seed, uint64_t total[4])
{
	static void (*const what[])(void) = {do_listen, do_accept, do_accept, do_give_up_twin, do_connect, do_connect,
					     do_connect, do_talk, do_talk, do_talk, do_serve, do_serve};

	seed_now = seed;
	world_make(seed);
	for (int i = 0; i < STEPS; i++) {
		go(NEAR);
		what[rnd(sizeof(what) / sizeof(what[0]))]();
		if (rnd(2))
			cores_turn();
		else if (rnd(100) == 0)
			cores_run_ms(rnd(30000));
		else if (rnd(3) == 0)
			cores_run_ms(rnd(4));
		if (i % 16 == 0)
			check_all();
	}
	close_everything();
	total[0] += w.connected;
	total[1] += w.accepted;
	total[2] += w.echoed;
	total[3] += w.denied;
	cores_end(NULL);
}

static void random_sequences(void **state)
{
	uint64_t total[4] = {0};

	(void)state;
	for (uint64_t seed = seed_only != 0 ? seed_only : 1; seed <= (seed_only != 0 ? seed_only : SEEDS); seed++)
		one_seed(seed, total);
	print_message("%lu connects, %lu accepted, %lu bytes echoed, %lu denied\n", total[0], total[1], total[2], total[3]);
	for (int i = 0; i < 4 && seed_only == 0; i++)
		assert_true(total[i] > SEEDS);
}

static int say_seed(void **state)
{
	(void)state;
	print_message("last seed: %lu\n", seed_now);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(random_sequences, say_seed),
	};

	if (argc == 3 && strcmp(argv[1], "--seed") == 0)
		seed_only = strtoull(argv[2], NULL, 10);
	return cmocka_run_group_tests_name("core_random", tests, cores_eal, NULL);
}
