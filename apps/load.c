/* load.c: the command `spate load`: options, the far end of `sim`, one thread per stack, the report. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app.h"
#include "fmt.h"
#include "load.h"
#include "memory.h"
#include "serve.h"
#include "settings.h"

#define HOLD_RATE 1000

/* The command line. */
struct args {
	uint64_t connections, requests, duration_ns, per_connection, concurrency, pending, size, timeout_ns, body;
	double rate, conn_rate;
	bool hold, head, no_keepalive, json, quiet;
	const char *close;
};

struct run {
	struct args a;
	struct settings st;
	struct url url;
	char request[2048];
	const char *url_text;
	enum load_mode mode;
	struct servers servers;
	struct loader *loaders;
	unsigned n, busy; /* stacks of the near end; those that load: there may be fewer connections than stacks */
	struct load_team team;
	struct load_report report;
};

static const char help_text[] =
	"Usage: spate load [options] URL\n\n"
	"URL: http://HOST[:PORT][/PATH], tcp://HOST:PORT or udp://HOST:PORT (echo: what comes back is compared).\n"
	"Closed loop unless a rate is given: each connection asks again when it was answered. With --rate or --conn-rate\n"
	"requests or connections start when they are due, and their latency counts from then even if they had to wait.\n"
	"--hold opens all connections, keeps them, and asks random ones at --rate.\n"
	"With --dev sim the far end is served in this process. Exit code: 0 good, 1 there were errors, 2 wrong usage.\n";

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* What only the whole command line shows. 0 or -EINVAL. */
static int args_check(struct run *r, char *err, size_t err_len)
{
	struct args *a = &r->a;
	const char *wrong = NULL;

	if (a->hold && a->conn_rate > 0)
		wrong = "--hold keeps its connections: --conn-rate does not go with it";
	else if (a->rate > 0 && a->conn_rate > 0)
		wrong = "--rate is of requests and --conn-rate of connections: give one of them";
	else if (r->url.scheme != URL_HTTP && (a->head || a->no_keepalive))
		wrong = "--head and --no-keepalive are for http:// only";
	else if (a->close && strcmp(a->close, "fin") != 0 && strcmp(a->close, "rst") != 0)
		wrong = "--close: write fin or rst";
	else if (r->url.scheme == URL_UDP && a->size > 65507)
		wrong = "--size: a datagram holds at most 65507 bytes";
	if (wrong) {
		snprintf(err, err_len, "%s", wrong);
		return -EINVAL;
	}
	r->mode = a->hold ? LOAD_HOLD : a->conn_rate > 0 ? LOAD_CONN_RATE : a->rate > 0 ? LOAD_RATE : LOAD_CLOSED;
	if (a->duration_ns == 0 && a->requests == 0)
		a->duration_ns = 10000000000ull;
	if (a->timeout_ns == 0)
		a->timeout_ns = r->url.scheme == URL_UDP ? 1000000000ull : 30000000000ull;
	if (a->per_connection == 0 && (a->no_keepalive || r->mode == LOAD_CONN_RATE))
		a->per_connection = 1;
	if (r->mode == LOAD_CONN_RATE && a->connections < 10000)
		a->connections = 10000; /* a bound, not a goal: what is open at one time is rate x life */
	if (a->concurrency == 0)
		a->concurrency = r->mode == LOAD_CLOSED && a->connections <= 65536 ? a->connections : 4096;
	if (a->pending == 0) /* a burst of SYNs must fit into sim's ring of 2048 packets */
		a->pending = settings_sim(&r->st) ? 1024 : 4096;
	if (a->hold && a->rate == 0)
		a->rate = HOLD_RATE;
	return 0;
}

static void request_text(struct run *r)
{
	bool literal6 = strchr(r->url.host, ':') != NULL;

	snprintf(r->request, sizeof(r->request), "%s %s HTTP/1.1\r\nHost: %s%.*s%s:%u\r\nUser-Agent: spate\r\n%s\r\n",
		 r->a.head ? "HEAD" : "GET", r->url.path, literal6 ? "[" : "", (int)strcspn(r->url.host, "%"), r->url.host, literal6 ? "]" : "",
		 r->url.port,
		 r->a.no_keepalive ? "Connection: close\r\n" : "");
}

/* This stack's share of a total: nothing for those that do not load. */
static uint64_t share(uint64_t total, unsigned i, unsigned n) { return i < n ? total / n + (i < total % n) : 0; }

static void plan_of(struct run *r, struct load_plan *p, unsigned i)
{
	const struct args *a = &r->a;
	unsigned n = r->busy;

	*p = (struct load_plan){
		.mode = r->mode, .url = &r->url, .connections = share(a->connections, i, n),
		.concurrency = share(a->concurrency, i, n) + (a->concurrency < n),
		.pending = share(a->pending, i, n) + (a->pending < n),
		.requests = a->requests == 0 && i < n ? UINT64_MAX : share(a->requests, i, n),
		.requests_per_connection = a->per_connection, .duration_ns = a->duration_ns, .timeout_ns = a->timeout_ns,
		.size_bytes = a->size, .rate = (a->rate + a->conn_rate) / n, .reset = a->close && a->close[0] == 'r',
		.head = a->head, .leave_open = r->report.ends == 2, .request = r->request,
		.request_len = strlen(r->request), .seed = 0x9e3779b97f4a7c15ull * (i + 1),
	};
}

/* The far end of sim: the service that the URL asks for. */
static int far_end(struct run *r, char *err, size_t err_len)
{
	static struct serve_config cfg;
	enum service svc = r->url.scheme == URL_HTTP ? SVC_HTTP : r->url.scheme == URL_TCP ? SVC_ECHO : SVC_UDP_ECHO;

	cfg.port[svc] = r->url.port;
	cfg.body_bytes = r->a.body;
	return servers_start(&r->servers, &cfg, r->n, r->n, err, err_len);
}

/* All loaders' counters and the least advanced stage, LOAD_FAILED before all others. */
static struct load_stats *collect(struct run *r, enum load_stage *stage)
{
	static struct load_stats sum;

	load_stats_init(&sum);
	*stage = LOAD_ENDED;
	for (unsigned i = 0; i < r->n; i++) {
		struct loader *ld = &r->loaders[i];

		pthread_mutex_lock(&ld->lock);
		load_stats_merge(&sum, &ld->shown);
		if (ld->stage == LOAD_FAILED || (*stage != LOAD_FAILED && ld->stage < *stage))
			*stage = ld->stage;
		pthread_mutex_unlock(&ld->lock);
	}
	return &sum;
}

/* Prints while they work; notes when all connections are there. */
static void watch(struct run *r, uint64_t memory_before)
{
	static struct load_stats was, *now;
	double t0 = seconds(), line = t0;
	struct timespec tick = { .tv_nsec = 20000000 };
	enum load_stage stage;
	bool ramped = false;

	now = collect(r, &stage);
	was = *now;
	while (stage < LOAD_ENDED) {
		nanosleep(&tick, NULL);
		now = collect(r, &stage);
		if (!ramped && stage >= LOAD_RUN && stage != LOAD_FAILED) {
			uint64_t memory = memory_bytes();

			ramped = true;
			r->report.ramp_s = seconds() - t0;
			r->report.memory_bytes = memory > memory_before ? memory - memory_before : 0;
		}
		if (seconds() - line >= 1 && stage < LOAD_ENDED) {
			if (!r->a.quiet)
				load_report_line(now, &was, seconds() - line);
			line = seconds();
			was = *now;
		}
	}
}

static int loaders_run(struct run *r, char *err, size_t err_len)
{
	uint64_t memory_before = memory_bytes();
	enum load_stage stage = LOAD_STARTING;
	struct timespec tick = { .tv_nsec = 1000000 };
	unsigned started = 0;

	r->team.n = r->n;
	r->loaders = calloc(r->n, sizeof(*r->loaders));
	for (; r->loaders && started < r->n; started++) {
		struct loader *ld = &r->loaders[started];

		ld->stack = started;
		ld->team = &r->team;
		load_stats_init(&ld->shown);
		plan_of(r, &ld->plan, started);
		pthread_mutex_init(&ld->lock, NULL);
		if (pthread_create(&ld->thread, NULL, loader_main, ld) != 0)
			break;
	}
	if (started < r->n) {
		snprintf(err, err_len, "cannot start a thread");
		app_stop = 1;
		__atomic_fetch_add(&r->team.ended, r->n - started, __ATOMIC_RELEASE); /* nobody waits for those */
	}
	while (started == r->n && stage == LOAD_STARTING) {
		nanosleep(&tick, NULL);
		collect(r, &stage);
	}
	__atomic_store_n(&r->team.go, 1, __ATOMIC_RELEASE);
	if (started == r->n && stage != LOAD_FAILED)
		watch(r, memory_before);
	else
		app_stop = 1;
	for (unsigned i = 0; i < started; i++) {
		pthread_join(r->loaders[i].thread, NULL);
		if (r->loaders[i].err[0] != 0)
			snprintf(err, err_len, "%s", r->loaders[i].err);
	}
	if (started < r->n || err[0] != 0)
		return -EIO;
	r->report.st = *collect(r, &stage);
	return 0;
}

static int report(struct run *r)
{
	struct load_report *rep = &r->report;
	bool good = rep->st.errors == 0 && rep->st.responses > 0 && (r->mode != LOAD_HOLD || rep->st.held == r->a.connections);

	rep->url = r->url_text;
	rep->mode = r->mode;
	rep->stacks = r->n;
	rep->loaders = r->loaders;
	rep->connections = r->a.connections;
	if (r->a.json)
		load_report_json(rep);
	else
		load_report_text(rep);
	return good ? APP_OK : APP_ERRORS;
}

static int sim_defaults(struct run *r, char *err, size_t err_len)
{
	return r->url.ip6 ? settings_sim_defaults6(&r->st, &r->url.addr6, r->a.connections, err, err_len) :
			    settings_sim_defaults(&r->st, r->url.addr, r->a.connections, err, err_len);
}

/* Everything after the command line: an exit code. */
static int run(struct run *r)
{
	bool sim = settings_sim(&r->st);
	char err[512] = "";
	int rc;

	if ((sim && sim_defaults(r, err, sizeof(err)) != 0) ||
	    settings_room(&r->st, r->a.connections, err, sizeof(err)) != 0 ||
	    (r->mode != LOAD_HOLD && settings_buffers(&r->st, r->a.connections, err, sizeof(err)) != 0) ||
	    spate_start(r->st.c, err, sizeof(err)) != 0)
		return app_fail("load", err);
	r->n = sim ? spate_stacks() / 2 : spate_stacks();
	r->busy = r->n < r->a.connections ? r->n : (unsigned)r->a.connections;
	r->report.ends = sim ? 2 : 1;
	request_text(r);
	load_payload_init();
	app_signals();
	rc = sim ? far_end(r, err, sizeof(err)) : 0;
	if (rc == 0)
		rc = loaders_run(r, err, sizeof(err));
	if (sim)
		servers_stop(&r->servers);
	servers_free(&r->servers);
	if (rc != 0) {
		app_fail("load", err);
		rc = APP_ERRORS;
	} else {
		rc = report(r);
	}
	free(r->loaders);
	spate_stop();
	return rc;
}

/* 0: r is complete; 1: help was shown; -EINVAL with a sentence in err. */
static int command_line(struct run *r, int argc, char **argv, char *err, size_t err_len)
{
	struct args *a = &r->a;
	const struct opt table[] = {
		{ "connections", OPT_COUNT, &a->connections, 1, 1u << 30, "N", "connections open at one time [64]" },
		{ "requests", OPT_COUNT, &a->requests, 1, 0, "N", "stop after so many requests" },
		{ "duration", OPT_TIME, &a->duration_ns, 1, 0, "TIME", "stop after so long [10s, without --requests]" },
		{ "requests-per-connection", OPT_COUNT, &a->per_connection, 1, 0xffffffff, "N", "then close and open anew" },
		{ "concurrency", OPT_COUNT, &a->concurrency, 1, 1u << 30, "N", "unanswered requests at one time, at most" },
		{ "rate", OPT_RATE, &a->rate, 0, 1000000000, "R", "requests per second, on the connections there are" },
		{ "conn-rate", OPT_RATE, &a->conn_rate, 0, 1000000000, "R", "new connections per second, a request each" },
		{ "hold", OPT_FLAG, &a->hold, 0, 0, NULL, "open all, keep all, ask random ones at --rate [1000]" },
		{ "pending", OPT_COUNT, &a->pending, 1, 1u << 24, "N", "handshakes under way at one time [4096; 1024 on sim]" },
		{ "size", OPT_BYTES, &a->size, 1, 1ull << 40, "BYTES", "of a tcp:// or udp:// request [64]" },
		{ "body-size", OPT_BYTES, &a->body, 0, 1ull << 40, "BYTES", "of the answers of sim's far end [100]" },
		{ "head", OPT_FLAG, &a->head, 0, 0, NULL, "HEAD instead of GET" },
		{ "no-keepalive", OPT_FLAG, &a->no_keepalive, 0, 0, NULL, "one request per connection, Connection: close" },
		{ "close", OPT_TEXT, &a->close, 0, 0, "fin|rst", "how connections end [fin]" },
		{ "timeout", OPT_TIME, &a->timeout_ns, 1, 0, "TIME", "for a connect or an answer [30s, udp 1s]" },
		{ "json", OPT_FLAG, &a->json, 0, 0, NULL, "the report as one JSON object on stdout (times in us)" },
		{ "quiet", OPT_FLAG, &a->quiet, 0, 0, NULL, "no line per second" },
	};
	unsigned n_args;
	int rc = opts_parse(table, sizeof(table) / sizeof(table[0]), &r->st.more, argc, argv, &r->url_text, &n_args, 1, err,
			    err_len);

	if (rc == 1) {
		puts(help_text);
		opts_help(table, sizeof(table) / sizeof(table[0]));
		settings_help();
		return 1;
	}
	if (rc != 0)
		return rc;
	if (n_args == 0) {
		snprintf(err, err_len, "no URL given: spate load --dev sim http://10.0.0.1/");
		return -EINVAL;
	}
	rc = url_parse(r->url_text, &r->url, err, err_len);
	if (rc == 0)
		rc = args_check(r, err, err_len);
	if (rc == 0)
		rc = url_resolve(&r->url, err, err_len);
	if (rc == 1)
		fprintf(stderr, "spate load: %s is %s\n", r->url.host,
			r->url.ip6 ? fmt_ip6(&r->url.addr6).s : fmt_ip(r->url.addr).s);
	return rc < 0 ? rc : 0;
}

int cmd_load(int argc, char **argv)
{
	static struct run r = { .a = { .connections = 64, .size = 64, .body = 100 } };
	char err[512];
	int rc;

	if (settings_init(&r.st) != 0)
		return app_fail("load", "out of memory");
	rc = command_line(&r, argc, argv, err, sizeof(err));
	if (rc == 0)
		rc = run(&r);
	else
		rc = rc < 0 ? app_fail("load", err) : APP_OK;
	settings_fini(&r.st);
	return rc;
}
