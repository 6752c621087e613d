/* sack_test.c: selective acknowledgments that we receive (RFC 2018, 2883, 6675). */
#include "world.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(permitted_active), world_test(permitted_passive), world_test(permitted_crossed), world_test(permitted_once),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
