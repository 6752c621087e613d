/* uto_test.c: the user timeout option (RFC 5482), and SO_RCVLOWAT. */
#include <linux/tcp.h>

#include "world.h"

static int user_timeout(struct world *w, struct tcp_pcb *p)
{
	uint32_t len = sizeof(int);
	int v;

	assert_int_equal(tcp_getopt(w->t, p, IPPROTO_TCP, TCP_USER_TIMEOUT, &v, &len), 0);
	return v;
}

static void in_uto(struct world *w, uint16_t uto)
{
	in_seg(w, &(struct seg){.flags = ACK, .seq = 1, .ack = 1, .wnd = 65535, .o = {.uto = uto}});
}

/* Section 3: in the SYN, and once more after the handshake; seconds while they fit into 15 bits, else minutes, rounded up. */
static void told(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = tcp_new(w->t);

	w->t->uto = true;
	app_opt(w, p, IPPROTO_TCP, TCP_USER_TIMEOUT, 120500);
	assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0);
	host_flush(&w->h);
	out(w, SYN, 0, 0, 0);
	assert_int_equal(w->got.o.uto, 121);
	in(w, SYN | ACK, 0, 0, 1);
	out(w, ACK, 1, 0, 1);
	assert_int_equal(w->got.o.uto, 121);
	out(w, ACK, 1, 0, 1);
	assert_int_equal(w->got.o.uto, 0);
	app_opt(w, p, IPPROTO_TCP, TCP_USER_TIMEOUT, 40000001);
	host_flush(&w->h);
	out(w, ACK, 1, 0, 1);
	assert_int_equal(w->got.o.uto, 0x8000 | 667);
	assert_int_equal(app_send(w, p, 1, 10), 10);
	out(w, ACK, 1, 10, 1);
	assert_int_equal(w->got.o.uto, 0);
}

/* Section 3.1: ours becomes theirs within limits; 0 means nothing; what the application has set stays. */
static void taken(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	w->t->uto = true;
	in_uto(w, 0x8000); /* 0 minutes */
	assert_int_equal(user_timeout(w, p), 0);
	in_uto(w, 300);
	assert_int_equal(user_timeout(w, p), 300000);
	in_uto(w, 5);
	assert_int_equal(user_timeout(w, p), TCP_UTO_MIN_S * 1000);
	in_uto(w, 0x8000 | 10);
	assert_int_equal(user_timeout(w, p), 600000);
	in_uto(w, 0xffff);
	assert_int_equal(user_timeout(w, p), TCP_UTO_MAX_S * 1000);
	app_opt(w, p, IPPROTO_TCP, TCP_USER_TIMEOUT, 5000);
	out_skip(w);
	in_uto(w, 300);
	assert_int_equal(user_timeout(w, p), 5000);
	assert_int_equal(app_send(w, p, 1, 10), 10); /* and it is the one that counts */
	after_ms(w, 5100);
	assert_int_equal(p->c.so_error, ETIMEDOUT);
	out_skip(w);
}

/* Off unless the setting says otherwise: neither told nor taken. */
static void off(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = tcp_new(w->t);

	app_opt(w, p, IPPROTO_TCP, TCP_USER_TIMEOUT, 120000);
	assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0);
	host_flush(&w->h);
	out(w, SYN, 0, 0, 0);
	assert_int_equal(w->got.o.uto, 0);
	in_seg(w, &(struct seg){.flags = SYN | ACK, .ack = 1, .wnd = 65535, .o = {.uto = 300}});
	out(w, ACK, 1, 0, 1);
	assert_int_equal(w->got.o.uto, 0);
	app_opt(w, p, IPPROTO_TCP, TCP_USER_TIMEOUT, 0);
	in_uto(w, 300);
	assert_int_equal(user_timeout(w, p), 0);
	out_none(w);
}

/* A closed socket's data is not kept for an hour because the peer once asked for it. */
static void orphan_is_not_held(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	w->t->uto = true;
	in_uto(w, 0xffff);
	assert_int_equal(user_timeout(w, p), TCP_UTO_MAX_S * 1000);
	assert_int_equal(app_send(w, p, 1, 10000), 10000);
	app_close(w, p);
	for (unsigned s = 0; s < 400; s++) {
		after_ms(w, 1000);
		out_skip(w);
	}
	assert_int_equal(conns_used(w), 0);
	assert_int_equal(w->t->snd_held, 0);
}

/* socket(7): poll() waits for SO_RCVLOWAT bytes, or the end. */
static void lowat(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	app_opt(w, p, SOL_SOCKET, SO_RCVLOWAT, 100);
	in(w, ACK, 1, 99, 1);
	assert_int_equal(tcp_poll(w->t, p) & EPOLLIN, 0);
	assert_int_equal(tcp_unread(w->t, p), 99);
	in(w, ACK, 100, 1, 1);
	assert_int_equal(tcp_poll(w->t, p) & EPOLLIN, EPOLLIN);
	assert_int_equal(app_recv(w, p, 1, 50), 50);
	assert_int_equal(tcp_poll(w->t, p) & EPOLLIN, 0);
	in(w, ACK | FIN, 101, 0, 1);
	assert_int_equal(tcp_poll(w->t, p) & EPOLLIN, EPOLLIN);
	out_skip(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {world_test(told), world_test(taken), world_test(off), world_test(orphan_is_not_held),
					   world_test(lowat)};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
