/* mail_test.c: notes and packets between the stacks of one end: order, full rings, batches, threads, nothing lost. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "../eal.h"
#include "pkt/mail.h"

#define STACKS 3
#define POOL_MBUFS 8191
#define THREAD_NOTES 20000u

static struct rte_mempool *pool;
static struct mail_office *office;
static struct mailbox box[STACKS];

static int set_up(void **state)
{
	(void)state;
	office = mail_office_new(STACKS, -1);
	assert_non_null(office);
	for (uint16_t i = 0; i < STACKS; i++)
		assert_int_equal(mailbox_init(&box[i], office, i, pool), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < STACKS; i++)
		mailbox_fini(&box[i]);
	mail_office_free(office);
	return rte_mempool_in_use_count(pool) == 0 ? 0 : -1;
}

/* The next mail of stack to; its number, or -1. */
static int64_t next(uint16_t to, struct mail_tag *tag)
{
	struct rte_mbuf *m;
	uint64_t number;

	if (mail_receive(&box[to], &m, 1) == 0)
		return -1;
	*tag = *mail_tag_of(m);
	memcpy(&number, mail_body(m), sizeof(number));
	rte_pktmbuf_free(m);
	return (int64_t)number;
}

static void note(uint16_t from, uint16_t to, uint64_t number)
{
	assert_int_equal(mail_note(&box[from], to, MAIL_NEIGH, &number, sizeof(number)), 0);
}

static void packet(uint16_t from, uint16_t to, uint64_t number)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, sizeof(number)), &number, sizeof(number));
	mail_packet(&box[from], to, 5, m);
}

static void nothing_for(uint16_t to)
{
	struct mail_tag tag;

	assert_int_equal(next(to, &tag), -1);
}

static void note_to_one(void **state)
{
	struct mail_tag tag;

	(void)state;
	nothing_for(1);
	note(0, 1, 7);
	assert_int_equal(next(1, &tag), 7);
	assert_int_equal(tag.from, 0);
	assert_int_equal(tag.kind, MAIL_NEIGH);
	for (uint16_t i = 0; i < STACKS; i++)
		nothing_for(i);
}

static void note_to_all(void **state)
{
	struct mail_tag tag;

	(void)state;
	note(1, MAIL_ALL, 8);
	assert_int_equal(next(0, &tag), 8);
	assert_int_equal(next(2, &tag), 8);
	assert_int_equal(tag.from, 1);
	nothing_for(1);
}

/* A full ring delays notes, and keeps their order. */
static void notes_wait_for_room(void **state)
{
	const uint64_t n = 3 * MAIL_RING;
	struct mail_tag tag;

	(void)state;
	for (uint64_t i = 0; i < n; i++)
		note(0, 1, i);
	note(0, 2, 99); /* is not held up by those for the full ring */
	assert_int_equal(next(2, &tag), 99);
	for (uint64_t i = 0; i < n; i++) {
		int64_t got = next(1, &tag);

		if (got < 0) {
			mail_flush(&box[0]);
			got = next(1, &tag);
		}
		assert_int_equal(got, i);
	}
	nothing_for(1);
	assert_int_equal(box[0].n_late, 0);
}

static void packets_leave_in_batches(void **state)
{
	struct mail_tag tag;

	(void)state;
	packet(0, 2, 1);
	packet(0, 2, 2);
	packet(0, 1, 3);
	nothing_for(2);
	mail_flush(&box[0]);
	assert_int_equal(next(2, &tag), 1);
	assert_int_equal(tag.kind, MAIL_PACKET);
	assert_int_equal(tag.port, 5);
	assert_int_equal(next(2, &tag), 2);
	assert_int_equal(next(1, &tag), 3);
	assert_int_equal(box[0].n_batches, 0);
	assert_int_equal(box[0].sent, 3);
}

/* Nobody empties the ring: what exceeds ring and batch is dropped and counted, as in a NIC's queue. */
static void packets_overflow(void **state)
{
	const uint64_t room = MAIL_RING - 1 + MAIL_BATCH;
	struct mail_tag tag;
	uint64_t i = 0;

	(void)state;
	for (uint64_t k = 0; k < room + 10; k++)
		packet(0, 1, k);
	assert_int_equal(box[0].dropped, 10);
	for (int64_t got = next(1, &tag); got >= 0; got = next(1, &tag), i++) {
		assert_int_equal(got, i);
		mail_flush(&box[0]);
	}
	assert_int_equal(i, room);
}

static void from_outside(void **state)
{
	uint64_t number = 11;
	struct mail_tag tag;

	(void)state;
	assert_int_equal(mail_note_outside(office, pool, MAIL_ALL, MAIL_ADDR_ADD, &number, sizeof(number)), 0);
	for (uint16_t i = 0; i < STACKS; i++) {
		assert_int_equal(next(i, &tag), 11);
		assert_int_equal(tag.from, MAIL_ALL);
	}
	for (int i = 0; i < MAIL_RING - 1; i++)
		assert_int_equal(mail_note_outside(office, pool, 1, MAIL_ADDR_ADD, &number, sizeof(number)), 0);
	assert_int_equal(mail_note_outside(office, pool, 1, MAIL_ADDR_ADD, &number, sizeof(number)), -EAGAIN);
}

static void no_mbuf(void **state)
{
	static struct rte_mbuf *all[POOL_MBUFS];
	unsigned n = 0;
	char body = 0;

	(void)state;
	while (n < POOL_MBUFS && (all[n] = rte_pktmbuf_alloc(pool)) != NULL)
		n++;
	assert_int_equal(mail_note(&box[0], 1, MAIL_NEIGH, &body, 1), -ENOBUFS);
	assert_int_equal(mail_note_outside(office, pool, 1, MAIL_NEIGH, &body, 1), -ENOBUFS);
	rte_pktmbuf_free_bulk(all, n);
	nothing_for(1);
}

static void alone(void **state)
{
	struct mail_office *one = mail_office_new(1, -1);
	struct mailbox b;
	char body = 0;

	(void)state;
	assert_int_equal(mailbox_init(&b, one, 0, pool), 0);
	assert_true(mail_alone(&b));
	assert_true(mail_alone(NULL));
	assert_false(mail_alone(&box[0]));
	assert_int_equal(mail_note(&b, MAIL_ALL, MAIL_NEIGH, &body, 1), 0);
	mailbox_fini(&b);
	mail_office_free(one);
	assert_null(mail_office_new(0, -1));
	assert_null(mail_office_new(PORT_QUEUES_MAX + 1, -1));
}

static void *sender(void *arg)
{
	uint16_t self = (uint16_t)(uintptr_t)arg;
	uint64_t i = 0;

	while (i < THREAD_NOTES) {
		if (mail_note(&box[self], 2, MAIL_NEIGH, &i, sizeof(i)) == 0)
			i++;
		mail_flush(&box[self]);
		if (box[self].n_late != 0)
			sched_yield(); /* there may be one CPU for all three */
	}
	while (box[self].n_late != 0) {
		mail_flush(&box[self]);
		sched_yield();
	}
	return NULL;
}

/* EAL has put this thread on one CPU, and those that it starts with it. */
static void any_cpu(void)
{
	cpu_set_t all;

	memset(&all, 0xff, sizeof(all));
	assert_int_equal(pthread_setaffinity_np(pthread_self(), sizeof(all), &all), 0);
}

/* Two real threads tell a third: everything arrives, each one's in order. A pool for each sender: threads that share a pool's
 * ring wait for one another with a loop, which is slow where one of them is not running. */
static void threads(void **state)
{
	uint64_t expected[2] = {0, 0};
	struct rte_mempool *own[2];
	struct mail_tag tag;
	pthread_t t[2];

	(void)state;
	any_cpu();
	for (uintptr_t i = 0; i < 2; i++) {
		own[i] = pool_for_test(i == 0 ? "sender0" : "sender1", 2047);
		assert_non_null(own[i]);
		box[i].pool = own[i];
		assert_int_equal(pthread_create(&t[i], NULL, sender, (void *)i), 0);
	}
	while (expected[0] + expected[1] < 2 * THREAD_NOTES) {
		int64_t got = next(2, &tag);

		if (got < 0) {
			sched_yield();
			continue;
		}
		assert_in_range(tag.from, 0, 1);
		assert_int_equal(got, expected[tag.from]);
		expected[tag.from]++;
	}
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	nothing_for(2);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(rte_mempool_in_use_count(own[i]), 0);
		rte_mempool_free(own[i]);
	}
}

/* Notes that must arrive wait for a buffer, and none of their sender's overtakes them; one to all reaches all or nobody. */
static void owed_notes(void **state)
{
	static struct rte_mbuf *all[POOL_MBUFS];
	uint64_t number;
	struct mail_tag tag;
	unsigned n = 0;

	(void)state;
	while (n < POOL_MBUFS && (all[n] = rte_pktmbuf_alloc(pool)) != NULL)
		n++;
	for (number = 1; number <= 3; number++)
		mail_note_sure(&box[0], (uint16_t)(number == 3 ? MAIL_ALL : number), MAIL_RELEASE, &number, sizeof(number));
	assert_int_equal(mail_note(&box[0], 1, MAIL_NEIGH, &number, sizeof(number)), -ENOBUFS);
	mail_flush(&box[0]);
	nothing_for(1);
	rte_pktmbuf_free(all[--n]); /* room for one; the note to all needs two */
	number = 4;
	assert_int_equal(mail_note(&box[0], 1, MAIL_NEIGH, &number, sizeof(number)), -ENOBUFS);
	assert_int_equal(next(1, &tag), 1);
	assert_int_equal(tag.kind, MAIL_RELEASE);
	nothing_for(2);
	mail_flush(&box[0]); /* with what that one has given back */
	assert_int_equal(next(2, &tag), 2);
	mail_flush(&box[0]);
	nothing_for(1);
	nothing_for(2);
	rte_pktmbuf_free(all[--n]);
	mail_flush(&box[0]);
	assert_int_equal(next(1, &tag), 3);
	assert_int_equal(next(2, &tag), 3);
	assert_int_equal(box[0].debts.used, 0);
	note(0, 1, 4);
	assert_int_equal(next(1, &tag), 4);
	mail_note_sure(&box[0], 1, MAIL_RELEASE, &number, sizeof(number));
	assert_int_equal(next(1, &tag), 4);
	rte_pktmbuf_free_bulk(all, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(note_to_one, set_up, tear_down),
		cmocka_unit_test_setup_teardown(note_to_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(notes_wait_for_room, set_up, tear_down),
		cmocka_unit_test_setup_teardown(packets_leave_in_batches, set_up, tear_down),
		cmocka_unit_test_setup_teardown(packets_overflow, set_up, tear_down),
		cmocka_unit_test_setup_teardown(from_outside, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_mbuf, set_up, tear_down),
		cmocka_unit_test_setup_teardown(owed_notes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(alone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(threads, set_up, tear_down),
	};

	if (eal_for_test(192) != 0)
		return 1;
	pool = rte_pktmbuf_pool_create("mail", POOL_MBUFS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	return pool != NULL ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
