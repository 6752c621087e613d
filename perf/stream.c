/* stream.c: bulk data from client to server, on one flow or many. What the server has counted is the result. */
#include <stddef.h>
#include <string.h>

#include "net.h"
#include "run.h"
#include "tsc.h"

#define EVENTS_MAX 256
#define BLOCK 65536
#define WRITES_MAX 16 /* per flow and turn, so that flows share */
#define DRAIN_S 10

static uint64_t server_bytes(struct perf_run *r) { return __atomic_load_n(&r->w->server_bytes, __ATOMIC_RELAXED); }

struct pump {
	struct held h;
	uint64_t sent, errors;
	uint8_t full[65536 / 8]; /* a bit per flow: waits for EPOLLOUT */
	char block[BLOCK];
};

/* Writes until the socket is full, or had its share. */
static void pump_flow(struct pump *p, uint32_t i)
{
	for (int k = 0; k < WRITES_MAX; k++) {
		ssize_t n = NET(send)(p->h.fds[i], p->block, BLOCK, MSG_NOSIGNAL);

		if (n > 0)
			p->sent += (uint64_t)n;
		if (n == BLOCK)
			continue;
		p->errors += n < 0 && errno != EAGAIN;
		p->full[i / 8] |= (uint8_t)(1 << (i % 8));
		return;
	}
}

static void turn(struct pump *p)
{
	struct epoll_event ev[EVENTS_MAX];
	int n = NET(epoll_wait)(p->h.ep, ev, EVENTS_MAX, 0);

	for (int k = 0; k < n; k++) {
		uint32_t i = ev[k].data.u32;

		if (ev[k].events & EPOLLOUT)
			p->full[i / 8] &= (uint8_t)~(1 << (i % 8));
		p->errors += (ev[k].events & (EPOLLERR | EPOLLHUP)) != 0;
	}
	for (uint32_t i = 0; i < p->h.n; i++)
		if (!(p->full[i / 8] >> (i % 8) & 1))
			pump_flow(p, i);
}

/* Everything that was sent must arrive. */
static void drain(struct perf_run *r, struct pump *p)
{
	uint64_t end = tsc_now() + (uint64_t)(DRAIN_S * tsc_hz());
	struct epoll_event ev[EVENTS_MAX];

	for (uint32_t i = 0; i < p->h.n; i++)
		NET(shutdown)(p->h.fds[i], SHUT_WR);
	while (server_bytes(r) != p->sent && tsc_now() < end)
		NET(epoll_wait)(p->h.ep, ev, EVENTS_MAX, 0);
	p->errors += server_bytes(r) != p->sent;
}

static int client(struct perf_run *r)
{
	static struct pump p;
	struct perf_point *pt = &r->w->point;
	struct span s;
	uint64_t b0, t0;
	int rc = held_open(r, &p.h, (uint32_t)r->a.flows);

	if (rc != 0)
		return rc;
	memset(p.block, 'x', sizeof(p.block));
	s = span_after_warmup(&r->a);
	while (tsc_now() < s.begin)
		turn(&p);
	b0 = server_bytes(r);
	t0 = tsc_now();
	while (tsc_now() < s.end)
		turn(&p);
	pt->bits_per_second = (double)(server_bytes(r) - b0) * 8 * tsc_hz() / (double)(tsc_now() - t0);
	drain(r, &p);
	pt->flows = (double)p.h.established;
	pt->errors = (double)(p.h.errors + p.errors + __atomic_load_n(&r->w->server_errors, __ATOMIC_RELAXED));
	held_close(&p.h);
	return 0;
}

static void points(struct perf_run *r, unsigned i, bool *more)
{
	r->a.flows = i == 0 ? 1 : 64;
	*more = i == 0;
}

static const struct perf_ops ops = {
	.name = "stream", .mode = SERVER_SINK, .client = client, .metric = offsetof(struct perf_point, bits_per_second),
	.points = points, .connections = 64, .concurrency = 1, .addresses = 1,
};

static int run(int argc, char **argv, bool json) { return perf_run_case(&ops, argc, argv, json); }

const struct perf_case perf_stream = { "stream", "bulk data on 1 and on 64 flows", run };
