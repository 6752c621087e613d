/* eal.c: starting DPDK for this configuration. What would make rte_eal_init() fail in words that help nobody is checked
 * before. Threads of ours are not EAL's: each registers itself (rte_thread_register), so EAL gets one lcore, which may run
 * on every CPU that the process may use, and pins nothing. */
#define ALLOW_EXPERIMENTAL_API /* rte_intr_instance_alloc() and its kin, still experimental in DPDK 22.11 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_debug.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_interrupts.h>

#include "base/log.h"
#include "config/config.h"
#include "drivers/drivers.h"
#include "drivers/hugepages.h"
#include "drivers/leftovers.h"
#include "drivers/name.h"

#define ARGS_MAX 64
#define MBUF_BYTES 2560  /* 128 header, 2176 buffer, 64 mempool header, alignment, 8 in the ring (pool.c) */
#define POOL_MB 4        /* per pool: a cache of 512 for each of DPDK's 128 lcores */
#define QUEUE_MB 6       /* per queue: descriptors, and the mbufs of ethdev.c's trial run */
#define SLACK_MB 96      /* DPDK's own */

/* The arguments of rte_eal_init(), which keeps pointers to them. */
static struct {
	char text[2048];
	size_t used;
	char *argv[ARGS_MAX];
	int argc;
	bool overflow;
} args;

static bool started;
static char prefix[32];

static void arg(const char *s)
{
	size_t len = strlen(s) + 1;

	if (args.argc == ARGS_MAX - 1 || args.used + len > sizeof(args.text)) {
		args.overflow = true;
		return;
	}
	args.argv[args.argc++] = memcpy(args.text + args.used, s, len);
	args.used += len;
}

/* All CPUs of the process's mask for one lcore: "0@(0,1,5)". */
static void arg_lcores(const cpu_set_t *cpus)
{
	char text[1024];
	size_t at = (size_t)snprintf(text, sizeof(text), "0@(");

	for (int cpu = 0; cpu < CPU_SETSIZE && at < sizeof(text) - 16; cpu++) {
		if (CPU_ISSET(cpu, cpus))
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%d", text[at - 1] == '(' ? "" : ",", cpu);
	}
	snprintf(text + at, sizeof(text) - at, ")");
	arg("--lcores");
	arg(text);
}

/* What the devices of one run want of EAL, together. */
struct wanted {
	struct dev_name d[PORTS_MAX];
	unsigned n;
	bool sim, given, pci, shared; /* any of these kinds; memory that others map */
};

static uint64_t need_mb(const struct spate_config *c, const struct wanted *w)
{
	uint64_t stacks = (uint64_t)c->cores * (w->sim ? 2 : 1);

	if (c->memory_mb != 0)
		return c->memory_mb;
	return stacks * (((uint64_t)c->mbufs * MBUF_BYTES >> 20) + 1 + POOL_MB + QUEUE_MB * w->n) + SLACK_MB;
}

/* Decides between huge and ordinary pages. */
static int choose_memory(const struct spate_config *c, uint64_t need, bool *huge, char *err, size_t err_len)
{
	uint64_t usable = c->huge != 0 ? hugepages_usable_mb() : 0;

	*huge = usable >= need;
	if (c->huge == 1 && usable == 0) {
		snprintf(err, err_len, hugepages_free_mb() != 0 ?
			 "huge pages were asked for and are free, but there is no hugetlbfs mount that we may write to: mount -t "
			 "hugetlbfs none /dev/hugepages, or drop --huge" :
			 "huge pages were asked for but none are free: write a number to /proc/sys/vm/nr_hugepages and mount "
			 "hugetlbfs on /dev/hugepages, or drop --huge");
		return -ENOMEM;
	}
	if (c->huge == 1 && !*huge) {
		snprintf(err, err_len, "%lu MB of huge pages are needed, %lu MB are free: raise /proc/sys/vm/nr_hugepages, lower "
			 "--mbufs, or drop --huge", need, usable);
		return -ENOMEM;
	}
	if (!*huge && memory_available_mb() < need) {
		snprintf(err, err_len, "%lu MB of memory are needed, %lu MB are available: lower --mbufs or --cores", need,
			 memory_available_mb());
		return -ENOMEM;
	}
	return 0;
}

static void args_memory(bool huge, uint64_t need, bool shared)
{
	char mb[24];

	if (huge) {
		arg(shared ? "--single-file-segments" : "--huge-unlink=always"); /* EAL refuses both together */
		return;
	}
	snprintf(mb, sizeof(mb), "%lu", need);
	arg("--no-huge");
	arg("-m");
	arg(mb);
}

/* The one device, with options for its PMD: "0000:3b:00.0,mprq_en=1". */
static void arg_device(const struct dev_name *d)
{
	char text[sizeof(d->what) + sizeof(d->options) + 1];

	snprintf(text, sizeof(text), "%s%s%s", d->what, d->options[0] != '\0' ? "," : "", d->options);
	arg("-a");
	arg(text);
}

static void args_user(const char *text)
{
	char copy[sizeof(((struct spate_config *)0)->eal)], *save = NULL;

	snprintf(copy, sizeof(copy), "%s", text);
	for (char *a = strtok_r(copy, " \t", &save); a != NULL; a = strtok_r(NULL, " \t", &save))
		arg(a);
}

static void args_build(const struct spate_config *c, const struct wanted *w, bool huge, uint64_t need,
		       const cpu_set_t *cpus)
{
	snprintf(prefix, sizeof(prefix), LEFTOVERS_PREFIX "%d", (int)getpid());
	args.argc = 0;
	args.used = 0;
	args.overflow = false;
	arg("spate");
	arg_lcores(cpus);
	arg("--file-prefix");
	arg(prefix);
	if (w->sim || w->given)
		arg("--no-shconf"); /* no files at all; some PMDs complain without them */
	arg("--no-telemetry");
	arg("--log-level");
	arg("*:warning");
	for (unsigned i = 0; i < w->n; i++) {
		if (w->d[i].kind == DEV_PCI)
			arg_device(&w->d[i]);
	}
	if (!w->pci) {
		arg("--no-pci");
		arg("--iova-mode=va");
	}
	args_memory(huge, need, w->shared);
	args_user(c->eal);
	args.argv[args.argc] = NULL;
}

static int explain(int error, char *err, size_t err_len)
{
	const char *hint = error == EACCES || error == EPERM ? ": no permission; run as root, or see what EAL wrote above" :
			   error == ENOMEM ? ": not enough memory; lower --mbufs" :
			   error == EALREADY ? ": it has been started in this process before, by somebody else" :
			   "; see what EAL wrote above";

	snprintf(err, err_len, "DPDK does not start (%s)%s", rte_strerror(error), hint);
	return error != 0 ? -error : -EIO;
}

static int wanted_find(const struct spate_config *c, struct wanted *w, char *err, size_t err_len)
{
	memset(w, 0, sizeof(*w));
	for (; w->n < config_devs(c); w->n++) {
		struct dev_name *d = &w->d[w->n];
		int rc = dev_name_parse(d, config_dev(c, w->n), err, err_len);

		if (rc == 0)
			rc = dev_name_check(d, err, err_len);
		if (rc != 0)
			return rc;
		w->sim |= d->kind == DEV_SIM;
		w->given |= d->kind == DEV_GIVEN;
		w->pci |= d->kind == DEV_PCI;
		w->shared |= d->kind == DEV_MEMIF || d->kind == DEV_VIRTIO || d->kind == DEV_VHOST;
	}
	return 0;
}

int drivers_eal_start(const struct spate_config *c, char *err, size_t err_len)
{
	struct wanted w;
	cpu_set_t cpus;
	uint64_t need;
	bool huge;
	int rc;

	rc = wanted_find(c, &w, err, err_len);
	if (rc != 0 || started)
		return rc;
	leftovers_remove(); /* before memory is counted: dead processes may hold huge pages */
	need = need_mb(c, &w);
	rc = choose_memory(c, need, &huge, err, err_len);
	if (rc != 0)
		return rc;
	CPU_ZERO(&cpus);
	pthread_getaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	args_build(c, &w, huge, need, &cpus);
	if (args.overflow) {
		snprintf(err, err_len, "too many arguments for EAL");
		return -E2BIG;
	}
	rc = rte_eal_init(args.argc, args.argv);
	pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
	if (rc < 0)
		return explain(rte_errno, err, err_len);
	rte_log_set_level((uint32_t)spate_logtype, (uint32_t)c->log_level);
	started = true;
	return 0;
}

static bool is_our_page_file(int dir_fd, const char *name)
{
	(void)dir_fd;
	return strncmp(name, prefix, strlen(prefix)) == 0 && strncmp(name + strlen(prefix), "map_", 4) == 0;
}

/* EAL leaves its runtime directory and some files in it; it is ours alone, by the prefix. */
static void remove_runtime_dir(const char *path)
{
	const char *base = strrchr(path, '/');

	if (base != NULL && strcmp(base + 1, prefix) == 0)
		leftovers_remove_dir(path);
}

/* Runs in EAL's interrupt thread, and keeps it. */
static void interrupt_thread_parked(void *parked)
{
	sem_post(parked);
	for (;;)
		pause();
}

/* EAL's interrupt thread lives on after rte_eal_cleanup(), which takes away memory that its list of sources lies in: memif
 * leaves its listening socket in that list, and whatever wakes the thread up then ends the process. So it gets a last source
 * of its own, from which it does not come back. */
static void interrupt_thread_park(void)
{
	static struct rte_intr_handle *h; /* the thread's for the rest of the process, as the descriptor is */
	static sem_t parked;
	int fd = eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);

	h = rte_intr_instance_alloc(RTE_INTR_INSTANCE_F_PRIVATE);
	sem_init(&parked, 0, 0);
	if (fd < 0 || h == NULL || rte_intr_fd_set(h, fd) != 0 || rte_intr_type_set(h, RTE_INTR_HANDLE_EXT) != 0 ||
	    rte_intr_callback_register(h, interrupt_thread_parked, &parked) != 0)
		return;
	while (sem_wait(&parked) != 0) /* a signal */
		;
}

void drivers_eal_stop(void)
{
	char dir[256];

	if (!started)
		return;
	snprintf(dir, sizeof(dir), "%s", rte_eal_get_runtime_dir());
	interrupt_thread_park();
	rte_eal_cleanup();
	remove_runtime_dir(dir);
	hugepages_remove_files(is_our_page_file);
	started = false;
}
