/* rps.c: requests per second on connections that are kept. */
#include <stddef.h>

#include "net.h"
#include "run.h"

static int client(struct perf_run *r)
{
	static _Thread_local struct ask_result res;
	struct perf_point *p = &r->w->point;
	struct held h;
	int rc = held_open(r, &h, perf_share(r, r->a.connections));

	if (rc == 0)
		rc = ask_run(r, &h, perf_share(r, r->a.concurrency), 0, &res);
	p->connections = (double)h.established;
	p->requests_per_second = (double)res.answered / (res.seconds > 0 ? res.seconds : 1);
	p->p50_us = (double)hist_quantile(&res.ns, .5) / 1e3;
	p->p99_us = (double)hist_quantile(&res.ns, .99) / 1e3;
	p->p999_us = (double)hist_quantile(&res.ns, .999) / 1e3;
	p->errors = (double)(h.errors + res.errors + __atomic_load_n(&r->w->server_errors, __ATOMIC_RELAXED));
	if (rc == 0)
		held_close(&h);
	return rc;
}

static void points(struct perf_run *r, unsigned i, bool *more)
{
	static const uint32_t n[] = { PERF_RPS_POINTS };

	r->a.connections = n[i];
	*more = i + 1 < sizeof(n) / sizeof(n[0]);
}

static const struct perf_ops ops = {
	.name = "rps", .mode = SERVER_ECHO, .client = client, .metric = offsetof(struct perf_point, requests_per_second),
	.points = points, .cores = true, .connections = 64, .concurrency = 1024, .addresses = 1,
	.mbufs = "131072", /* a reply is kept until its ACK: up to 40 ms on a connection that is not asked again soon */
};

static int run(int argc, char **argv, bool json) { return perf_run_case(&ops, argc, argv, json); }

const struct perf_case perf_rps = { "rps", "requests per second on kept connections: " PERF_RPS_HELP, run };
