/* fuzz_test.c: random segments, some nearly right, at random sockets with a random application, from a seed. Nothing may
 * assert, every connection keeps its invariants, and in the end nothing is left (world_teardown). TCP_FUZZ_SEED=n runs
 * one seed alone. */
#include <stdio.h>
#include <stdlib.h>

#include "flight_check.h"
#include "world.h"

#define SEEDS 40
#define STEPS 3000
#define SOCKS 8

struct fuzz {
	struct world *w;
	struct prng prng;
	struct tcp_pcb *listener;
	struct tcp_pcb *sock[SOCKS];
};

static uint32_t below(struct fuzz *f, uint32_t n) { return prng_below(&f->prng, n); }

/* A number near x, on either side, sometimes far. */
static uint32_t near(struct fuzz *f, uint32_t x)
{
	switch (below(f, 8)) {
	case 0: return x + below(f, 3000);
	case 1: return x - below(f, 3000);
	case 2: return x + 65535 + below(f, 3) - 1;
	case 3: return prng_u32(&f->prng);
	default: return x;
	}
}

static uint8_t random_flags(struct fuzz *f)
{
	static const uint8_t usual[] = {ACK, ACK, ACK, ACK | PSH, ACK | FIN, SYN, SYN | ACK, RST, RST | ACK};

	if (below(f, 30) == 0)
		return (uint8_t)below(f, 256);
	return usual[below(f, below(f, 4) == 0 ? sizeof(usual) : 4)];
}

static void random_options(struct fuzz *f, struct seg *s)
{
	if (below(f, 4) == 0) {
		s->o.has_ts = true;
		s->o.tsval = below(f, 5) == 0 ? prng_u32(&f->prng) : f->w->peer_ts++;
		s->o.tsecr = f->w->h.clock.now_ms;
	}
	s->o.sack_ok = (s->flags & SYN) && below(f, 2) == 0;
	if ((s->flags & SYN) && below(f, 2) == 0) {
		s->o.has_mss = true;
		s->o.mss = (uint16_t)below(f, below(f, 2) == 0 ? 100 : 65536);
		s->o.has_wscale = true;
		s->o.wscale = (uint8_t)below(f, 256);
	}
}

/* SACK blocks, most of what is in flight; among them empty, inverted and wrapped ones. */
static void random_blocks(struct fuzz *f, const struct tcp_pcb *p, struct seg *s)
{
	s->o.n_sack = (uint8_t)below(f, s->o.has_ts ? 4 : 5);
	for (unsigned i = 0; i < s->o.n_sack; i++) {
		uint32_t flight = p->snd_nxt - p->snd_una;

		s->o.sack[i].left = below(f, 8) == 0 ? near(f, p->snd_una) : p->snd_una + below(f, flight + 2);
		s->o.sack[i].right = below(f, 8) == 0 ? near(f, p->snd_nxt) : s->o.sack[i].left + below(f, 4000);
	}
}

/* A segment for one of the sockets, or for a tuple that has (had) one, or for the listener. */
static void random_segment(struct fuzz *f)
{
	const struct tcp_pcb *p = f->sock[below(f, SOCKS)];
	struct world *w = f->w;
	struct seg s = {.flags = random_flags(f), .len = below(f, 3) == 0 ? below(f, 1400) : 0,
			.wnd = (uint16_t)(below(f, 4) == 0 ? below(f, 3000) : below(f, 65536))};

	random_options(f, &s);
	w->lport = PORT;
	w->rport = (uint16_t)(CPORT + below(f, 4));
	s.seq = 1000 + below(f, 3);
	s.ack = prng_u32(&f->prng);
	if (p != NULL && p->state != TCP_CLOSED && below(f, 10) != 0) {
		w->lport = rte_be_to_cpu_16(p->c.h.key.lport_be);
		w->rport = rte_be_to_cpu_16(p->c.h.key.rport_be);
		s.seq = near(f, p->rcv_nxt);
		s.ack = near(f, below(f, 2) == 0 ? p->snd_nxt : p->snd_una);
		if (below(f, 2) == 0 && !(s.flags & SYN))
			random_blocks(f, p, &s);
		if ((p->tflags & TF_TS) && below(f, 10) != 0) {
			s.o.has_ts = true;
			s.o.tsval = p->ts_recent + below(f, 2);
		}
	}
	w->rx_split = below(f, 10) == 0 ? 1 + below(f, 500) : 0;
	in_seg_held(w, &s);
	w->rx_split = 0;
}

/* Finishes handshakes of half-open connections, which random numbers hardly would. */
static void finish_handshake(struct fuzz *f)
{
	struct pool *pool = &f->w->h.flow.pool[FLOW_SYNRCVD];

	for (uint32_t i = 1; i < pool->fresh; i++) {
		const struct tcp_synrcvd *sr = pool_at(pool, i);
		struct seg s = {.flags = ACK, .seq = sr->irs + 1, .ack = sr->iss + 1, .wnd = 10000};

		if (!wheel_armed(&sr->h.timer))
			continue;
		f->w->lport = rte_be_to_cpu_16(sr->h.key.lport_be);
		f->w->rport = rte_be_to_cpu_16(sr->h.key.rport_be);
		s.o = (struct tcp_opts){.has_ts = sr->ts, .tsval = sr->ts_recent};
		in_seg_held(f->w, &s);
		return;
	}
}

static void random_icmp(struct fuzz *f)
{
	const struct tcp_pcb *p = f->sock[below(f, SOCKS)];

	if (p == NULL || p->state == TCP_CLOSED)
		return;
	f->w->lport = rte_be_to_cpu_16(p->c.h.key.lport_be);
	f->w->rport = rte_be_to_cpu_16(p->c.h.key.rport_be);
	in_icmp(f->w, below(f, 2) == 0 ? 3 : 11, (uint8_t)below(f, 17), (uint16_t)below(f, 2000), near(f, p->snd_una));
}

static void random_open(struct fuzz *f, unsigned i)
{
	struct tcp *t = f->w->t;

	if (below(f, 2) == 0 && f->listener != NULL) {
		f->sock[i] = tcp_accept(t, &f->listener->c);
	} else {
		f->sock[i] = tcp_new(t);
		if (f->sock[i] != NULL)
			tcp_connect(t, f->sock[i], PEER, rte_cpu_to_be_16((uint16_t)(PORT + below(f, 3))));
	}
}

static void random_app(struct fuzz *f)
{
	unsigned i = below(f, SOCKS);
	struct tcp_pcb *p = f->sock[i];
	struct tcp *t = f->w->t;
	static uint8_t b[20000];
	struct iovec iov = {.iov_base = b, .iov_len = below(f, sizeof(b))};
	const int opt[] = {1, 3, 12};

	if (p == NULL) {
		random_open(f, i);
		return;
	}
	switch (below(f, 12)) {
	case 0: case 1: case 2: case 3:
		tcp_send(t, p, &iov, 1, below(f, 5) == 0 ? MSG_MORE : below(f, 5) == 0 ? MSG_EOR : 0);
		break;
	case 4: case 5: case 6: tcp_recv(t, p, &iov, 1, below(f, 5) == 0 ? MSG_PEEK : 0); break;
	case 7: app_opt(f->w, p, IPPROTO_TCP, opt[below(f, 3)], (int)below(f, 2)); break;
	case 8: app_opt(f->w, p, SOL_SOCKET, below(f, 2) == 0 ? SO_RCVBUF : SO_SNDBUF, (int)below(f, 60000)); break;
	case 9:
		if (below(f, 4) == 0)
			tcp_shutdown(t, p, (int)below(f, 3));
		break;
	case 10:
		if (below(f, 6) == 0)
			tcp_disconnect(t, p);
		break;
	default:
		if (below(f, 6) == 0) {
			tcp_close(t, p);
			f->sock[i] = NULL;
		}
		break;
	}
}

static void check(const struct fuzz *f)
{
	for (unsigned i = 0; i < SOCKS; i++) {
		const struct tcp_pcb *p = f->sock[i];

		if (p == NULL)
			continue;
		assert_int_equal(p->c.type, CONN_TCP);
		assert_null(pcb_check(f->w->t, p));
	}
}

static void run_seed(struct world *w, uint64_t seed)
{
	struct fuzz f = {.w = w};

	prng_seed(&f.prng, seed);
	w->peer_iss = w->our_iss = 0;
	w->know_iss = true;
	f.listener = app_listen(w, 3);
	for (unsigned n = 0; n < STEPS; n++) {
		switch (below(&f, 16)) {
		case 0: case 1: case 2: random_app(&f); break;
		case 3: finish_handshake(&f); break;
		case 4: random_icmp(&f); break;
		case 5: after_us(w, below(&f, 20) == 0 ? below(&f, 100000000) : below(&f, 300000)); break;
		default: random_segment(&f); break;
		}
		check(&f);
		if (below(&f, 3) == 0)
			host_flush(&w->h);
		out_skip(w);
	}
	tcp_close(w->t, f.listener);
}

static void seeds(void **state)
{
	const char *one = getenv("TCP_FUZZ_SEED");
	uint64_t from = one != NULL ? strtoull(one, NULL, 0) : 1, to = one != NULL ? from : SEEDS;
	uint64_t established = 0;

	(void)state;
	for (uint64_t seed = from; seed <= to; seed++) {
		void *w;

		fprintf(stderr, "\rseed %llu ", (unsigned long long)seed);
		world_setup(&w);
		run_seed(w, seed);
		established += ((struct world *)w)->t->stats.passive_opens;
		world_teardown(&w);
	}
	fprintf(stderr, "\n");
	assert_true(one != NULL || established > SEEDS); /* it got that far */
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(seeds)};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
