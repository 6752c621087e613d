/* path_test.c: references to paths; order of the ready list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/prng.h"
#include "flow/path.h"
#include "flow/ready.h"

static void path_refs(void **state)
{
	struct paths ps;
	bool fresh;
	uint32_t a, b;

	(void)state;
	assert_int_equal(paths_init(&ps, 2, -1), 0);
	a = path_get(&ps, 1, 2, 0, &fresh);
	assert_true(a != 0 && fresh);
	assert_true(path_at(&ps, a)->laddr_be == 1 && path_at(&ps, a)->raddr_be == 2 && path_at(&ps, a)->refs == 1);
	path_at(&ps, a)->pmtu = 1500;
	assert_int_equal(path_get(&ps, 1, 2, 0, &fresh), a);
	assert_false(fresh);
	b = path_get(&ps, 2, 1, 0, &fresh);
	assert_true(b != 0 && b != a && fresh);
	assert_int_equal(path_get(&ps, 1, 2, 1, &fresh), 0); /* by another way it is another */
	assert_int_equal(path_get(&ps, 3, 3, 0, &fresh), 0);
	assert_false(path_put(&ps, a));
	assert_int_equal(path_at(&ps, a)->pmtu, 1500);
	assert_true(path_put(&ps, a));
	assert_int_equal(path_get(&ps, 1, 2, 0, &fresh), a);
	assert_true(fresh);
	assert_int_equal(path_at(&ps, a)->pmtu, 0);
	paths_fini(&ps);
}

static void path_model(void **state)
{
	enum { N = 300 };
	uint32_t refs[N] = { 0 }, idx[N];
	struct paths ps;
	struct prng p;
	bool fresh;

	(void)state;
	prng_seed(&p, 1);
	assert_int_equal(paths_init(&ps, N, -1), 0);
	for (int step = 0; step < 50000; step++) {
		uint32_t i = prng_below(&p, N);

		if (prng_below(&p, 2) == 0) {
			uint32_t got = path_get(&ps, i % 7, i / 7 << 24, 0, &fresh);

			assert_int_equal(fresh, refs[i] == 0);
			assert_true(got != 0 && (fresh || got == idx[i]));
			idx[i] = got;
			assert_int_equal(path_at(&ps, got)->refs, ++refs[i]);
		} else if (refs[i] > 0) {
			assert_int_equal(path_put(&ps, idx[i]), --refs[i] == 0);
		}
	}
	paths_fini(&ps);
}

static void ready_order(void **state)
{
	static struct flow f;
	struct prng prng;
	static struct rss rss;
	const struct flow_config cfg = { .max_conns = 16, .numa_node = -1 };
	struct clock clock = { .tick = 1 };
	struct epoll_inst *ep;
	struct conn *c[5];

	(void)state;
	prng_seed(&prng, 1);
	assert_int_equal(flow_init(&f, &cfg, &rss, &clock, &prng), 0);
	ep = (struct epoll_inst *)conn_new(&f, CONN_EPOLL);
	for (int i = 0; i < 5; i++) {
		c[i] = conn_new(&f, CONN_TCP);
		assert_int_equal(c[i]->type, CONN_TCP);
		c[i]->ep_events = EPOLLIN;
		ready_mark(&f, c[i], EPOLLIN); /* nobody watches */
		assert_int_equal(c[i]->flags & CONN_READY, 0);
		c[i]->ep = conn_ref(&f, &ep->c);
	}
	ready_mark(&f, c[0], EPOLLOUT); /* not of interest */
	assert_int_equal(ep->n_ready, 0);
	ready_mark(&f, c[0], EPOLLIN | EPOLLOUT);
	ready_mark(&f, c[1], EPOLLHUP); /* always of interest */
	ready_mark(&f, c[2], EPOLLIN);
	ready_mark(&f, c[0], EPOLLIN); /* stays where it is */
	assert_int_equal(ep->n_ready, 3);
	assert_true(conn_at(&f, ep->head) == c[0] && conn_at(&f, c[0]->ready_next) == c[1]);
	assert_true(conn_at(&f, ep->tail) == c[2] && conn_at(&f, c[2]->ready_prev) == c[1]);
	ready_unlink(&f, c[1]);
	ready_unlink(&f, c[1]);
	assert_true(conn_at(&f, c[0]->ready_next) == c[2] && conn_at(&f, c[2]->ready_prev) == c[0]);
	ready_mark(&f, c[1], EPOLLIN);
	ready_unlink(&f, c[0]);
	assert_true(conn_at(&f, ep->head) == c[2] && c[2]->ready_prev == 0 && conn_at(&f, ep->tail) == c[1]);
	ready_unlink(&f, c[1]);
	assert_true(ep->head == ep->tail && ep->n_ready == 1);
	ready_unlink(&f, c[2]);
	assert_true(ep->head == 0 && ep->tail == 0 && ep->n_ready == 0);
	/* Slots come back cleared. */
	conn_free(&f, c[4]);
	assert_true(conn_new(&f, CONN_UDP) == c[4] && c[4]->ep == 0 && c[4]->type == CONN_UDP);
	flow_fini(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(path_refs),
		cmocka_unit_test(path_model),
		cmocka_unit_test(ready_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
