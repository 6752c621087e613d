/* listen_test.c: one listening socket for all stacks of an end: with and without twins, closing in every order, and the
 * connections that it made. */
#include "cores.h"

#include <arpa/inet.h>

#include "flow/away.h"
#include "wire/cksum.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

#define PORT 80
#define N 48
#define OWNER 1u /* the stack that has the listener, of the far end's four */

static int make(void **state)
{
	(void)state;
	return cores_make(&(struct cores_config){.n = {3, 4}});
}

static int client[N], server[N];
static unsigned server_core[N];

static unsigned client_core(int i) { return (unsigned)i % cores.cfg.n[NEAR]; }

static int listen_at(unsigned core)
{
	on(FAR, core);
	return cores_listener(CORES_FAR_IP, PORT);
}

static void connect_all(void)
{
	for (int i = 0; i < N; i++) {
		on(NEAR, client_core(i));
		client[i] = cores_stream(0);
		assert_int_equal(cores_connect(client[i], CORES_FAR_IP, PORT), 0);
	}
	cores_run_ms(5);
}

/* Which of the clients this accepted socket belongs to. */
static int client_of(int fd)
{
	struct sockaddr_storage peer, own;
	socklen_t len = sizeof(peer);
	struct sock_env *env = sock_cur;

	assert_int_equal(spate_sys_getpeername(fd, (struct sockaddr *)&peer, &len), 0);
	for (int i = 0; i < N; i++) {
		on(NEAR, client_core(i));
		len = sizeof(own);
		assert_int_equal(spate_sys_getsockname(client[i], (struct sockaddr *)&own, &len), 0);
		if (memcmp(&own, &peer, len) == 0) {
			sock_enter(env);
			return i;
		}
	}
	fail_msg("accepted a connection that nobody made");
	return -1;
}

/* Everything that waits at this stack; how many. home: each has its home here. */
static int accept_all(unsigned core, int l, bool home)
{
	int n = 0, fd;

	on(FAR, core);
	while ((fd = cores_accept(l)) >= 0) {
		int i = client_of(fd);

		assert_int_equal(server[i], 0);
		server[i] = fd;
		server_core[i] = core;
		if (home)
			assert_int_equal(flow_home(&cores.stack[FAR][core]->flow, sock_at(sock_cur, fd)->h.hash), core);
		n++;
	}
	assert_int_equal(fd, -EAGAIN);
	return n;
}

static void talk_all(void)
{
	for (int i = 0; i < N; i++)
		cores_talk(NEAR, client_core(i), client[i], FAR, server_core[i], server[i]);
}

/* The server closes first, or the client: TIME-WAIT is on either side. */
static void close_all(void)
{
	for (int i = 0; i < N; i++) {
		for (int k = 0; k < 2; k++) {
			bool near = (i + k) % 2 == 0;

			on(near ? NEAR : FAR, near ? client_core(i) : server_core[i]);
			assert_int_equal(spate_sys_close(near ? client[i] : server[i]), 0);
			cores_run_ms(1);
		}
		server[i] = 0;
	}
}

static void all_gone(void)
{
	cores_run_ms(130000);
	cores_assert_clean();
	assert_int_equal(cores_dropped(FAR, DROP_TCP_NO_SOCKET), 0);
	assert_int_equal(cores_dropped(NEAR, DROP_TCP_NO_SOCKET), 0);
}

static uint32_t aways(int end)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < cores.cfg.n[end]; i++)
		sum += cores.stack[end][i]->flow.pool[FLOW_AWAY].used;
	return sum;
}

static void without_twins(void **state)
{
	int l = listen_at(OWNER), elsewhere = 0;

	(void)state;
	connect_all();
	assert_int_equal(accept_all(OWNER, l, false), N);
	for (int i = 0; i < N; i++) {
		const struct flow_head *h = &sock_at(&cores.env[FAR][OWNER], server[i])->h;

		elsewhere += flow_home(&cores.stack[FAR][0]->flow, h->hash) != OWNER;
	}
	assert_true(elsewhere > N / 2);
	assert_int_equal(aways(FAR), elsewhere);
	assert_true(cores_rehomed(FAR, REHOME_BOUND) >= 2 * (uint64_t)elsewhere); /* SYN and ACK */
	talk_all();
	close_all();
	cores_run_ms(130000);
	assert_int_equal(aways(FAR), 0);
	on(FAR, OWNER);
	assert_int_equal(spate_sys_close(l), 0);
	all_gone();
}

static void with_twins(void **state)
{
	int l = listen_at(OWNER), n = 0;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		on(FAR, i);
		assert_int_equal(cores_accept(l), -EAGAIN);
	}
	connect_all();
	for (unsigned i = 0; i < 4; i++) {
		int here = accept_all(i, l, true);

		assert_true(here > 0);
		n += here;
	}
	assert_int_equal(n, N);
	assert_int_equal(aways(FAR), 0);
	assert_int_equal(cores_rehomed(FAR, REHOME_BOUND), 0);
	talk_all();
	on(FAR, OWNER);
	assert_int_equal(spate_sys_close(l), 0);
	talk_all();
	close_all();
	all_gone();
}

/* They find the way to the stack that accepted them when there is nobody any more whom a SYN could be for. */
static void connections_outlive_the_listener(void **state)
{
	int l = listen_at(OWNER), fd;

	(void)state;
	connect_all();
	assert_int_equal(accept_all(OWNER, l, false), N);
	on(FAR, OWNER);
	assert_int_equal(spate_sys_close(l), 0);
	talk_all();
	on(NEAR, 0);
	fd = cores_stream(0);
	assert_int_equal(cores_connect(fd, CORES_FAR_IP, PORT), -ECONNREFUSED);
	assert_int_equal(spate_sys_close(fd), 0);
	talk_all();
	close_all();
	cores_run_ms(130000);
	cores_assert_clean();
}

/* What waits in a twin's queue is reset when its owner closes, and when the twin's stack gives it up. */
static void queues_are_reset(void **state)
{
	(void)state;
	for (int owner_first = 0; owner_first < 2; owner_first++) {
		int l = listen_at(OWNER), reset = 0, left;
		char byte;

		on(FAR, 2);
		assert_int_equal(cores_accept(l), -EAGAIN);
		connect_all();
		on(FAR, owner_first ? OWNER : 2);
		assert_int_equal(spate_sys_close(l), 0);
		cores_run_ms(5);
		for (int i = 0; i < N; i++) {
			ssize_t got;

			on(NEAR, client_core(i));
			got = spate_sys_recvfrom(client[i], &byte, 1, MSG_DONTWAIT, NULL, NULL);
			assert_true(got == -ECONNRESET || got == -EAGAIN);
			reset += got == -ECONNRESET;
		}
		on(FAR, OWNER);
		left = owner_first ? 0 : accept_all(OWNER, l, false);
		assert_int_equal(reset + left, N);
		assert_true(reset > 0 && (owner_first || left > 0));
		if (!owner_first) { /* it still listens, for all */
			on(NEAR, 0);
			for (int i = 0; i < 8; i++) {
				int fd = cores_stream(0);

				assert_int_equal(cores_connect(fd, CORES_FAR_IP, PORT), 0);
				assert_int_equal(spate_sys_close(fd), 0);
			}
			on(FAR, OWNER);
			assert_int_equal(spate_sys_close(l), 0);
		}
		for (int i = 0; i < N; i++) {
			on(NEAR, client_core(i));
			assert_int_equal(spate_sys_close(client[i]), 0);
			on(FAR, OWNER);
			if (server[i] != 0)
				assert_int_equal(spate_sys_close(server[i]), 0);
			server[i] = 0;
		}
		cores_run_ms(130000);
		cores_assert_clean();
	}
}

/* A client whose flow's home at the far end is this core. */
static int client_with_home(unsigned home, uint16_t from)
{
	uint16_t port = cores_port_for(FAR, home, CORES_FAR_IP, PORT, CORES_NEAR_IP, from);

	on(NEAR, 0);
	return cores_bound(CORES_NEAR_IP, port, SOCK_NONBLOCK);
}

/* A handshake began at the owner, then its home gets a twin. Whatever is lost and repeated, it comes to a good end, once. */
static void twin_appears_during_handshakes(void **state)
{
	(void)state;
	for (int lost = 0; lost < 4; lost++) {
		int l = listen_at(OWNER), fd = client_with_home(3, 20000), got = -1;
		unsigned at = OWNER;

		cores_cut(FAR, lost != 0); /* the SYN-ACK */
		on(NEAR, 0);
		assert_int_equal(cores_connect(fd, CORES_FAR_IP, PORT), -EINPROGRESS);
		while (cores.stack[FAR][OWNER]->tcp.stats.synrcvd == 0)
			cores_turn();
		on(FAR, 3);
		assert_int_equal(cores_accept(l), -EAGAIN);
		/* The SYN is repeated: both stacks have answered. Then the twin's answer comes first, or (3) the owner's, at 3 s. */
		cores_run_ms(lost == 2 ? 1500 : lost == 3 ? 2500 : 0);
		cores_cut(FAR, false);
		cores_cut(NEAR, lost == 3);
		cores_run_ms(700);
		cores_cut(NEAR, false);
		cores_run_ms(8000);
		for (unsigned i = 0; i < 4 && got < 0; i++) {
			on(FAR, i);
			got = cores_accept(l);
			at = i;
		}
		assert_true(got > 0);
		assert_int_equal(at, lost == 2 ? at : OWNER);
		on(NEAR, 0);
		assert_int_equal(cores_so_error(fd), 0);
		cores_talk(NEAR, 0, fd, FAR, at, got);
		assert_int_equal(spate_sys_close(fd), 0);
		on(FAR, at);
		assert_int_equal(spate_sys_close(got), 0);
		on(FAR, OWNER);
		assert_int_equal(spate_sys_close(l), 0);
		cores_run_ms(200000);
		cores_assert_clean();
	}
}

/* The peer uses the tuple again while it is in TIME-WAIT here: at the stack that accepted it, or at its home. */
static void over_time_wait(void **state)
{
	(void)state;
	for (int twin = 0; twin < 2; twin++) {
		int l = listen_at(OWNER), fd, got;
		uint16_t port = cores_port_for(FAR, 3, CORES_FAR_IP, PORT, CORES_NEAR_IP, 30000);

		on(FAR, 3);
		if (twin)
			assert_int_equal(cores_accept(l), -EAGAIN);
		for (int round = 0; round < 3; round++) {
			unsigned at = twin && round == 0 ? 3 : OWNER;

			on(NEAR, 0);
			fd = cores_bound(CORES_NEAR_IP, port, SOCK_NONBLOCK);
			assert_int_equal(cores_connect(fd, CORES_FAR_IP, PORT), -EINPROGRESS);
			cores_run_ms(10);
			assert_int_equal(cores_so_error(fd), 0);
			on(FAR, at);
			got = cores_accept(l);
			assert_true(got > 0);
			cores_talk(NEAR, 0, fd, FAR, at, got);
			on(FAR, at);
			assert_int_equal(spate_sys_close(got), 0); /* first: TIME-WAIT is here */
			cores_run_ms(5);
			on(NEAR, 0);
			assert_int_equal(spate_sys_close(fd), 0);
			cores_run_ms(50);
			assert_int_equal(cores.stack[FAR][at]->tcp.stats.timewait, 1);
			on(FAR, 3);
			if (twin && round == 0)
				assert_int_equal(spate_sys_close(l), 0); /* the twin alone */
		}
		on(FAR, OWNER);
		assert_int_equal(spate_sys_close(l), 0);
		all_gone();
	}
}

static void descriptor_rules(void **state)
{
	int l = listen_at(OWNER), yes = 0, udp, plain, ep;
	struct sockaddr_in a;
	socklen_t len = sizeof(a);
	struct epoll_event ev = {.events = EPOLLIN};
	struct conn *twin;

	(void)state;
	if (cores.ip6) /* it looks into packets and keys of IPv4 */
		skip();
	plain = cores_stream(0);
	udp = cores_dgram(0);
	on(FAR, 2);
	assert_int_equal(spate_sys_getsockname(l, (struct sockaddr *)&a, &len), 0);
	assert_int_equal(ntohs(a.sin_port), PORT);
	assert_int_equal(a.sin_addr.s_addr, cores_addr(CORES_FAR_IP, 0).sin_addr.s_addr);
	len = sizeof(yes);
	assert_int_equal(spate_sys_getsockopt(l, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len), 0);
	assert_int_equal(yes, 1);
	/* Calls that do not take another stack's listener, and other sockets of that stack. */
	assert_int_equal(spate_sys_setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)), -EBADF);
	assert_int_equal(spate_sys_listen(l, 1), -EBADF);
	assert_int_equal(spate_sys_shutdown(l, SHUT_RD), -EBADF);
	assert_int_equal(cores_connect(l, CORES_NEAR_IP, 1), -EBADF);
	assert_int_equal(spate_sys_getpeername(l, (struct sockaddr *)&a, &len), -EBADF);
	assert_int_equal(cores_accept(plain), -EBADF);
	assert_int_equal(spate_sys_close(plain), -EBADF);
	assert_int_equal(cores_accept(udp), -EBADF);
	assert_int_equal(cores_accept(l + (1 << 20)), -EBADF);
	assert_int_equal(cores_accept(-1), -EBADF);
	/* The twin has no number of its own. */
	assert_int_equal(sock_twin(sock_cur, l, false, &twin), 0);
	assert_non_null(twin);
	assert_int_equal(cores_accept(sock_fd(sock_cur, twin)), -EBADF);
	/* Given up, and made anew. */
	assert_int_equal(spate_sys_close(l), 0);
	assert_int_equal(spate_sys_close(l), 0);
	assert_int_equal(sock_twin(sock_cur, l, false, &twin), 0);
	assert_null(twin);
	assert_int_equal(cores_accept(l), -EAGAIN);
	ep = spate_sys_epoll_create1(0);
	assert_int_equal(spate_sys_epoll_ctl(ep, EPOLL_CTL_ADD, l, &ev), 0);
	assert_int_equal(spate_sys_epoll_ctl(ep, EPOLL_CTL_ADD, l, &ev), -EEXIST);
	/* The other end knows nothing of it. */
	on(NEAR, 0);
	assert_int_equal(cores_accept(l), -EBADF);
	/* Stops listening: an ordinary socket again, and no longer anybody else's. */
	on(FAR, OWNER);
	assert_int_equal(spate_sys_shutdown(l, SHUT_RD), 0);
	on(FAR, 2);
	assert_int_equal(cores_accept(l), -EAGAIN); /* heard of with the next turn */
	cores_turn();
	assert_int_equal(cores_accept(l), -EBADF);
	assert_int_equal(((struct epoll_inst *)sock_at(sock_cur, ep))->n_watched, 0);
	on(FAR, OWNER);
	assert_int_equal(spate_sys_listen(l, 5), 0);
	on(FAR, 2);
	assert_int_equal(cores_accept(l), -EAGAIN);
	assert_int_equal(spate_sys_close(ep), 0);
	on(FAR, OWNER);
	assert_int_equal(spate_sys_close(l), 0);
	assert_int_equal(spate_sys_close(plain), 0);
	assert_int_equal(spate_sys_close(udp), 0);
	cores_turn();
	on(FAR, 2);
	assert_int_equal(cores_accept(l), -EBADF);
	all_gone();
}

static int closing_fd;

static void close_it(void)
{
	struct sock_env *env = sock_cur;

	if (closing_fd == 0)
		return;
	on(FAR, OWNER);
	assert_int_equal(spate_sys_close(closing_fd), 0);
	closing_fd = 0;
	sock_enter(env);
}

/* Whoever waits at a twin when its owner closes is told; poll() and epoll_wait() hear of connections. */
static void waiting_at_a_twin(void **state)
{
	int l, fd = 0, ep, got;
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = 42}, out;
	struct pollfd p = {.events = POLLIN};

	(void)state;
	on(FAR, OWNER);
	l = cores_listener("0.0.0.0", PORT);
	assert_int_equal(spate_fcntl(l, F_SETFL, 0), 0); /* after listen(): the others hear of it */
	on(FAR, 3);
	ep = spate_sys_epoll_create1(0);
	assert_int_equal(spate_sys_epoll_ctl(ep, EPOLL_CTL_ADD, l, &ev), 0);
	assert_int_equal(spate_sys_epoll_wait(ep, &out, 1, 0), 0);
	fd = client_with_home(3, 20000);
	on(NEAR, 0);
	assert_int_equal(cores_connect(fd, CORES_FAR_IP, PORT), -EINPROGRESS);
	on(FAR, 3);
	assert_int_equal(spate_sys_epoll_wait(ep, &out, 1, 100), 1);
	assert_int_equal(out.data.u64, 42);
	p.fd = l;
	assert_int_equal(spate_poll(&p, 1, 0), 1);
	assert_int_equal(p.revents, POLLIN);
	got = spate_sys_accept4(l, NULL, NULL, 0);
	assert_true(got > 0);
	assert_int_equal(spate_sys_close(got), 0);
	closing_fd = l;
	cores.every_turn = close_it;
	assert_int_equal(spate_sys_accept4(l, NULL, NULL, 0), -EBADF);
	assert_int_equal(spate_sys_epoll_wait(ep, &out, 1, 10), 0);
	assert_int_equal(spate_poll(&p, 1, 0), 1);
	assert_int_equal(p.revents, POLLNVAL);
	assert_int_equal(spate_sys_close(ep), 0);
	on(NEAR, 0);
	assert_int_equal(spate_sys_close(fd), 0);
	all_gone();
}

/* A twin has the options of its owner's listener, those from before it was made and those since. */
static void options_reach_twins(void **state)
{
	int l = listen_at(OWNER), fd, got, v = 0;
	socklen_t len = sizeof(v);

	(void)state;
	cores_option(l, IPPROTO_TCP, 1 /* TCP_NODELAY */, 1);
	cores_option(l, IPPROTO_IP, IP_TOS, 0x20);
	on(FAR, 3);
	assert_int_equal(cores_accept(l), -EAGAIN);
	on(FAR, OWNER);
	cores_option(l, SOL_SOCKET, SO_RCVBUF, 100000);
	fd = client_with_home(3, 20000);
	assert_int_equal(cores_connect(fd, CORES_FAR_IP, PORT), -EINPROGRESS);
	cores_run_ms(5);
	on(FAR, 3);
	got = cores_accept(l);
	assert_true(got > 0);
	assert_int_equal(spate_sys_getsockopt(got, IPPROTO_TCP, 1, &v, &len), 0);
	assert_int_equal(v, 1);
	assert_int_equal(spate_sys_getsockopt(got, IPPROTO_IP, IP_TOS, &v, &len), 0);
	assert_int_equal(v, 0x20);
	assert_int_equal(spate_sys_getsockopt(got, SOL_SOCKET, SO_RCVBUF, &v, &len), 0);
	assert_int_equal(v, 200000);
	assert_int_equal(spate_sys_close(got), 0);
	on(NEAR, 0);
	assert_int_equal(spate_sys_close(fd), 0);
	on(FAR, OWNER);
	assert_int_equal(spate_sys_close(l), 0);
	all_gone();
}

/* Fast Open's queue and keys are options, too: a cookie that one stack gave is good on the other. */
static void fast_open_reaches_twins(void **state)
{
	uint8_t key[32], told[32];
	int l = listen_at(OWNER), v = 0;
	socklen_t len = sizeof(v);

	(void)state;
	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 7 + 1);
	for (unsigned i = 0; i < cores.cfg.n[FAR]; i++)
		cores.stack[FAR][i]->tcp.fastopen = TCP_FO_SERVER;
	on(FAR, 3);
	assert_int_equal(cores_accept(l), -EAGAIN);
	on(FAR, OWNER);
	cores_option(l, IPPROTO_TCP, 23 /* TCP_FASTOPEN */, 17);
	assert_int_equal(spate_sys_setsockopt(l, IPPROTO_TCP, 33 /* TCP_FASTOPEN_KEY */, key, sizeof(key)), 0);
	cores_run_ms(2);
	for (unsigned core = OWNER; core <= 3; core += 2) {
		struct conn *twin = NULL;

		on(FAR, core);
		if (core != OWNER)
			assert_int_equal(sock_twin(sock_cur, l, false, &twin), 0);
		twin = core != OWNER ? twin : sock_at(sock_cur, l);
		assert_non_null(twin);
		assert_int_equal(tcp_getopt(&sock_cur->s->tcp, sock_tcp(twin), IPPROTO_TCP, 23, &v, &len), 0);
		assert_int_equal(v, 17);
		len = sizeof(told);
		assert_int_equal(tcp_getopt(&sock_cur->s->tcp, sock_tcp(twin), IPPROTO_TCP, 33, told, &len), 0);
		assert_int_equal(len, sizeof(key));
		assert_memory_equal(told, key, sizeof(key));
		len = sizeof(v);
	}
	on(FAR, OWNER);
	assert_int_equal(spate_sys_close(l), 0);
	all_gone();
}

static void inject_syn(const char *from, uint16_t to_port)
{
	const rte_be32_t src = inet_addr(from), dst = inet_addr(CORES_FAR_IP);
	const struct tcp_view v = {.sport = 1234, .dport = to_port, .seq = 5, .flags = TCPF_SYN, .wnd = 1000};
	const struct tcp_opts none = {0};
	uint8_t ip[40];
	uint16_t sum;

	ip4_emit(ip, src, dst, IPPROTO_TCP, sizeof(ip), 0, 0, 64);
	tcp_emit(ip + 20, &v, &none);
	sum = (uint16_t)~cksum_fold(cksum_bytes(cksum_pseudo_sum(src, dst, IPPROTO_TCP, 20), ip + 20, 20));
	memcpy(ip + 36, &sum, sizeof(sum));
	cores_inject(NEAR, ip, sizeof(ip));
	cores_run_ms(5);
}

/* Who cannot be answered is not remembered: neither at a listener nor at a closed port. */
static void from_where_no_route_leads(void **state)
{
	int l = listen_at(OWNER);

	(void)state;
	if (cores.ip6) /* it makes packets of IPv4 */
		skip();
	cores_run_ms(2);
	inject_syn("192.0.2.7", PORT);
	assert_int_equal(cores_dropped(FAR, DROP_TCP_SYN_FULL), 1);
	assert_int_equal(cores_dropped(FAR, DROP_NO_ROUTE), 0);
	inject_syn("192.0.2.7", PORT + 1);
	assert_int_equal(cores_dropped(FAR, DROP_TCP_NO_SOCKET), 1);
	assert_int_equal(cores_dropped(FAR, DROP_NO_ROUTE), 1);
	on(FAR, OWNER);
	assert_int_equal(spate_sys_close(l), 0);
	cores_run_ms(5);
	cores_assert_clean();
}

/* Stacks that are out of step: each believes that the other listens. A SYN goes from its home to the other, no further. */
static void nothing_circles(void **state)
{
	struct bind_note n = {.flags = BIND_RECEIVES | BIND_IP6, .lport_be = RTE_BE16(PORT), .owner = 7};
	int fd = client_with_home(0, 20000);

	(void)state;
	bind_remote_set(&cores.stack[FAR][0]->tcp.binds, 1, &n);
	bind_remote_set(&cores.stack[FAR][1]->tcp.binds, 0, &n);
	on(NEAR, 0);
	assert_int_equal(cores_connect(fd, CORES_FAR_IP, PORT), -EINPROGRESS);
	cores_run_ms(10);
	assert_int_equal(cores_so_error(fd), ECONNREFUSED);
	assert_int_equal(cores_rehomed(FAR, REHOME_BOUND), 1);
	assert_int_equal(spate_sys_close(fd), 0);
	bind_remote_remove(&cores.stack[FAR][0]->tcp.binds, 1, &n);
	bind_remote_remove(&cores.stack[FAR][1]->tcp.binds, 0, &n);
	cores_run_ms(10);
	cores_assert_clean();
}

/* A home that believes a flow to be with a stack which has it no more is put right by the next packet. */
static void stale_away_heals(void **state)
{
	uint16_t port = cores_port_for(FAR, 2, CORES_FAR_IP, PORT, CORES_NEAR_IP, 20000);
	const struct flow_key key = {.laddr_be = cores_addr(CORES_FAR_IP, 0).sin_addr.s_addr, .lport_be = RTE_BE16(PORT),
				     .raddr_be = cores_addr(CORES_NEAR_IP, 0).sin_addr.s_addr, .rport_be = htons(port)};
	struct flow *f = &cores.stack[FAR][2]->flow;
	struct away_note n = {.proto = IPPROTO_TCP, .key = key, .hash = flow_hash(f, &key)};
	int fd = client_with_home(2, 20000), l = listen_at(2), got;

	(void)state;
	if (cores.ip6) /* it looks into packets and keys of IPv4 */
		skip();
	assert_non_null(flow_away_enter(f, &f->tcp, &n, 0));
	on(NEAR, 0);
	assert_int_equal(cores_connect(fd, CORES_FAR_IP, PORT), -EINPROGRESS);
	cores_run_ms(10);
	assert_int_equal(cores_so_error(fd), ECONNREFUSED); /* the SYN ended where nobody is */
	assert_int_equal(aways(FAR), 0);
	assert_int_equal(cores_connect(fd, CORES_FAR_IP, PORT), -ECONNABORTED);
	assert_int_equal(cores_connect(fd, CORES_FAR_IP, PORT), -EINPROGRESS);
	cores_run_ms(10);
	assert_int_equal(cores_so_error(fd), 0);
	on(FAR, 2);
	got = cores_accept(l);
	assert_true(got > 0);
	cores_talk(NEAR, 0, fd, FAR, 2, got);
	assert_int_equal(spate_sys_close(fd), 0);
	on(FAR, 2);
	assert_int_equal(spate_sys_close(got), 0);
	assert_int_equal(spate_sys_close(l), 0);
	cores_run_ms(130000);
	cores_assert_clean();
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, make, cores_end)
	const struct CMUnitTest tests[] = {
		T(without_twins), T(with_twins), T(connections_outlive_the_listener), T(queues_are_reset),
		T(twin_appears_during_handshakes), T(over_time_wait), T(descriptor_rules), T(waiting_at_a_twin),
		T(options_reach_twins), T(fast_open_reaches_twins), T(from_where_no_route_leads), T(nothing_circles), T(stale_away_heals),
	};

	return cmocka_run_group_tests_name("core_listen", tests, cores_eal, NULL);
}
