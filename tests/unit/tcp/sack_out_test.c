/* sack_out_test.c: selective acknowledgments that we send (RFC 2018), duplicates told (RFC 2883), and the blocks beyond gaps
 * that they come from. */
#include "world.h"

#include "tcp/ooo.h"

static struct tcp_pcb *accepted(struct world *w, bool ts)
{
	struct tcp_pcb *l = app_listen(w, 8), *p;

	w->ts = ts;
	w->know_iss = false;
	in_seg(w, &(struct seg){.flags = SYN, .wnd = w->peer_wnd, .o = {.has_mss = true, .mss = MSS, .sack_ok = true}});
	out(w, SYN | ACK, 0, 0, 1);
	in(w, ACK, 1, 0, 1);
	out_none(w);
	p = tcp_accept(w->t, &l->c);
	assert_non_null(p);
	return p;
}

/* The last segment that was sent tells these blocks. */
static void sacks(struct world *w, unsigned n, ...)
{
	va_list ap;

	assert_int_equal(w->got.o.n_sack, n);
	va_start(ap, n);
	for (unsigned i = 0; i < n; i++) {
		assert_int_equal(w->got.o.sack[i].left - w->peer_iss, va_arg(ap, uint32_t));
		assert_int_equal(w->got.o.sack[i].right - w->peer_iss, va_arg(ap, uint32_t));
	}
	va_end(ap);
}

/* RFC 2018 section 4 and its section 5's third case: the newest block first, then those told before; not more than fit. */
static void newest_first(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = accepted(w, false);

	in(w, ACK, 101, 100, 1);
	out(w, ACK, 1, 0, 1);
	sacks(w, 1, 101, 201);
	in(w, ACK, 301, 100, 1);
	out(w, ACK, 1, 0, 1);
	sacks(w, 2, 301, 401, 101, 201);
	in(w, ACK, 501, 100, 1);
	out(w, ACK, 1, 0, 1);
	sacks(w, 3, 501, 601, 301, 401, 101, 201);
	in(w, ACK, 701, 100, 1);
	out(w, ACK, 1, 0, 1);
	sacks(w, 4, 701, 801, 501, 601, 301, 401, 101, 201);
	in(w, ACK, 901, 100, 1);
	out(w, ACK, 1, 0, 1);
	sacks(w, 4, 901, 1001, 701, 801, 501, 601, 301, 401);
	in(w, ACK, 401, 50, 1); /* continues one */
	out(w, ACK, 1, 0, 1);
	sacks(w, 4, 301, 451, 901, 1001, 701, 801, 501, 601);
	in(w, ACK, 451, 50, 1); /* joins two */
	out(w, ACK, 1, 0, 1);
	sacks(w, 3, 301, 601, 901, 1001, 701, 801);
	in(w, ACK, 1, 100, 1);  /* the first gap is filled: 101 to 201 go with it */
	out(w, ACK, 1, 0, 201);
	sacks(w, 3, 301, 601, 901, 1001, 701, 801);
	in(w, ACK, 601, 300, 1); /* over a whole block, up to the next */
	out(w, ACK, 1, 0, 201);
	sacks(w, 2, 701, 801, 301, 1001); /* what came twice is told before */
	assert_int_equal(app_recv(w, p, 1, 5000), 200);
}

/* RFC 2018 section 3: three beside timestamps; and on data, too, that has to be shorter then. */
static void beside_timestamps(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = accepted(w, true);

	for (uint32_t i = 1; i <= 4; i++)
		in_held(w, ACK, 1 + 200 * i, 100, 1);
	host_flush(&w->h);
	for (uint32_t i = 1; i <= 4; i++) { /* one for each, RFC 5681 4.2 */
		out(w, ACK, 1, 0, 1);
		sacks(w, 3, 801, 901, 601, 701, 401, 501);
	}
	assert_int_equal(app_send(w, p, 1, MSS), MSS);
	out(w, ACK, 1, MSS - 12 - 28, 1);
	sacks(w, 3, 801, 901, 601, 701, 401, 501);
	in(w, ACK, 901, 0, MSS - 39);
	out(w, ACK, MSS - 39, 40, 1);
}

/* Without agreement there are none. */
static void not_agreed(void **state)
{
	struct world *w = *state;

	app_accepted(w);
	in(w, ACK, 101, 100, 1);
	out(w, ACK, 1, 0, 1);
	sacks(w, 0);
	in(w, ACK, 101, 100, 1);
	out(w, ACK, 1, 0, 1);
	sacks(w, 0);
}

/* RFC 2883 4.1: a whole segment twice; told once. */
static void duplicate_segment(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = accepted(w, false);

	in(w, ACK, 1, 500, 1);
	assert_int_equal(app_recv(w, p, 1, 500), 500);
	out_skip(w);
	in(w, ACK, 1, 500, 1);
	out(w, ACK, 1, 0, 501);
	sacks(w, 1, 1, 501);
	in(w, ACK, 601, 100, 1);
	out(w, ACK, 1, 0, 501);
	sacks(w, 1, 601, 701);
	in(w, ACK, 1, 500, 1); /* 4.1.1 figure 2: beside a gap */
	out(w, ACK, 1, 0, 501);
	sacks(w, 2, 1, 501, 601, 701);
	in(w, ACK, 801, 100, 1);
	out(w, ACK, 1, 0, 501);
	sacks(w, 2, 801, 901, 601, 701);
}

/* RFC 2883 4.2: a segment in order of which the middle lay beyond the gap: that part came twice, the first such block is told. */
static void duplicate_inside(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = accepted(w, false);

	in(w, ACK, 201, 100, 1);
	in(w, ACK, 401, 100, 1);
	in(w, ACK, 601, 100, 1);
	out_skip(w);
	in(w, ACK, 1, 450, 1); /* over the first block, into the second */
	out(w, ACK, 1, 0, 501);
	sacks(w, 2, 201, 301, 601, 701);
	in(w, ACK, 501, 150, 1); /* into the third */
	out(w, ACK, 1, 0, 701);
	sacks(w, 1, 601, 651);
	assert_int_equal(app_recv(w, p, 1, 1000), 700);
}

/* RFC 2883 4.2: part of a segment is old; what is new of it counts. */
static void duplicate_part(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = accepted(w, false);

	in_held(w, ACK, 1, 500, 1);
	in_held(w, ACK, 401, 200, 1);
	host_flush(&w->h);
	out(w, ACK, 1, 0, 601);
	sacks(w, 1, 401, 501);
	in(w, ACK, 1001, 500, 1);
	out(w, ACK, 1, 0, 601);
	sacks(w, 1, 1001, 1501);
	in(w, ACK, 1301, 400, 1); /* 4.2.2: part of it lies in a block */
	out(w, ACK, 1, 0, 601);
	sacks(w, 2, 1301, 1501, 1001, 1701);
	in(w, ACK, 901, 200, 1);  /* its end does */
	out(w, ACK, 1, 0, 601);
	sacks(w, 2, 1001, 1101, 901, 1701);
	in(w, ACK, 2001, 100, 1);
	out(w, ACK, 1, 0, 601);
	in(w, ACK, 2201, 100, 1);
	out(w, ACK, 1, 0, 601);
	in(w, ACK, 1601, 1000, 1); /* 4.2.3: two duplicates in one segment: the first is told */
	out(w, ACK, 1, 0, 601);
	sacks(w, 2, 1601, 1701, 901, 2601);
	in(w, ACK, 601, 300, 1);
	out(w, ACK, 1, 0, 2601);
	sacks(w, 0);
	assert_int_equal(app_recv(w, p, 1, 5000), 2600);
	assert_int_equal(p->buf, 0);
}

/* RFC 2883 4.3: twice within a block: the duplicate, then the block that it is in. */
static void duplicate_in_block(void **state)
{
	struct world *w = *state;

	accepted(w, false);
	in_held(w, ACK, 501, 1000, 1);
	in_held(w, ACK, 2001, 500, 1);
	host_flush(&w->h);
	out_skip(w);
	in(w, ACK, 701, 100, 1);
	out(w, ACK, 1, 0, 1);
	sacks(w, 3, 701, 801, 501, 1501, 2001, 2501);
}

/* Duplicates of one burst: each is told. */
static void duplicates_in_burst(void **state)
{
	struct world *w = *state;

	accepted(w, false);
	in(w, ACK, 1, 1000, 1);
	in(w, ACK, 1001, 1000, 1);
	out_skip(w);
	in_held(w, ACK, 1, 100, 1);
	in_held(w, ACK, 101, 100, 1); /* continues it */
	in_held(w, ACK, 501, 100, 1);
	host_flush(&w->h);
	out(w, ACK, 1, 0, 2001);
	sacks(w, 1, 1, 201);
	out(w, ACK, 1, 0, 2001);
	sacks(w, 1, 501, 601);
	out_none(w);
}

/* Many gaps: more of them push out what lies farthest, whatever was told (RFC 2018 section 8), and one packet never costs more
 * than moving TCP_OOO_BLOCKS_MAX entries. */
static void many_gaps(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = accepted(w, false);
	const struct tcp_ooo *o;

	for (uint32_t i = TCP_OOO_BLOCKS_MAX + 50; i > 0; i--) /* from the far end on */
		in_held(w, ACK, 1 + 20 * i, 10, 1);
	o = tcp_ooo_of(w->t, tcp_buf_of(w->t, p));
	assert_int_equal(o->n, TCP_OOO_BLOCKS_MAX);
	assert_int_equal(o->block[0].left, w->peer_iss + 21);
	assert_int_equal(w->h.drops.n[DROP_TCP_OOO_FULL], 50);
	in_held(w, ACK, 60001, 10, 1); /* farther than all: it is this one */
	assert_int_equal(w->h.drops.n[DROP_TCP_OOO_FULL], 51);
	host_flush(&w->h);
	out_skip(w);
	for (uint32_t i = 0; i <= TCP_OOO_BLOCKS_MAX; i++)
		in_held(w, ACK, 1 + 20 * i, 20, 1);
	host_flush(&w->h);
	out_skip(w);
	assert_int_equal(app_recv(w, p, 1, 100000), (TCP_OOO_BLOCKS_MAX + 1) * 20);
}

/* Small packets beyond a gap share buffers; and their number is bounded by the receive buffer. */
static void tinygrams(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = accepted(w, false);
	const struct tcp_ooo *o;

	for (uint32_t i = 0; i < 3000; i++)
		in_held(w, ACK, 101 + i, 1, 1);
	o = tcp_ooo_of(w->t, tcp_buf_of(w->t, p));
	assert_int_equal(o->n, 1);
	assert_true(o->packets <= 4);
	in_held(w, ACK, 1, 100, 1);
	host_flush(&w->h);
	out_skip(w);
	assert_int_equal(app_recv(w, p, 1, 5000), 3100);
	app_opt(w, p, SOL_SOCKET, SO_RCVBUF, 4096);
	for (uint32_t i = 0; i < 100; i++)
		in_held(w, ACK, 4001 + 300 * i, 280, 1);
	assert_int_equal(tcp_ooo_of(w->t, tcp_buf_of(w->t, p))->packets, TCP_OOO_MIN);
	host_flush(&w->h);
	out_skip(w);
}

/* No buffers are left: what fills the gap comes before what lies beyond it. */
static void gives_way(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = accepted(w, false);
	uint32_t max = w->t->rcv_held_max;

	w->t->rcv_held_max = 4;
	in(w, ACK, 1001, 1000, 1);
	in(w, ACK, 3001, 1000, 1);
	in(w, ACK, 5001, 1000, 1); /* half of all is for what is in order */
	assert_int_equal(w->t->rcv_held, 2);
	assert_int_equal(w->h.drops.n[DROP_TCP_OOO_FULL], 1);
	out_skip(w);
	w->t->rcv_held_max = 2;
	in(w, ACK, 1, 1000, 1);
	out(w, ACK, 1, 0, 1001);
	sacks(w, 0);
	assert_int_equal(w->t->rcv_held, 1);
	assert_int_equal(app_recv(w, p, 1, 5000), 1000);
	w->t->rcv_held_max = max;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(newest_first), world_test(beside_timestamps), world_test(not_agreed), world_test(duplicate_segment),
		world_test(duplicate_part), world_test(duplicate_inside), world_test(duplicate_in_block), world_test(duplicates_in_burst), world_test(many_gaps),
		world_test(tinygrams), world_test(gives_way),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
