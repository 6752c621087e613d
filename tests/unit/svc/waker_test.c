/* waker_test.c: packets that wake a stack, told of by a device that the test plays. */
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rte_interrupts.h>

#include "service.h"
#include "svc/waker.h"

static struct port_ops ops;               /* the simulated port's, and being woken */
static struct rte_epoll_event event;
static int packets = -1;                  /* readable: a packet is there */
static unsigned adds, dels;
static _Atomic uint32_t armed, refuse;

static int wake_set(struct port *p, uint16_t queue, int epfd, bool on)
{
	(void)p;
	assert_int_equal(queue, 0);
	if (atomic_load(&refuse) != 0)
		return -ENOTSUP;
	adds += on;
	dels += !on;
	event.epdata.event = EPOLLIN | EPOLLET;
	return rte_epoll_ctl(epfd, on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, packets, &event);
}

static void wake_arm(struct port *p, uint16_t queue, bool on)
{
	(void)p;
	(void)queue;
	atomic_store(&armed, on);
}

static int make(void **state)
{
	service_make(state);
	packets = eventfd(0, EFD_NONBLOCK);
	ops = *world.port[NEAR]->ops;
	ops.wake_set = wake_set;
	ops.wake_arm = wake_arm;
	adds = dels = 0;
	atomic_store(&refuse, 0);
	memset(&event, 0, sizeof(event));
	return 0;
}

static int end(void **state)
{
	close(packets);
	return service_end(state);
}

#define WITH_DEVICE(test) cmocka_unit_test_setup_teardown(test, make, end)

static void packet_comes(void)
{
	const uint64_t one = 1;

	assert_int_equal(write(packets, &one, sizeof(one)), sizeof(one));
}

static void eventually(_Atomic uint32_t *what, uint32_t value)
{
	for (int tries = 0; atomic_load(what) != value && tries < 5000; tries++)
		usleep(1000);
	assert_int_equal(atomic_load(what), value);
}

static void wakes(void **state)
{
	const struct port_ops *before = world.port[NEAR]->ops;
	struct svc_waker w;
	struct svc_stack *box = &service.region.stacks[0];

	(void)state;
	world.port[NEAR]->ops = &ops;
	assert_int_equal(svc_waker_start(&w, world.stack[NEAR], box), 0);
	assert_int_equal(adds, 1);
	svc_waker_arm(&w);
	assert_int_equal(atomic_load(&armed), 1);
	atomic_store(&box->asleep, 1);
	packet_comes();
	eventually(&box->asleep, 0);
	eventually(&w.rung, 1);
	svc_waker_disarm(&w);
	assert_int_equal(atomic_load(&armed), 0);
	/* While the stack is awake, packets are its own business. */
	assert_int_equal(atomic_load(&w.idle), 1);
	atomic_store(&w.rung, 0);
	packet_comes();
	usleep(20000);
	assert_int_equal(atomic_load(&w.rung), 0);
	/* What came then rings once it sleeps again: the turn after arming has seen it, and one look more costs little. */
	svc_waker_arm(&w);
	eventually(&w.rung, 1);
	svc_waker_stop(&w);
	svc_waker_stop(&w);
	assert_int_equal(dels, 1);
	world.port[NEAR]->ops = before;
}

/* The server's own: with such a device it sleeps, with another it naps. */
static void server_chooses(void **state)
{
	const struct port_ops *before = world.port[NEAR]->ops;
	static struct svc_server v;
	struct sock_env *env = &world.env[NEAR];

	(void)state;
	assert_int_equal(svc_server_init(&v, &service.region, 0, &service.bells, env, SVC_IDLE_INTERRUPT), 0);
	assert_int_equal(v.idle, SVC_IDLE_ADAPTIVE);
	svc_server_fini(&v);
	world.port[NEAR]->ops = &ops;
	atomic_store(&refuse, 1);
	assert_int_equal(svc_server_init(&v, &service.region, 0, &service.bells, env, SVC_IDLE_INTERRUPT), 0);
	assert_int_equal(v.idle, SVC_IDLE_ADAPTIVE);
	svc_server_fini(&v);
	atomic_store(&refuse, 0);
	assert_int_equal(svc_server_init(&v, &service.region, 0, &service.bells, env, SVC_IDLE_INTERRUPT), 0);
	assert_int_equal(v.idle, SVC_IDLE_INTERRUPT);
	svc_server_fini(&v);
	assert_int_equal(dels, 1);
	world.port[NEAR]->ops = before;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_DEVICE(wakes),
		WITH_DEVICE(server_chooses),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
