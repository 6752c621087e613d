/* signal_test.c: signals during waits (rows D5 to D11 of the connect semantics). */
#include <signal.h>
#include <unistd.h>

#include "world.h"

static volatile sig_atomic_t caught;

static void on_signal(int sig)
{
	(void)sig;
	caught++;
}

static void handle(int sig, int flags)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = flags};

	caught = 0;
	assert_int_equal(sigaction(sig, &sa, NULL), 0);
}

static int turns_to_signal;

static void signal_later(void)
{
	if (turns_to_signal > 0 && --turns_to_signal == 0)
		kill(getpid(), SIGUSR1);
}

static void arm_signal(void)
{
	turns_to_signal = 20;
	world.every_turn = signal_later;
}

static void d5_to_d8_eintr(void **state)
{
	int fd = stream(0), ep = spate_epoll_create1(0), l = stream(0);
	struct epoll_event ev;
	struct pollfd p = {.fd = l, .events = POLLIN};
	sigset_t mask, none;

	(void)state;
	handle(SIGUSR1, 0);
	cut(FAR, true);
	arm_signal();
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EINTR);
	assert_int_equal(caught, 1);
	sigemptyset(&none);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0); /* the mask is what it was */
	assert_int_equal(sigismember(&mask, SIGUSR1), 0);
	assert_int_equal(sigismember(&mask, SIGTERM), 0);
	spate_fcntl(fd, F_SETFL, O_NONBLOCK);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EALREADY); /* D6 */
	spate_fcntl(fd, F_SETFL, 0);
	cut(FAR, false);
	far_listener(80, 0);
	assert_int_equal(call_connect(fd, FAR_IP, 80), 0); /* D7 */
	arm_signal();
	assert_int_equal(spate_sys_epoll_wait(ep, &ev, 1, -1), -EINTR);
	assert_int_equal(call_bind(l, NEAR_IP, 7000), 0);
	assert_int_equal(spate_sys_listen(l, 1), 0);
	arm_signal();
	assert_int_equal(spate_poll(&p, 1, -1), -1);
	assert_int_equal(errno, EINTR);
	arm_signal();
	assert_int_equal(spate_sys_accept4(l, NULL, NULL, 0), -EINTR);
	assert_int_equal(caught, 4);
}

static void d9_d10_restart(void **state)
{
	struct timeval tv = {.tv_sec = 5};
	int far, fd = pair(80, &far);
	uint64_t t0;
	char c;

	(void)state;
	handle(SIGUSR1, SA_RESTART);
	at(FAR);
	assert_int_equal(spate_send(far, "x", 1, 0), 1);
	at(NEAR);
	arm_signal();
	assert_int_equal(spate_recv(fd, &c, 1, 0), 1);
	/* Restarted: only the timeout of a later call could end this. D10: with a timeout, EINTR all the same. */
	assert_int_equal(spate_setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)), 0);
	arm_signal();
	t0 = world.now_ns;
	assert_int_equal(spate_sys_recvfrom(fd, &c, 1, 0, NULL, NULL), -EINTR);
	assert_true(world.now_ns - t0 < 1000 * MS);
	fd = stream(0);
	arm_signal();
	caught = 0;
	assert_int_equal(call_connect(fd, "10.0.0.77", 80), -EHOSTUNREACH); /* D9: goes on until it knows */
	assert_int_equal(caught, 1);
}

static void d11_ignored_or_blocked(void **state)
{
	struct epoll_event ev;
	sigset_t usr1, pending;
	int ep = spate_epoll_create1(0);

	(void)state;
	signal(SIGUSR1, SIG_IGN);
	arm_signal();
	assert_int_equal(spate_sys_epoll_wait(ep, &ev, 1, 100), 0);
	assert_int_equal(turns_to_signal, 0);
	handle(SIGUSR1, 0);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &usr1, NULL), 0);
	arm_signal();
	assert_int_equal(spate_sys_epoll_wait(ep, &ev, 1, 100), 0);
	assert_int_equal(caught, 0);
	assert_int_equal(sigpending(&pending), 0);
	assert_int_equal(sigismember(&pending, SIGUSR1), 1);
	assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL), 0);
	assert_int_equal(caught, 1);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_make, world_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(d5_to_d8_eintr),
		IN_WORLD(d9_d10_restart),
		IN_WORLD(d11_ignored_or_blocked),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
