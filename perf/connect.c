/* connect.c: connections per second: connect, one request, one reply, close, and again. */
#include <stdlib.h>
#include <string.h>

#include "net.h"
#include "run.h"
#include "tsc.h"

#define EVENTS_MAX 256

enum phase { CONNECTING, ASKED, REPLIED };

struct slot {
	int fd;
	enum phase phase;
	uint64_t t0, serial;
};

struct churn {
	struct perf_run *r;
	union perf_name to;
	socklen_t to_len;
	int ep;
	struct slot *slots;
	uint32_t n, idle; /* idle: slots whose connect() failed at once, to try again */
	bool wait_for_fin;
	uint64_t serial, done, errors;
	struct span span;
	double ns_per_tick;
	struct hist ns;
};

static const uint8_t filler[MSG_BYTES - 16] = "spate-perf connects, asks, listens and hangs up";

static void start(struct churn *c, uint32_t i)
{
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u64 = i };
	struct slot *s = &c->slots[i];

	s->t0 = tsc_now();
	s->phase = CONNECTING;
	s->fd = NET(socket)(c->to.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	if (s->fd >= 0 && (NET(connect)(s->fd, &c->to.sa, c->to_len) == 0 || errno == EINPROGRESS) &&
	    NET(epoll_ctl)(c->ep, EPOLL_CTL_ADD, s->fd, &ev) == 0)
		return;
	perf_fail(c->r, "connect");
	if (s->fd >= 0)
		NET(close)(s->fd);
	s->fd = -1;
	c->errors++;
	c->idle++;
}

static void again(struct churn *c, uint32_t i, bool good)
{
	struct slot *s = &c->slots[i];
	uint64_t now = tsc_now();

	NET(close)(s->fd);
	if (!good) {
		c->errors++;
	} else if (now >= c->span.begin && now < c->span.end) {
		c->done++;
		hist_add(&c->ns, (uint64_t)((double)(now - s->t0) * c->ns_per_tick));
	}
	start(c, i);
}

static bool ask(struct churn *c, uint32_t i)
{
	struct slot *s = &c->slots[i];
	struct msg m = { .serial = c->serial, .slot = i };

	memcpy(m.filler, filler, sizeof(filler));
	s->serial = c->serial++;
	s->phase = ASKED;
	return NET(send)(s->fd, &m, sizeof(m), MSG_NOSIGNAL) == (ssize_t)sizeof(m);
}

/* The reply, and then, when the server closes first, the end of its stream. */
static void receive(struct churn *c, uint32_t i)
{
	struct slot *s = &c->slots[i];
	struct msg m;
	ssize_t n = NET(recv)(s->fd, &m, sizeof(m), 0);

	if (s->phase == ASKED && n > 0) {
		if (n != (ssize_t)sizeof(m) || m.serial != s->serial || m.slot != i ||
		    memcmp(m.filler, filler, sizeof(filler)) != 0) {
			again(c, i, false);
			return;
		}
		s->phase = REPLIED;
		if (!c->wait_for_fin) {
			again(c, i, true);
			return;
		}
		n = NET(recv)(s->fd, &m, sizeof(m), 0);
	}
	if (n < 0 && errno == EAGAIN)
		return;
	again(c, i, n == 0 && s->phase == REPLIED);
}

static void event(struct churn *c, uint32_t i, uint32_t events)
{
	struct slot *s = &c->slots[i];

	if (s->phase == CONNECTING) {
		if (events & (EPOLLERR | EPOLLHUP) || (events & EPOLLOUT && !ask(c, i))) {
			again(c, i, false);
			return;
		}
	}
	if (events & ~(unsigned)EPOLLOUT)
		receive(c, i);
}

static void restart_idle(struct churn *c)
{
	uint32_t n = c->idle;

	c->idle = 0;
	for (uint32_t i = 0; i < c->n && n > 0; i++) {
		if (c->slots[i].fd < 0) {
			n--;
			start(c, i);
		}
	}
}

static void loop(struct churn *c)
{
	while (tsc_now() < c->span.end) {
		struct epoll_event ev[EVENTS_MAX];
		int n = perf_wait(c->r, c->ep, ev, EVENTS_MAX, 1);

		for (int k = 0; k < n; k++)
			event(c, ev[k].data.u32, ev[k].events);
		if (c->idle > 0)
			restart_idle(c);
	}
}

static void result(struct churn *c)
{
	struct perf_point *p = &c->r->w->point;
	double seconds = (double)(c->span.end - c->span.begin) / tsc_hz();

	p->connections_per_second = (double)c->done / seconds;
	p->cycles_per_connection = c->done > 0 ? (double)(c->span.end - c->span.begin) / (double)c->done : 0;
	p->p50_us = (double)hist_quantile(&c->ns, .5) / 1e3;
	p->p99_us = (double)hist_quantile(&c->ns, .99) / 1e3;
	p->p999_us = (double)hist_quantile(&c->ns, .999) / 1e3;
	p->errors = (double)(c->errors + __atomic_load_n(&c->r->w->server_errors, __ATOMIC_RELAXED));
}

static int client(struct perf_run *r)
{
	static _Thread_local struct churn c;

	c.r = r;
	c.n = perf_share(r, r->a.concurrency);
	c.to_len = perf_name(r, false, &c.to);
	c.wait_for_fin = r->a.closer[0] == 's';
	c.ns_per_tick = 1e9 / tsc_hz();
	c.ep = NET(epoll_create1)(0);
	c.slots = calloc(c.n, sizeof(*c.slots));
	if (c.ep < 0 || !c.slots)
		return perf_fail(r, "client");
	hist_reset(&c.ns);
	c.span = span_after_warmup(&r->a);
	for (uint32_t i = 0; i < c.n; i++)
		start(&c, i);
	loop(&c);
	result(&c);
	for (uint32_t i = 0; i < c.n; i++)
		if (c.slots[i].fd >= 0)
			NET(close)(c.slots[i].fd);
	free(c.slots);
	return 0;
}

static const struct perf_ops ops = {
	.name = "connect", .mode = SERVER_ECHO_CLOSE, .client = client, .cores = true,
	.metric = offsetof(struct perf_point, connections_per_second), .connections = 0, .concurrency = 512, .addresses = 32,
};

static int run(int argc, char **argv, bool json) { return perf_run_case(&ops, argc, argv, json); }

const struct perf_case perf_connect = { "connect", "connect, 64-byte request, reply, close, per second", run };
