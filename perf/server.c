/* server.c: the server of every case: accepts, echoes or counts, keeps nothing per connection. */
#include <stdlib.h>
#include <string.h>

#include "memory.h"
#include "net.h"
#include "run.h"

#define EVENTS_MAX 256
#define ACCEPTS_MAX 256
#define BACKLOG 65536
#define LISTENER UINT64_MAX

struct perf_server {
	struct perf_run *r;
	int ep, listener;
	uint64_t open, bytes, errors, memory_before;
	char buf[1 << 18];
};

static int server_open(struct perf_server *s)
{
	union perf_name a;
	socklen_t len = perf_name(s->r, true, &a);
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = LISTENER };
	int one = 1;

	s->ep = NET(epoll_create1)(0);
	s->listener = NET(socket)(a.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (s->ep < 0 || s->listener < 0 ||
	    NET(setsockopt)(s->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0 ||
	    NET(setsockopt)(s->listener, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) != 0 ||
	    NET(bind)(s->listener, &a.sa, len) != 0 || NET(listen)(s->listener, BACKLOG) != 0 ||
	    NET(epoll_ctl)(s->ep, EPOLL_CTL_ADD, s->listener, &ev) != 0)
		return perf_fail(s->r, "server");
	return 0;
}

static void accept_some(struct perf_server *s)
{
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		struct epoll_event ev = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET };
		int fd = NET(accept4)(s->listener, NULL, NULL, SOCK_NONBLOCK);

		if (fd < 0) {
			s->errors += errno != EAGAIN;
			return;
		}
		ev.data.u64 = (uint64_t)(unsigned)fd;
		if (NET(epoll_ctl)(s->ep, EPOLL_CTL_ADD, fd, &ev) == 0) {
			s->open++;
		} else {
			s->errors++;
			NET(close)(fd);
		}
	}
}

static void hang_up(struct perf_server *s, int fd)
{
	NET(close)(fd);
	s->open--;
}

static void echo(struct perf_server *s, int fd)
{
	bool close_after = s->r->ops->mode == SERVER_ECHO_CLOSE && s->r->a.closer[0] == 's';
	ssize_t n;

	do {
		n = NET(recv)(fd, s->buf, sizeof(s->buf), 0);
		if (n <= 0) {
			if (n == 0 || errno != EAGAIN) {
				s->errors += n < 0;
				hang_up(s, fd);
			}
			return;
		}
		s->bytes += (uint64_t)n;
		s->errors += NET(send)(fd, s->buf, (size_t)n, MSG_NOSIGNAL) != n;
		if (close_after) {
			s->errors += n != MSG_BYTES;
			hang_up(s, fd);
			return;
		}
	} while (n == sizeof(s->buf));
}

static void sink(struct perf_server *s, int fd)
{
	for (;;) {
		ssize_t n = NET(recv)(fd, s->buf, sizeof(s->buf), 0);

		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			s->errors += n < 0;
			hang_up(s, fd);
			return;
		}
		s->bytes += (uint64_t)n;
	}
}

static void publish(struct perf_server *s)
{
	struct perf_shared *sh = s->r->shared;
	struct perf_worker *w = s->r->w;

	__atomic_store_n(&w->server_open, s->open, __ATOMIC_RELAXED);
	__atomic_store_n(&w->server_bytes, s->bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&w->server_errors, s->errors, __ATOMIC_RELAXED);
	if (__atomic_load_n(&sh->measure, __ATOMIC_ACQUIRE) == 1) {
		sh->server_growth = memory_bytes() - s->memory_before;
		__atomic_store_n(&sh->measure, 2, __ATOMIC_RELEASE);
	}
}

struct perf_server *perf_server_new(struct perf_run *r)
{
	struct perf_server *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		perf_fail(r, "server");
		return NULL;
	}
	s->r = r;
	if (server_open(s) != 0) {
		free(s);
		return NULL;
	}
	s->memory_before = memory_bytes();
	__atomic_store_n(&r->w->server_ready, 1, __ATOMIC_RELEASE);
	return s;
}

void perf_server_step(struct perf_server *s, int timeout_ms)
{
	struct epoll_event ev[EVENTS_MAX];
	int n = NET(epoll_wait)(s->ep, ev, EVENTS_MAX, timeout_ms);

	for (int i = 0; i < n; i++) {
		if (ev[i].data.u64 == LISTENER)
			accept_some(s);
		else if (s->r->ops->mode == SERVER_SINK)
			sink(s, (int)ev[i].data.u64);
		else
			echo(s, (int)ev[i].data.u64);
	}
	publish(s);
}

int perf_server(struct perf_run *r)
{
	struct perf_server *s = perf_server_new(r);

	if (s == NULL)
		return -EIO;
	while (!__atomic_load_n(&r->shared->stop, __ATOMIC_RELAXED))
		perf_server_step(s, 1);
	free(s);
	return 0;
}

uint64_t perf_server_open(const struct perf_run *r)
{
	uint64_t sum = 0;

	if (r->a.only && !r->a.meet) /* nobody can tell */
		return UINT64_MAX;
	for (unsigned i = 0; i < WORKERS_MAX; i++)
		sum += __atomic_load_n(&r->shared->worker[i].server_open, __ATOMIC_RELAXED);
	return sum;
}

int perf_wait(struct perf_run *r, int ep, struct epoll_event *ev, int max, int timeout_ms)
{
	if (r->server == NULL)
		return NET(epoll_wait)(ep, ev, max, timeout_ms);
	r->server_turn(r);
	return NET(epoll_wait)(ep, ev, max, 0);
}
