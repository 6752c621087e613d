/* bugs_test.c: what happens to a connection while a call waits for it: the call ends, once, with the reason. */
#include <arpa/inet.h>
#include <string.h>

#include "world.h"

static int far_fd;
static unsigned turns;

/* The far end resets the connection some turns into the wait. */
static void reset_later(void)
{
	struct linger hard = {.l_onoff = 1};

	if (++turns != 20)
		return;
	at(FAR);
	spate_sys_setsockopt(far_fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	spate_close(far_fd);
	at(NEAR);
}

static int waiting_pair(void)
{
	int fd = pair(80, &far_fd);

	turns = 0;
	world.every_turn = reset_later;
	return fd;
}

static void rst_during_recv(void **state)
{
	int fd = waiting_pair();
	char c;

	(void)state;
	assert_int_equal(spate_sys_recvfrom(fd, &c, 1, 0, NULL, NULL), -ECONNRESET);
	assert_int_equal(spate_sys_recvfrom(fd, &c, 1, 0, NULL, NULL), 0);
	assert_int_equal(so_error(fd), 0);
}

static void rst_during_send(void **state)
{
	static char much[1 << 20];
	int fd = waiting_pair();
	ssize_t n;

	(void)state;
	do
		n = spate_sys_sendto(fd, much, sizeof(much), MSG_NOSIGNAL, NULL, 0);
	while (n > 0);
	assert_true(n == -ECONNRESET || n == -EPIPE);
	assert_int_equal(spate_sys_sendto(fd, "x", 1, MSG_NOSIGNAL, NULL, 0), -EPIPE);
}

static void rst_during_epoll_wait(void **state)
{
	int fd = waiting_pair(), ep = spate_epoll_create1(0);
	struct epoll_event ev = {.events = EPOLLIN | EPOLLRDHUP, .data.fd = fd};

	(void)state;
	assert_int_equal(spate_epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev), 0);
	assert_int_equal(spate_epoll_wait(ep, &ev, 1, 10000), 1);
	assert_true(ev.events & EPOLLERR && ev.events & EPOLLHUP);
	assert_int_equal(so_error(fd), ECONNRESET);
}

/* Nobody listens: the RST comes while connect() waits. */
static void rst_during_connect(void **state)
{
	int fd = stream(0);

	(void)state;
	assert_int_equal(call_connect(fd, FAR_IP, 81), -ECONNREFUSED);
	assert_int_equal(so_error(fd), 0);
}

/* The neighbour does not answer: an ICMP error of our own while connect() waits. */
static void icmp_during_connect(void **state)
{
	int fd = stream(0);

	(void)state;
	assert_int_equal(call_connect(fd, "10.0.0.77", 80), -EHOSTUNREACH);
	assert_int_equal(so_error(fd), 0);
	assert_int_equal(call_connect(fd, "10.0.0.77", 80), -EHOSTUNREACH); /* and again */
}

#define row(f) cmocka_unit_test_setup_teardown(f, world_make, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		row(rst_during_recv), row(rst_during_send), row(rst_during_epoll_wait), row(rst_during_connect), row(icmp_during_connect),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
