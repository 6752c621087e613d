/* ack_test.c: when an ACK leaves: at once or with something else (RFC 9293 3.8.6.3, RFC 5681 4.2; TCP_QUICKACK as tcp(7)). */
#include <linux/tcp.h>

#include "world.h"

/* The first 15 of a connection that only receives leave at once, then they wait. */
static void first_acks(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_accepted(w);

	p->xflags |= TX_QUICK_MASK; /* as a new connection has it; see app_accepted() */
	for (uint32_t i = 0; i < 15; i++) {
		in(w, ACK, 1 + 10 * i, 10, 1);
		out(w, ACK, 1, 0, 11 + 10 * i);
	}
	in(w, ACK, 151, 10, 1);
	out_none(w);
	quiet_then_ms(w, 40);
	out(w, ACK, 1, 0, 161);
}

/* A new connection's first request: the application has a turn to accept, and another to answer, before the ACK leaves alone. */
static void answer_to_first(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_accepted(w);

	p->xflags |= TX_QUICK_MASK;
	in_held(w, ACK, 1, 100, 1);
	host_turn(&w->h);
	out_none(w);
	assert_int_equal(app_send(w, p, 1, 50), 50);
	out(w, ACK, 1, 50, 101);
	out_none(w);
}

/* Segments of one turn share one ACK, which counts once. */
static void first_acks_of_bursts(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_accepted(w);

	p->xflags |= TX_QUICK_MASK;
	for (uint32_t i = 0; i < 5; i++)
		in_held(w, ACK, 1 + 10 * i, 10, 1);
	host_flush(&w->h);
	out(w, ACK, 1, 0, 51);
	out_none(w);
	assert_int_equal((p->xflags & TX_QUICK_MASK) >> TX_QUICK_SHIFT, 14);
}

static void new_connections(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connect(w);

	out(w, SYN, 0, 0, 0);
	in(w, SYN | ACK, 0, 0, 1);
	out(w, ACK, 1, 0, 1);
	assert_int_equal((p->xflags & TX_QUICK_MASK) >> TX_QUICK_SHIFT, 15);
	assert_int_equal(app_send(w, p, 1, 100), 100); /* a request is no answer */
	out(w, ACK, 1, 100, 1);
	in(w, ACK, 1, 10, 101);
	out(w, ACK, 101, 0, 11);
	assert_int_equal(app_send(w, p, 101, 100), 100); /* one that follows is */
	out(w, ACK, 101, 100, 11);
	in(w, ACK, 11, 10, 201);
	out_none(w);
	quiet_then_ms(w, 40);
	out(w, ACK, 201, 0, 21);
}

/* An answer in the same turn carries the ACK, and from then on ACKs wait for answers. */
static void answers(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_accepted(w);

	p->xflags |= TX_QUICK_MASK;
	in_held(w, ACK, 1, 100, 1);
	assert_int_equal(app_send(w, p, 1, 50), 50);
	out(w, ACK, 1, 50, 101);
	out_none(w);
	in(w, ACK, 101, 100, 51);
	out_none(w);
	after_ms(w, 20);
	assert_int_equal(app_send(w, p, 51, 50), 50);
	out(w, ACK, 51, 50, 201);
	in(w, ACK, 201, 0, 101);
	quiet_for_ms(w, 100);
}

/* After something came twice, the next ones leave at once again. */
static void after_duplicate(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_accepted(w);

	p->tflags |= TF_PINGPONG;
	in(w, ACK, 1, 100, 1);
	out_none(w);
	in(w, ACK, 1, 100, 1);
	out(w, ACK, 1, 0, 101);
	in(w, ACK, 101, 100, 1);
	out(w, ACK, 1, 0, 201);
	assert_false(p->tflags & TF_PINGPONG);
}

/* TCP_QUICKACK: 1 lets ACKs leave, 0 holds them, 2 acknowledges what is owed and no more. */
static void option(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_accepted(w);

	p->xflags |= TX_QUICK_MASK;
	app_opt(w, p, IPPROTO_TCP, TCP_QUICKACK, 0);
	in(w, ACK, 1, 10, 1);
	out_none(w);
	app_opt(w, p, IPPROTO_TCP, TCP_QUICKACK, 1);
	host_flush(&w->h);
	out(w, ACK, 1, 0, 11);
	in(w, ACK, 11, 10, 1);
	out(w, ACK, 1, 0, 21);
	app_opt(w, p, IPPROTO_TCP, TCP_QUICKACK, 0);
	in(w, ACK, 21, 10, 1);
	out_none(w);
	app_opt(w, p, IPPROTO_TCP, TCP_QUICKACK, 2);
	host_flush(&w->h);
	out(w, ACK, 1, 0, 31);
	in(w, ACK, 31, 10, 1);
	out_none(w);
	quiet_then_ms(w, 40);
	out(w, ACK, 1, 0, 41);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(first_acks), world_test(answer_to_first), world_test(first_acks_of_bursts), world_test(new_connections), world_test(answers),
		world_test(after_duplicate), world_test(option),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
