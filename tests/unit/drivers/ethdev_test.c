/* ethdev_test.c: DPDK devices that need no hardware and touch no network of the machine: net_null, pcap files, memif between
 * two processes; and the sentences for devices that do not open. EAL starts once a process, so each test forks. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"
#include "drivers/drivers.h"
#include "frames.h"

#define PACKETS 20000u
#define DEADLINE_S 40
#define BURST 32

static char dir[64];

/* Runs in a child; its assertions are exit codes, since cmocka's belong to the parent. */
#define CHECK(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			_exit(1); \
		} \
	} while (0)

static pid_t child(void (*run)(const char *dev), const char *dev)
{
	pid_t pid = fork();

	if (pid == 0) {
		run(dev);
		_exit(0);
	}
	return pid;
}

static int result(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	return status;
}

static struct port *open_port(const char *dev, uint16_t n_queues, struct rte_mempool **pool)
{
	struct rte_mempool *pools[4];
	struct spate_config c;
	struct port *ports[2];
	char err[512] = "";
	unsigned n;

	config_defaults(&c);
	c.mbufs = 4096;
	c.cores = n_queues;
	if (config_set(&c, "dev", dev, err, sizeof(err)) != 0 || drivers_eal_start(&c, err, sizeof(err)) != 0 ||
	    drivers_open(&c, n_queues, ports, &n, err, sizeof(err)) != 0) {
		fprintf(stderr, "%s\n", err);
		_exit(2);
	}
	CHECK(n == 1);
	CHECK(ports[0]->n_queues <= n_queues);
	*pool = drivers_mbuf_pool("test", 8191, ports[0]->numa_node);
	CHECK(*pool != NULL);
	for (unsigned i = 0; i < 4; i++)
		pools[i] = *pool;
	CHECK(ports[0]->ops->start(ports[0], pools) == 0);
	return ports[0];
}

static void close_port(struct port *p)
{
	p->ops->close(p);
	drivers_eal_stop();
}

static void run_null(const char *dev)
{
	struct rte_mempool *pool;
	struct port *p = open_port(dev, 2, &pool);
	struct rte_mbuf *m[BURST];
	struct port_stats st;

	CHECK(p->n_queues == 2);
	CHECK(!p->rss_trusted); /* net_null has a table that it does not use */
	CHECK(!(p->offloads & PORT_RX_HASH));
	CHECK(p->rss.n_queues == 2);
	CHECK(p->ops->rx(p, 1, m, BURST, 0) == BURST);
	CHECK(p->ops->tx(p, 1, m, BURST, 0) == BURST);
	p->ops->stats(p, &st);
	CHECK(st.rx_packets == BURST && st.tx_packets == BURST);
	close_port(p);
}

static void null_device(void **state)
{
	(void)state;
	assert_int_equal(result(child(run_null, "eal:net_null0,size=64")), 0);
}

/* ---- pcap: what one run writes, another reads ---- */
static void run_pcap_write(const char *dev)
{
	struct rte_mempool *pool;
	struct port *p = open_port(dev, 1, &pool);

	for (uint32_t i = 0; i < 100; i++) {
		struct rte_mbuf *m = frame_new(pool, i, 5, 100, false);

		CHECK(p->ops->tx(p, 0, &m, 1, 0) == 1);
	}
	close_port(p);
}

static void run_pcap_read(const char *dev)
{
	struct rte_mempool *pool;
	struct port *p = open_port(dev, 1, &pool);
	struct rte_mbuf *m[BURST];
	uint32_t next = 0;
	uint16_t n;

	while ((n = p->ops->rx(p, 0, m, BURST, 0)) > 0) {
		for (uint16_t i = 0; i < n; i++)
			CHECK(frame_mark(m[i]) == next++ && frame_sums_right(m[i]));
		rte_pktmbuf_free_bulk(m, n);
	}
	CHECK(next == 100);
	close_port(p);
}

static void pcap_files(void **state)
{
	static const unsigned char empty[24] = {0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1};
	char in[96], dev[256];
	FILE *f;

	(void)state;
	snprintf(in, sizeof(in), "%s/empty.pcap", dir);
	f = fopen(in, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(empty, sizeof(empty), 1, f), 1);
	fclose(f);
	snprintf(dev, sizeof(dev), "pcap:%s,%s/out.pcap", in, dir);
	assert_int_equal(result(child(run_pcap_write, dev)), 0);
	snprintf(dev, sizeof(dev), "pcap:%s/out.pcap,%s/none.pcap", dir, dir);
	assert_int_equal(result(child(run_pcap_read, dev)), 0);
}

/* ---- memif: a client sends, a server counts and confirms ---- */
static void run_memif_server(const char *dev)
{
	struct rte_mempool *pool;
	struct port *p = open_port(dev, 2, &pool);
	struct rte_mbuf *m[BURST], *bye;
	time_t deadline = time(NULL) + DEADLINE_S;
	uint32_t next[2] = {0, 1};

	CHECK(p->n_queues == 2);
	while (next[0] < PACKETS || next[1] < PACKETS) {
		CHECK(time(NULL) < deadline);
		for (uint16_t q = 0; q < 2; q++) {
			uint16_t n = p->ops->rx(p, q, m, BURST, 0);

			for (uint16_t i = 0; i < n; i++, next[q] += 2)
				CHECK(frame_mark(m[i]) == next[q] && frame_sums_right(m[i]));
			rte_pktmbuf_free_bulk(m, n);
		}
	}
	bye = frame_new(pool, 4711, 1, 60, false);
	while (p->ops->tx(p, 0, &bye, 1, 0) == 0) /* the client gives room when it first receives */
		CHECK(time(NULL) < deadline);
	sleep(1);
	close_port(p);
}

static void run_memif_client(const char *dev)
{
	struct rte_mempool *pool;
	struct port *p = open_port(dev, 2, &pool);
	struct rte_mbuf *m = NULL;
	time_t deadline = time(NULL) + DEADLINE_S;

	for (uint32_t i = 0; i < PACKETS; i += m == NULL) {
		CHECK(time(NULL) < deadline);
		if (m == NULL)
			m = frame_new(pool, i, 1, 60 + i % 1000, false);
		CHECK(m != NULL);
		if (p->ops->tx(p, i % 2, &m, 1, 0) == 1)
			m = NULL;
	}
	while (p->ops->rx(p, 0, &m, 1, 0) == 0)
		CHECK(time(NULL) < deadline);
	CHECK(frame_mark(m) == 4711);
	rte_pktmbuf_free(m);
	close_port(p);
}

static void memif_pair(void **state)
{
	char server[128], client[128], path[128];
	pid_t pids[2];

	(void)state;
	snprintf(server, sizeof(server), "memif:%s/m.sock,role=server", dir);
	snprintf(client, sizeof(client), "memif:%s/m.sock", dir);
	snprintf(path, sizeof(path), "%s/m.sock", dir);
	pids[0] = child(run_memif_server, server);
	for (int ms = 0; access(path, F_OK) != 0 && ms < DEADLINE_S * 1000; ms++)
		usleep(1000); /* a client connects once */
	pids[1] = child(run_memif_client, client);
	assert_int_equal(result(pids[1]), 0);
	assert_int_equal(result(pids[0]), 0);
}

/* ---- what does not open ---- */
static void no_device(void **state)
{
	static const struct {
		const char *dev, *says;
		int rc;
	} rows[] = {
		{"nosuchif0", "there is no network interface 'nosuchif0', and no kind of device has this name", -ENODEV},
		{"xdp:nosuchif0", "there is no network interface 'nosuchif0'", -ENODEV},
		{"ffff:ff:1f.7", "there is no PCI device ffff:ff:1f.7", -ENODEV},
		{"pcap:/nosuch.pcap,/dev/null", "/nosuch.pcap: No such file or directory", -ENOENT},
		{"pcap:/dev/null", "write pcap:FILE_TO_READ,FILE_TO_WRITE", -EINVAL},
		{"virtio:/nosuch.sock", "start the vhost side first", -ENOENT},
		{"memif:", "'memif:' names no device", -EINVAL},
	};
	struct spate_config c;
	char err[512];

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		config_defaults(&c);
		snprintf(c.dev, sizeof(c.dev), "%s", rows[i].dev);
		assert_int_equal(drivers_eal_start(&c, err, sizeof(err)), rows[i].rc);
		if (strstr(err, rows[i].says) == NULL)
			fail_msg("%s", err);
	}
	config_defaults(&c);
	snprintf(c.dev, sizeof(c.dev), "sim");
	c.memory_mb = 1u << 30;
	assert_int_equal(drivers_eal_start(&c, err, sizeof(err)), -ENOMEM);
	assert_non_null(strstr(err, "1073741824 MB of memory are needed"));
	c.huge = 1;
	assert_int_equal(drivers_eal_start(&c, err, sizeof(err)), -ENOMEM);
	assert_non_null(strstr(err, "huge pages"));
}

/* The interface with the default route, if this machine has one, is not for us. */
static void default_route_is_protected(void **state)
{
	char name[32], line[256], err[512];
	unsigned long dst;
	struct spate_config c;
	FILE *f = fopen("/proc/net/route", "r");
	bool found = false;

	(void)state;
	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		found = sscanf(line, "%31s %lx", name, &dst) == 2 && dst == 0;
	if (f != NULL)
		fclose(f);
	if (!found)
		skip();
	config_defaults(&c);
	snprintf(c.dev, sizeof(c.dev), "%s", name);
	assert_int_equal(drivers_eal_start(&c, err, sizeof(err)), -EPERM);
	assert_non_null(strstr(err, "carries this machine's default route"));
}

static void run_bad_vdev(const char *dev)
{
	struct spate_config c;
	struct port *ports[2];
	char err[512];
	unsigned n;

	config_defaults(&c);
	snprintf(c.dev, sizeof(c.dev), "%s", dev);
	c.mbufs = 4096;
	CHECK(drivers_eal_start(&c, err, sizeof(err)) == 0);
	CHECK(drivers_open(&c, 1, ports, &n, err, sizeof(err)) < 0);
	CHECK(strstr(err, "eal:net_nosuch0 does not open") != NULL);
	drivers_eal_stop();
}

static void bad_vdev(void **state)
{
	(void)state;
	assert_int_equal(result(child(run_bad_vdev, "eal:net_nosuch0")), 0);
}

static void run_sim(const char *dev)
{
	struct rte_mempool *pool;
	struct spate_config c;
	struct port *ports[2];
	char err[512];
	unsigned n;

	config_defaults(&c);
	snprintf(c.dev, sizeof(c.dev), "%s", dev);
	c.mbufs = 4096;
	CHECK(drivers_eal_start(&c, err, sizeof(err)) == 0);
	CHECK(drivers_eal_start(&c, err, sizeof(err)) == 0); /* once is enough */
	CHECK(drivers_open(&c, 4, ports, &n, err, sizeof(err)) == 0);
	CHECK(n == 2 && ports[0]->n_queues == 4 && ports[1]->n_queues == 4);
	CHECK(!ports[0]->rss_trusted && ports[0]->mtu == 1400); /* three queues for four stacks: they share */
	pool = drivers_mbuf_pool("test", c.mbufs, ports[0]->numa_node);
	CHECK(pool != NULL && rte_mempool_avail_count(pool) == c.mbufs);
	for (unsigned i = 0; i < 2; i++)
		ports[i]->ops->close(ports[i]);
	CHECK(drivers_open(&c, 2, ports, &n, err, sizeof(err)) == 0);
	CHECK(ports[0]->n_queues == 2 && ports[0]->rss_trusted);
	for (unsigned i = 0; i < 2; i++)
		ports[i]->ops->close(ports[i]);
	snprintf(c.dev, sizeof(c.dev), "sim,color=red");
	CHECK(drivers_open(&c, 2, ports, &n, err, sizeof(err)) == -EINVAL);
	CHECK(strstr(err, "sim has no option 'color'") != NULL);
	drivers_eal_stop();
}

static void sim_by_name(void **state)
{
	(void)state;
	assert_int_equal(result(child(run_sim, "sim,queues=3,mtu=1400")), 0);
}

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/spate-ethdev-XXXXXX");
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int remove_dir(void **state)
{
	static const char *const names[] = {"empty.pcap", "out.pcap", "none.pcap", "m.sock"};
	char path[128];

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(null_device), cmocka_unit_test(pcap_files), cmocka_unit_test(memif_pair),
		cmocka_unit_test(no_device),   cmocka_unit_test(default_route_is_protected),
		cmocka_unit_test(bad_vdev),    cmocka_unit_test(sim_by_name),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
