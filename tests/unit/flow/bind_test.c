/* bind_test.c: bind conflicts and the choice of a receiver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "flow/bind.h"

#define A RTE_BE32(0x0a000001)
#define B RTE_BE32(0x0a000002)
#define P80 RTE_BE16(80)

static struct rss rss;
static struct addr6s addr6s;
static struct binds b;

static int setup(void **state)
{
	struct prng p;

	(void)state;
	prng_seed(&p, 1);
	assert_int_equal(rss_init(&rss, (const uint8_t[40]){1}, 40, NULL, 1, 1), 0);
	assert_int_equal(addr6s_init(&addr6s, 8, &rss, &p, -1), 0);
	return binds_init(&b, 2000, &addr6s, -1);
}

static int teardown(void **state)
{
	(void)state;
	binds_fini(&b);
	addr6s_fini(&addr6s);
	return 0;
}

static void conflicts(void **state)
{
	(void)state;
	assert_int_equal(bind_add(&b, 1, A, P80, 0, true), 0);
	assert_int_equal(bind_add(&b, 2, A, P80, 0, true), -EADDRINUSE);
	assert_int_equal(bind_add(&b, 2, 0, P80, 0, true), -EADDRINUSE);
	assert_int_equal(bind_add(&b, 2, A, P80, BIND_REUSE, true), -EADDRINUSE); /* one of two lacks it */
	assert_int_equal(bind_add(&b, 2, B, P80, 0, true), 0);
	assert_int_equal(bind_add(&b, 3, A, RTE_BE16(81), 0, true), 0);
	bind_remove(&b, 1, P80);
	assert_int_equal(bind_add(&b, 1, A, P80, BIND_REUSE, true), 0);
	assert_int_equal(bind_add(&b, 4, A, P80, BIND_REUSE, true), 0);
	assert_int_equal(bind_add(&b, 5, 0, P80, BIND_REUSE, true), -EADDRINUSE); /* B's entry lacks it */
	bind_remove(&b, 2, P80);
	assert_int_equal(bind_add(&b, 5, 0, P80, BIND_REUSE, true), 0);
	/* One of them starts to listen: then strict callers are refused, others (SO_REUSEPORT) are not. */
	assert_int_equal(bind_set_flags(&b, 4, P80, BIND_REUSE | BIND_RECEIVES), 0);
	assert_int_equal(bind_add(&b, 6, A, P80, BIND_REUSE, true), -EADDRINUSE);
	assert_int_equal(bind_add(&b, 6, B, P80, BIND_REUSE, true), 0);
	assert_int_equal(bind_add(&b, 7, A, P80, BIND_REUSE, false), 0);
}

static void start_to_listen(void **state)
{
	(void)state;
	assert_int_equal(bind_add(&b, 1, A, P80, BIND_REUSE, true), 0);
	assert_int_equal(bind_add(&b, 2, 0, P80, BIND_REUSE, true), 0);
	assert_int_equal(bind_add(&b, 3, B, P80, BIND_REUSE, true), 0);
	assert_int_equal(bind_set_flags(&b, 1, P80, BIND_RECEIVES), 0);
	assert_int_equal(bind_set_flags(&b, 2, P80, BIND_REUSE | BIND_RECEIVES), -EADDRINUSE); /* overlaps 1 */
	assert_int_equal(bind_set_flags(&b, 3, P80, BIND_RECEIVES), 0);
	assert_int_equal(bind_set_flags(&b, 1, P80, 0), 0);
	assert_int_equal(bind_find(&b, A, P80, 1), 0);
	assert_int_equal(bind_find(&b, B, P80, 1), 3);
	assert_int_equal(bind_set_flags(&b, 1, P80, BIND_REUSE | BIND_RECEIVES), 0);
	assert_int_equal(bind_set_flags(&b, 3, P80, BIND_REUSE | BIND_RECEIVES), 0);
	assert_int_equal(bind_set_flags(&b, 2, P80, BIND_REUSE | BIND_RECEIVES), 0); /* all may share */
}

/* Ports of two devices are two; none is all of them. */
static void devices(void **state)
{
	const uint32_t on2 = 2u << BIND_DEV_SHIFT, on3 = 3u << BIND_DEV_SHIFT;
	struct bind_note n = {.flags = BIND_RECEIVES, .lport_be = P80, .owner = 7, .dev = 4};
	uint32_t cursor = 0;

	(void)state;
	assert_int_equal(bind_add(&b, 1, 0, P80, BIND_RECEIVES | on2, false), 0);
	assert_int_equal(bind_add(&b, 2, A, P80, BIND_RECEIVES | on3, false), 0);
	assert_int_equal(bind_add(&b, 3, 0, P80, BIND_RECEIVES | on2, false), -EADDRINUSE);
	assert_int_equal(bind_add(&b, 3, A, P80, BIND_RECEIVES, false), -EADDRINUSE);
	bind_remote_set(&b, 5, &n);
	assert_int_equal(bind_add(&b, 3, 0, P80, 4u << BIND_DEV_SHIFT, false), -EADDRINUSE);
	assert_int_equal(bind_find_by(&b, 1, A, P80, 0, false), 1);
	assert_int_equal(bind_find_by(&b, 2, A, P80, 0, false), 2);
	assert_int_equal(bind_find_by(&b, 2, B, P80, 0, false), 0);
	assert_int_equal(bind_find_by(&b, 3, A, P80, 0, false), ref_make(FLOW_REMOTE, 5));
	assert_int_equal(bind_find_by(&b, 3, A, P80, 0, true), 0);
	assert_int_equal(bind_find_by(&b, 4, A, P80, 0, false), 0);
	assert_int_equal(bind_find(&b, A, P80, 0), 2); /* an ICMP error's device says nothing */
	assert_int_equal(bind_each(&b, 1, A, P80, &cursor), 1);
	assert_int_equal(bind_each(&b, 1, A, P80, &cursor), 0);
	assert_int_equal(bind_set_flags(&b, 1, P80, BIND_RECEIVES | on3), -EADDRINUSE);
	assert_int_equal(bind_set_flags(&b, 1, P80, BIND_RECEIVES | 5u << BIND_DEV_SHIFT), 0);
	bind_remote_remove(&b, 5, &n);
	bind_remove(&b, 2, P80);
	bind_remove(&b, 1, P80);
	assert_int_equal(b.pool.used, 0);
}

static void receivers(void **state)
{
	uint32_t hits[4] = { 0 };

	(void)state;
	assert_int_equal(bind_find(&b, A, P80, 0), 0);
	assert_int_equal(bind_add(&b, 9, A, P80, BIND_REUSE, false), 0); /* bound, receives nothing */
	assert_int_equal(bind_find(&b, A, P80, 0), 0);
	assert_int_equal(bind_add(&b, 1, 0, P80, BIND_REUSE | BIND_RECEIVES, false), 0);
	assert_int_equal(bind_find(&b, A, P80, 0), 1);
	assert_int_equal(bind_find(&b, B, P80, 0xffffffff), 1);
	assert_int_equal(bind_find(&b, B, RTE_BE16(81), 0), 0);
	assert_int_equal(bind_add(&b, 2, A, P80, BIND_REUSE | BIND_RECEIVES, false), 0);
	assert_int_equal(bind_add(&b, 3, A, P80, BIND_REUSE | BIND_RECEIVES, false), 0);
	/* Exact beats wildcard; equals share by hash, also by hashes that agree in their low bits. */
	for (uint32_t i = 0; i < 10000; i++) {
		flow_ref r = bind_find(&b, A, P80, i << 7 | 5);

		assert_in_range(r, 2, 3);
		assert_int_equal(r, bind_find(&b, A, P80, i << 7 | 5));
		hits[r]++;
	}
	assert_in_range(hits[2], 4500, 5500);
	assert_int_equal(bind_find(&b, B, P80, 7), 1);
	bind_remove(&b, 2, P80);
	bind_remove(&b, 3, P80);
	assert_int_equal(bind_find(&b, A, P80, 7), 1);
	bind_remove(&b, 1, P80);
	bind_remove(&b, 9, P80);
	assert_int_equal(b.pool.used, 0);
}

static void any_port(void **state)
{
	static uint8_t seen[65536];
	rte_be16_t port;
	struct prng p;

	(void)state;
	prng_seed(&p, 1);
	memset(seen, 0, sizeof(seen));
	assert_int_equal(bind_add(&b, 5000, 0, RTE_BE16(40500), BIND_REUSE, false), 0);
	for (uint32_t i = 1; i <= 999; i++) {
		assert_int_equal(bind_add_any(&b, i, A, 40000, 40999, BIND_REUSE, &p, &port), 0);
		assert_in_range(rte_be_to_cpu_16(port), 40000, 40999);
		assert_int_not_equal(rte_be_to_cpu_16(port), 40500);
		assert_int_equal(seen[rte_be_to_cpu_16(port)]++, 0);
	}
	assert_int_equal(bind_add_any(&b, 1000, A, 40000, 40999, BIND_REUSE, &p, &port), -EADDRINUSE);
	assert_int_equal(bind_add_any(&b, 1000, 0, 40000, 40999, 0, &p, &port), -EADDRINUSE);
	assert_int_equal(bind_add_any(&b, 1000, B, 40000, 40999, 0, &p, &port), 0);
	assert_int_equal(bind_add_any(&b, 1001, B, 2, 1, 0, &p, &port), -EADDRINUSE);
	assert_int_equal(bind_add_any(&b, 1001, B, 65535, 65535, 0, &p, &port), 0);
	assert_int_equal(rte_be_to_cpu_16(port), 65535);
	for (uint32_t i = 0; b.pool.used < 2000; i++)
		assert_int_equal(bind_add_any(&b, 2000 + i, B, 1, 65535, 0, &p, &port), 0);
	assert_int_equal(bind_add_any(&b, 1, B, 1, 65535, 0, &p, &port), -ENOBUFS);
	assert_int_equal(bind_add(&b, 1, A, P80, 0, false), -ENOBUFS);
}

static struct ip6_addr addr6(uint8_t last) { return (struct ip6_addr){{0x20, 0x01, 0x0d, 0xb8, [15] = last}}; }

/* An entry for any address has one family or both (RFC 3493 5.3: IPV6_V6ONLY), and conflicts and receives accordingly. */
static void families(void **state)
{
	const struct ip6_addr a = addr6(1), other = addr6(2);
	rte_be32_t a6 = addr6_get(&addr6s, &a, 0), b6 = addr6_get(&addr6s, &other, 0);

	(void)state;
	assert_int_equal(bind_add(&b, 1, 0, P80, BIND_IP6 | BIND_V6ONLY | BIND_RECEIVES, false), 0);
	assert_int_equal(bind_find(&b, a6, P80, 0), 1);
	assert_int_equal(bind_find(&b, A, P80, 0), 0);
	assert_true(bind_is_free(&b, A, P80));
	assert_false(bind_is_free(&b, a6, P80));
	assert_int_equal(bind_add(&b, 2, a6, P80, BIND_IP6, false), -EADDRINUSE);
	assert_int_equal(bind_add(&b, 2, 0, P80, BIND_IP6, false), -EADDRINUSE);
	assert_int_equal(bind_add(&b, 2, 0, P80, BIND_RECEIVES, false), 0); /* IPv4 has a port of its own */
	assert_int_equal(bind_find(&b, A, P80, 0), 2);
	bind_remove(&b, 1, P80);
	assert_int_equal(bind_find(&b, a6, P80, 0), 0);
	assert_int_equal(bind_add(&b, 3, 0, P80, BIND_IP6 | BIND_RECEIVES, false), -EADDRINUSE); /* both families */
	assert_int_equal(bind_add(&b, 3, a6, P80, BIND_IP6 | BIND_RECEIVES, false), 0);
	bind_remove(&b, 2, P80);
	assert_int_equal(bind_add(&b, 4, 0, P80, BIND_IP6 | BIND_RECEIVES, false), -EADDRINUSE);
	assert_int_equal(bind_add(&b, 4, b6, P80, BIND_IP6 | BIND_RECEIVES, false), 0);
	bind_remove(&b, 3, P80);
	bind_remove(&b, 4, P80);
	assert_int_equal(bind_add(&b, 5, 0, P80, BIND_IP6 | BIND_RECEIVES, false), 0);
	assert_int_equal(bind_find(&b, A, P80, 0), 5);
	assert_int_equal(bind_find(&b, a6, P80, 0), 5);
	assert_int_equal(bind_add(&b, 6, A, P80, 0, false), -EADDRINUSE);
	bind_remove(&b, 5, P80);
	addr6_put(&addr6s, a6);
	addr6_put(&addr6s, b6);
	assert_int_equal(addr6s.pool.used, 0);
}

/* An entry holds its address's number, and another stack's note has the address: its number there means nothing here. */
static void numbers(void **state)
{
	const struct ip6_addr a = addr6(1), other = addr6(2);
	rte_be32_t mine = addr6_get(&addr6s, &a, 0);
	struct bind_note n = {.owner = 7, .laddr_be = flow_addr6_be(1234), .lport_be = P80, .flags = BIND_RECEIVES, .laddr6 = a};

	(void)state;
	assert_int_equal(bind_add(&b, 1, mine, RTE_BE16(81), BIND_RECEIVES, false), 0);
	addr6_put(&addr6s, mine);
	assert_int_equal(addr6s.pool.used, 1);
	bind_remote_set(&b, 3, &n);
	assert_int_equal(bind_find(&b, mine, P80, 0), ref_make(FLOW_REMOTE, 3));
	assert_int_equal(bind_add(&b, 2, mine, P80, 0, false), -EADDRINUSE);
	bind_remove(&b, 1, RTE_BE16(81));
	assert_int_equal(addr6s.pool.used, 1);
	n.laddr6 = other; /* its address changed: closed and bound anew */
	bind_remote_set(&b, 3, &n);
	assert_int_equal(addr6s.pool.used, 1);
	assert_int_equal(b.n_remote_exact, 1);
	assert_int_equal(bind_find(&b, addr6_find(&addr6s, &other, 0), P80, 0), ref_make(FLOW_REMOTE, 3));
	n.scope = 2; /* the same on a link: another one */
	assert_int_equal(addr6_find(&addr6s, &other, 2), 0);
	bind_remote_remove(&b, 3, &n);
	assert_int_equal(addr6s.pool.used, 0);
	assert_int_equal(b.pool.used, 0);
}

static struct bind_note told(flow_ref owner, rte_be32_t laddr_be, uint32_t flags)
{
	return (struct bind_note){.owner = owner, .laddr_be = laddr_be, .lport_be = P80, .flags = (uint8_t)flags};
}

#define STACK(n) ref_make(FLOW_REMOTE, n)

/* Other stacks' entries conflict like own ones, and receive after them. */
static void other_stacks(void **state)
{
	struct bind_note exact = told(7, A, BIND_RECEIVES | BIND_REUSE), any = told(8, 0, BIND_RECEIVES | BIND_REUSE);
	struct prng p;
	rte_be16_t port;

	(void)state;
	prng_seed(&p, 1);
	bind_remote_set(&b, 3, &any);
	assert_int_equal(bind_find(&b, A, P80, 0), STACK(3));
	assert_int_equal(bind_find_own(&b, A, P80, 0), 0);
	assert_int_equal(bind_add(&b, 1, A, P80, 0, false), -EADDRINUSE);
	assert_int_equal(bind_add(&b, 1, A, P80, BIND_REUSE, true), -EADDRINUSE);
	assert_int_equal(bind_add_any(&b, 1, A, 80, 80, 0, &p, &port), -EADDRINUSE);
	/* Own and general before others' and general; others' and exact before those. */
	assert_int_equal(bind_add(&b, 1, 0, P80, BIND_REUSE | BIND_RECEIVES, false), 0);
	assert_int_equal(bind_find(&b, A, P80, 0), 1);
	bind_remote_set(&b, 4, &exact);
	assert_int_equal(bind_find(&b, A, P80, 0), STACK(4));
	assert_int_equal(bind_find_own(&b, A, P80, 0), 1);
	assert_int_equal(bind_find(&b, B, P80, 0), 1);
	assert_int_equal(bind_add(&b, 2, A, P80, BIND_REUSE | BIND_RECEIVES, false), 0);
	assert_int_equal(bind_find(&b, A, P80, 0), 2);
	bind_remove(&b, 2, P80);
	/* It no longer receives, but is bound. */
	exact.flags = 0;
	bind_remote_set(&b, 4, &exact);
	assert_int_equal(b.pool.used, 3);
	assert_int_equal(bind_find(&b, A, P80, 0), 1);
	assert_int_equal(bind_add(&b, 2, A, P80, BIND_REUSE, false), -EADDRINUSE);
	/* Another stack's with the same number is another; unknown ones are ignored. */
	bind_remote_remove(&b, 5, &exact);
	assert_int_equal(b.pool.used, 3);
	bind_remote_remove(&b, 4, &exact);
	bind_remote_remove(&b, 4, &exact);
	assert_int_equal(b.pool.used, 2);
	assert_int_equal(b.n_remote_exact, 0);
	/* A twin comes in beside anything. */
	assert_int_equal(bind_add_twin(&b, 5, 0, P80, BIND_RECEIVES), 0);
	bind_remove(&b, 1, P80);
	assert_int_equal(bind_find(&b, A, P80, 9), 5);
	bind_remove(&b, 5, P80);
	assert_int_equal(bind_find(&b, A, P80, 9), STACK(3));
	bind_remote_remove(&b, 3, &any);
	assert_int_equal(bind_find(&b, A, P80, 9), 0);
	assert_int_equal(b.pool.used, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(conflicts, setup, teardown),
		cmocka_unit_test_setup_teardown(start_to_listen, setup, teardown),
		cmocka_unit_test_setup_teardown(devices, setup, teardown),
		cmocka_unit_test_setup_teardown(receivers, setup, teardown),
		cmocka_unit_test_setup_teardown(any_port, setup, teardown),
		cmocka_unit_test_setup_teardown(other_stacks, setup, teardown),
		cmocka_unit_test_setup_teardown(families, setup, teardown),
		cmocka_unit_test_setup_teardown(numbers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
