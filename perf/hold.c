/* hold.c: how many connections can be open at one time, and what one costs. */
#include <stddef.h>

#include "memory.h"
#include "net.h"
#include "run.h"
#include "tsc.h"

#define SAMPLE 10000 /* requests at the end, on connections all over the table */

/* Growth of both ends' memory. One process has both ends; two processes measure one each. */
static uint64_t growth(struct perf_run *r, struct held *h, uint64_t before)
{
	uint64_t mine = memory_bytes() - before;
	struct epoll_event ev;

	if (r->role == ROLE_BOTH)
		return mine;
	__atomic_store_n(&r->shared->measure, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&r->shared->measure, __ATOMIC_ACQUIRE) != 2)
		NET(epoll_wait)(h->ep, &ev, 1, 1);
	return mine + r->shared->server_growth;
}

static int client(struct perf_run *r)
{
	static struct ask_result res;
	struct perf_point *p = &r->w->point;
	uint64_t before = memory_bytes(), server_has, t0 = tsc_now();
	struct held h;
	int rc = held_open(r, &h, (uint32_t)r->a.connections);

	if (rc != 0)
		return rc;
	p->connections_per_second = (double)h.established * tsc_hz() / (double)(tsc_now() - t0);
	server_has = perf_server_open(r);
	p->connections = (double)(h.established < server_has ? h.established : server_has);
	p->bytes_per_connection = (double)growth(r, &h, before) / (2 * p->connections);
	rc = ask_run(r, &h, (uint32_t)r->a.concurrency, h.established < SAMPLE ? h.established : SAMPLE, &res);
	server_has = perf_server_open(r);
	if (server_has < p->connections)
		p->connections = (double)server_has; /* lost meanwhile */
	p->p50_us = (double)hist_quantile(&res.ns, .5) / 1e3;
	p->p99_us = (double)hist_quantile(&res.ns, .99) / 1e3;
	p->errors = (double)(h.errors + res.errors + __atomic_load_n(&r->w->server_errors, __ATOMIC_RELAXED));
	return rc;
}

static const struct perf_ops ops = {
	.name = "hold", .mode = SERVER_ECHO, .client = client, .metric = offsetof(struct perf_point, bytes_per_connection),
	.connections = 1000000, .concurrency = 256, .addresses = 1,
};

static int run(int argc, char **argv, bool json) { return perf_run_case(&ops, argc, argv, json); }

const struct perf_case perf_hold = {
	"hold",
	"many connections at one time. bytes_per_connection: growth of resident memory and huge pages (VmRSS + HugetlbPages\n"
	"           of /proc/self/status) of all processes from before the first connect until all are established, divided\n"
	"           by 2 x connections, since both ends are counted; the program's own arrays are in it. At the end 10000\n"
	"           connections all over the table are asked and their answers compared",
	run,
};
