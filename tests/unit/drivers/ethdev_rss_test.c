/* ethdev_rss_test.c: what is believed of a device's RSS. net_null stores key, types and table, and gives its own key until it is
 * told another one after the start: taken for a PCI device, it shows what happens when a device has other things than it
 * was given. As what it is, it must not be believed. EAL starts once a process, so each test forks. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"
#include "drivers/drivers.h"
#include "drivers/ethdev/ethdev.h"
#include "drivers/leftovers.h"

#define NULL_TABLE 128

static char dir[64];

/* Runs in a child; its assertions are exit codes, since cmocka's belong to the parent. */
#define CHECK(cond) \
	do { \
		if (!(cond)) { \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			_exit(1); \
		} \
	} while (0)

static int in_child(void (*run)(void))
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		run();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status;
}

static struct spate_config config_for(const char *dev, uint16_t cores)
{
	struct spate_config c;

	config_defaults(&c);
	snprintf(c.dev, sizeof(c.dev), "%s", dev);
	c.mbufs = 4096;
	c.cores = cores;
	c.seed = 7;
	return c;
}

static struct ethdev *open_dev(const struct spate_config *c)
{
	struct dev_name d;
	struct port *p;
	char err[512];

	if (drivers_eal_start(c, err, sizeof(err)) != 0 || dev_name_parse(&d, c->dev, err, sizeof(err)) != 0 ||
	    ethdev_open(&d, c, c->cores, c->seed, &p, err, sizeof(err)) != 0) {
		fprintf(stderr, "%s\n", err);
		_exit(2);
	}
	return (struct ethdev *)p;
}

static void start_dev(struct ethdev *e)
{
	struct rte_mempool *pool = drivers_mbuf_pool("test", 8191, e->port.numa_node), *pools[8];

	CHECK(pool != NULL && e->port.n_queues <= 8);
	for (unsigned i = 0; i < 8; i++)
		pools[i] = pool;
	CHECK(e->port.ops->start(&e->port, pools) == 0);
}

static void close_dev(struct ethdev *e)
{
	e->port.ops->close(&e->port);
	drivers_eal_stop();
}

/* Tells the device another key and other types, as somebody else might have. */
static void tell(const struct ethdev *e, const uint8_t *key, uint64_t hf)
{
	struct rte_eth_rss_conf conf = {.rss_key = (uint8_t *)(uintptr_t)key, .rss_key_len = 40, .rss_hf = hf};

	CHECK(rte_eth_dev_rss_hash_update(e->id, &conf) == 0);
}

#define TCP_UDP4 (RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP)

/* ---- keys ---- */

static void keys(void **state)
{
	static struct rss r;
	static uint8_t seen[2][RSS_RETA_MAX];
	uint8_t key[RSS_KEY_MAX], again[RSS_KEY_MAX];

	(void)state;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		unsigned reached[2] = {0, 0};

		ethdev_rss_key(key, seed);
		ethdev_rss_key(again, seed);
		assert_memory_equal(key, again, sizeof(key)); /* all ports of a run have one */
		ethdev_rss_key(again, seed + 1000);
		assert_memory_not_equal(key, again, sizeof(key));
		assert_int_equal(rss_init(&r, key, 40, NULL, RSS_RETA_MAX, 128), 0);
		memset(seen, 0, sizeof(seen));
		for (uint32_t port = 0; port < 65536; port++) {
			uint32_t h4 = rss_hash4_dport(&r, rte_cpu_to_be_16((uint16_t)port)) % RSS_RETA_MAX;
			uint32_t h6 = rss_hash6_dport(&r, rte_cpu_to_be_16((uint16_t)port)) % RSS_RETA_MAX;

			reached[0] += !seen[0][h4];
			reached[1] += !seen[1][h6];
			seen[0][h4] = seen[1][h6] = 1;
		}
		assert_int_equal(reached[0], RSS_RETA_MAX);
		assert_int_equal(reached[1], RSS_RETA_MAX);
	}
}

/* ---- what is believed ---- */

static void run_believed(void)
{
	struct spate_config c = config_for("eal:net_null0", 3);
	struct ethdev *e = open_dev(&c);
	struct rte_eth_rss_conf has = {.rss_key = (uint8_t[52]){0}, .rss_key_len = 40};
	uint8_t other[40];

	e->hash_can_be_real = true;
	start_dev(e);
	CHECK(e->port.rss_trusted && e->rss.why_not[0] == '\0');
	CHECK(rte_eth_dev_rss_hash_conf_get(e->id, &has) == 0);
	CHECK(memcmp(has.rss_key, e->key, 40) != 0); /* it did not take ours ... */
	CHECK(memcmp(e->port.rss.key, has.rss_key, 40) == 0); /* ... so we take its */
	CHECK(e->port.rss.key_len == 40 && e->port.rss.reta_size == NULL_TABLE && e->port.rss.n_queues == 3);
	for (unsigned i = 0; i < NULL_TABLE; i++)
		CHECK(e->port.rss.reta[i] == i % 3);
	CHECK(!(e->port.offloads & PORT_RX_HASH)); /* it gives no hashes with packets */

	memset(other, 0x5a, sizeof(other));
	other[3] = 1;
	tell(e, other, TCP_UDP4);
	e->conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_RSS_HASH;
	ethdev_rss_settle(e);
	CHECK(e->port.rss_trusted && memcmp(e->port.rss.key, other, 40) == 0);
	CHECK(e->port.offloads & PORT_RX_HASH);
	close_dev(e);
}

static void believed(void **state)
{
	(void)state;
	assert_int_equal(in_child(run_believed), 0);
}

static void run_not_believed(void)
{
	static const uint8_t zeros[40];
	struct spate_config c = config_for("eal:net_null0", 2);
	struct ethdev *e = open_dev(&c);
	uint8_t other[40];

	start_dev(e); /* as the virtual device that it is */
	CHECK(!e->port.rss_trusted && strstr(e->rss.why_not, "virtual device") != NULL);
	CHECK(e->port.rss.n_queues == 2);

	e->hash_can_be_real = true;
	e->conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_RSS_HASH;
	for (unsigned i = 0; i < sizeof(other); i++)
		other[i] = (uint8_t)(i * 37 + 11);
	tell(e, other, RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP);
	ethdev_rss_settle(e);
	CHECK(!e->port.rss_trusted && strstr(e->rss.why_not, "no ports of UDP/IPv4") != NULL);
	CHECK(!(e->port.offloads & PORT_RX_HASH)); /* UDP's hash would be of the addresses alone */

	tell(e, zeros, TCP_UDP4);
	ethdev_rss_settle(e);
	CHECK(!e->port.rss_trusted && strstr(e->rss.why_not, "key cannot be read") != NULL);
	CHECK(memcmp(e->port.rss.key, e->key, 40) == 0); /* ours: of a key of zeros all packets would go one way */
	CHECK(e->port.rss.n_queues == 2 && !(e->port.offloads & PORT_RX_HASH));
	close_dev(e);
}

static void not_believed(void **state)
{
	(void)state;
	assert_int_equal(in_child(run_not_believed), 0);
}

/* More stacks than queues: the homing function is over all stacks; the device's hash is right all the same. */
static void run_few_queues(void)
{
	struct spate_config c = config_for("eal:net_null0", 2);
	struct ethdev *e = open_dev(&c);
	unsigned per_stack[5] = {0};

	e->hash_can_be_real = true;
	e->n_stacks = 5;
	start_dev(e);
	e->conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_RSS_HASH;
	ethdev_rss_settle(e);
	CHECK(e->port.n_queues == 2 && e->port.rss.n_queues == 5);
	CHECK(!e->port.rss_trusted && strstr(e->rss.why_not, "2 queues for 5 cores") != NULL);
	CHECK(memcmp(e->port.rss.key, e->rss.key, 40) == 0 && e->port.offloads & PORT_RX_HASH);
	for (unsigned i = 0; i < e->port.rss.reta_size; i++)
		per_stack[e->port.rss.reta[i]]++;
	for (unsigned i = 0; i < 5; i++)
		CHECK(per_stack[i] * 5 >= e->port.rss.reta_size - 5u);
	close_dev(e);
}

static void few_queues(void **state)
{
	(void)state;
	assert_int_equal(in_child(run_few_queues), 0);
}

/* A device that advertises RSS and refuses it when its queues start: here for an offload that it does not know. */
static void run_refused(void)
{
	struct spate_config c = config_for("eal:net_null0", 2);
	struct ethdev *e = open_dev(&c);

	e->hash_can_be_real = true;
	e->conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_RSS_HASH;
	start_dev(e);
	CHECK(!e->rss.asked && !e->port.rss_trusted && strstr(e->rss.why_not, "no RSS") != NULL);
	CHECK(e->port.n_queues == 2 && e->port.rss.n_queues == 2 && !(e->port.offloads & PORT_RX_HASH));
	close_dev(e);
}

static void refused(void **state)
{
	(void)state;
	assert_int_equal(in_child(run_refused), 0);
}

static void run_one_stack(void)
{
	struct spate_config c = config_for("eal:net_null0", 1);
	struct ethdev *e = open_dev(&c);

	e->hash_can_be_real = true;
	start_dev(e);
	CHECK(!e->port.rss_trusted && e->port.rss.n_queues == 1 && !e->rss.asked);
	CHECK(rss_queue(&e->port.rss, 0x12345678) == 0);
	close_dev(e);
}

static void one_stack(void **state)
{
	(void)state;
	assert_int_equal(in_child(run_one_stack), 0);
}

/* ---- offloads and MTU ---- */

static void run_offload(void)
{
	struct spate_config c = config_for("", 1);
	struct ethdev *e;

	snprintf(c.dev, sizeof(c.dev), "vhost:%s/v.sock", dir);
	e = open_dev(&c);
	CHECK((e->port.offloads & (PORT_TX_TCP_CKSUM | PORT_TX_UDP_CKSUM | PORT_RX_CKSUM | PORT_TX_MULTI_SEG)) ==
	      (PORT_TX_TCP_CKSUM | PORT_TX_UDP_CKSUM | PORT_RX_CKSUM | PORT_TX_MULTI_SEG));
	CHECK(!(e->port.offloads & (PORT_TX_TSO | PORT_RX_LRO | PORT_TX_IP4_CKSUM))); /* it does not offer them */
	CHECK(e->port.mtu == 1500);
	e->port.ops->close(&e->port);
	c.offload = false;
	c.mtu = 9000;
	e = open_dev(&c);
	CHECK(e->port.offloads == PORT_TX_MULTI_SEG);
	CHECK(e->port.mtu == 9000);
	close_dev(e);
}

static void offload(void **state)
{
	(void)state;
	assert_int_equal(in_child(run_offload), 0);
}

static void run_mtu(void)
{
	struct spate_config c = config_for("", 1);
	struct dev_name d;
	struct port *p;
	char err[512] = "";

	snprintf(c.dev, sizeof(c.dev), "memif:%s/m.sock,role=server", dir);
	c.mtu = 1501;
	CHECK(drivers_eal_start(&c, err, sizeof(err)) == 0 && dev_name_parse(&d, c.dev, err, sizeof(err)) == 0);
	CHECK(ethdev_open(&d, &c, 1, 1, &p, err, sizeof(err)) == -EINVAL);
	CHECK(strstr(err, "allows an MTU from") != NULL && strstr(err, "to 1500, not 1501") != NULL);
	drivers_eal_stop();
}

static void mtu(void **state)
{
	(void)state;
	assert_int_equal(in_child(run_mtu), 0);
}

/* ---- what dead processes left ---- */

static void make_runtime(const char *name, char *config, size_t len)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "%s/dpdk", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/dpdk/%s", dir, name);
	CHECK(mkdir(path, 0700) == 0);
	snprintf(config, len, "%s/config", path);
	f = fopen(config, "w");
	CHECK(f != NULL);
	fclose(f);
}

static void run_leftovers(void)
{
	char alive[256], dead[256], locked[256], other[256], name[64];
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	pid_t gone = fork(), holder;
	int ready[2];
	char byte;

	if (gone == 0)
		_exit(0);
	waitpid(gone, NULL, 0);
	setenv("RUNTIME_DIRECTORY", dir, 1);
	snprintf(name, sizeof(name), LEFTOVERS_PREFIX "%d", (int)getpid());
	make_runtime(name, alive, sizeof(alive));
	snprintf(name, sizeof(name), LEFTOVERS_PREFIX "%d", (int)gone);
	make_runtime(name, dead, sizeof(dead));
	make_runtime("another-1", other, sizeof(other));
	snprintf(name, sizeof(name), LEFTOVERS_PREFIX "%d", INT32_MAX); /* beyond what the kernel gives */
	make_runtime(name, locked, sizeof(locked));
	CHECK(pipe(ready) == 0);
	holder = fork();
	if (holder == 0) { /* as a process of another container, whose number says nothing here */
		int fd = open(locked, O_RDWR);

		CHECK(fd >= 0 && fcntl(fd, F_SETLK, &lock) == 0 && write(ready[1], "x", 1) == 1);
		pause();
		_exit(0);
	}
	CHECK(read(ready[0], &byte, 1) == 1);
	leftovers_remove();
	CHECK(access(alive, F_OK) == 0 && access(other, F_OK) == 0 && access(locked, F_OK) == 0);
	CHECK(access(dead, F_OK) != 0);
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
	leftovers_remove();
	CHECK(access(locked, F_OK) != 0 && access(alive, F_OK) == 0);
	*strrchr(alive, '/') = *strrchr(other, '/') = '\0';
	leftovers_remove_dir(alive);
	leftovers_remove_dir(other);
	CHECK(access(alive, F_OK) != 0);
}

static void leftovers(void **state)
{
	(void)state;
	assert_int_equal(in_child(run_leftovers), 0);
}

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/spate-rss-XXXXXX");
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int remove_dir(void **state)
{
	static const char *const names[] = {"v.sock", "m.sock"};
	char path[128];

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		unlink(path);
	}
	snprintf(path, sizeof(path), "%s/dpdk", dir);
	rmdir(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys),       cmocka_unit_test(believed),  cmocka_unit_test(not_believed),
		cmocka_unit_test(few_queues), cmocka_unit_test(one_stack), cmocka_unit_test(offload),
		cmocka_unit_test(mtu),        cmocka_unit_test(leftovers), cmocka_unit_test(refused),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
