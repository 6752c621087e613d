/* memory_test.c: a stack that does not get the memory it wants, whichever part of it that hits: it says so and leaves nothing behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_mbuf.h>

#include "core/stack.h"
#include "drivers/sim/sim.h"
#include "../eal.h"

#define STEP_BYTES ((size_t)16 << 10) /* finer than most of what is asked for, ... */
#define FINE_BYTES ((size_t)96 << 20) /* ... at both ends: between them are few, large parts */

static struct {
	struct port *port[2];
	struct rte_mempool *pool;
	struct mail_office *office;
	struct eport_space *space;
	struct stack *stack;
} w;

static int group_setup(void **state)
{
	(void)state;
	if (eal_for_test(256) != 0)
		return -1;
	w.pool = rte_pktmbuf_pool_create("mbufs", 1023, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	w.stack = aligned_alloc(64, (sizeof(struct stack) + 63) / 64 * 64);
	return w.pool != NULL && w.stack != NULL ? 0 : -1;
}

static int group_teardown(void **state)
{
	(void)state;
	free(w.stack);
	rte_mempool_free(w.pool);
	return rte_eal_cleanup();
}

static int make(void **state)
{
	const struct sim_config cfg = {.n_queues = {2, 1}, .seed = 5};

	(void)state;
	assert_int_equal(sim_open(&cfg, w.port), 0);
	w.office = mail_office_new(2, -1);
	w.space = eport_space_new(&w.port[0]->rss, 1024, 65535);
	return w.office != NULL && w.space != NULL ? 0 : -1;
}

static int unmake(void **state)
{
	(void)state;
	mail_office_free(w.office);
	eport_space_free(w.space);
	for (int e = 0; e < 2; e++)
		w.port[e]->ops->close(w.port[e]);
	return 0;
}

static int stack_make(void)
{
	const struct stack_config cfg = {
		.ports = w.port, .n_ports = 1, .office = w.office, .pool = w.pool, .eports = w.space, .max_conns = 1000,
		.port_lo = 1024, .port_hi = 65535, .seed = 1, .now_ns = 1000000000, .numa_node = -1,
	};

	return stack_init(w.stack, &cfg);
}

/* Of the process's address space. */
static size_t mapped_bytes(void)
{
	char text[64] = {0};
	int fd = open("/proc/self/statm", O_RDONLY);

	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	close(fd);
	return strtoul(text, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

static int stack_make_within(size_t bytes)
{
	struct rlimit was, now;
	int rc;

	assert_int_equal(getrlimit(RLIMIT_AS, &was), 0);
	now = was;
	now.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_AS, &now), 0);
	rc = stack_make();
	assert_int_equal(setrlimit(RLIMIT_AS, &was), 0);
	return rc;
}

static size_t base, heap; /* without a stack */

static void assert_fails_within(size_t more)
{
	assert_int_equal(stack_make_within(base + more), -ENOMEM);
	assert_int_equal(mapped_bytes(), base);
	assert_int_equal(mallinfo2().uordblks, heap);
}

static void too_little_memory(void **state)
{
	size_t all;

	(void)state;
	assert_int_equal(stack_make(), 0); /* what libraries allocate at their first use is there now */
	all = mapped_bytes();
	stack_fini(w.stack);
	base = mapped_bytes();
	heap = mallinfo2().uordblks;
	all -= base;
	assert_true(all > 2 * FINE_BYTES);
	for (size_t more = 0; more < FINE_BYTES; more += STEP_BYTES)
		assert_fails_within(more);
	for (size_t more = FINE_BYTES; more < all - FINE_BYTES; more += more / 64)
		assert_fails_within(more);
	for (size_t less = FINE_BYTES; less > 0; less -= STEP_BYTES)
		assert_fails_within(all - less);
	assert_int_equal(stack_make_within(base + all + FINE_BYTES), 0);
	assert_int_equal(mapped_bytes(), base + all);
	stack_fini(w.stack);
	assert_int_equal(mapped_bytes(), base);
	assert_int_equal(mallinfo2().uordblks, heap);
}

/* What no memory helps: bounds of the configuration. */
static void wrong_bounds(void **state)
{
	static const struct {
		uint32_t max_conns;
		uint16_t lo, hi, n_ports;
	} bad[] = {{0, 1, 2, 1}, {CONNS_MAX + 1, 1, 2, 1}, {10, 2, 1, 1}, {10, 1, 2, 0}, {10, 1, 2, PORTS_MAX + 1}};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(bad); i++) {
		const struct stack_config cfg = {
			.ports = w.port, .n_ports = bad[i].n_ports, .office = w.office, .pool = w.pool, .eports = w.space,
			.max_conns = bad[i].max_conns, .port_lo = bad[i].lo, .port_hi = bad[i].hi, .seed = 1, .numa_node = -1,
		};

		assert_int_equal(stack_init(w.stack, &cfg), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(too_little_memory, make, unmake),
		cmocka_unit_test_setup_teardown(wrong_bounds, make, unmake),
	};

	return cmocka_run_group_tests_name("core_memory", tests, group_setup, group_teardown);
}
