/* epoll_test.c: epoll, poll and select. */
#include <string.h>

#include "world.h"

static int ctl(int ep, int op, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event ev = {.events = events, .data.u64 = data};

	return spate_sys_epoll_ctl(ep, op, fd, &ev);
}

static int make(void)
{
	int ep = spate_epoll_create1(EPOLL_CLOEXEC);

	assert_true(ep > 2);
	return ep;
}

/* Exactly one event, or none when want is 0. */
static void expect(int ep, uint32_t want, uint64_t data)
{
	struct epoll_event ev[4];
	int n = spate_sys_epoll_wait(ep, ev, 4, 0);

	assert_int_equal(n, want != 0);
	if (want != 0) {
		assert_int_equal(ev[0].events, want);
		assert_int_equal(ev[0].data.u64, data);
	}
}

static void say(int fd, const char *text)
{
	assert_int_equal(spate_send(fd, text, strlen(text), 0), strlen(text));
	run_ms(5);
}

static void arguments(void **state)
{
	int ep = make(), other = make(), fd = stream(0);
	struct epoll_event ev;

	(void)state;
	assert_int_equal(spate_sys_epoll_create1(1), -EINVAL);
	assert_int_equal(spate_epoll_create(0), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN, 0), -ENOENT);
	assert_int_equal(ctl(ep, EPOLL_CTL_DEL, fd, EPOLLIN, 0), -ENOENT);
	assert_int_equal(spate_sys_epoll_ctl(ep, EPOLL_CTL_ADD, fd, NULL), -EFAULT);
	assert_int_equal(ctl(ep, 77, fd, EPOLLIN, 0), -EINVAL);
	assert_int_equal(ctl(fd, EPOLL_CTL_ADD, fd, EPOLLIN, 0), -EINVAL);
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, other, EPOLLIN, 0), -EINVAL);
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, 9999, EPOLLIN, 0), -EBADF);
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 0), 0);
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 0), -EEXIST);
	assert_int_equal(ctl(other, EPOLL_CTL_ADD, fd, EPOLLIN, 0), -ENOSPC);
	assert_int_equal(ctl(ep, EPOLL_CTL_DEL, fd, 0, 0), 0);
	assert_int_equal(ctl(other, EPOLL_CTL_ADD, fd, EPOLLIN, 0), 0);
	assert_int_equal(spate_sys_epoll_wait(ep, &ev, 0, 0), -EINVAL);
	assert_int_equal(spate_sys_epoll_wait(fd, &ev, 1, 0), -EINVAL);
	assert_int_equal(spate_sys_epoll_wait(ep, NULL, 1, 0), -EFAULT);
	assert_int_equal(spate_sys_epoll_wait(9999, &ev, 1, 0), -EBADF);
}

static void level_triggered(void **state)
{
	int far, fd = pair(80, &far), ep = make();
	char buf[8];

	(void)state;
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 42), 0);
	expect(ep, 0, 0);
	at(FAR);
	say(far, "abcd");
	at(NEAR);
	expect(ep, EPOLLIN, 42);
	expect(ep, EPOLLIN, 42); /* still there */
	assert_int_equal(spate_recv(fd, buf, 2, 0), 2);
	expect(ep, EPOLLIN, 42);
	assert_int_equal(spate_recv(fd, buf, 8, 0), 2);
	expect(ep, 0, 0);
	assert_int_equal(ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLOUT, 43), 0);
	expect(ep, EPOLLOUT, 43);
	expect(ep, EPOLLOUT, 43);
	assert_int_equal(ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN, 44), 0);
	expect(ep, 0, 0);
	at(FAR);
	say(far, "x");
	at(NEAR);
	assert_int_equal(ctl(ep, EPOLL_CTL_DEL, fd, 0, 0), 0);
	expect(ep, 0, 0);
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 45), 0); /* ready when added */
	expect(ep, EPOLLIN, 45);
}

static void edge_triggered(void **state)
{
	int far, fd = pair(80, &far), ep = make();
	char buf[8];

	(void)state;
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLET, 1), 0);
	expect(ep, 0, 0);
	at(FAR);
	say(far, "abcd");
	at(NEAR);
	expect(ep, EPOLLIN, 1);
	expect(ep, 0, 0);
	assert_int_equal(spate_recv(fd, buf, 2, 0), 2);
	expect(ep, 0, 0); /* what is left is no news */
	at(FAR);
	say(far, "e");
	at(NEAR);
	expect(ep, EPOLLIN, 1);
	expect(ep, 0, 0);
	assert_int_equal(ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLET, 2), 0); /* MOD looks again */
	expect(ep, EPOLLIN, 2);
	expect(ep, 0, 0);
}

static void one_shot(void **state)
{
	int far, fd = pair(80, &far), ep = make();

	(void)state;
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLONESHOT, 1), 0);
	at(FAR);
	say(far, "a");
	at(NEAR);
	expect(ep, EPOLLIN, 1);
	expect(ep, 0, 0);
	at(FAR);
	say(far, "b");
	assert_int_equal(spate_close(far), 0);
	run_ms(5);
	at(NEAR);
	expect(ep, 0, 0); /* off: not even errors and hangups */
	assert_int_equal(ctl(ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLRDHUP | EPOLLONESHOT, 2), 0);
	expect(ep, EPOLLIN | EPOLLRDHUP, 2);
	expect(ep, 0, 0);
}

static void e12_edge_from_before_connect(void **state)
{
	int fd = stream(SOCK_NONBLOCK), ep = make();

	(void)state;
	far_listener(80, 0);
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, 5), 0);
	expect(ep, EPOLLOUT | EPOLLHUP, 5);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EINPROGRESS);
	run_ms(5);
	expect(ep, EPOLLOUT, 5);
	run_ms(300);
	expect(ep, 0, 0);
}

static void e13_edge_refused(void **state)
{
	int fd = stream(SOCK_NONBLOCK), ep = make();

	(void)state;
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, 5), 0);
	expect(ep, EPOLLOUT | EPOLLHUP, 5);
	assert_int_equal(call_connect(fd, FAR_IP, 99), -EINPROGRESS);
	run_ms(5);
	expect(ep, FULL_SET, 5);
	run_ms(300);
	expect(ep, 0, 0);
}

static void listener_and_accept(void **state)
{
	int ep, l = far_listener(80, SOCK_NONBLOCK), fd;
	struct epoll_event ev;

	(void)state;
	at(FAR);
	ep = make();
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, l, EPOLLIN, 9), 0);
	expect(ep, 0, 0);
	at(NEAR);
	fd = stream(0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0);
	at(FAR);
	assert_int_equal(spate_sys_epoll_wait(ep, &ev, 1, 50), 1);
	assert_int_equal(ev.events, EPOLLIN);
	fd = spate_sys_accept4(l, NULL, NULL, 0);
	assert_int_equal(spate_fcntl(fd, F_GETFL), O_RDWR); /* the listener's O_NONBLOCK is not inherited */
	assert_int_equal(spate_sys_accept4(l, NULL, NULL, 0), -EAGAIN);
	expect(ep, 0, 0);
}

static void closing_leaves(void **state)
{
	int far, fd = pair(80, &far), ep = make(), again;
	struct epoll_event ev;

	(void)state;
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLOUT, 1), 0);
	assert_int_equal(spate_close(fd), 0);
	expect(ep, 0, 0);
	/* An instance that goes first lets its sockets go. */
	fd = stream(0);
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLOUT, 1), 0);
	assert_int_equal(spate_close(ep), 0);
	assert_int_equal(spate_sys_epoll_wait(ep, &ev, 1, 0), -EBADF);
	again = make();
	assert_int_equal(ctl(again, EPOLL_CTL_ADD, fd, EPOLLOUT, 2), 0);
	expect(again, EPOLLOUT | EPOLLHUP, 2);
}

static void many_and_fair(void **state)
{
	int fd[10], ep = make();
	struct epoll_event ev[4];
	unsigned seen[10] = {0};

	(void)state;
	for (unsigned i = 0; i < 10; i++) {
		fd[i] = dgram(0);
		assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd[i], EPOLLOUT, i), 0);
	}
	for (int round = 0; round < 5; round++) { /* 20 events for 10 sockets, 4 at a time */
		assert_int_equal(spate_sys_epoll_wait(ep, ev, 4, 0), 4);
		for (int i = 0; i < 4; i++)
			seen[ev[i].data.u64]++;
	}
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(seen[i], 2);
}

static void waits_and_times_out(void **state)
{
	int far, fd = pair(80, &far), ep = make();
	struct epoll_event ev;
	uint64_t t0 = world.now_ns;

	(void)state;
	assert_int_equal(ctl(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 1), 0);
	assert_int_equal(spate_sys_epoll_wait(ep, &ev, 1, 20), 0);
	assert_in_range(world.now_ns - t0, 20 * MS, 23 * MS);
	at(FAR);
	assert_int_equal(spate_send(far, "x", 1, 0), 1);
	at(NEAR);
	assert_int_equal(spate_sys_epoll_wait(ep, &ev, 1, -1), 1);
}

static void poll_call(void **state)
{
	int far, fd = pair(80, &far);
	struct pollfd p[3] = {{.fd = fd, .events = POLLIN}, {.fd = 9999, .events = POLLIN}, {.fd = -1}};
	uint64_t t0;

	(void)state;
	assert_int_equal(spate_poll(p, 3, 1000), 1);
	assert_int_equal(p[0].revents, 0);
	assert_int_equal(p[1].revents, POLLNVAL);
	assert_int_equal(p[2].revents, 0);
	t0 = world.now_ns;
	assert_int_equal(spate_poll(p, 1, 20), 0);
	assert_in_range(world.now_ns - t0, 20 * MS, 23 * MS);
	at(FAR);
	assert_int_equal(spate_send(far, "x", 1, 0), 1);
	at(NEAR);
	p[0].events = POLLIN | POLLRDNORM | POLLOUT;
	assert_int_equal(spate_poll(p, 1, 0), 1);
	run_ms(5);
	assert_int_equal(spate_poll(p, 1, -1), 1);
	assert_int_equal(p[0].revents, POLLIN | POLLRDNORM | POLLOUT);
	assert_int_equal(spate_poll(NULL, 1, 0), -1);
	assert_int_equal(errno, EFAULT);
}

static void select_call(void **state)
{
	int far, fd = pair(80, &far);
	struct timeval tv = {.tv_usec = 20000};
	uint64_t t0 = world.now_ns;
	fd_set rd;

	(void)state;
	FD_ZERO(&rd);
	FD_SET(fd, &rd);
	assert_int_equal(spate_select(fd + 1, &rd, NULL, NULL, &tv), 0);
	assert_in_range(world.now_ns - t0, 20 * MS, 23 * MS);
	assert_false(FD_ISSET(fd, &rd));
	assert_int_equal(tv.tv_sec + tv.tv_usec, 0);
	at(FAR);
	assert_int_equal(spate_send(far, "x", 1, 0), 1);
	at(NEAR);
	tv = (struct timeval){.tv_sec = 5};
	FD_SET(fd, &rd);
	assert_int_equal(spate_select(fd + 1, &rd, NULL, NULL, &tv), 1);
	assert_true(FD_ISSET(fd, &rd));
	assert_int_equal(tv.tv_sec, 4); /* what is left */
	FD_SET(1, &rd);
	assert_int_equal(spate_select(fd + 1, &rd, NULL, NULL, &tv), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(spate_select(-1, &rd, NULL, NULL, &tv), -1);
	assert_int_equal(errno, EINVAL);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_make, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(arguments),
		IN_WORLD(level_triggered),
		IN_WORLD(edge_triggered),
		IN_WORLD(one_shot),
		IN_WORLD(e12_edge_from_before_connect),
		IN_WORLD(e13_edge_refused),
		IN_WORLD(listener_and_accept),
		IN_WORLD(closing_leaves),
		IN_WORLD(many_and_fair),
		IN_WORLD(waits_and_times_out),
		IN_WORLD(poll_call),
		IN_WORLD(select_call),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
