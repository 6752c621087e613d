/* start.c: bringing spate up in a process: DPDK, the device, a stack per core; and giving stacks to threads. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_lcore.h>
#include <rte_mempool.h>

#include "config/config.h"
#include "drivers/drivers.h"
#include "sock/sock.h"

#define ENDS_MAX 2 /* ports of one run: sim has two */
#define STACKS_MAX (ENDS_MAX * PORT_QUEUES_MAX)

/* One stack and what belongs to it alone, in memory of its node. */
struct member {
	struct stack stack;
	struct sock_env env;
	struct rte_mempool *pool;
	bool ready;     /* stack and env are made */
	int cpu;        /* to pin to, -1 none */
	uint8_t taken;  /* by a thread: set and cleared with the __atomic builtins in spate_attach(), spate_detach() */
};

/* Written by spate_start() and spate_stop() only. */
static struct {
	struct port *port[ENDS_MAX];
	struct eport_space *eports[ENDS_MAX];
	unsigned n_ports, n_stacks, per_end;
	struct region region[STACKS_MAX];
	struct member *member[STACKS_MAX];
	bool started;
} process;

static _Thread_local struct member *attached;
static _Thread_local bool registered; /* this thread became an EAL thread in spate_attach() */

static int fail(char *err, size_t err_len, int rc, const char *what)
{
	snprintf(err, err_len, "%s: %s", what, strerror(-rc));
	return rc;
}

/* ---- addresses ---- */

static int addresses_add(struct net *net, const struct config_range *range, unsigned n, char *err, size_t err_len)
{
	for (unsigned i = 0; i < n; i++) {
		for (uint64_t a = range[i].first; a <= range[i].last; a++) {
			int rc = net_addr_add(net, rte_cpu_to_be_32((uint32_t)a), range[i].prefix_len);

			if (rc < 0) {
				snprintf(err, err_len, "address %u.%u.%u.%u/%u: %s", (unsigned)(a >> 24 & 255),
					 (unsigned)(a >> 16 & 255), (unsigned)(a >> 8 & 255), (unsigned)(a & 255),
					 range[i].prefix_len,
					 rc == -EEXIST   ? "given twice" :
					 rc == -ENOSPC   ? "too many addresses for one stack" :
					 rc == -EINVAL   ? "not an address that a host can have" :
							   strerror(-rc));
				return rc;
			}
		}
	}
	return 0;
}

static int gateways_add(struct net *net, const struct spate_config *c, char *err, size_t err_len)
{
	for (unsigned i = 0; i < c->n_gw; i++) {
		int rc = net_gw_add(net, rte_cpu_to_be_32(c->gw[i]));

		if (rc < 0)
			return fail(err, err_len, rc, "gateway (it must be on the network of a local address)");
	}
	return 0;
}

/* ---- stacks ---- */

static int member_stack(const struct spate_config *c, unsigned i, char *err, size_t err_len)
{
	unsigned end = i / process.per_end;
	struct member *m = process.member[i];
	struct port *port = process.port[end];
	const struct stack_config cfg = {
		.port = port,
		.queue = (uint16_t)(i % process.per_end),
		.pool = m->pool,
		.eports = process.eports[end],
		.max_conns = c->max_conns,
		.port_lo = c->port_lo,
		.port_hi = c->port_hi,
		.seed = c->seed != 0 ? c->seed + i : 0,
		.now_ns = sock_clock_ns(),
		.numa_node = port->numa_node,
	};
	int rc = stack_init(&m->stack, &cfg);

	if (rc < 0)
		return fail(err, err_len, rc, "making a stack (try a smaller max-connections)");
	rc = sock_env_init(&m->env, &m->stack, i, process.n_stacks, c->max_conns, port->numa_node);
	if (rc < 0) {
		stack_fini(&m->stack);
		return fail(err, err_len, rc, "numbering sockets (max-connections times cores is too large)");
	}
	m->ready = true;
	if (end == 0)
		rc = addresses_add(&m->stack.net, c->ip, c->n_ip, err, err_len);
	else
		rc = addresses_add(&m->stack.net, c->peer_ip, c->n_peer_ip, err, err_len);
	return rc < 0 || end != 0 ? rc : gateways_add(&m->stack.net, c, err, err_len);
}

static int member_new(const struct spate_config *c, unsigned i, char *err, size_t err_len)
{
	unsigned end = i / process.per_end;
	int node = process.port[end]->numa_node;
	char name[32];
	struct member *m;
	int rc = region_map(&process.region[i], sizeof(*m), node);

	if (rc < 0)
		return fail(err, err_len, rc, "memory for a stack");
	m = process.region[i].base;
	process.member[i] = m;
	m->cpu = i < c->n_core_list ? c->core_list[i] : -1;
	snprintf(name, sizeof(name), "spate_mbufs_%u", i);
	m->pool = drivers_mbuf_pool(name, c->mbufs, node);
	if (m->pool == NULL)
		return fail(err, err_len, -ENOMEM, "packet buffers (fewer mbufs, or more memory)");
	return 0;
}

static void member_free(unsigned i)
{
	struct member *m = process.member[i];

	if (m == NULL)
		return;
	if (m->ready) {
		stack_fini(&m->stack);
		sock_env_fini(&m->env);
	}
	rte_mempool_free(m->pool);
	region_unmap(&process.region[i]);
	process.member[i] = NULL;
}

/* ---- start and stop ---- */

/* DPDK's helper threads inherit a full mask, so that signals for the process reach its own threads, where waiting calls
 * look for them (wait.c). */
static int eal_start(const struct spate_config *c, char *err, size_t err_len)
{
	sigset_t all, mine;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &mine);
	rc = drivers_eal_start(c, err, err_len);
	pthread_sigmask(SIG_SETMASK, &mine, NULL);
	return rc;
}

static int ports_open(const struct spate_config *c, char *err, size_t err_len)
{
	unsigned n_ports;
	int rc = drivers_open(c, c->cores, process.port, &n_ports, err, err_len);

	if (rc < 0)
		return rc;
	process.n_ports = n_ports;
	process.per_end = c->cores;
	process.n_stacks = process.n_ports * c->cores;
	for (unsigned e = 0; e < process.n_ports; e++) {
		struct port *p = process.port[e];

		if (p->n_queues < c->cores) {
			snprintf(err, err_len, "%s has %u queues for %u cores: use --cores %u", p->name, p->n_queues,
				 c->cores, p->n_queues);
			return -EINVAL;
		}
	}
	return 0;
}

/* Key and redirection table are what the device says once it runs, so the classes of ports come last. */
static int ports_run(const struct spate_config *c, char *err, size_t err_len)
{
	for (unsigned e = 0; e < process.n_ports; e++) {
		struct rte_mempool *pools[PORT_QUEUES_MAX];
		int rc;

		for (unsigned q = 0; q < process.per_end; q++)
			pools[q] = process.member[e * process.per_end + q]->pool;
		rc = process.port[e]->ops->start(process.port[e], pools);
		if (rc < 0)
			return fail(err, err_len, rc, process.port[e]->name);
		process.eports[e] = eport_space_new(&process.port[e]->rss, c->port_lo, c->port_hi);
		if (process.eports[e] == NULL)
			return fail(err, err_len, -ENOMEM, "table of local ports");
	}
	return 0;
}

/* Devices first: they hold packets of the pools. */
static void undo(void)
{
	for (unsigned e = 0; e < process.n_ports; e++)
		process.port[e]->ops->close(process.port[e]);
	for (unsigned i = 0; i < process.n_stacks; i++)
		member_free(i);
	for (unsigned e = 0; e < process.n_ports; e++)
		eport_space_free(process.eports[e]);
	memset(&process, 0, sizeof(process));
	drivers_eal_stop();
}

int spate_start(const struct spate_config *c, char *err, size_t err_len)
{
	int rc;

	if (process.started)
		return fail(err, err_len, -EALREADY, "spate_start() was called before");
	rc = config_check(c, err, err_len);
	if (rc < 0)
		return rc;
	if (c->cores > 1) {
		snprintf(err, err_len, "%u cores: stacks do not share yet what ARP tells one of them: use --cores 1", c->cores);
		return -EINVAL;
	}
	rc = eal_start(c, err, err_len);
	if (rc < 0)
		return rc;
	rc = sock_clock_init();
	if (rc < 0) {
		fail(err, err_len, rc, "this CPU has no usable time stamp counter");
		goto stop;
	}
	rc = ports_open(c, err, err_len);
	if (rc < 0)
		goto stop;
	for (unsigned i = 0; i < process.n_stacks && rc == 0; i++)
		rc = member_new(c, i, err, err_len);
	if (rc == 0)
		rc = ports_run(c, err, err_len);
	for (unsigned i = 0; i < process.n_stacks && rc == 0; i++)
		rc = member_stack(c, i, err, err_len);
	if (rc < 0)
		goto stop;
	process.started = true;
	return 0;
stop:
	undo();
	return rc;
}

void spate_stop(void)
{
	if (process.started)
		undo();
}

/* ---- threads ---- */

unsigned spate_stacks(void) { return process.n_stacks; }

/* CPU and EAL registration of the calling thread: the latter gives it the caches of memory pools. */
static int thread_prepare(const struct member *m)
{
	cpu_set_t cpus;
	int rc;

	if (m->cpu >= 0) {
		CPU_ZERO(&cpus);
		CPU_SET(m->cpu, &cpus);
		rc = pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
		if (rc != 0)
			return -rc;
	}
	if (rte_lcore_id() == LCORE_ID_ANY) {
		if (rte_thread_register() < 0)
			return -ENOMEM;
		registered = true;
	}
	return 0;
}

int spate_attach(unsigned stack)
{
	struct member *m;
	uint8_t free_mark = 0;
	int rc;

	if (!process.started || stack >= process.n_stacks)
		return -EINVAL;
	m = process.member[stack];
	if (attached != NULL ||
	    !__atomic_compare_exchange_n(&m->taken, &free_mark, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return -EBUSY;
	rc = thread_prepare(m);
	if (rc < 0) {
		__atomic_store_n(&m->taken, 0, __ATOMIC_RELEASE);
		return rc;
	}
	attached = m;
	sock_enter(&m->env);
	return 0;
}

void spate_detach(void)
{
	struct member *m = attached;

	if (m == NULL)
		return;
	sock_enter(NULL);
	attached = NULL;
	if (registered)
		rte_thread_unregister();
	registered = false;
	__atomic_store_n(&m->taken, 0, __ATOMIC_RELEASE);
}

uint32_t spate_turn(void) { return sock_cur != NULL ? sock_cur->turn(sock_cur) : 0; }

uint64_t spate_now_ns(void) { return sock_cur != NULL ? sock_cur->s->clock.now_ns : 0; }
