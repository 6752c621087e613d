/* shared_test.c: one listening socket, accepted from by two threads on a real clock; sums of counters from a third. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "spate/socket.h"

#define CONNECTIONS 200

static atomic_int listener, done, served[2];

static struct sockaddr_in far_address(void)
{
	const in_addr_t far = inet_addr("10.1.0.2");

	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(80), .sin_addr.s_addr = far};
}

/* NULL, or the number of the line that failed. */
#define CHECK(cond) \
	do { \
		if (!(cond)) \
			return (void *)(intptr_t)__LINE__; \
	} while (0)

static void *listen_here(void)
{
	struct sockaddr_in in = far_address();
	int l = spate_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	CHECK(spate_bind(l, (struct sockaddr *)&in, sizeof(in)) == 0);
	CHECK(spate_listen(l, 256) == 0);
	atomic_store(&listener, l);
	return NULL;
}

/* Accepts through the one listener, says one byte to each and closes. The first of the two makes it. */
static void *server(void *arg)
{
	unsigned i = (unsigned)(uintptr_t)arg;
	struct epoll_event ev, add = {.events = EPOLLIN};
	int ep, l;

	CHECK(spate_attach(2 + i) == 0);
	CHECK(i != 0 || listen_here() == NULL);
	while ((l = atomic_load(&listener)) == 0)
		spate_turn();
	ep = spate_epoll_create1(0);
	CHECK(spate_epoll_ctl(ep, EPOLL_CTL_ADD, l, &add) == 0);
	atomic_fetch_add(&done, 1);
	while (atomic_load(&done) != 3) {
		int fd;

		CHECK(spate_epoll_wait(ep, &ev, 1, 5) >= 0);
		while ((fd = spate_accept4(l, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
			char id = (char)('0' + i);

			CHECK(spate_write(fd, &id, 1) == 1);
			CHECK(spate_close(fd) == 0);
			atomic_fetch_add(&served[i], 1);
		}
		CHECK(errno == EAGAIN || (errno == EBADF && atomic_load(&done) == 3)); /* its owner has closed it */
	}
	CHECK(spate_close(l) == 0 || errno == EBADF);
	spate_detach();
	return NULL;
}

static void set(struct spate_config *c, const char *name, const char *value)
{
	char err[256] = "";

	if (spate_config_set(c, name, value, err, sizeof(err)) != 0)
		fail_msg("%s=%s: %s", name, value, err);
}

static uint64_t sum(const char *wanted)
{
	const char *name;
	uint64_t value;

	for (unsigned i = 0; spate_counter_sum(i, &name, &value) == 0; i++)
		if (strcmp(name, wanted) == 0)
			return value;
	fail_msg("no counter %s", wanted);
	return 0;
}

static void two_threads_accept(void **state)
{
	struct spate_config *c = spate_config_new();
	struct sockaddr_in in = far_address();
	const char *name;
	char err[256] = "", byte;
	uint64_t value;
	pthread_t t[2];
	void *line;

	(void)state;
	assert_int_equal(spate_counter_sum(0, &name, &value), -1); /* nothing runs */
	set(c, "dev", "sim");
	set(c, "cores", "2");
	set(c, "ip", "10.1.0.1/24");
	set(c, "peer-ip", "10.1.0.2/24");
	set(c, "max-connections", "4096");
	set(c, "mbufs", "4095");
	if (spate_start(c, err, sizeof(err)) != 0)
		fail_msg("%s", err);
	assert_int_equal(sum("tcp.active_opens"), 0);
	for (uintptr_t i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, server, (void *)i), 0);
	while (atomic_load(&done) != 2)
		sched_yield();
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(spate_attach(i), 0); /* one thread has both near stacks */
	for (int i = 0; i < CONNECTIONS; i++) {
		int fd;

		assert_int_equal(spate_switch((unsigned)i % 2), 0);
		fd = spate_socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(spate_connect(fd, (struct sockaddr *)&in, sizeof(in)), 0);
		assert_int_equal(spate_read(fd, &byte, 1), 1);
		assert_in_range(byte, '0', '1');
		assert_int_equal(spate_read(fd, &byte, 1), 0);
		assert_int_equal(spate_close(fd), 0);
	}
	atomic_store(&done, 3);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pthread_join(t[i], &line), 0);
		assert_ptr_equal(line, NULL);
	}
	spate_detach();
	assert_int_equal(spate_switch(0), 0);
	spate_detach();
	assert_int_equal(atomic_load(&served[0]) + atomic_load(&served[1]), CONNECTIONS);
	assert_true(atomic_load(&served[0]) > 0 && atomic_load(&served[1]) > 0);
	assert_int_equal(sum("tcp.active_opens"), CONNECTIONS);
	assert_int_equal(sum("tcp.passive_opens"), CONNECTIONS);
	spate_stop();
	assert_int_equal(spate_counter_sum(0, &name, &value), -1);
	spate_config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(two_threads_accept)};

	return cmocka_run_group_tests_name("sock_shared", tests, NULL, NULL);
}
