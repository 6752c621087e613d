/* sack_test.c: selective acknowledgments that we receive (RFC 2018, 2883, 6675). */
#include "sack_world.h"

/* RFC 2018 section 2: a SYN offers it; it is in use when the SYN-ACK has it, too. */
static void permitted_active(void **state)
{
	struct world *w = *state;

	for (unsigned sack = 0; sack < 2; sack++) {
		struct tcp_pcb *p = app_connect(w);

		w->know_iss = false;
		out(w, SYN, 0, 0, 0);
		assert_true(w->got.o.sack_ok);
		in_seg(w, &(struct seg){.flags = SYN | ACK, .ack = 1, .wnd = 65535, .o = {.has_mss = true, .mss = MSS, .sack_ok = sack}});
		out(w, ACK, 1, 0, 1);
		assert_int_equal(!!(p->xflags & TX_SACK), sack);
	}
}

/* A SYN-ACK has it only in answer to a SYN that had it, also when it is sent again. */
static void permitted_passive(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = app_listen(w, 8), *p;

	for (unsigned sack = 0; sack < 2; sack++, w->rport++) {
		w->know_iss = false;
		in_seg(w, &(struct seg){.flags = SYN, .wnd = 65535, .o = {.has_mss = true, .mss = MSS, .sack_ok = sack}});
		out(w, SYN | ACK, 0, 0, 1);
		assert_int_equal(w->got.o.sack_ok, sack);
		quiet_then_ms(w, 1000);
		out(w, SYN | ACK, 0, 0, 1);
		assert_int_equal(w->got.o.sack_ok, sack);
		in(w, ACK, 1, 0, 1);
		p = tcp_accept(w->t, &l->c);
		assert_non_null(p);
		assert_int_equal(!!(p->xflags & TX_SACK), sack);
	}
}

/* Crossed SYNs (RFC 9293 figure 8) permit it, too. */
static void permitted_crossed(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connect(w);

	out(w, SYN, 0, 0, 0);
	in_seg(w, &(struct seg){.flags = SYN, .wnd = 65535, .o = {.has_mss = true, .mss = MSS, .sack_ok = true}});
	out(w, SYN | ACK, 0, 0, 1);
	assert_true(w->got.o.sack_ok);
	assert_true(p->xflags & TX_SACK);
}

/* It is the connection's, not the socket's. */
static void permitted_once(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connect(w);

	out(w, SYN, 0, 0, 0);
	in_seg(w, &(struct seg){.flags = SYN | ACK, .ack = 1, .wnd = 65535, .o = {.sack_ok = true}});
	assert_true(p->xflags & TX_SACK);
	assert_int_equal(tcp_disconnect(w->t, p), 0);
	out_skip(w);
	assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0);
	assert_false(p->xflags & TX_SACK);
	host_flush(&w->h);
	out_skip(w);
}

/* What is SACKed is not sent again, in recovery (RFC 6675 section 5) or after a timeout (5.1). */
static void holes_only(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	sent(w, p, 0, 10);
	after_ms(w, RTT_MS);
	in_sack(w, 1, {SEQ(5), SEQ(6)}, {SEQ(2), SEQ(4)}, {SEQ(7), SEQ(10)}); /* 0, 1, 4 and 6 are missing */
	out(w, ACK, SEQ(0), MSS, 1);
	assert_true(p->tflags & TF_RECOVERY);
	assert_int_equal(flight_of(w, p)->sacked, 6 * MSS);
	assert_int_equal(flight_of(w, p)->lost, 4 * MSS);
	after_ms(w, RTT_MS);
	in(w, ACK, 1, 0, SEQ(1));
	out(w, ACK, SEQ(1), MSS, 1);
	out(w, ACK, SEQ(4), MSS, 1);
	after_ms(w, RTT_MS);
	in(w, ACK, 1, 0, SEQ(4));
	out(w, ACK, SEQ(6), MSS, 1);
	in(w, ACK, 1, 0, SEQ(6));
	after_ms(w, RTT_MS);
	in(w, ACK, 1, 0, SEQ(10));
	assert_false(p->tflags & TF_RECOVERY);
	out_none(w);
	assert_int_equal(p->buf, 0);
	assert_int_equal(w->t->flights.used, 0);
}

static void holes_only_after_rto(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	sent(w, p, 0, 6);
	after_ms(w, RTT_MS);
	in_sack(w, 1, {SEQ(1), SEQ(5)});
	out(w, ACK, SEQ(0), MSS, 1);
	quiet_then_ms(w, tcp_rtt_rto_us(p) / 1000); /* from its retransmission (RFC 6298 5.1) */
	out(w, ACK, SEQ(0), MSS, 1);
	assert_int_equal(w->t->stats.rtos, 1);
	assert_true(p->tflags & TF_LOSS);
	after_ms(w, RTT_MS);
	in(w, ACK, 1, 0, SEQ(5));
	out(w, ACK, SEQ(5), MSS, 1);
	in(w, ACK, 1, 0, SEQ(6));
	out_none(w);
}

/* Blocks that make no sense are as if they were not there: empty, inverted, wrapped, before SND.UNA, beyond SND.NXT. */
static void blocks_ignored(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	sent(w, p, 0, 8);
	in(w, ACK, 1, 0, SEQ(2));
	in_sack(w, SEQ(2), {SEQ(4), SEQ(4)}, {SEQ(6), SEQ(5)}, {SEQ(5), SEQ(9)});
	in_sack(w, SEQ(2), {SEQ(3), SEQ(3) + 0x80000000u}, {SEQ(4) + 0x80000000u, SEQ(4)}, {SEQ(1), SEQ(3)});
	in_sack(w, SEQ(2), {SEQ(20), SEQ(21)}, {0, SEQ(8)});
	assert_int_equal(flight_of(w, p)->sacked, 0);
	assert_int_equal(flight_of(w, p)->lost, 0);
	out_none(w);
	in_sack(w, SEQ(2), {SEQ(20), SEQ(21)}, {SEQ(3), SEQ(5)}, {SEQ(6), SEQ(5)});
	assert_int_equal(flight_of(w, p)->sacked, 2 * MSS); /* the one that does is taken */
	in(w, ACK, 1, 0, SEQ(8));
	out_skip(w);
}

/* A peer with whom SACK was not agreed on may say what it likes. */
static void not_agreed(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	sent(w, p, 0, 6);
	in_sack(w, 1, {SEQ(1), SEQ(6)});
	assert_int_equal(flight_of(w, p)->sacked, MSS); /* a duplicate ACK like any other */
	in(w, ACK, 1, 0, SEQ(6));
}

/* Blocks need not end where segments do: only what is between them is sent again. */
static void blocks_cut_segments(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	sent(w, p, 0, 8);
	after_ms(w, RTT_MS);
	in_sack(w, 1, {SEQ(0) + 100, SEQ(2) + 200}, {SEQ(2) + 300, SEQ(8)});
	out(w, ACK, SEQ(0), 100, 1);
	out(w, ACK, SEQ(2) + 200, 100, 1);
	out_none(w);
	in(w, ACK, 1, 0, SEQ(8));
}

/* An ACK that comes late may still have news in its blocks. */
static void blocks_of_old_ack(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	sent(w, p, 0, 8);
	in(w, ACK, 1, 0, SEQ(2));
	in_sack(w, SEQ(1), {SEQ(4), SEQ(5)});
	assert_int_equal(flight_of(w, p)->sacked, MSS);
	in(w, ACK, 1, 0, SEQ(8));
}

/* RFC 3042 with SACK: what has arrived makes room for new data before anything counts as lost. */
static void limited_transmit(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	assert_int_equal(app_send(w, p, 1, 30 * MSS), 30 * MSS);
	for (uint32_t i = 0; i < 10; i++)
		out(w, ACK, SEQ(i), MSS, 1);
	out_none(w);
	after_ms(w, RTT_MS);
	in_sack(w, 1, {SEQ(1), SEQ(2)});
	out(w, ACK, SEQ(10), MSS, 1);
	in_sack(w, 1, {SEQ(1), SEQ(3)});
	out(w, ACK, SEQ(11), MSS, 1);
	out_none(w);
	in_sack(w, 1, {SEQ(1), SEQ(4)}); /* the third: RFC 8985 6.2, DupThresh */
	out(w, ACK, SEQ(0), MSS, 1);
	assert_int_equal(p->ssthresh, 5 * MSS); /* RFC 5681 3.2: half of the flight without those two */
	in(w, ACK, 1, 0, SEQ(12));
	out_skip(w);
}

/* RFC 2018 section 8: a peer may throw away what it has SACKed. After a timeout it is not believed any more when what it SACKed
 * is what it still asks for. */
static void reneging(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	sent(w, p, 0, 4);
	after_ms(w, RTT_MS);
	in_sack(w, 1, {SEQ(1), SEQ(4)});
	out(w, ACK, SEQ(0), MSS, 1);
	after_ms(w, RTT_MS);
	in(w, ACK, 1, 0, SEQ(1)); /* but it has said that it has more */
	out_none(w);
	quiet_then_ms(w, tcp_rtt_rto_us(p) / 1000);
	out(w, ACK, SEQ(1), MSS, 1);
	assert_int_equal(w->t->stats.sack_reneged, 1);
	assert_int_equal(flight_of(w, p)->sacked, 0);
	in(w, ACK, 1, 0, SEQ(2));
	out(w, ACK, SEQ(2), MSS, 1);
	out(w, ACK, SEQ(3), MSS, 1);
	in(w, ACK, 1, 0, SEQ(4));
	assert_int_equal(p->buf, 0);
}

/* Small segments that were lost leave as one (Linux tcp_retrans_try_collapse). */
static void small_ones_collapse(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	app_opt(w, p, IPPROTO_TCP, 1 /* TCP_NODELAY */, 1);
	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(app_send(w, p, 1 + 100 * i, 100), 100);
		out(w, ACK, 1 + 100 * i, 100, 1);
	}
	after_ms(w, RTT_MS);
	in_sack(w, 1, {501, 801});
	out(w, ACK, 1, 500, 1);
	out_none(w);
	in(w, ACK, 1, 0, 801);
}

/* Four hundred segments in flight of which every other one is lost: records are joined and cut, and all comes through. */
static void many_holes(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);
	struct tcp_flight *f;
	uint32_t n = 0;

	p->cwnd = 400 * MSS;
	app_opt(w, p, SOL_SOCKET, SO_SNDBUF, 1 << 20);
	assert_int_equal(app_send(w, p, 1, 400 * MSS), 400 * MSS);
	for (int i = 0; i < 50; i++)
		host_flush(&w->h);
	assert_int_equal(out_count(w), 400);
	out_skip(w);
	after_ms(w, RTT_MS);
	for (uint32_t i = 1; i < 400; i += 2)
		in_sack(w, 1, {SEQ(i), SEQ(i + 1)});
	f = flight_of(w, p);
	assert_int_equal(f->sacked, 200 * MSS);
	assert_true(f->e_n > 400 / TCP_FLIGHT_CHUNK);
	for (uint32_t una = 0; una < 400; una = (p->snd_una - w->our_iss) / MSS) {
		while (out_count(w) > 0) {
			struct range r;

			n++;
			out(w, ACK, SEQ(2 * n - 2), MSS, 1);
			r = (struct range){SEQ(2 * n - 2), SEQ(2 * n)};
			in_held(w, ACK, 1, 0, r.right);
		}
		after_ms(w, 10);
	}
	assert_int_equal(n, 200);
	assert_int_equal(w->t->stats.rtos, 0);
	assert_int_equal(w->t->chunks.used, 0);
	assert_int_equal(p->buf, 0);
}

/* A peer that SACKs single bytes makes records, up to a bound, and does itself no good. */
static void tiny_blocks(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	p->cwnd = 100 * MSS;
	assert_int_equal(app_send(w, p, 1, 100 * MSS), 100 * MSS);
	for (int i = 0; i < 10; i++)
		host_flush(&w->h);
	out_skip(w);
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t seq = 1 + (i * 7919u) % (100 * MSS - 1);

		in_seg_held(w, &(struct seg){.flags = ACK, .seq = 1, .ack = 1, .wnd = 65535, .o = {.n_sack = 1,
			    .sack = {{w->our_iss + seq, w->our_iss + seq + 1}}}});
	}
	assert_null(flight_check(w->t, p));
	assert_true(flight_of(w, p)->e_n <= TCP_FLIGHT_CHUNKS);
	host_flush(&w->h);
	out_skip(w);
	in(w, ACK, 1, 0, SEQ(100));
	assert_int_equal(p->buf, 0);
	assert_int_equal(w->t->chunks.used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(permitted_active), world_test(permitted_passive), world_test(permitted_crossed), world_test(permitted_once),
		world_test(holes_only), world_test(holes_only_after_rto), world_test(blocks_ignored), world_test(not_agreed),
		world_test(blocks_cut_segments), world_test(blocks_of_old_ack), world_test(limited_transmit), world_test(reneging),
		world_test(small_ones_collapse), world_test(many_holes), world_test(tiny_blocks),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
