/* homing_test.c: connections between ends of several stacks, with queues for all and with fewer. */
#include "cores.h"

#include <arpa/inet.h>

#define CONNECTIONS 64

static int listener(unsigned core)
{
	const struct sockaddr_in a = cores_addr(CORES_FAR_IP, 80);
	int fd, one = 1;

	on(FAR, core);
	fd = spate_sys_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	assert_int_equal(spate_sys_setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)), 0);
	assert_int_equal(spate_sys_bind(fd, (const struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(spate_sys_listen(fd, CONNECTIONS), 0);
	return fd;
}

/* Every stack of the far end listens; every one of the near end connects. */
static void everybody_connects(void)
{
	const struct sockaddr_in a = cores_addr(CORES_FAR_IP, 80);
	int l[CORES_MAX], fd[CONNECTIONS], accepted = 0;

	for (unsigned i = 0; i < cores.cfg.n[FAR]; i++)
		l[i] = listener(i);
	for (int i = 0; i < CONNECTIONS; i++) {
		on(NEAR, (unsigned)i % cores.cfg.n[NEAR]);
		fd[i] = spate_sys_socket(AF_INET, SOCK_STREAM, 0);
		assert_int_equal(spate_sys_connect(fd[i], (const struct sockaddr *)&a, sizeof(a)), 0);
	}
	cores_run_ms(10);
	for (unsigned i = 0; i < cores.cfg.n[FAR]; i++) {
		int c;

		on(FAR, i);
		while ((c = spate_sys_accept4(l[i], NULL, NULL, 0)) >= 0) {
			accepted++;
			assert_int_equal(spate_sys_close(c), 0);
		}
		assert_int_equal(c, -EAGAIN);
		assert_int_equal(spate_sys_close(l[i]), 0);
	}
	assert_int_equal(accepted, CONNECTIONS);
	for (int i = 0; i < CONNECTIONS; i++) {
		on(NEAR, (unsigned)i % cores.cfg.n[NEAR]);
		assert_int_equal(spate_sys_close(fd[i]), 0);
	}
	cores_run_ms(130000);
	cores_assert_clean();
	assert_int_equal(cores_dropped(NEAR, DROP_TCP_NO_SOCKET), 0);
	assert_int_equal(cores_dropped(FAR, DROP_TCP_NO_SOCKET), 0);
}

static int make_full(void **state)
{
	(void)state;
	return cores_make(&(struct cores_config){.n = {4, 3}});
}

static int make_shared(void **state)
{
	(void)state;
	return cores_make(&(struct cores_config){.n = {3, 4}, .queues = {1, 2}, .shuffle = true});
}

static void a_queue_each(void **state)
{
	(void)state;
	everybody_connects();
	for (int e = 0; e < 2; e++) {
		assert_int_equal(cores_rehomed(e, REHOME_RSS), 0);
		assert_int_equal(cores_rehomed(e, REHOME_NO_RSS), 0);
		assert_int_equal(cores_rehomed(e, REHOME_BOUND), 0);
	}
}

static void fewer_queues(void **state)
{
	(void)state;
	everybody_connects();
	for (int e = 0; e < 2; e++) {
		assert_int_equal(cores_rehomed(e, REHOME_RSS), 0);
		assert_true(cores_rehomed(e, REHOME_NO_RSS) > CONNECTIONS);
		assert_int_equal(cores_rehomed(e, REHOME_BOUND), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_queue_each, make_full, cores_end),
		cmocka_unit_test_setup_teardown(fewer_queues, make_shared, cores_end),
	};

	return cmocka_run_group_tests_name("core_homing", tests, cores_eal, NULL);
}
