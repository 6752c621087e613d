/* service.c: see service.h. */
#include "service.h"

#include <string.h>

#define STACKS 1

struct service service;

int service_make(void **state)
{
	world_make(state);
	assert_int_equal(svc_region_make(&service.region, STACKS, world.stack[NEAR]->flow.pool[FLOW_CONN].cap), 0);
	assert_int_equal(svc_bells_init(&service.bells, &service.region), 0);
	assert_int_equal(svc_server_init(&service.server, &service.region, 0, &service.bells, &world.env[NEAR], SVC_IDLE_POLL), 0);
	return 0;
}

int service_end(void **state)
{
	at(NEAR);
	svc_server_close_all(&service.server);
	assert_int_equal(service.server.n_open, 0);
	svc_server_fini(&service.server);
	svc_bells_fini(&service.bells);
	svc_region_free(&service.region);
	return world_end(state);
}

struct svc_chan *fill(uint32_t i, enum svc_op op, struct name n)
{
	struct svc_chan *c = &service.region.chans[i];

	assert_true(atomic_load(&c->state) == SVC_IDLE || atomic_load(&c->state) == SVC_DONE);
	atomic_store(&c->owner, 1);
	c->op = (uint16_t)op;
	c->stack = 0;
	c->file = n.file;
	c->gen = n.gen;
	c->a = c->b = c->c = 0;
	c->len = c->addr_len = c->control_len = 0;
	c->u = 0;
	c->result = -9999;
	return c;
}

int64_t post(uint32_t i)
{
	struct svc_chan *c = &service.region.chans[i];

	atomic_store(&c->state, SVC_ASKED);
	atomic_fetch_or(&service.region.stacks[0].pending[i / 64], 1ull << i % 64);
	assert_int_equal(svc_serve(&service.server), 1);
	assert_int_equal(atomic_load(&c->state), SVC_DONE);
	return c->result;
}

int64_t ask(enum svc_op op, struct name n, int32_t a)
{
	fill(0, op, n)->a = a;
	return post(0);
}

int64_t ask_addr(enum svc_op op, struct name n, const char *ip, uint16_t port)
{
	struct svc_chan *c = fill(0, op, n);
	socklen_t len;

	c->addr = world_addr(ip, port, &len);
	c->addr_len = len;
	return post(0);
}

int64_t ask_send(struct name n, const char *text)
{
	struct svc_chan *c = fill(0, SVC_SEND, n);

	c->len = (uint32_t)strlen(text);
	memcpy(c->data, text, c->len);
	return post(0);
}

void expect_recv(struct name n, const char *text)
{
	struct svc_chan *c = fill(0, SVC_RECV, n);

	c->len = SVC_DATA_BYTES;
	assert_int_equal(post(0), strlen(text));
	assert_memory_equal(c->data, text, strlen(text));
}

static struct name told(const struct svc_chan *c) { return (struct name){c->new_file, c->new_gen}; }

struct name new_socket(int type)
{
	struct svc_chan *c = fill(0, SVC_SOCKET, (struct name){0, 0});

	c->a = world_family == WORLD_IP4 ? AF_INET : AF_INET6;
	c->b = type;
	assert_int_equal(post(0), 0);
	return told(c);
}

struct name accept_from(struct name listener)
{
	assert_int_equal(ask(SVC_ACCEPT, listener, 0), 0);
	return told(&service.region.chans[0]);
}

struct name connected(uint16_t port, int *far)
{
	int l = far_listener(port, SOCK_NONBLOCK);
	struct name n = new_socket(SOCK_STREAM);

	assert_int_equal(ask_addr(SVC_CONNECT, n, FAR_IP, port), -EINPROGRESS);
	turns(5);
	assert_int_equal(ask(SVC_CONNECT_END, n, 0), 0);
	at(FAR);
	*far = spate_accept(l, NULL, NULL);
	assert_true(*far > 2);
	spate_close(l);
	at(NEAR);
	return n;
}

int64_t let_go(struct name n)
{
	svc_life_put(&file_of(n)->life);
	return ask(SVC_CLOSE, n, 0);
}

struct svc_file *file_of(struct name n) { return &service.region.files[n.file]; }

void turns(unsigned ms)
{
	uint64_t until = world.now_ns + ms * MS;

	at(NEAR);
	while (world.now_ns < until)
		svc_news(&service.server);
}
