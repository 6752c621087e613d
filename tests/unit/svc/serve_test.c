/* serve_test.c: requests of clients, good and bad, as the stack answers them. */
#include <string.h>
#include <linux/tcp.h>
#include <sys/ioctl.h>

#include "service.h"

/* ---- each call ---- */

static void stream_client(void **state)
{
	int far;
	struct name n = connected(80, &far);
	struct svc_chan *c;
	char buf[16];

	(void)state;
	assert_int_equal(ask_send(n, "hello"), 5);
	turns(5);
	at(FAR);
	assert_int_equal(spate_recv(far, buf, sizeof(buf), 0), 5);
	assert_memory_equal(buf, "hello", 5);
	assert_int_equal(spate_send(far, "you too", 7, 0), 7);
	turns(5);
	assert_true(atomic_load(&file_of(n)->events) & EPOLLIN);
	c = fill(0, SVC_IOCTL, n);
	c->u = FIONREAD;
	c->len = sizeof(int);
	assert_int_equal(post(0), 0);
	assert_int_equal(*(int *)c->data, 7);
	expect_recv(n, "you too");
	assert_false(atomic_load(&file_of(n)->events) & EPOLLIN);
	c = fill(0, SVC_RECV, n);
	c->len = 10;
	assert_int_equal(post(0), -EAGAIN);
	assert_int_equal(ask(SVC_SHUTDOWN, n, SHUT_WR), 0);
	turns(5);
	at(FAR);
	assert_int_equal(spate_recv(far, buf, sizeof(buf), 0), 0);
	spate_close(far);
	turns(5);
	assert_int_equal(atomic_load(&file_of(n)->events) & (EPOLLIN | EPOLLRDHUP | EPOLLHUP), EPOLLIN | EPOLLRDHUP | EPOLLHUP);
	expect_recv(n, "");
	assert_int_equal(let_go(n), 0);
}

static void stream_server(void **state)
{
	struct name l = new_socket(SOCK_STREAM), n;
	struct svc_chan *c;
	socklen_t len;
	int far;

	(void)state;
	assert_int_equal(ask_addr(SVC_BIND, l, NEAR_IP, 7000), 0);
	assert_int_equal(ask(SVC_LISTEN, l, 10), 0);
	assert_int_equal(ask(SVC_ACCEPT, l, 0), -EAGAIN);
	atomic_store(&file_of(l)->rcv_ns, 123);
	atomic_store(&file_of(l)->snd_ns, 456);
	at(FAR);
	far = stream(SOCK_NONBLOCK);
	assert_int_equal(call_connect(far, NEAR_IP, 7000), -EINPROGRESS);
	turns(5);
	assert_true(atomic_load(&file_of(l)->events) & EPOLLIN);
	n = accept_from(l);
	c = &service.region.chans[0];
	world_addr(FAR_IP, 0, &len);
	assert_int_equal(c->addr_len, len);
	assert_int_equal(svc_life_refs(atomic_load(&file_of(n)->life)), 1);
	assert_int_equal(file_of(n)->type, SOCK_STREAM);
	assert_int_equal(atomic_load(&file_of(n)->rcv_ns), 123);
	assert_int_equal(atomic_load(&file_of(n)->snd_ns), 456);
	assert_int_equal(ask_send(n, "x"), 1);
	fill(0, SVC_GETSOCKNAME, n);
	assert_int_equal(post(0), 0);
	assert_int_equal(ntohs(((struct sockaddr_in *)&c->addr)->sin_port), 7000);
	assert_int_equal(let_go(n), 0);
	assert_int_equal(let_go(l), 0);
}

static void datagrams(void **state)
{
	struct name n = new_socket(SOCK_DGRAM);
	struct sockaddr_storage from;
	socklen_t len = sizeof(from);
	struct svc_chan *c;
	char buf[16];
	int far;

	(void)state;
	at(FAR);
	far = dgram(SOCK_NONBLOCK);
	assert_int_equal(call_bind(far, FAR_IP, 9), 0);
	at(NEAR);
	c = fill(0, SVC_SEND, n);
	c->addr = world_addr(FAR_IP, 9, &c->addr_len);
	c->len = 3;
	memcpy(c->data, "abc", 3);
	assert_int_equal(post(0), 3);
	turns(5);
	at(FAR);
	assert_int_equal(spate_recvfrom(far, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len), 3);
	assert_int_equal(spate_sendto(far, "defg", 4, 0, (struct sockaddr *)&from, len), 4);
	spate_close(far);
	turns(5);
	c = fill(0, SVC_RECV, n);
	c->len = 2;
	c->b = 1;
	assert_int_equal(post(0), 2);
	assert_int_equal(c->msg_flags, MSG_TRUNC);
	assert_int_equal(ntohs(((struct sockaddr_in *)&c->addr)->sin_port), 9);
	assert_int_equal(let_go(n), 0);
}

/* The time of arrival goes along as ancillary data. */
static void ancillary(void **state)
{
	struct name n = new_socket(SOCK_DGRAM);
	struct svc_chan *c = fill(0, SVC_SETSOCKOPT, n);
	struct cmsghdr *h;
	int far;

	(void)state;
	c->a = SOL_SOCKET;
	c->b = SO_TIMESTAMP;
	c->len = sizeof(int);
	*(int *)c->data = 1;
	assert_int_equal(post(0), 0);
	c = fill(0, SVC_GETSOCKOPT, n);
	c->a = SOL_SOCKET;
	c->b = SO_TIMESTAMP;
	c->len = 100;
	assert_int_equal(post(0), 0);
	assert_int_equal(c->len, sizeof(int));
	assert_int_equal(*(int *)c->data, 1);
	assert_int_equal(ask_addr(SVC_BIND, n, NEAR_IP, 5000), 0);
	at(FAR);
	far = dgram(SOCK_NONBLOCK);
	assert_int_equal(call_connect(far, NEAR_IP, 5000), 0);
	assert_int_equal(spate_send(far, "x", 1, 0), 1);
	spate_close(far);
	turns(5);
	c = fill(0, SVC_RECV, n);
	c->len = 10;
	c->control_len = SVC_CONTROL_BYTES;
	assert_int_equal(post(0), 1);
	h = (struct cmsghdr *)c->control;
	assert_int_equal(c->control_len, CMSG_SPACE(sizeof(struct timeval)));
	assert_int_equal(h->cmsg_type, SCM_TIMESTAMP);
	assert_int_equal(let_go(n), 0);
}

static void connect_refused(void **state)
{
	struct name n = new_socket(SOCK_STREAM);

	(void)state;
	assert_int_equal(ask_addr(SVC_CONNECT, n, FAR_IP, 81), -EINPROGRESS);
	assert_int_equal(ask(SVC_CONNECT_END, n, 0), -EALREADY);
	turns(5);
	assert_int_equal(ask(SVC_CONNECT_END, n, 0), -ECONNREFUSED);
	/* Another thread that waited for the same attempt. */
	assert_int_equal(ask(SVC_CONNECT_END, n, 0), -ECONNABORTED);
	assert_int_equal(let_go(n), 0);
}

static void connect_dropped(void **state)
{
	struct name n = new_socket(SOCK_STREAM);

	(void)state;
	cut(NEAR, true);
	assert_int_equal(ask_addr(SVC_CONNECT, n, FAR_IP, 81), -EINPROGRESS);
	assert_int_equal(ask(SVC_SHUTDOWN, n, SHUT_RDWR), 0);
	assert_int_equal(ask(SVC_CONNECT_END, n, 0), -ECONNRESET);
	assert_int_equal(let_go(n), 0);
}

/* L3: by another thread's AF_UNSPEC; the error is for whoever asks next. */
static void connect_dissolved(void **state)
{
	struct name n = new_socket(SOCK_STREAM);
	struct svc_chan *c;

	(void)state;
	cut(NEAR, true);
	assert_int_equal(ask_addr(SVC_CONNECT, n, FAR_IP, 81), -EINPROGRESS);
	c = fill(0, SVC_CONNECT, n);
	memset(&c->addr, 0, sizeof(c->addr)); /* AF_UNSPEC */
	c->addr_len = sizeof(struct sockaddr_in);
	assert_int_equal(post(0), 0);
	assert_int_equal(ask(SVC_CONNECT_END, n, 0), -EPIPE);
	c = fill(0, SVC_GETSOCKOPT, n);
	c->a = SOL_SOCKET;
	c->b = SO_ERROR;
	c->len = sizeof(int);
	assert_int_equal(post(0), 0);
	assert_int_equal(*(int *)c->data, ECONNRESET);
	assert_int_equal(let_go(n), 0);
}

/* J7, J8: data that leaves with a SYN is told apart: a client that blocks waits for the answer to it. */
static void sent_with_syn(void **state)
{
	struct name n = new_socket(SOCK_STREAM), plain;
	struct svc_chan *c = fill(0, SVC_SETSOCKOPT, n);
	const int on = 1;
	socklen_t len;
	int far;

	(void)state;
	c->a = IPPROTO_TCP;
	c->b = TCP_FASTOPEN_NO_COOKIE;
	c->len = sizeof(on);
	memcpy(c->data, &on, sizeof(on));
	assert_int_equal(post(0), 0);
	c = fill(0, SVC_SEND, n);
	c->a = MSG_FASTOPEN;
	c->addr = world_addr(FAR_IP, 81, &len);
	c->addr_len = len;
	c->len = 5;
	assert_int_equal(post(0), 5);
	assert_int_equal(c->msg_flags, 1);
	turns(5);
	assert_int_equal(ask(SVC_CONNECT_END, n, 0), -ECONNREFUSED);
	assert_int_equal(let_go(n), 0);
	plain = connected(80, &far);
	assert_int_equal(ask_send(plain, "after"), 5);
	assert_int_equal(service.region.chans[0].msg_flags, 0);
	assert_int_equal(let_go(plain), 0);
}

/* ---- broken clients ---- */

static void wrong_names(void **state)
{
	struct name n = new_socket(SOCK_STREAM), other = n;

	(void)state;
	other.gen++;
	assert_int_equal(ask(SVC_LISTEN, other, 1), -EBADF);
	other.gen = 0;
	assert_int_equal(ask(SVC_LISTEN, other, 1), -EBADF);
	other = n;
	other.file++;
	assert_int_equal(ask(SVC_LISTEN, other, 1), -EBADF);
	other.file = UINT32_MAX;
	assert_int_equal(ask(SVC_LISTEN, other, 1), -EBADF);
	other.file = service.region.files_per_stack;
	assert_int_equal(ask(SVC_LISTEN, other, 1), -EBADF);
	/* The stack's own epoll instance is no file. */
	other.file = svc_file_slot(&service.server, service.server.ep);
	other.gen = 0;
	assert_int_equal(ask(SVC_CLOSE, other, 1), -EBADF);
	assert_int_equal(ask((enum svc_op)SVC_OPS, n, 0), -EINVAL);
	assert_int_equal(ask((enum svc_op)0xffff, n, 0), -EINVAL);
	assert_int_equal(ask(SVC_CLOSE, n, 0), -EBUSY); /* somebody holds it */
	assert_int_equal(let_go(n), 0);
	assert_int_equal(ask(SVC_LISTEN, n, 1), -EBADF);
	assert_int_equal(ask(SVC_CLOSE, n, 0), -EBADF);
}

/* The slot's next socket is another file. */
static void generations(void **state)
{
	struct name a = new_socket(SOCK_STREAM), b;

	(void)state;
	assert_int_equal(let_go(a), 0);
	b = new_socket(SOCK_STREAM);
	assert_int_equal(b.file, a.file);
	assert_int_not_equal(b.gen, a.gen);
	assert_false(svc_life_get(&file_of(a)->life, a.gen));
	assert_int_equal(ask(SVC_CLOSE, a, 0), -EBADF);
	assert_int_equal(let_go(b), 0);
	/* Around the end of the numbers there is no 0. */
	service.server.own[b.file].gen = UINT32_MAX;
	b = new_socket(SOCK_STREAM);
	assert_int_equal(b.gen, 1);
	assert_int_equal(let_go(b), 0);
}

static void wrong_lengths(void **state)
{
	struct name n = new_socket(SOCK_DGRAM);
	struct svc_chan *c;
	int64_t got;

	(void)state;
	c = fill(0, SVC_CONNECT, n);
	c->addr_len = UINT32_MAX;
	assert_int_equal(post(0), -EINVAL);
	c = fill(0, SVC_BIND, n);
	c->addr_len = 129;
	assert_int_equal(post(0), -EINVAL);
	assert_int_equal(ask_addr(SVC_CONNECT, n, FAR_IP, 9), 0);
	c = fill(0, SVC_SEND, n);
	c->len = UINT32_MAX; /* as much as there is room for, which no datagram is */
	assert_int_equal(post(0), -EMSGSIZE);
	c = fill(0, SVC_SEND, n);
	c->control_len = SVC_CONTROL_BYTES + 1;
	assert_int_equal(post(0), -EINVAL);
	c = fill(0, SVC_SEND, n);
	c->control_len = 64;
	((struct cmsghdr *)c->control)->cmsg_len = SIZE_MAX;
	assert_int_equal(post(0), -EINVAL);
	c = fill(0, SVC_RECV, n);
	c->len = UINT32_MAX;
	c->control_len = UINT32_MAX;
	assert_int_equal(post(0), -EAGAIN);
	for (int name = 0; name < 100; name++) {
		c = fill(0, SVC_GETSOCKOPT, n);
		c->a = SOL_SOCKET;
		c->b = name;
		c->len = UINT32_MAX;
		got = post(0);
		assert_true(got == 0 || got == -ENOPROTOOPT || got == -EINVAL || got == -ENOTCONN || got == -EOPNOTSUPP);
	}
	c = fill(0, SVC_SETSOCKOPT, n);
	c->a = SOL_SOCKET;
	c->b = SO_REUSEADDR;
	c->len = UINT32_MAX;
	assert_int_equal(post(0), 0);
	c = fill(0, SVC_IOCTL, n);
	c->u = FIONREAD;
	c->len = 3;
	assert_int_equal(post(0), -EINVAL);
	assert_int_equal(let_go(n), 0);
}

/* What would make a stack wait. */
static void never_waits(void **state)
{
	int far;
	struct name n = connected(80, &far);
	struct svc_chan *c = fill(0, SVC_IOCTL, n);

	(void)state;
	c->u = FIONBIO;
	c->len = sizeof(int);
	*(int *)c->data = 0;
	assert_int_equal(post(0), -EINVAL);
	c = fill(0, SVC_RECV, n);
	c->len = 10;
	c->a = MSG_WAITALL;
	assert_int_equal(post(0), -EAGAIN);
	c = fill(0, SVC_SOCKET, n);
	c->a = AF_INET;
	c->b = SOCK_STREAM | SOCK_CLOEXEC;
	assert_int_equal(post(0), -EINVAL);
	c = fill(0, SVC_SOCKET, n);
	c->a = AF_UNIX;
	c->b = SOCK_STREAM;
	assert_int_equal(post(0), -EAFNOSUPPORT);
	assert_int_equal(let_go(n), 0);
	at(FAR);
	spate_close(far);
	at(NEAR);
}

/* A bit without a request, and requests of all channels at once. */
static void channels(void **state)
{
	struct name n = new_socket(SOCK_STREAM);
	_Atomic uint64_t *pending = service.region.stacks[0].pending;

	(void)state;
	service.region.chans[5].result = 77;
	atomic_fetch_or(&pending[0], 1u << 5);
	assert_int_equal(svc_serve(&service.server), 1);
	assert_int_equal(service.region.chans[5].result, 77);
	for (uint32_t i = 0; i < SVC_CHANS; i++) {
		fill(i, SVC_NOP, n);
		atomic_store(&service.region.chans[i].state, i % 2 == 0 ? SVC_ASKED : SVC_ASKED_ASLEEP);
		atomic_fetch_or(&pending[i / 64], 1ull << i % 64);
	}
	assert_int_equal(svc_serve(&service.server), SVC_CHANS);
	for (uint32_t i = 0; i < SVC_CHANS; i++) {
		assert_int_equal(atomic_load(&service.region.chans[i].state), SVC_DONE);
		assert_int_equal(service.region.chans[i].result, 0);
	}
	assert_int_equal(svc_serve(&service.server), 0);
	assert_int_equal(let_go(n), 0);
}

/* A client that writes over everything that it can reach spoils nothing but what is its own. */
static void scribbling(void **state)
{
	int far;
	struct name n = connected(80, &far), other = connected(81, &far);

	(void)state;
	memset(file_of(n), 0xa5, sizeof(struct svc_file));
	memset(&service.region.chans[3], 0xff, sizeof(struct svc_chan));
	atomic_fetch_or(&service.region.stacks[0].pending[0], 1u << 3);
	svc_serve(&service.server);
	memset(service.region.head, 0xff, sizeof(*service.region.head));
	atomic_store(&file_of(n)->pollers, 0xfffe);
	at(FAR);
	assert_int_equal(spate_send(far, "still", 5, 0), 5);
	turns(5);
	expect_recv(other, "still");
	assert_int_equal(ask(SVC_CLOSE, n, 0), 0);
	assert_int_equal(let_go(other), 0);
	at(FAR);
	spate_close(far);
	at(NEAR);
}

/* ---- sockets whose processes ended ---- */

static void orphans(void **state)
{
	struct name n[50];

	(void)state;
	for (int i = 0; i < 50; i++)
		n[i] = new_socket(SOCK_STREAM);
	for (int i = 0; i < 50; i++) {
		svc_life_put(&file_of(n[i])->life);
		svc_server_close(&service.server, n[i].file);
		svc_server_close(&service.server, n[i].file); /* twice */
	}
	svc_server_close(&service.server, UINT32_MAX);
	assert_int_equal(service.server.n_open, 50);
	assert_int_equal(svc_serve(&service.server), 50);
	assert_int_equal(service.server.n_open, 0);
	/* Meanwhile somebody holds it again: not closed. */
	n[0] = new_socket(SOCK_STREAM);
	svc_server_close(&service.server, n[0].file);
	svc_serve(&service.server);
	assert_int_equal(service.server.n_open, 1);
	assert_int_equal(let_go(n[0]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SERVICE(stream_client),
		IN_SERVICE(stream_server),
		IN_SERVICE(datagrams),
		IN_SERVICE(ancillary),
		IN_SERVICE(connect_refused),
		IN_SERVICE(connect_dropped),
		IN_SERVICE(connect_dissolved),
		IN_SERVICE(sent_with_syn),
		IN_SERVICE(wrong_names),
		IN_SERVICE(generations),
		IN_SERVICE(wrong_lengths),
		IN_SERVICE(never_waits),
		IN_SERVICE(channels),
		IN_SERVICE(scribbling),
		IN_SERVICE(orphans),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
