/* run.c: how a case with a client and a server runs: options, fresh processes per measurement, the median. */
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "net.h"
#include "opts.h"
#include "run.h"
#include "tsc.h"

#define REPEAT_MAX 99
#define CHILDREN_MAX 2
#define PATIENCE_S 60            /* beyond the planned time: start, open, close */
#define OPENS_PER_SECOND 1000    /* slower than this is not waited for: an emulated machine may be as slow */

int perf_fail(struct perf_run *r, const char *what)
{
	int e = errno;

	snprintf(r->shared->err, sizeof(r->shared->err), "%s: %s", what, strerror(e));
	return -e;
}

struct span span_after_warmup(const struct perf_args *a)
{
	double per_ns = tsc_hz() / 1e9;
	uint64_t begin = tsc_now() + (uint64_t)((double)a->warmup_ns * per_ns);

	return (struct span){ .begin = begin, .end = begin + (uint64_t)((double)a->duration_ns * per_ns) };
}

static volatile sig_atomic_t interrupted;

static void on_signal(int sig) { interrupted = sig; }

static pid_t child_start(struct perf_run *r, enum role role)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGINT, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		r->role = role;
		fflush(stdout);
		_exit(wire_child(r, role));
	}
	return pid;
}

/* Waits for n children; false when one failed or took too long. None is left. */
static bool children_wait(pid_t *pid, unsigned n, double patience_s)
{
	struct timespec nap = { .tv_nsec = 5000000 };
	bool good = true;

	for (double waited = 0;; waited += .005) {
		unsigned left = 0;

		for (unsigned i = 0; i < n; i++) {
			int status;

			if (pid[i] > 0 && waitpid(pid[i], &status, WNOHANG) == pid[i]) {
				good &= WIFEXITED(status) && WEXITSTATUS(status) == 0;
				pid[i] = 0;
			}
			left += pid[i] > 0;
		}
		if (left == 0)
			return good;
		if (!good || interrupted || waited > patience_s)
			break;
		nanosleep(&nap, NULL);
	}
	for (unsigned i = 0; i < n; i++) {
		if (pid[i] > 0) {
			kill(pid[i], SIGKILL);
			waitpid(pid[i], NULL, 0);
		}
	}
	return false;
}

static double metric(const struct perf_point *p, const struct perf_ops *ops)
{
	return *(const double *)((const char *)p + ops->metric);
}

static void add(double *sum, double x) { *sum += x; }

static void most(double *max, double x)
{
	if (x > *max)
		*max = x;
}

/* What the workers did together: rates and counts add up, the time that the slowest needed is everybody's. */
static void combine(struct perf_run *r)
{
	struct perf_point *sum = &r->shared->point;

	*sum = r->shared->worker[0].point;
	for (unsigned i = 1; i < r->a.cores; i++) {
		const struct perf_point *p = &r->shared->worker[i].point;

		add(&sum->connections_per_second, p->connections_per_second);
		add(&sum->requests_per_second, p->requests_per_second);
		add(&sum->connections, p->connections);
		add(&sum->errors, p->errors);
		most(&sum->cycles_per_connection, p->cycles_per_connection);
		most(&sum->p50_us, p->p50_us);
		most(&sum->p99_us, p->p99_us);
		most(&sum->p999_us, p->p999_us);
	}
}

/* One measurement. False with a sentence in shared->err. */
static bool measure(struct perf_run *r)
{
	double patience = PATIENCE_S + (double)(r->a.duration_ns + r->a.warmup_ns) / 1e9 +
			  (double)r->a.connections / OPENS_PER_SECOND;
	pid_t pid[CHILDREN_MAX];
	unsigned n = wire_processes(r->a.wire);
	bool good;

	bool server = !r->a.only || strcmp(r->a.only, "server") == 0, client = !r->a.only || !server;

	r->w = r->shared->worker;
	if (server)
		memset(r->shared, 0, sizeof(*r->shared));
	if (!server && !r->a.meet)
		r->w->server_ready = 1;
	for (unsigned i = 0; client && i < (r->a.cores > 1 ? r->a.cores : 1); i++)
		r->shared->worker[i].point = perf_point_new(r->ops->name, r->a.wire, r->a.cores != 0 ? (int)r->a.cores : 1);
	if (n == 1) {
		pid[0] = child_start(r, ROLE_BOTH);
	} else {
		pid[0] = server ? child_start(r, ROLE_SERVER) : 0;
		pid[1] = client ? child_start(r, ROLE_CLIENT) : 0;
	}
	good = children_wait(pid, n, patience);
	wire_cleanup();
	if (good && !client)
		return true;
	combine(r);
	if (good && metric(&r->shared->point, r->ops) > 0)
		return true;
	if (good)
		snprintf(r->shared->err, sizeof(r->shared->err), "nothing got through (errors: %.0f)",
			 r->shared->point.errors);
	else if (interrupted)
		snprintf(r->shared->err, sizeof(r->shared->err), "interrupted");
	else if (r->shared->err[0] == 0)
		snprintf(r->shared->err, sizeof(r->shared->err), "a process died or took longer than %.0f s", patience);
	return false;
}

/* Measures `repeat` times and prints the run with the median metric. */
static bool point(struct perf_run *r, bool json)
{
	struct perf_point p[REPEAT_MAX], t;
	unsigned n = (unsigned)r->a.repeat;

	for (unsigned i = 0; i < n; i++) {
		if (!measure(r)) {
			fprintf(stderr, "%s over %s: %s\n", r->ops->name, r->a.wire, r->shared->err);
			return false;
		}
		p[i] = r->shared->point;
	}
	for (unsigned i = 1; i < n; i++)
		for (unsigned j = i; j > 0 && metric(&p[j], r->ops) < metric(&p[j - 1], r->ops); j--) {
			t = p[j];
			p[j] = p[j - 1];
			p[j - 1] = t;
		}
	if (r->a.only && strcmp(r->a.only, "server") == 0)
		return true;
	perf_point_print(&p[n / 2], json);
	return p[n / 2].errors == 0;
}

static int check(const struct perf_run *r, char *err, size_t err_len)
{
	if (wire_processes(r->a.wire) == 0)
		snprintf(err, err_len, "--wire %s: the wires are " PERF_WIRES, r->a.wire);
	else if (strcmp(r->a.closer, "server") != 0 && strcmp(r->a.closer, "client") != 0)
		snprintf(err, err_len, "--closer %s: write client or server", r->a.closer);
	else if (r->a.only && strcmp(r->a.only, "server") != 0 && strcmp(r->a.only, "client") != 0)
		snprintf(err, err_len, "--only %s: write client or server", r->a.only);
	else if (r->a.only && (wire_processes(r->a.wire) != 2 || r->a.repeat != 1 || (!r->a.meet && strcmp(r->a.only, "server") == 0)))
		snprintf(err, err_len, "--only is for wires between two processes; they measure once, and the server needs --meet FILE");
	else if (r->a.only && !r->a.meet && r->ops->mode != SERVER_ECHO)
		snprintf(err, err_len, "%s needs its own server: --meet FILE", r->ops->name);
	else if (r->a.cores != 0 && (!r->ops->cores || strcmp(r->a.wire, "sim") != 0))
		snprintf(err, err_len, "--cores is for connect and rps on sim");
	else
		return 0;
	return -EINVAL;
}

static int options(struct perf_run *r, int argc, char **argv, char *err, size_t err_len)
{
	struct perf_args *a = &r->a;
	const struct opt table[] = {
		{ "wire", OPT_TEXT, &a->wire, 0, 0, "WIRE", PERF_WIRES },
		{ "cores", OPT_COUNT, &a->cores, 1, WORKERS_MAX, "N", "both ends on each of N cores (connect and rps on sim)\n"
		  "[the client on one core, the server on another]" },
		{ "cpus", OPT_TEXT, &a->cpus, 0, 0, "A,B", "the client's and the server's CPU, or those of --cores [0,1]; none: do not\n"
		  "pin" },
		{ "connections", OPT_COUNT, &a->connections, 1, 60000000, "N", "of hold and rps" },
		{ "flows", OPT_COUNT, &a->flows, 1, 65536, "N", "of stream [1 and 64]" },
		{ "concurrency", OPT_COUNT, &a->concurrency, 1, 1000000, "N", "connections or requests under way at a time" },
		{ "addresses", OPT_COUNT, &a->addresses, 1, 1024, "N", "the client's addresses; more when ports need it" },
		{ "closer", OPT_TEXT, &a->closer, 0, 0, "client|server", "who closes first in connect [server]" },
		{ "duration", OPT_TIME, &a->duration_ns, 1000000, 0, "TIME", "[3s]" },
		{ "warmup", OPT_TIME, &a->warmup_ns, 0, 0, "TIME", "not counted, before it [1s]" },
		{ "repeat", OPT_COUNT, &a->repeat, 1, REPEAT_MAX, "N", "and report the median [1]" },
		{ "ip", OPT_COUNT, &a->ip, 4, 6, "4|6", "which IP [4]" },
		{ "server", OPT_TEXT, &a->server_ip, 0, 0, "IP", "the server's address [" PERF_SERVER_DEFAULT ", " PERF_SERVER6_DEFAULT "]" },
		{ "client-netns", OPT_TEXT, &a->client_netns, 0, 0, "NAME", "the client's network namespace (kernel)" },
		{ "only", OPT_TEXT, &a->only, 0, 0, "client|server", "one of the two, the other is another command with the same options" },
		{ "meet", OPT_TEXT, &a->meet, 0, 0, "FILE", "where the two commands of --only meet; the server's makes it; none: the client\n"
		  "of another program that echoes (rps)" },
		{ "port", OPT_COUNT, &a->port, 1, 65535, "N", "the server's [5001]" },
		{ "server-netns", OPT_TEXT, &a->server_netns, 0, 0, "NAME", "the server's network namespace (kernel)" },
	};
	unsigned n_args;
	int rc;

	a->connections = a->concurrency = a->flows = 0;
	rc = opts_parse(table, sizeof(table) / sizeof(table[0]), NULL, argc, argv, NULL, &n_args, 0, err, err_len);
	if (rc == 1) {
		printf("Usage: %s [--json] [options]\n\n", r->ops->name);
		opts_help(table, sizeof(table) / sizeof(table[0]));
	}
	if (rc != 0)
		return rc;
	if (a->ip == 6 && strcmp(a->server_ip, PERF_SERVER_DEFAULT) == 0)
		a->server_ip = PERF_SERVER6_DEFAULT;
	r->varied = a->connections != 0 || a->flows != 0;
	if (a->connections == 0)
		a->connections = r->ops->connections;
	if (a->concurrency == 0)
		a->concurrency = r->ops->concurrency;
	return check(r, err, err_len);
}

socklen_t perf_name(const struct perf_run *r, bool any, union perf_name *name)
{
	memset(name, 0, sizeof(*name));
	name->sa.sa_family = r->a.ip == 6 ? AF_INET6 : AF_INET;
	name->in.sin_port = htons((uint16_t)r->a.port); /* in both at the same place */
	if (!any && r->a.ip == 6)
		inet_pton(AF_INET6, r->a.server_ip, &name->in6.sin6_addr);
	else if (!any)
		inet_pton(AF_INET, r->a.server_ip, &name->in.sin_addr);
	return r->a.ip == 6 ? sizeof(name->in6) : sizeof(name->in);
}

/* Memory of both processes: of a parent and its children, or a file. NULL: said why. */
static struct perf_shared *shared_map(const struct perf_run *r)
{
	int flags = MAP_SHARED, fd = -1;
	void *m;

	if (r->a.meet) {
		fd = open(r->a.meet, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 || ftruncate(fd, sizeof(struct perf_shared)) != 0) {
			perror(r->a.meet);
			return NULL;
		}
	} else {
		flags |= MAP_ANONYMOUS;
	}
	m = mmap(NULL, sizeof(struct perf_shared), PROT_READ | PROT_WRITE, flags, fd, 0);
	if (fd >= 0)
		close(fd);
	if (m != MAP_FAILED)
		return m;
	perror("mmap");
	return NULL;
}

int perf_run_case(const struct perf_ops *ops, int argc, char **argv, bool json)
{
	struct perf_run r = {
		.ops = ops,
		.a = { .wire = PERF_WIRE_DEFAULT, .closer = "server", .server_ip = PERF_SERVER_DEFAULT, .ip = 4, .cpus = "0,1",
		       .port = PERF_PORT,
		       .duration_ns = 3000000000u, .warmup_ns = 1000000000u, .repeat = 1, .addresses = ops->addresses },
	};
	bool good = true, more = ops->points != NULL;
	char err[256];
	int rc = options(&r, argc, argv, err, sizeof(err));

	if (rc != 0) {
		if (rc < 0)
			fprintf(stderr, "%s: %s\n", ops->name, err);
		return rc < 0 ? 2 : 0;
	}
	r.shared = shared_map(&r);
	if (!r.shared)
		return 1;
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	if (r.varied || !more) {
		good = point(&r, json);
	} else {
		for (unsigned i = 0; more && !interrupted; i++) {
			ops->points(&r, i, &more);
			good &= point(&r, json);
		}
	}
	munmap(r.shared, sizeof(*r.shared));
	return good ? 0 : 1;
}
