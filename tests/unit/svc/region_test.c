/* region_test.c: the memory that a service shares: where its parts lie, and what they cost; rules in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svc/region.h"
#include "svc/rule.h"
#include "svc/svc.h"

static uint64_t used_bytes(const struct svc_region *r)
{
	struct stat st;

	assert_int_equal(fstat(r->memfd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

/* As a client finds them, whose map lies elsewhere. */
static void same_for_all(void **state)
{
	struct svc_region r;
	struct svc_head *h;

	(void)state;
	assert_int_equal(svc_region_make(&r, 3, 1000), 0);
	h = mmap(NULL, r.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, r.memfd, 0);
	assert_true(h != MAP_FAILED);
	assert_int_equal(h->magic, SVC_MAGIC);
	assert_int_equal(h->bytes, r.bytes);
	assert_int_equal(h->watches_per_stack, 1000 + 1000 / SVC_WATCHES_PER_FILE_DIVISOR);
	r.files[2999].events = 77;
	assert_int_equal(svc_file_at(h, 2999)->events, 77);
	r.watches[3 * h->watches_per_stack].fd = 78;
	assert_int_equal(svc_watch_at(h, 3 * h->watches_per_stack)->fd, 78);
	r.chans[SVC_CHANS - 1].data[SVC_DATA_BYTES - 1] = 79;
	assert_int_equal(svc_chan_at(h, SVC_CHANS - 1)->data[SVC_DATA_BYTES - 1], 79);
	svc_region_fds(&r, SVC_PROCS - 1)[SVC_FDS_MAX - 1] = 80;
	assert_int_equal(svc_fds_at(h, SVC_PROCS - 1)[SVC_FDS_MAX - 1], 80);
	svc_stack_at(h, 2)->asleep = 81;
	assert_int_equal(r.stacks[2].asleep, 81);
	munmap(h, r.bytes);
	svc_region_free(&r);
	svc_region_free(&r);
}

/* Room follows max-connections, memory follows use: 120 bytes for a socket in an epoll instance. */
static void a_million(void **state)
{
	const uint32_t n = 1000000;
	struct svc_region r;
	uint64_t before;

	(void)state;
	assert_int_equal(svc_region_make(&r, 1, n + 1), 0);
	assert_true(r.files + n < (struct svc_file *)r.watches);
	assert_true(r.watches_per_stack >= n);
	assert_true(n < SVC_FDS_MAX);
	before = used_bytes(&r);
	assert_true(before < 64 * 1024);
	for (uint32_t i = 0; i < n; i++) {
		r.files[i].events = 1;
		r.watches[i].fd = 1;
		svc_region_fds(&r, 0)[i] = 1;
	}
	assert_true(used_bytes(&r) - before < (uint64_t)n * 121);
	svc_region_free(&r);
	assert_int_equal(svc_region_make(&r, 1, 1u << 30), -EINVAL);
	assert_int_equal(svc_region_make(&r, 64, 1u << 24), -EINVAL);
}

/* ---- rules ---- */

static struct svc_rule rule(const char *text)
{
	char err[256] = "";
	struct svc_rule r;

	assert_int_equal(svc_rule_parse(text, &r, err, sizeof(err)), 0);
	assert_string_equal(err, "");
	return r;
}

static void rules_in_words(void **state)
{
	struct svc_rule r = rule("kernel any");

	(void)state;
	assert_int_equal(r.family, 0);
	assert_int_equal(r.spate, 0);
	assert_int_equal(r.port_lo, 0);
	assert_int_equal(r.port_hi, 65535);
	r = rule("spate  10.1.0.0/16\tport 53");
	assert_int_equal(r.spate, 1);
	assert_int_equal(r.family, AF_INET);
	assert_int_equal(r.prefix_len, 16);
	assert_memory_equal(r.addr, "\x0a\x01\0\0", 4);
	assert_int_equal(r.port_lo, 53);
	assert_int_equal(r.port_hi, 53);
	r = rule("kernel fd00::1 port 1-1023");
	assert_int_equal(r.family, AF_INET6);
	assert_int_equal(r.prefix_len, 128);
	assert_int_equal(r.addr[15], 1);
	assert_int_equal(r.port_lo, 1);
	assert_int_equal(r.port_hi, 1023);
	assert_int_equal(rule("spate 0.0.0.0/0").prefix_len, 0);
}

static void wrong_rules(void **state)
{
	static const char long_one[] = "kernel aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
					"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	static const char *const wrong[] = {"", "kernel", "linux any", "kernel any any", "kernel 10.0.0.0/33", "kernel 10.0.0.0/",
		"kernel 10.0.0.0/x", "kernel ::/129", "kernel host", "kernel any port", "kernel any port x", "kernel any port 65536",
		"kernel any port 5-4", "kernel any port 5-", "kernel any port 5 6", "kernel any at 5",
		long_one};
	struct svc_rule r;
	char err[512];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		err[0] = 0;
		assert_int_equal(svc_rule_parse(wrong[i], &r, err, sizeof(err)), -EINVAL);
		assert_non_null(strstr(err, "rule '"));
	}
}

/* The user's come first; loopback is the kernel's. */
static void rules_of_a_service(void **state)
{
	const char *const words[] = {"spate 127.0.0.0/8"};
	const char *many[SVC_RULES_MAX];
	struct svc_region r;
	char err[256];

	(void)state;
	assert_int_equal(svc_region_make(&r, 1, 10), 0);
	assert_int_equal(svc_rules_read(r.head, words, 1, err, sizeof(err)), 0);
	assert_int_equal(r.head->n_rules, 3);
	assert_int_equal(r.head->rule[0].spate, 1);
	assert_int_equal(r.head->rule[1].spate, 0);
	assert_int_equal(r.head->rule[1].addr[0], 127);
	assert_int_equal(r.head->rule[1].prefix_len, 8);
	assert_int_equal(r.head->rule[2].family, AF_INET6);
	assert_int_equal(r.head->rule[2].prefix_len, 128);
	for (unsigned i = 0; i < SVC_RULES_MAX; i++)
		many[i] = "kernel any";
	assert_int_equal(svc_rules_check(many, SVC_RULES_MAX - 2, err, sizeof(err)), 0);
	assert_int_equal(svc_rules_check(many, SVC_RULES_MAX - 1, err, sizeof(err)), -EINVAL);
	svc_region_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_for_all),
		cmocka_unit_test(a_million),
		cmocka_unit_test(rules_in_words),
		cmocka_unit_test(wrong_rules),
		cmocka_unit_test(rules_of_a_service),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
