/* connect_life_test.c: connect() of streams, row by row as in the connect semantics: the life of an attempt (C). */
#include <arpa/inet.h>
#include <string.h>

#include "world.h"

/* ---- C ---- */

static void c1_e1_never_connected(void **state)
{
	int fd = stream(SOCK_NONBLOCK);
	char c;

	(void)state;
	assert_string_equal(own_name(fd), "0.0.0.0:0");
	assert_string_equal(peer_name(fd), "-ENOTCONN");
	assert_int_equal(poll_now(fd), IDLE_SET);
	assert_int_equal(spate_sys_sendto(fd, "x", 1, 0, NULL, 0), -EPIPE);
	assert_int_equal(spate_sys_recvfrom(fd, &c, 1, 0, NULL, NULL), -ENOTCONN);
}

static void c2_c7_blocking(void **state)
{
	int fd = stream(0);

	(void)state;
	far_listener(80, 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
	assert_int_equal(poll_now(fd), POLLOUT); /* E3 */
	assert_int_equal(so_error(fd), 0);
	assert_memory_equal(own_name(fd), "10.0.0.", 7);
	assert_string_equal(peer_name(fd), FAR_IP ":80");
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EISCONN);
	assert_int_equal(call_connect(fd, FAR_IP, 81), -EISCONN);
	assert_int_equal(poll_now(fd), POLLOUT);
}

static void c3_c4_c5_nonblocking(void **state)
{
	int fd = stream(SOCK_NONBLOCK);

	(void)state;
	far_listener(80, 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EINPROGRESS);
	run_ms(5);
	assert_int_equal(poll_now(fd), POLLOUT);
	assert_int_equal(so_error(fd), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 81), 0);         /* C4: exactly once, address ignored */
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EISCONN);  /* C5 */
}

static void c6_sent_before_first_repeat(void **state)
{
	int fd = stream(SOCK_NONBLOCK);

	(void)state;
	far_listener(80, 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EINPROGRESS);
	run_ms(5);
	assert_int_equal(spate_send(fd, "x", 1, 0), 1);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EISCONN);
}

static void c9_c10_closed_sides(void **state)
{
	int far, fd = pair(80, &far);

	(void)state;
	assert_int_equal(spate_sys_shutdown(fd, SHUT_WR), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EISCONN);
	at(FAR);
	assert_int_equal(spate_sys_close(far), 0);
	at(NEAR);
	run_ms(100);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EISCONN);
	assert_int_equal(dissolve(fd), 0);
	far_listener(81, 0);
	assert_int_equal(call_connect(fd, FAR_IP, 81), 0);
}

static void c11_to_c16_in_progress(void **state)
{
	int fd = connecting();
	struct sockaddr_in in = ip4(FAR_IP, 80);
	char c;

	(void)state;
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EALREADY);
	assert_int_equal(call_connect(fd, FAR_IP, 81), -EALREADY);
	assert_int_equal(spate_sys_connect(fd, (struct sockaddr *)&in, 3), -EALREADY);
	assert_int_equal(spate_sys_connect(fd, NULL, 0), -EINVAL); /* C12 */
	assert_int_equal(poll_now(fd), 0);                         /* C13, E2 */
	assert_int_equal(so_error(fd), 0);
	assert_memory_equal(own_name(fd), "10.0.0.", 7);           /* G23 */
	assert_true(own_port(fd) != 0);
	assert_string_equal(peer_name(fd), "-ENOTCONN");
	assert_int_equal(spate_sys_sendto(fd, "x", 1, 0, NULL, 0), -EAGAIN); /* C14 */
	assert_int_equal(spate_sys_recvfrom(fd, &c, 1, 0, NULL, NULL), -EAGAIN);
	assert_int_equal(call_bind(fd, NEAR_IP, 7000), -EINVAL);   /* C16 */
	assert_int_equal(spate_sys_listen(fd, 1), -EINVAL);
}

static void c15_blocking_send_waits(void **state)
{
	int fd = stream(SOCK_NONBLOCK);

	(void)state;
	far_listener(80, 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EINPROGRESS);
	set_blocking(fd, true);
	assert_int_equal(spate_send(fd, "x", 1, 0), 1);
	fd = stream(SOCK_NONBLOCK);
	assert_int_equal(call_connect(fd, FAR_IP, 99), -EINPROGRESS);
	set_blocking(fd, true);
	assert_int_equal(spate_sys_sendto(fd, "x", 1, 0, NULL, 0), -ECONNREFUSED);
}

static void c17_switch_to_blocking(void **state)
{
	int fd = stream(SOCK_NONBLOCK);

	(void)state;
	far_listener(80, 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EINPROGRESS);
	set_blocking(fd, true);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EISCONN);
}

static void c18_c19_e6_blocking_refused(void **state)
{
	int fd = stream(0);

	(void)state;
	assert_int_equal(call_connect(fd, FAR_IP, 80), -ECONNREFUSED);
	assert_int_equal(so_error(fd), 0);
	assert_int_equal(poll_now(fd), IDLE_SET);
	assert_memory_equal(own_name(fd), "0.0.0.0:", 8);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -ECONNREFUSED);
	far_listener(80, 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
}

static void c20_c21_e4_e5_error_read(void **state)
{
	int fd = refused();

	(void)state;
	assert_int_equal(poll_now(fd), FULL_SET);
	assert_int_equal(so_error(fd), ECONNREFUSED);
	assert_int_equal(so_error(fd), 0);
	assert_int_equal(poll_now(fd), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
	assert_int_equal(call_connect(fd, FAR_IP, 99), -ECONNABORTED);
	assert_int_equal(call_connect(fd, FAR_IP, 99), -EINPROGRESS);
}

static void c22_error_delivered_by_connect(void **state)
{
	int fd = refused();

	(void)state;
	assert_int_equal(call_connect(fd, FAR_IP, 99), -ECONNREFUSED);
	assert_int_equal(so_error(fd), 0);
	assert_int_equal(poll_now(fd), IDLE_SET);
	assert_int_equal(call_connect(fd, FAR_IP, 99), -EINPROGRESS);
}

static void c23_c24_send_and_recv_take_the_error(void **state)
{
	int fd = refused();
	char c;

	(void)state;
	assert_int_equal(spate_sys_sendto(fd, "x", 1, 0, NULL, 0), -ECONNREFUSED);
	assert_int_equal(spate_sys_sendto(fd, "x", 1, 0, NULL, 0), -EPIPE);
	fd = refused();
	assert_int_equal(spate_sys_recvfrom(fd, &c, 1, 0, NULL, NULL), -ECONNREFUSED);
	assert_int_equal(spate_sys_recvfrom(fd, &c, 1, 0, NULL, NULL), 0);
}

static void c25_then_blocking(void **state)
{
	int fd = refused();

	(void)state;
	far_listener(80, 0);
	set_blocking(fd, true);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -ECONNREFUSED);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
}

static void c26_e7_listener(void **state)
{
	int fd = stream(SOCK_NONBLOCK);

	(void)state;
	assert_int_equal(call_bind(fd, NEAR_IP, 7000), 0);
	assert_int_equal(spate_sys_listen(fd, 5), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EISCONN);
	assert_int_equal(poll_now(fd), 0);
	assert_int_equal(spate_sys_accept4(fd, NULL, NULL, 0), -EAGAIN);
}

static void c27_shutdown_before_connect(void **state)
{
	int fd = stream(0);

	(void)state;
	far_listener(80, 0);
	assert_int_equal(spate_sys_shutdown(fd, SHUT_RD), -ENOTCONN);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
	assert_int_equal(poll_now(fd), POLLIN | POLLOUT | POLLRDHUP);
}

static void c28_shutdown_in_progress(void **state)
{
	int fd = connecting();

	(void)state;
	assert_int_equal(spate_sys_shutdown(fd, SHUT_WR), 0);
	assert_int_equal(poll_now(fd), POLLOUT | POLLERR | POLLHUP);
	assert_int_equal(so_error(fd), ECONNRESET);
	cut(FAR, false);
	far_listener(80, 0);
	set_blocking(fd, true);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
}

static void c29_close_in_progress(void **state)
{
	int fd = connecting();
	uint64_t sent;

	(void)state;
	assert_int_equal(spate_sys_close(fd), 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EBADF);
	assert_int_equal(spate_sys_close(fd), -EBADF);
	run_ms(10);
	sent = world.stack[NEAR]->tcp.stats.segs_out;
	run_ms(5000);
	assert_int_equal(world.stack[NEAR]->tcp.stats.segs_out, sent);
}

static void c30_sendto_never_connects(void **state)
{
	struct sockaddr_in in = ip4(FAR_IP, 80);
	int fd = stream(0);

	(void)state;
	assert_int_equal(spate_sys_sendto(fd, "x", 1, 0, (struct sockaddr *)&in, sizeof(in)), -EPIPE);
	assert_string_equal(own_name(fd), "0.0.0.0:0");
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_make, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(c1_e1_never_connected),
		IN_WORLD(c2_c7_blocking),
		IN_WORLD(c3_c4_c5_nonblocking),
		IN_WORLD(c6_sent_before_first_repeat),
		IN_WORLD(c9_c10_closed_sides),
		IN_WORLD(c11_to_c16_in_progress),
		IN_WORLD(c15_blocking_send_waits),
		IN_WORLD(c17_switch_to_blocking),
		IN_WORLD(c18_c19_e6_blocking_refused),
		IN_WORLD(c20_c21_e4_e5_error_read),
		IN_WORLD(c22_error_delivered_by_connect),
		IN_WORLD(c23_c24_send_and_recv_take_the_error),
		IN_WORLD(c25_then_blocking),
		IN_WORLD(c26_e7_listener),
		IN_WORLD(c27_shutdown_before_connect),
		IN_WORLD(c28_shutdown_in_progress),
		IN_WORLD(c29_close_in_progress),
		IN_WORLD(c30_sendto_never_connects),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
