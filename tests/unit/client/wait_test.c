/* wait_test.c: poll(), select() and epoll of a client: sockets of the service together with the kernel's descriptors, level and
 * edge, one shot, from several threads, and instances that are duplicated, inherited and closed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/client.h"
#include "sim.h"

#define MS 1000000ull
#define LONG (5000 * MS)

static void say(int fd, const char *text)
{
	assert_int_equal(client_sendto(fd, text, strlen(text), 0, NULL, 0), strlen(text));
}

/* Reads what came back, all of it. */
static void hear(int fd, const char *text)
{
	char got[64];

	assert_int_equal(client_recvfrom(fd, got, strlen(text), MSG_WAITALL, NULL, NULL), strlen(text));
	assert_memory_equal(got, text, strlen(text));
}

static int poll_one(int fd, short events, uint64_t timeout_ns)
{
	struct pollfd p = {.fd = fd, .events = events};
	int rc = client_poll(&p, 1, timeout_ns, NULL);

	return rc == 1 ? p.revents : rc;
}

/* ---- poll and select ---- */

static void poll_mixes(void **state)
{
	int fd = sim_connected(SOCK_STREAM, ECHO_PORT), fresh = client_socket(AF_INET, SOCK_STREAM, 0), pipes[2];
	struct pollfd p[5];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	p[0] = (struct pollfd){.fd = pipes[0], .events = POLLIN};
	p[1] = (struct pollfd){.fd = fd, .events = POLLIN | POLLRDNORM};
	p[2] = (struct pollfd){.fd = -1, .events = POLLIN, .revents = 77};
	p[3] = (struct pollfd){.fd = fd, .events = POLLPRI};
	p[4] = (struct pollfd){.fd = 900, .events = POLLIN};
	assert_int_equal(client_poll(p, 4, 20 * MS, NULL), 0);
	assert_int_equal(p[2].revents, 0);
	say(fd, "x");
	assert_int_equal(client_poll(p, 4, LONG, NULL), 1);
	assert_int_equal(p[1].revents, POLLIN | POLLRDNORM);
	assert_int_equal(write(pipes[1], "y", 1), 1);
	assert_int_equal(client_poll(p, 5, LONG, NULL), 3);
	assert_int_equal(p[0].revents, POLLIN);
	assert_int_equal(p[4].revents, POLLNVAL);
	hear(fd, "x");
	assert_int_equal(client_poll(p, 4, LONG, NULL), 1);
	assert_int_equal(p[1].revents, 0);
	assert_int_equal(poll_one(fresh, POLLIN | POLLOUT, 0), POLLOUT | POLLHUP); /* E1 */
	assert_int_equal(client_poll(&p[0], 1, 0, NULL), CLIENT_KERNEL);
	close(pipes[0]);
	close(pipes[1]);
	client_close(fresh);
	client_close(fd);
}

static void *write_later(void *arg)
{
	usleep(20000);
	return (void *)(intptr_t)write(*(int *)arg, "12345678", 8);
}

static void poll_wakes_by_either(void **state)
{
	int fd = sim_connected(SOCK_STREAM, ECHO_PORT), pipes[2];
	struct pollfd p[200];
	pthread_t t;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	for (int i = 0; i < 199; i++) /* more than fit on the stack */
		p[i] = (struct pollfd){.fd = fd, .events = POLLIN};
	p[199] = (struct pollfd){.fd = pipes[0], .events = POLLIN};
	assert_int_equal(pthread_create(&t, NULL, write_later, &pipes[1]), 0);
	assert_int_equal(client_poll(p, 200, LONG, NULL), 1);
	assert_int_equal(p[199].revents, POLLIN);
	pthread_join(t, NULL);
	assert_int_equal(read(pipes[0], (char[8]){0}, 8), 8);
	say(fd, "now ours");
	assert_int_equal(client_poll(p, 200, LONG, NULL), 199);
	close(pipes[0]);
	close(pipes[1]);
	client_close(fd);
}

static void poll_has_its_mask(void **state)
{
	int fd = sim_connected(SOCK_STREAM, ECHO_PORT);
	sigset_t usr1, none;

	(void)state;
	sigemptyset(&none);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, NULL);
	raise(SIGUSR1); /* pending: comes in the moment the mask is changed */
	assert_int_equal(client_poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, LONG, &none), -EINTR);
	raise(SIGUSR1);
	assert_int_equal(client_poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 20 * MS, &usr1), 0);
	sigprocmask(SIG_UNBLOCK, &usr1, NULL);
	client_close(fd);
}

static void select_tells_sets(void **state)
{
	int fd = sim_connected(SOCK_STREAM, ECHO_PORT), fresh = client_socket(AF_INET, SOCK_STREAM, 0), pipes[2];
	fd_set rd, wr, ex;

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	FD_ZERO(&rd);
	FD_SET(pipes[0], &rd);
	assert_int_equal(client_select(64, &rd, NULL, NULL, 0, NULL), CLIENT_KERNEL);
	FD_SET(fd, &rd);
	FD_SET(fresh, &rd);
	wr = ex = rd;
	assert_int_equal(client_select(64, &rd, &wr, &ex, 0, NULL), 3); /* E1: both, E3: writable */
	assert_true(FD_ISSET(fresh, &rd) && FD_ISSET(fresh, &wr) && FD_ISSET(fd, &wr));
	assert_false(FD_ISSET(fd, &rd) || FD_ISSET(pipes[0], &rd) || FD_ISSET(fd, &ex));
	FD_ZERO(&rd);
	FD_SET(fd, &rd);
	assert_int_equal(client_select(64, &rd, NULL, NULL, 20 * MS, NULL), 0);
	assert_false(FD_ISSET(fd, &rd));
	FD_SET(fd, &rd);
	FD_SET(900, &rd);
	assert_int_equal(client_select(901, &rd, NULL, NULL, 0, NULL), -EBADF);
	close(pipes[0]);
	close(pipes[1]);
	client_close(fresh);
	client_close(fd);
}

/* ---- epoll ---- */

static int instance(void)
{
	int e = client_epoll_create(EPOLL_CLOEXEC);

	assert_true(e >= 0);
	return e;
}

static void add(int e, int fd, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.u64 = (uint64_t)fd << 32 | 7};

	assert_int_equal(client_epoll_ctl(e, EPOLL_CTL_ADD, fd, &ev), 0);
}

/* The one event there is, of fd; 0: none within the time. */
static uint32_t one(int e, int fd, uint64_t timeout_ns)
{
	struct epoll_event ev[4];
	int n = client_epoll_wait(e, ev, 4, timeout_ns, NULL);

	if (n == 0)
		return 0;
	assert_int_equal(n, 1);
	assert_int_equal(ev[0].data.u64, (uint64_t)fd << 32 | 7);
	return ev[0].events;
}

static void levels_and_edges(void **state)
{
	int e = instance(), level = sim_connected(SOCK_STREAM, ECHO_PORT), edge = sim_connected(SOCK_STREAM, ECHO_PORT);

	(void)state;
	add(e, level, EPOLLIN);
	assert_int_equal(one(e, level, 10 * MS), 0);
	say(level, "a");
	assert_int_equal(one(e, level, LONG), EPOLLIN);
	assert_int_equal(one(e, level, 0), EPOLLIN); /* it still is */
	hear(level, "a");
	assert_int_equal(one(e, level, 0), 0);
	add(e, edge, EPOLLIN | EPOLLET);
	say(edge, "b");
	assert_int_equal(one(e, edge, LONG), EPOLLIN);
	assert_int_equal(one(e, edge, 10 * MS), 0); /* said once */
	say(edge, "c");
	assert_int_equal(one(e, edge, LONG), EPOLLIN); /* news, though nothing was read */
	client_close(level);
	client_close(edge);
	assert_int_equal(one(e, edge, 0), 0);
	client_close(e);
}

static void one_shot(void **state)
{
	int e = instance(), fd = sim_connected(SOCK_STREAM, ECHO_PORT);
	struct epoll_event ev = {.events = EPOLLIN | EPOLLONESHOT, .data.u64 = (uint64_t)fd << 32 | 7};

	(void)state;
	add(e, fd, EPOLLIN | EPOLLONESHOT);
	say(fd, "a");
	assert_int_equal(one(e, fd, LONG), EPOLLIN);
	say(fd, "b");
	assert_int_equal(one(e, fd, 10 * MS), 0);
	assert_int_equal(client_epoll_ctl(e, EPOLL_CTL_MOD, fd, &ev), 0);
	assert_int_equal(one(e, fd, LONG), EPOLLIN);
	ev.events = EPOLLIN | EPOLLOUT;
	assert_int_equal(client_epoll_ctl(e, EPOLL_CTL_MOD, fd, &ev), 0);
	assert_int_equal(one(e, fd, 0), EPOLLIN | EPOLLOUT);
	assert_int_equal(client_epoll_ctl(e, EPOLL_CTL_DEL, fd, NULL), 0);
	assert_int_equal(one(e, fd, 0), 0);
	client_close(fd);
	client_close(e);
}

static void mistakes(void **state)
{
	struct epoll_event ev = {.events = EPOLLIN};
	int e = instance(), fd = client_socket(AF_INET, SOCK_STREAM, 0);

	(void)state;
	add(e, fd, EPOLLIN);
	assert_int_equal(client_epoll_ctl(e, EPOLL_CTL_ADD, fd, &ev), -EEXIST);
	assert_int_equal(client_epoll_ctl(e, EPOLL_CTL_MOD, fd, NULL), -EFAULT);
	assert_int_equal(client_epoll_ctl(e, 9, fd, &ev), -EINVAL);
	assert_int_equal(client_epoll_ctl(e, EPOLL_CTL_ADD, e, &ev), -EINVAL);
	assert_int_equal(client_epoll_ctl(e, EPOLL_CTL_ADD, 900, &ev), -EBADF);
	assert_int_equal(client_epoll_ctl(900, EPOLL_CTL_ADD, fd, &ev), -EBADF);
	assert_int_equal(client_epoll_ctl(fd, EPOLL_CTL_ADD, fd, &ev), -EINVAL);
	assert_int_equal(client_epoll_ctl(0, EPOLL_CTL_ADD, 1, &ev), CLIENT_KERNEL);
	assert_int_equal(client_epoll_ctl(e, EPOLL_CTL_DEL, fd, NULL), 0);
	assert_int_equal(client_epoll_ctl(e, EPOLL_CTL_DEL, fd, NULL), -ENOENT);
	assert_int_equal(client_epoll_wait(e, &ev, 0, 0, NULL), -EINVAL);
	assert_int_equal(client_epoll_wait(e, NULL, 1, 0, NULL), -EFAULT);
	assert_int_equal(client_epoll_wait(fd, &ev, 1, 0, NULL), -EINVAL);
	client_close(fd);
	client_close(e);
	assert_int_equal(client_epoll_wait(e, &ev, 1, 0, NULL), -EBADF);
}

static void the_kernels_members(void **state)
{
	struct itimerspec in_20_ms = {.it_value.tv_nsec = 20 * MS};
	int e = instance(), fd = sim_connected(SOCK_STREAM, ECHO_PORT), pipes[2], ticks = timerfd_create(CLOCK_MONOTONIC, 0);
	struct epoll_event ev[4];

	(void)state;
	assert_int_equal(pipe(pipes), 0);
	add(e, fd, EPOLLIN);
	add(e, pipes[0], EPOLLIN);
	add(e, ticks, EPOLLIN);
	timerfd_settime(ticks, 0, &in_20_ms, NULL);
	assert_int_equal(one(e, ticks, LONG), EPOLLIN);
	assert_int_equal(read(ticks, ev, 8), 8);
	assert_int_equal(one(e, fd, 0), 0);
	say(fd, "x");
	assert_int_equal(one(e, fd, LONG), EPOLLIN); /* asleep in the kernel, woken by the stack */
	assert_int_equal(write(pipes[1], "y", 1), 1);
	assert_int_equal(client_epoll_wait(e, ev, 4, 0, NULL), 2);
	/* Neither kind starves when there is room for one. */
	for (int i = 0, seen = 0; seen != 3; i++) {
		assert_int_equal(client_epoll_wait(e, ev, 1, 0, NULL), 1);
		seen |= ev[0].data.u64 >> 32 == (uint64_t)fd ? 1 : 2;
		assert_true(i < 4);
	}
	assert_int_equal(client_epoll_ctl(e, EPOLL_CTL_DEL, pipes[0], NULL), 0);
	assert_int_equal(one(e, fd, 0), EPOLLIN);
	close(ticks);
	close(pipes[0]);
	close(pipes[1]);
	client_close(fd);
	client_close(e);
}

struct adder {
	int epfd, fd;
};

static void *add_later(void *arg)
{
	struct adder *a = arg;

	usleep(20000);
	add(a->epfd, a->fd, EPOLLIN);
	return NULL;
}

/* Who sleeps hears of members that come while it does: the first of the kernel's, and of ours. */
static void members_come_while_one_sleeps(void **state)
{
	int fd = sim_connected(SOCK_STREAM, ECHO_PORT), full = eventfd(1, 0);
	int both[2] = {full, fd};

	(void)state;
	say(fd, "x");
	assert_int_equal(poll_one(fd, POLLIN, LONG), POLLIN);
	for (int i = 0; i < 2; i++) {
		struct adder a = {.epfd = instance(), .fd = both[i]};
		pthread_t t;

		assert_int_equal(pthread_create(&t, NULL, add_later, &a), 0);
		assert_int_equal(one(a.epfd, a.fd, LONG), EPOLLIN);
		pthread_join(t, NULL);
		client_close(a.epfd);
	}
	close(full);
	client_close(fd);
}

static void instances_are_polled(void **state)
{
	int e = instance(), fd = sim_connected(SOCK_STREAM, ECHO_PORT), full = eventfd(0, 0);

	(void)state;
	add(e, fd, EPOLLIN);
	assert_int_equal(poll_one(e, POLLIN, 10 * MS), 0);
	say(fd, "x");
	assert_int_equal(poll_one(e, POLLIN, LONG), POLLIN);
	assert_int_equal(poll_one(e, POLLIN, 0), POLLIN); /* looking takes nothing away */
	assert_int_equal(one(e, fd, 0), EPOLLIN);
	hear(fd, "x");
	assert_int_equal(poll_one(e, POLLIN, 0), 0);
	add(e, full, EPOLLIN);
	assert_int_equal(write(full, &(uint64_t){1}, 8), 8);
	assert_int_equal(poll_one(e, POLLIN, 0), POLLIN); /* the kernel's part */
	close(full);
	client_close(fd);
	client_close(e);
}

static void *say_later(void *arg)
{
	usleep(20000);
	say(*(int *)arg, "y");
	return NULL;
}

/* To any depth: sockets of ours in the innermost, asleep and awake, level and edge, and beside a pipe. */
static void instances_in_instances(void **state)
{
	int fd = sim_connected(SOCK_STREAM, ECHO_PORT), inner = instance(), middle = instance(), outer = instance(), edge = instance();
	sigset_t none;
	pthread_t t;

	(void)state;
	sigemptyset(&none);
	add(inner, fd, EPOLLIN);
	add(middle, inner, EPOLLIN);
	add(outer, middle, EPOLLIN);
	add(edge, inner, EPOLLIN | EPOLLET);
	one(edge, inner, 0); /* what was there at first is told when it is looked at: nothing, or once */
	assert_int_equal(one(outer, middle, 10 * MS), 0);
	assert_int_equal(poll_one(outer, POLLIN, 10 * MS), 0);
	assert_int_equal(poll_one(inner, POLLIN, 10 * MS), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(pthread_create(&t, NULL, say_later, &fd), 0);
		assert_int_equal(i == 0 ? one(outer, middle, LONG) : (uint32_t)poll_one(i == 1 ? outer : inner, POLLIN, LONG), EPOLLIN);
		pthread_join(t, NULL);
		assert_int_equal(one(outer, middle, 0), EPOLLIN); /* it still is */
		assert_int_equal(one(edge, inner, LONG), EPOLLIN);
		assert_int_equal(one(middle, inner, 0), EPOLLIN);
		assert_int_equal(one(inner, fd, 0), EPOLLIN);
		hear(fd, "y");
		assert_int_equal(one(inner, fd, 0), 0);
		assert_int_equal(one(outer, middle, 0), 0);
		assert_int_equal(poll_one(inner, POLLIN, 0), 0);
		assert_int_equal(poll_one(outer, POLLIN, 10 * MS), 0);
		assert_int_equal(client_epoll_wait(inner, &(struct epoll_event){0}, 1, 10 * MS, &none), 0);
	}
	client_close(inner);
	say(fd, "z");
	assert_int_equal(poll_one(fd, POLLIN, LONG), POLLIN);
	assert_int_equal(one(outer, middle, 10 * MS), 0);
	client_close(middle);
	client_close(outer);
	client_close(edge);
	client_close(fd);
}

/* They come and go; at a time there are so many. */
static void nests_are_bounded(void **state)
{
	int outer = instance(), inner[65];
	struct epoll_event ev = {.events = EPOLLIN};

	(void)state;
	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 64; i++) {
			inner[i] = instance();
			add(outer, inner[i], EPOLLIN);
		}
		inner[64] = instance();
		assert_int_equal(client_epoll_ctl(outer, EPOLL_CTL_ADD, inner[64], &ev), -ENOSPC);
		for (int i = 0; i < 65; i++)
			client_close(inner[i]);
	}
	client_close(outer);
}

static void instances_have_twins(void **state)
{
	int e = instance(), fd = sim_connected(SOCK_STREAM, ECHO_PORT), twin = client_dup(e, 0, true);

	(void)state;
	assert_true(twin > fd);
	add(e, fd, EPOLLIN);
	client_close(e);
	say(fd, "x");
	assert_int_equal(one(twin, fd, LONG), EPOLLIN);
	client_close(twin);
	client_close(fd);
}

/* More than there are at a time, with watches that are ready when their instance goes. */
static void instances_end(void **state)
{
	int fd = sim_connected(SOCK_STREAM, ECHO_PORT);

	(void)state;
	say(fd, "x");
	assert_int_equal(poll_one(fd, POLLIN, LONG), POLLIN);
	for (unsigned i = 0; i < SVC_EPOLLS + 100; i++) {
		int e = instance();

		assert_true(client_owns(e));
		add(e, fd, EPOLLIN);
		client_close(e);
	}
	client_close(fd);
}

struct waiter {
	pthread_t thread;
	int epfd;
	unsigned got;
};

static _Atomic unsigned served;

/* Several of them on one instance: each message is served by one. */
static void *serve(void *arg)
{
	struct waiter *w = arg;
	struct epoll_event ev;
	char c;

	while (client_epoll_wait(w->epfd, &ev, 1, LONG, NULL) == 1) {
		int fd = (int)(ev.data.u64 >> 32);

		if (client_recvfrom(fd, &c, 1, MSG_DONTWAIT, NULL, NULL) != 1)
			return NULL; /* the end, or a mistake */
		w->got++;
		atomic_fetch_add(&served, 1);
		ev.events = EPOLLIN | EPOLLONESHOT;
		client_epoll_ctl(w->epfd, EPOLL_CTL_MOD, fd, &ev);
	}
	return NULL;
}

static void threads_share_an_instance(void **state)
{
	struct waiter w[3] = {0};
	int e = instance(), fd[4];

	(void)state;
	for (int i = 0; i < 4; i++) {
		fd[i] = sim_connected(SOCK_STREAM, ECHO_PORT);
		add(e, fd[i], EPOLLIN | EPOLLONESHOT);
	}
	for (int i = 0; i < 3; i++) {
		w[i].epfd = e;
		assert_int_equal(pthread_create(&w[i].thread, NULL, serve, &w[i]), 0);
	}
	for (int i = 0; i < 400; i++)
		say(fd[i % 4], "m");
	for (int tries = 0; atomic_load(&served) != 400 && tries < 5000; tries++)
		usleep(1000);
	assert_int_equal(atomic_load(&served), 400);
	for (int i = 0; i < 4; i++)
		client_shutdown(fd[i], SHUT_RDWR);
	for (int i = 0; i < 3; i++)
		pthread_join(w[i].thread, NULL);
	assert_int_equal(w[0].got + w[1].got + w[2].got, 400);
	for (int i = 0; i < 4; i++)
		client_close(fd[i]);
	client_close(e);
	sim_far_has(0);
}

static void nothing_happened(int sig) { (void)sig; }

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(poll_mixes),
		cmocka_unit_test(poll_wakes_by_either),
		cmocka_unit_test(poll_has_its_mask),
		cmocka_unit_test(select_tells_sets),
		cmocka_unit_test(levels_and_edges),
		cmocka_unit_test(one_shot),
		cmocka_unit_test(mistakes),
		cmocka_unit_test(the_kernels_members),
		cmocka_unit_test(members_come_while_one_sleeps),
		cmocka_unit_test(instances_are_polled),
		cmocka_unit_test(instances_in_instances),
		cmocka_unit_test(nests_are_bounded),
		cmocka_unit_test(instances_have_twins),
		cmocka_unit_test(instances_end),
		cmocka_unit_test(threads_share_an_instance),
	};
	struct sigaction usr1 = {.sa_handler = nothing_happened};
	int failed = sim_begin(NULL, 0);

	if (failed != 0)
		return failed;
	sigaction(SIGUSR1, &usr1, NULL);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	sim_end();
	return failed;
}
