/* start.c: bringing spate up in a process: DPDK, the device, a stack per core; and giving stacks to threads. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <numa.h>
#include <rte_lcore.h>
#include <rte_mempool.h>

#include "base/log.h"
#include "config/config.h"
#include "drivers/drivers.h"
#include "net/filter.h"
#include "sock/dialect.h"
#include "sock/rules.h"
#include "sock/sock.h"

#define ENDS_MAX 2 /* sim has two, everything else one */
#define STACKS_MAX (ENDS_MAX * PORT_QUEUES_MAX)

/* One stack and what belongs to it alone, in memory of its node. */
struct member {
	struct stack stack;
	struct sock_env env;
	struct rte_mempool *pool;
	bool ready;     /* stack and env are made */
	int cpu;        /* to pin to, -1 none */
	char *owner;    /* the thread's mark, NULL: nobody's; set and cleared with the __atomic builtins in spate_attach(),
			 * spate_detach() */
};

/* One side of a run: its devices, and what its stacks share. */
struct end {
	struct port *port[PORTS_MAX];
	unsigned n_ports;
	struct eport_space *eports;
	struct mail_office *office;
	struct siphash_key secret; /* of its stacks */
};

/* Written by spate_start() and spate_stop() only. */
static struct {
	struct end end[ENDS_MAX];
	unsigned n_ends, n_stacks, per_end;
	struct region region[STACKS_MAX];
	struct member *member[STACKS_MAX];
	struct net_filter *filter; /* of the near end, for its stacks as they start */
	unsigned filter_unused;    /* stacks that have not taken it yet */
	bool started;
} process;

static _Thread_local char mark;               /* its address tells threads apart */
static _Thread_local struct member *attached; /* the stack that this thread works on */
static _Thread_local unsigned n_attached;     /* stacks that it has */
static _Thread_local bool registered;         /* it became an EAL thread in spate_attach() */

static int fail(char *err, size_t err_len, int rc, const char *what)
{
	snprintf(err, err_len, "%s: %s", what, strerror(-rc));
	return rc;
}

/* ---- addresses ---- */

static int no_address(int rc, uint32_t a, unsigned prefix_len, char *err, size_t err_len)
{
	snprintf(err, err_len, "address %u.%u.%u.%u/%u: %s", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255, prefix_len,
		 rc == -EEXIST   ? "given twice" :
		 rc == -ENOSPC   ? "too many addresses for one stack" :
		 rc == -EINVAL   ? "not an address that a host can have" :
				   strerror(-rc));
	return rc;
}

/* One that has addresses. On every stack they get the numbers that sock_iface_number() says. */
static int interface_add(struct net *net, const struct spate_config *c, const struct config_iface *f, char *err, size_t err_len)
{
	const struct port *p = net->tx[f->dev].port;
	int rc = net_iface_get(net, f->dev, f->vlan_id, f->mtu);

	if (rc == -EINVAL && f->mtu > p->mtu)
		snprintf(err, err_len, "the MTU of vlan %u is %u, more than the %u of %s", f->vlan_id, f->mtu, p->mtu, p->name);
	else if (rc < 0)
		fail(err, err_len, rc, "network interface");
	if (rc < 0)
		return rc;
	/* As the user says it: devices may call themselves otherwise. */
	net_iface_name(net->iface[rc].name, sizeof(net->iface[rc].name), config_dev(c, f->dev), f->vlan_id);
	return 0;
}

static int interfaces_add(struct net *net, const struct spate_config *c, char *err, size_t err_len)
{
	int rc = 0;

	for (unsigned i = 0; i < c->n_ifaces && rc == 0; i++)
		if (config_iface_used(c, i))
			rc = interface_add(net, c, &c->iface[i], err, err_len);
	return rc;
}

static int addresses_add(struct net *net, const struct spate_config *c, const struct config_range *range, unsigned n, char *err,
			 size_t err_len)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t iface = (uint8_t)sock_iface_number(c, range[i].iface);

		for (uint64_t a = range[i].first; a <= range[i].last; a++) {
			int rc = net_addr_add_on(net, iface, rte_cpu_to_be_32((uint32_t)a), range[i].prefix_len);
			if (rc < 0)
				return no_address(rc, (uint32_t)a, range[i].prefix_len, err, err_len);
		}
	}
	return 0;
}

static int no_address6(int rc, const struct in6_addr *a, unsigned prefix_len, char *err, size_t err_len)
{
	char text[INET6_ADDRSTRLEN];

	snprintf(err, err_len, "address %s/%u: %s", inet_ntop(AF_INET6, a, text, sizeof(text)), prefix_len,
		 rc == -EEXIST   ? "given twice" :
		 rc == -ENOSPC   ? "too many addresses for one stack" :
		 rc == -EINVAL   ? "not an address that a host can have" :
		 rc == -EMSGSIZE ? "IPv6 needs an MTU of 1280" :
				   strerror(-rc));
	return rc;
}

static struct ip6_addr ip6_of(const struct in6_addr *a)
{
	struct ip6_addr to;

	memcpy(&to, a, sizeof(to));
	return to;
}

static int addresses6_add(struct net *net, const struct spate_config *c, const struct config_range6 *range, unsigned n, char *err,
			  size_t err_len)
{
	for (unsigned i = 0; i < n; i++) {
		uint8_t iface = (uint8_t)sock_iface_number(c, range[i].iface);

		for (uint32_t k = 0; k < range[i].count; k++) {
			const struct in6_addr a = config_ip6_add(&range[i].first, k);
			const struct ip6_addr addr = ip6_of(&a);
			int rc = net_addr6_add_on(net, iface, &addr, range[i].prefix_len);

			if (rc < 0)
				return no_address6(rc, &a, range[i].prefix_len, err, err_len);
		}
	}
	return 0;
}

static int gateways6_add(struct net *net, const struct spate_config *c, char *err, size_t err_len)
{
	for (unsigned i = 0; i < c->n_gw6; i++) {
		const struct ip6_addr gw = ip6_of(&c->gw6[i].addr);
		int iface = sock_iface_number(c, c->gw6[i].iface);
		int rc = iface >= 0 ? net_gw6_add_on(net, (uint8_t)iface, &gw) : -ENETUNREACH;

		if (rc == -ENETUNREACH && !ip6_addr_is_linklocal(&gw))
			rc = net_gw6_add_on(net, NET_IFACE_ANY, &gw);
		if (rc < 0 && rc != -EEXIST)
			return fail(err, err_len, rc, "gateway (it must be on the network of a local address)");
	}
	return 0;
}

/* The near end's addresses are ip, the far one's peer-ip. */
static int ip6_begin(struct net *net, const struct spate_config *c, unsigned side, char *err, size_t err_len)
{
	const struct net_ip6_settings set = {.dad = config_dad(c), .routers = c->ip6_auto, .redirects = c->ip6_auto};
	int rc = 0;

	net_ip6_set(net, &set);
	for (unsigned i = 0; i < c->n_ifaces && c->ip6_auto && rc == 0; i++)
		if (config_iface_used(c, i))
			rc = net_ip6_enable(net, (uint8_t)sock_iface_number(c, i));
	if (rc < 0)
		return fail(err, err_len, rc, "IPv6");
	if (side != 0)
		return addresses6_add(net, c, c->peer_ip6, c->n_peer_ip6, err, err_len);
	rc = addresses6_add(net, c, c->ip6, c->n_ip6, err, err_len);
	return rc < 0 ? rc : gateways6_add(net, c, err, err_len);
}

/* A gateway is on the network of the interface that it was written for, or of another. */
static int gateways_add(struct net *net, const struct spate_config *c, char *err, size_t err_len)
{
	for (unsigned i = 0; i < c->n_gw; i++) {
		int iface = sock_iface_number(c, c->gw_iface[i]);
		int rc = iface >= 0 ? net_gw_add_on(net, (uint8_t)iface, rte_cpu_to_be_32(c->gw[i])) : -ENETUNREACH;

		if (rc == -ENETUNREACH)
			rc = net_gw_add_on(net, NET_IFACE_ANY, rte_cpu_to_be_32(c->gw[i]));
		if (rc < 0 && rc != -EEXIST)
			return fail(err, err_len, rc, "gateway (it must be on the network of a local address)");
	}
	return 0;
}

static int filter_make(const struct spate_config *c, char *err, size_t err_len)
{
	int rc = net_filter_new(c->filter, c->n_filters, process.per_end, process.end[0].port[0]->numa_node, &process.filter);

	if (rc == 0)
		process.filter_unused = process.per_end;
	return rc == 0 ? 0 : fail(err, err_len, rc, "compiling the rules of allow and deny");
}

static void filter_use(struct net *net)
{
	net_filter_set(net, process.filter);
	process.filter_unused--;
}

/* ---- stacks ---- */

static int member_stack(const struct spate_config *c, unsigned i, char *err, size_t err_len)
{
	unsigned side = i / process.per_end;
	const struct end *end = &process.end[side];
	struct member *m = process.member[i];
	int node = end->port[0]->numa_node;
	const struct siphash_key fastopen_key = {c->fastopen_key[0], c->fastopen_key[1]};
	const struct stack_config cfg = {
		.ports = end->port,
		.n_ports = (uint16_t)end->n_ports,
		.self = (uint16_t)(i % process.per_end),
		.office = end->office,
		.pool = m->pool,
		.eports = end->eports,
		.max_conns = c->max_conns,
		.port_lo = c->port_lo,
		.port_hi = c->port_hi,
		.seed = c->seed != 0 ? c->seed + i : 0,
		.secret = end->secret,
		.syncookies = c->syncookies,
		.fastopen = c->fastopen,
		.fastopen_key = c->fastopen_key_given ? &fastopen_key : NULL,
		.without = c->without,
		.now_ns = sock_clock_ns(),
		.congestion = c->congestion,
		.rcvbuf_max = c->rcvbuf_max,
		.uto = c->uto,
		.ecn = c->ecn,
		.mtu_probing = c->mtu_probing,
		.gro = c->gro,
		.numa_node = node,
	};
	int rc = stack_init(&m->stack, &cfg);

	if (rc < 0)
		return fail(err, err_len, rc, "making a stack (try a smaller max-connections)");
	rc = sock_env_init(&m->env, &m->stack, i, process.n_stacks, c->max_conns, node);
	if (rc < 0) {
		stack_fini(&m->stack);
		return fail(err, err_len, rc, "numbering sockets (max-connections times cores is too large)");
	}
	m->ready = true;
	rc = interfaces_add(&m->stack.net, c, err, err_len);
	if (rc < 0)
		return rc;
	if (side == 0)
		rc = addresses_add(&m->stack.net, c, c->ip, c->n_ip, err, err_len);
	else
		rc = addresses_add(&m->stack.net, c, c->peer_ip, c->n_peer_ip, err, err_len);
	if (rc == 0 && side == 0)
		rc = gateways_add(&m->stack.net, c, err, err_len);
	if (rc == 0)
		rc = ip6_begin(&m->stack.net, c, side, err, err_len);
	if (rc == 0 && side == 0) /* gateways of both families are known by now */
		rc = sock_routes_add(&m->stack.net, c, err, err_len);
	if (rc == 0 && side == 0)
		filter_use(&m->stack.net);
	if (rc == 0 && cfg.self == 0)
		net_lead(&m->stack.net);
	return rc;
}

/* Nothing breaks when they are far apart; every packet just crosses the link between the nodes. */
static void member_numa_check(const struct member *m, const struct port *port)
{
	int node = m->cpu >= 0 && numa_available() >= 0 ? numa_node_of_cpu(m->cpu) : -1;

	if (node >= 0 && port->numa_node >= 0 && node != port->numa_node)
		LOG_WARN("CPU %d is on NUMA node %d, but %s and its memory are on node %d: choose --cores of that node", m->cpu, node,
			 port->name, port->numa_node);
}

static int member_new(const struct spate_config *c, unsigned i, char *err, size_t err_len)
{
	const struct end *end = &process.end[i / process.per_end];
	int node = end->port[0]->numa_node;
	char name[32];
	struct member *m;
	int rc = region_map(&process.region[i], sizeof(*m), node);

	if (rc < 0)
		return fail(err, err_len, rc, "memory for a stack");
	m = process.region[i].base;
	process.member[i] = m;
	m->cpu = i < c->n_core_list ? c->core_list[i] : -1;
	for (unsigned p = 0; p < end->n_ports; p++)
		member_numa_check(m, end->port[p]);
	snprintf(name, sizeof(name), "spate_mbufs_%u", i);
	m->pool = drivers_mbuf_pool(name, c->mbufs, node);
	if (m->pool == NULL)
		return fail(err, err_len, -ENOMEM, "packet buffers (fewer mbufs, or more memory)");
	return 0;
}

static void member_stop(unsigned i)
{
	struct member *m = process.member[i];

	if (m == NULL || !m->ready)
		return;
	stack_fini(&m->stack);
	sock_env_fini(&m->env);
}

static void member_free(unsigned i)
{
	struct member *m = process.member[i];

	if (m == NULL)
		return;
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

/* The devices of the first end, and of the second where the first device has one. */
static int ports_open(const struct spate_config *c, char *err, size_t err_len)
{
	for (unsigned d = 0; d < config_devs(c); d++) {
		struct port *port[ENDS_MAX];
		unsigned n = 0;
		int rc = drivers_open_dev(c, d, c->cores, port, &n, err, err_len);

		if (rc < 0)
			return rc;
		for (unsigned e = 0; e < n; e++) {
			struct end *end = &process.end[e];

			end->port[end->n_ports++] = port[e];
		}
		process.n_ends = RTE_MAX(process.n_ends, n);
	}
	return 0;
}

static void end_secret(const struct spate_config *c, unsigned e)
{
	struct siphash_key *k = &process.end[e].secret;
	struct prng r;

	if (c->seed == 0) {
		while (getrandom(k, sizeof(*k), 0) != sizeof(*k))
			;
		return;
	}
	prng_seed(&r, ~c->seed + e);
	k->k0 = prng_u64(&r);
	k->k1 = prng_u64(&r);
}

static int ends_open(const struct spate_config *c, char *err, size_t err_len)
{
	int rc = ports_open(c, err, err_len);

	if (rc < 0)
		return rc;
	process.per_end = c->cores;
	process.n_stacks = process.n_ends * c->cores;
	for (unsigned e = 0; e < process.n_ends; e++) {
		process.end[e].office = mail_office_new(c->cores, process.end[e].port[0]->numa_node);
		if (process.end[e].office == NULL)
			return fail(err, err_len, -ENOMEM, "mail between stacks");
		end_secret(c, e);
	}
	return 0;
}

/* How many connections to one destination the key and the table leave to each stack. */
static void ports_say(const struct eport_space *s, bool ip6)
{
	struct eport_report r;
	char text[256];

	eport_space_report(s, ip6, &r);
	eport_report_text(&r, text, sizeof(text));
	if (r.queues_empty > 0 || (r.ports_min == 0 && r.range_ports > r.queues))
		LOG_WARN("%s", text);
	else
		LOG_INFO("%s", text);
}

/* The first port's hash says where flows live. Another port may do without its NIC's when that has other ideas. */
static void port_rss_compare(struct port *p, const struct port *first)
{
	bool same = p->rss.key_len == first->rss.key_len && memcmp(p->rss.key, first->rss.key, first->rss.key_len) == 0;

	if (!same)
		p->offloads &= ~PORT_RX_HASH;
	same = same && p->rss.reta_size == first->rss.reta_size &&
	       memcmp(p->rss.reta, first->rss.reta, first->rss.reta_size * sizeof(first->rss.reta[0])) == 0;
	if (same || !p->rss_trusted)
		return;
	p->rss_trusted = p->rss_trusted6 = false;
	LOG_WARN("%s spreads packets otherwise than %s: what arrives at the wrong core is passed on in software", p->name, first->name);
}

/* Key and redirection table are what the device says once it runs, so the classes of ports come last. */
static int end_run(const struct spate_config *c, unsigned e, char *err, size_t err_len)
{
	struct end *end = &process.end[e];
	struct rte_mempool *pools[PORT_QUEUES_MAX];

	for (unsigned q = 0; q < process.per_end; q++)
		pools[q] = process.member[e * process.per_end + q]->pool;
	for (unsigned p = 0; p < end->n_ports; p++) {
		int rc = end->port[p]->ops->start(end->port[p], pools);

		if (rc < 0)
			return fail(err, err_len, rc, end->port[p]->name);
		port_rss_compare(end->port[p], end->port[0]);
	}
	end->eports = eport_space_new(&end->port[0]->rss, c->port_lo, c->port_hi);
	if (end->eports == NULL)
		return fail(err, err_len, -ENOMEM, "table of local ports");
	for (unsigned i = 0; i < c->n_reserved; i++)
		eport_space_reserve(end->eports, c->reserved[i].lo, c->reserved[i].hi);
	ports_say(end->eports, c->n_ip == 0);
	return 0;
}

/* Devices first: they hold packets of the pools. Pools last: mail may hold them, too. */
static void undo(void)
{
	for (unsigned e = 0; e < process.n_ends; e++)
		for (unsigned p = 0; p < process.end[e].n_ports; p++)
			process.end[e].port[p]->ops->close(process.end[e].port[p]);
	for (unsigned i = 0; i < process.n_stacks; i++)
		member_stop(i);
	for (; process.filter_unused > 0; process.filter_unused--)
		net_filter_put(process.filter);
	for (unsigned e = 0; e < process.n_ends; e++) {
		mail_office_free(process.end[e].office);
		eport_space_free(process.end[e].eports);
	}
	for (unsigned i = 0; i < process.n_stacks; i++)
		member_free(i);
	memset(&process, 0, sizeof(process));
	drivers_eal_stop();
}

/* The setting, or else the environment. */
static int dialect_choose(const struct spate_config *c, char *err, size_t err_len)
{
	const char *name = getenv("SPATE_DIALECT");
	int d = c->dialect != 0 ? c->dialect - 1 : name != NULL ? sock_dialect_named(name) : DIALECT_LINUX;

	if (d < 0)
		return fail(err, err_len, -EINVAL, "SPATE_DIALECT must be linux, bsd or zos");
	sock_dialect_default((enum dialect)d);
	return 0;
}

int spate_start(const struct spate_config *c, char *err, size_t err_len)
{
	int rc;

	if (process.started)
		return fail(err, err_len, -EALREADY, "spate_start() was called before");
	rc = config_check(c, err, err_len);
	if (rc == 0)
		rc = dialect_choose(c, err, err_len);
	if (rc < 0)
		return rc;
	rc = eal_start(c, err, err_len);
	if (rc < 0)
		return rc;
	rc = sock_clock_init();
	if (rc < 0) {
		fail(err, err_len, rc, "this CPU has no usable time stamp counter");
		goto stop;
	}
	rc = ends_open(c, err, err_len);
	if (rc < 0)
		goto stop;
	for (unsigned i = 0; i < process.n_stacks && rc == 0; i++)
		rc = member_new(c, i, err, err_len);
	for (unsigned e = 0; e < process.n_ends && rc == 0; e++)
		rc = end_run(c, e, err, err_len);
	if (rc == 0)
		rc = filter_make(c, err, err_len);
	for (unsigned i = 0; i < process.n_stacks && rc == 0; i++)
		rc = member_stack(c, i, err, err_len);
	if (rc < 0)
		goto stop;
	sock_changes_begin(c);
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

int sock_note_all(enum mail_kind kind, const void *body, uint16_t len)
{
	if (!process.started)
		return -ENXIO;
	return mail_note_outside(process.end[0].office, process.member[0]->pool, MAIL_ALL, kind, body, len);
}

/* ---- threads ---- */

unsigned sock_stacks_per_end(void) { return process.started ? process.per_end : 0; }

unsigned spate_stacks(void) { return process.n_stacks; }

const struct stack *sock_stack(unsigned i)
{
	return process.started && i < process.n_stacks ? &process.member[i]->stack : NULL;
}

struct port *sock_port(unsigned i) { return i < process.end[0].n_ports ? process.end[0].port[i] : NULL; }

/* CPU and EAL registration of the calling thread: the latter gives it the caches of memory pools, and its own pool. */
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
	drivers_pool_own(m->pool);
	return 0;
}

static void work_on(struct member *m)
{
	attached = m;
	sock_enter(m != NULL ? &m->env : NULL);
}

int spate_attach(unsigned stack)
{
	struct member *m;
	char *nobody = NULL;
	int rc;

	if (!process.started || stack >= process.n_stacks)
		return -EINVAL;
	m = process.member[stack];
	if (!__atomic_compare_exchange_n(&m->owner, &nobody, &mark, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		return -EBUSY;
	rc = thread_prepare(m);
	if (rc < 0) {
		__atomic_store_n(&m->owner, NULL, __ATOMIC_RELEASE);
		return rc;
	}
	n_attached++;
	work_on(m);
	return 0;
}

int spate_switch(unsigned stack)
{
	struct member *m = stack < process.n_stacks ? process.member[stack] : NULL;

	if (m == NULL || __atomic_load_n(&m->owner, __ATOMIC_RELAXED) != &mark)
		return -EINVAL;
	work_on(m);
	return 0;
}

void spate_detach(void)
{
	struct member *m = attached;

	if (m == NULL)
		return;
	work_on(NULL);
	drivers_pool_disown(m->pool);
	if (--n_attached == 0 && registered) {
		rte_thread_unregister();
		registered = false;
	}
	__atomic_store_n(&m->owner, NULL, __ATOMIC_RELEASE);
}

uint32_t spate_turn(void) { return sock_cur != NULL ? sock_cur->turn(sock_cur) : 0; }

int spate_settled(void) { return sock_cur == NULL || net_ip6_settled(&sock_cur->s->net); }

uint64_t spate_now_ns(void) { return sock_cur != NULL ? sock_cur->s->clock.now_ns : 0; }
