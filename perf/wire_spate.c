/* wire_spate.c: spate's two ends: sim in one process, with a thread for each end or for each core; memif in two processes. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_random.h>

#include "run.h"
#include "spate/spate.h"
#include "tsc.h"

#define PORTS 64512u     /* automatic ports of one address: 1024 to 65535 */
#define ROOM_MIN 1000000u

unsigned wire_processes(const char *wire)
{
	return strcmp(wire, "sim") == 0 ? 1 : strcmp(wire, "memif") == 0 ? 2 : 0;
}

static int set(struct perf_run *r, struct spate_config *c, const char *name, const char *value)
{
	return spate_config_set(c, name, value, r->shared->err, sizeof(r->shared->err));
}

#define PERF_NET6 "fd00::"

static const char *server_range(const struct perf_run *r) { return r->a.ip == 6 ? PERF_NET6 "1/64" : "10.0.0.1/16"; }

/* The client's addresses: enough ports for all connections. From 10.0.1.1, so that the server's is not among them. */
static void client_range(const struct perf_run *r, char *out, size_t len)
{
	uint64_t need = (r->a.connections + PORTS - 1) / PORTS, n = need > r->a.addresses ? need : r->a.addresses;
	uint32_t last = (1u << 8) + (uint32_t)n;

	if (r->a.ip == 6)
		snprintf(out, len, PERF_NET6 "1:0-" PERF_NET6 "1:%x/64", (unsigned)(n - 1));
	else
		snprintf(out, len, "10.0.1.1-10.0.%u.%u/16", last >> 8, last & 255);
}

static void socket_path(char *out, size_t len, pid_t pid)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");

	snprintf(out, len, "%s/spate-perf-%d.sock", dir && *dir ? dir : "/tmp", (int)pid);
}

void wire_cleanup(void)
{
	char path[200];

	socket_path(path, sizeof(path), getpid());
	unlink(path);
}

static int memif_settings(struct perf_run *r, struct spate_config *c, enum role role, const char *range)
{
	char path[200], dev[256];

	socket_path(path, sizeof(path), getppid());
	snprintf(dev, sizeof(dev), "memif:%s%s", path, role == ROLE_SERVER ? ",role=server" : "");
	if (set(r, c, "dev", dev) != 0)
		return -EINVAL;
	return role == ROLE_SERVER ? set(r, c, "ip", server_range(r)) : set(r, c, "ip", range);
}

/* The first N of --cpus, twice: both ends live there. "none": not pinned. */
static int shared_cores(struct perf_run *r, struct spate_config *c)
{
	char list[WORKERS_MAX * 5], text[2 * sizeof(list) + 16];
	const char *end = r->a.cpus;

	for (uint64_t i = 0; i < r->a.cores && end != NULL; i++)
		end = strchr(i == 0 ? end : end + 1, ',');
	snprintf(list, sizeof(list), "%.*s", end != NULL ? (int)(end - r->a.cpus) : (int)strlen(r->a.cpus), r->a.cpus);
	if (strcmp(r->a.cpus, "none") == 0)
		snprintf(text, sizeof(text), "%llu", (unsigned long long)r->a.cores);
	else
		snprintf(text, sizeof(text), "%llu@%s,%s", (unsigned long long)r->a.cores, list, list);
	return set(r, c, "cores", text);
}

static int settings(struct perf_run *r, struct spate_config *c, enum role role)
{
	uint64_t room = r->a.connections + r->a.connections / 16 + 65536;
	char range[64], text[64];
	const char *comma = r->a.cores == 0 ? strchr(r->a.cpus, ',') : NULL;
	int rc;

	client_range(r, range, sizeof(range));
	if (role == ROLE_BOTH) {
		rc = set(r, c, "dev", "sim");
		if (rc == 0)
			rc = set(r, c, "ip", range);
		if (rc == 0)
			rc = set(r, c, "peer-ip", server_range(r));
	} else {
		rc = memif_settings(r, c, role, range);
	}
	if (rc == 0 && comma) {
		if (role == ROLE_BOTH)
			snprintf(text, sizeof(text), "1@%s", r->a.cpus);
		else if (role == ROLE_SERVER)
			snprintf(text, sizeof(text), "1@%s", comma + 1);
		else
			snprintf(text, sizeof(text), "1@%.*s", (int)(comma - r->a.cpus), r->a.cpus);
		rc = set(r, c, "cores", text);
	}
	if (rc == 0 && r->a.cores != 0)
		rc = shared_cores(r, c);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)(room > ROOM_MIN ? room : ROOM_MIN));
	if (rc == 0)
		rc = set(r, c, "max-connections", text);
	if (rc == 0 && r->ops->mbufs)
		rc = set(r, c, "mbufs", r->ops->mbufs);
	return rc == 0 ? set(r, c, "log-level", "error") : rc;
}

static void *server_thread(void *arg)
{
	struct perf_run *r = arg;
	int rc = spate_attach(1);

	if (rc == 0) {
		rc = perf_server(r);
		spate_detach();
	}
	return (void *)(intptr_t)rc;
}

static void server_wait(struct perf_run *r)
{
	struct timespec nap = { .tv_nsec = 1000000 };

	while (!__atomic_load_n(&r->w->server_ready, __ATOMIC_ACQUIRE))
		nanosleep(&nap, NULL);
}

/* The client's end, on stack 0. */
static int client_end(struct perf_run *r)
{
	int rc = spate_attach(0);

	if (rc != 0) {
		errno = -rc;
		return perf_fail(r, "attach");
	}
	server_wait(r);
	rc = r->ops->client(r);
	spate_detach();
	__atomic_store_n(&r->shared->stop, 1, __ATOMIC_RELAXED);
	return rc;
}

static int both_ends(struct perf_run *r)
{
	pthread_t thread;
	void *served;
	int rc;

	if (pthread_create(&thread, NULL, server_thread, r) != 0)
		return perf_fail(r, "thread");
	rc = client_end(r);
	pthread_join(thread, &served);
	return rc != 0 ? rc : (int)(intptr_t)served;
}

/* ---- both ends on each core ---- */

static void server_turn(struct perf_run *r)
{
	spate_switch((unsigned)r->a.cores + r->worker);
	perf_server_step(r->server, 0);
	spate_switch(r->worker);
}

static bool all(const struct perf_run *r, size_t flag)
{
	for (uint64_t i = 0; i < r->a.cores; i++)
		if (!__atomic_load_n((const int *)((const char *)&r->shared->worker[i] + flag), __ATOMIC_ACQUIRE))
			return false;
	return true;
}

/* Servers go on until the last client is done. When one fails, none waits for it. */
static void turns_until(struct perf_run *r, size_t flag)
{
	while (!all(r, flag) && !__atomic_load_n(&r->shared->stop, __ATOMIC_RELAXED)) {
		server_turn(r);
		spate_turn();
	}
}

static int core_run(struct perf_run *r)
{
	int rc;

	r->server = perf_server_new(r); /* its stack was attached last */
	if (r->server == NULL)
		return -EIO;
	r->server_turn = server_turn;
	spate_switch(r->worker);
	turns_until(r, offsetof(struct perf_worker, server_ready));
	rc = r->ops->client(r);
	__atomic_store_n(&r->w->client_done, 1, __ATOMIC_RELEASE);
	if (rc == 0)
		turns_until(r, offsetof(struct perf_worker, client_done));
	free(r->server);
	return rc;
}

static void *core_thread(void *arg)
{
	struct perf_run *r = arg;
	unsigned far = (unsigned)r->a.cores + r->worker;
	int rc = spate_attach(r->worker);

	if (rc == 0)
		rc = spate_attach(far);
	if (rc == 0)
		rc = core_run(r);
	if (rc != 0)
		__atomic_store_n(&r->shared->stop, 1, __ATOMIC_RELAXED);
	if (spate_switch(r->worker) == 0)
		spate_detach();
	if (spate_switch(far) == 0)
		spate_detach();
	return (void *)(intptr_t)rc;
}

static int every_core(struct perf_run *r)
{
	struct perf_run run[WORKERS_MAX];
	pthread_t thread[WORKERS_MAX];
	unsigned started = 0;
	int rc = 0;

	for (; started < r->a.cores && rc == 0; started += rc == 0) {
		run[started] = *r;
		run[started].worker = started;
		run[started].w = &r->shared->worker[started];
		rc = -pthread_create(&thread[started], NULL, core_thread, &run[started]);
	}
	if (rc != 0)
		__atomic_store_n(&r->shared->stop, 1, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < started; i++) {
		void *ended;

		pthread_join(thread[i], &ended);
		rc = rc != 0 ? rc : (int)(intptr_t)ended;
	}
	return rc;
}

static int server_end(struct perf_run *r)
{
	int rc = spate_attach(0);

	if (rc == 0) {
		rc = perf_server(r);
		spate_detach();
	}
	return rc;
}

int wire_child(struct perf_run *r, enum role role)
{
	struct spate_config *c = spate_config_new();
	int rc = c ? settings(r, c, role) : -ENOMEM;

	/* DPDK seeded its random numbers before the fork, and memif takes its MAC address from them. */
	rte_srand(tsc_now() ^ (uint64_t)getpid() << 32);
	if (role == ROLE_CLIENT)
		server_wait(r); /* a memif client connects once: the server's socket must be there */
	if (rc == 0)
		rc = spate_start(c, r->shared->err, sizeof(r->shared->err));
	if (rc == 0) {
		rc = r->a.cores != 0 ? every_core(r) : role == ROLE_BOTH ? both_ends(r) : role == ROLE_SERVER ? server_end(r) : client_end(r);
		spate_stop();
	}
	spate_config_free(c);
	return rc == 0 ? 0 : 1;
}
