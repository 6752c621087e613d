/* start_test.c: a whole service on the simulated link, with its threads: requests wake a stack that sleeps, nothing burns a CPU
 * when nothing happens, and all that was open is closed at the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "spate/socket.h"
#include "svc/futex.h"
#include "svc/layout.h"
#include "svc/svc.h"

#define CHAN 3u
#define ECHO_PORT 7

static char path[64];
static struct svc_head *head;
static int control;

static double now_s(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- the far end: what comes goes back ---- */

enum { RUNNING, PAUSED, OVER };
static _Atomic uint32_t far_state, far_accepted, far_closed;

/* One turn of the echo; the open connection, or -1. */
static int echo_turn(int l, int fd)
{
	char buf[4096];
	ssize_t n;

	if (fd < 0) {
		fd = spate_accept4(l, NULL, NULL, SOCK_NONBLOCK);
		atomic_fetch_add(&far_accepted, fd >= 0);
		return fd;
	}
	n = spate_recv(fd, buf, sizeof(buf), 0);
	if (n > 0)
		spate_send(fd, buf, (size_t)n, 0);
	if (n != 0)
		return fd;
	spate_close(fd);
	atomic_fetch_add(&far_closed, 1);
	return -1;
}

static void *far_main(void *arg)
{
	const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(ECHO_PORT)};
	const struct timespec nap = {.tv_nsec = 20000};
	int l, fd = -1;

	(void)arg;
	if (spate_attach(1) != 0)
		return NULL;
	l = spate_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	spate_bind(l, (const struct sockaddr *)&any, sizeof(any));
	spate_listen(l, 10);
	while (atomic_load(&far_state) != OVER) {
		if (atomic_load(&far_state) == PAUSED || spate_turn() == 0)
			nanosleep(&nap, NULL);
		if (atomic_load(&far_state) == RUNNING)
			fd = echo_turn(l, fd);
	}
	spate_detach();
	return NULL;
}

static void eventually(_Atomic uint32_t *count, uint32_t value)
{
	for (int tries = 0; atomic_load(count) != value && tries < 5000; tries++)
		usleep(1000);
	assert_int_equal(atomic_load(count), value);
}

static void config(struct spate_config *c, const char *name, const char *value)
{
	char err[256];

	if (spate_config_set(c, name, value, err, sizeof(err)) != 0)
		fail_msg("%s", err);
}

static struct spate_config *sim_start(void)
{
	struct spate_config *c = spate_config_new();
	char err[256];

	config(c, "dev", "sim");
	config(c, "ip", "10.0.0.1/24");
	config(c, "peer-ip", "10.0.0.9/24");
	config(c, "max-connections", "10000");
	config(c, "mbufs", "4096");
	config(c, "log-level", "error");
	if (spate_start(c, err, sizeof(err)) != 0) {
		fprintf(stderr, "%s\n", err);
		exit(1);
	}
	return c;
}

/* ---- a client ---- */

static void join(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} fds;
	struct svc_message m = {.kind = SVC_HELLO, .value = -1};
	struct svc_reply r;
	struct iovec iov = {.iov_base = &r, .iov_len = sizeof(r)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &fds, .msg_controllen = sizeof(fds)};
	int got[2];

	strcpy(un.sun_path, path);
	control = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	assert_int_equal(connect(control, (struct sockaddr *)&un, sizeof(un)), 0);
	assert_int_equal(send(control, &m, sizeof(m), 0), sizeof(m));
	assert_int_equal(recvmsg(control, &msg, 0), sizeof(r));
	assert_int_equal(r.result, 0);
	memcpy(got, CMSG_DATA(&fds.h), sizeof(got));
	head = mmap(NULL, 1 << 20, PROT_READ, MAP_SHARED, got[0], 0);
	assert_true(head != MAP_FAILED);
	head = mmap(NULL, head->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, got[0], 0);
	assert_true(head != MAP_FAILED);
	close(got[0]);
	close(got[1]);
	atomic_store(&svc_chan_at(head, CHAN)->owner, (uint32_t)r.proc + 1);
}

static void leave(void)
{
	munmap(head, head->bytes);
	close(control);
}

/* As clients do it: post, wake, sleep. */
static int64_t post(enum svc_op op)
{
	struct svc_chan *c = svc_chan_at(head, CHAN);
	struct svc_stack *box = svc_stack_at(head, 0);
	uint32_t asked = SVC_ASKED;

	c->op = (uint16_t)op;
	atomic_store(&c->state, SVC_ASKED);
	atomic_fetch_or(&box->pending[CHAN / 64], 1ull << CHAN % 64);
	if (atomic_load(&box->asleep) != 0) {
		atomic_store(&box->asleep, 0);
		svc_futex_wake(&box->asleep, 1);
	}
	if (atomic_compare_exchange_strong(&c->state, &asked, SVC_ASKED_ASLEEP))
		while (atomic_load(&c->state) == SVC_ASKED_ASLEEP)
			svc_futex_wait(&c->state, SVC_ASKED_ASLEEP, 1000000000);
	assert_int_equal(atomic_load(&c->state), SVC_DONE);
	return c->result;
}

/* Until the file shows one of these events. */
static void wait_for(uint32_t events)
{
	struct svc_chan *c = svc_chan_at(head, CHAN);
	struct svc_file *f = svc_file_at(head, c->file);

	atomic_store(&f->pollers, 1u << 16 | (CHAN + 1));
	for (;;) {
		uint32_t seq = atomic_load(&c->bell);

		if (atomic_load(&f->events) & events)
			break;
		atomic_store(&c->sleep, SVC_SLEEP_FUTEX);
		svc_futex_wait(&c->bell, seq, 5000000000);
		assert_int_not_equal(atomic_load(&c->bell), seq); /* rung, and not the time over */
	}
	atomic_store(&c->sleep, SVC_AWAKE);
	atomic_store(&f->pollers, 0);
}

static void connect_far(void)
{
	struct svc_chan *c = svc_chan_at(head, CHAN);
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(ECHO_PORT), .sin_addr.s_addr = inet_addr("10.0.0.9")};

	c->a = AF_INET;
	c->b = SOCK_STREAM;
	assert_int_equal(post(SVC_SOCKET), 0);
	c->file = c->new_file;
	c->gen = c->new_gen;
	memcpy(&c->addr, &to, sizeof(to));
	c->addr_len = sizeof(to);
	assert_int_equal(post(SVC_CONNECT), -EINPROGRESS);
	wait_for(EPOLLOUT);
	assert_int_equal(post(SVC_CONNECT_END), 0);
}

static void echo_once(unsigned i)
{
	struct svc_chan *c = svc_chan_at(head, CHAN);

	c->a = 0;
	c->b = 0;
	c->addr_len = c->control_len = 0;
	c->len = (uint32_t)snprintf((char *)c->data, 100, "message %u", i);
	assert_int_equal(post(SVC_SEND), c->len);
	memset(c->data, 0, 100);
	wait_for(EPOLLIN);
	c->len = 100;
	assert_true(post(SVC_RECV) > 8);
	assert_int_equal(atoi((char *)c->data + 8), i);
}

/* ---- tests ---- */

static struct svc *service_start(enum svc_idle idle)
{
	const struct svc_config cfg = {.path = path, .idle = idle};
	struct svc *svc;
	char err[256];

	assert_int_equal(svc_start(&cfg, &svc, err, sizeof(err)), 0);
	return svc;
}

/* How much of a CPU this process uses while nothing happens. */
static double used_when_idle(void)
{
	double cpu, s;

	atomic_store(&far_state, PAUSED);
	usleep(20000);
	cpu = now_s(CLOCK_PROCESS_CPUTIME_ID);
	s = now_s(CLOCK_MONOTONIC);
	usleep(300000);
	cpu = (now_s(CLOCK_PROCESS_CPUTIME_ID) - cpu) / (now_s(CLOCK_MONOTONIC) - s);
	atomic_store(&far_state, RUNNING);
	return cpu;
}

static void whole(enum svc_idle idle)
{
	uint32_t before = atomic_load(&far_closed);
	struct svc *svc = service_start(idle);
	double cpu;

	join();
	connect_far();
	eventually(&far_accepted, before + 1);
	for (unsigned i = 0; i < 100; i++) {
		if (i % 10 == 0)
			usleep(3000); /* long enough to fall asleep */
		echo_once(i);
	}
	assert_int_equal(svc_sockets(svc), 1);
	assert_int_equal(svc_users(svc), 0); /* it has noted no descriptor */
	cpu = used_when_idle();
	if (idle == SVC_IDLE_POLL)
		assert_true(cpu > 0.1);
	else
		assert_true(cpu < 0.3); /* with the far end's naps */
	leave();
	svc_stop(svc);
	eventually(&far_closed, before + 1); /* the peer has heard of it */
	assert_int_equal(access(path, F_OK), -1);
}

static void adaptive(void **state)
{
	(void)state;
	whole(SVC_IDLE_ADAPTIVE);
}

static void polling(void **state)
{
	(void)state;
	whole(SVC_IDLE_POLL);
}

static void wrong_starts(void **state)
{
	const struct svc_config nowhere = {.path = "/nonexistent/service"};
	const char *const rules[] = {"nonsense"};
	const struct svc_config nonsense = {.path = path, .rules = rules, .n_rules = 1};
	struct svc *svc;
	char err[256] = "";

	(void)state;
	assert_int_equal(svc_start(&nowhere, &svc, err, sizeof(err)), -ENOENT);
	assert_non_null(strstr(err, "/nonexistent/service"));
	assert_int_equal(svc_start(&nonsense, &svc, err, sizeof(err)), -EINVAL);
	assert_non_null(strstr(err, "nonsense"));
}

static void before_spate(void **state)
{
	const struct svc_config cfg = {.path = path};
	struct svc *svc;
	char err[256];

	(void)state;
	assert_int_equal(svc_start(&cfg, &svc, err, sizeof(err)), -ENXIO);
}

int main(void)
{
	const struct CMUnitTest before[] = {cmocka_unit_test(before_spate)};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(adaptive),
		cmocka_unit_test(wrong_starts),
		cmocka_unit_test(polling),
	};
	struct spate_config *c;
	pthread_t far;
	int failed;

	snprintf(path, sizeof(path), "/tmp/spate-start-test-%d", getpid());
	failed = cmocka_run_group_tests(before, NULL, NULL);
	c = sim_start();
	if (pthread_create(&far, NULL, far_main, NULL) != 0)
		return 1;
	failed += cmocka_run_group_tests(tests, NULL, NULL);
	atomic_store(&far_state, OVER);
	pthread_join(far, NULL);
	spate_stop();
	spate_config_free(c);
	return failed;
}
