/* wire_kernel.c: the kernel's two ends: two processes, in two network namespaces or over loopback. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "run.h"

unsigned wire_processes(const char *wire) { return strcmp(wire, "veth") == 0 || strcmp(wire, "lo") == 0 ? 2 : 0; }

void wire_cleanup(void) {} /* the kernel forgets by itself */

static int enter_namespace(struct perf_run *r, const char *name)
{
	char path[256];
	int fd, rc;

	if (!name)
		return 0;
	snprintf(path, sizeof(path), "/var/run/netns/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return perf_fail(r, path);
	rc = setns(fd, CLONE_NEWNET) == 0 ? 0 : perf_fail(r, path);
	close(fd);
	return rc;
}

static int pin(struct perf_run *r, enum role role)
{
	const char *comma = strchr(r->a.cpus, ',');
	cpu_set_t set;

	if (!comma)
		return 0;
	CPU_ZERO(&set);
	CPU_SET(atoi(role == ROLE_CLIENT ? r->a.cpus : comma + 1), &set);
	return sched_setaffinity(0, sizeof(set), &set) == 0 ? 0 : perf_fail(r, "--cpus");
}

/* As many descriptors as the system lets us have. */
static void descriptors(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0) {
		lim.rlim_cur = lim.rlim_max;
		setrlimit(RLIMIT_NOFILE, &lim);
	}
}

int wire_child(struct perf_run *r, enum role role)
{
	struct timespec nap = { .tv_nsec = 1000000 };
	int rc = enter_namespace(r, role == ROLE_CLIENT ? r->a.client_netns : r->a.server_netns);

	if (rc == 0)
		rc = pin(r, role);
	if (rc != 0)
		return 1;
	descriptors();
	if (role == ROLE_SERVER)
		return perf_server(r) == 0 ? 0 : 1;
	while (!__atomic_load_n(&r->w->server_ready, __ATOMIC_ACQUIRE))
		nanosleep(&nap, NULL);
	rc = r->ops->client(r);
	__atomic_store_n(&r->shared->stop, 1, __ATOMIC_RELAXED);
	return rc == 0 ? 0 : 1;
}
