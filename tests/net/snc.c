/* snc.c: netcat over spate, for the tests: standard input to a TCP connection, what comes back to standard output.
 *
 *   snc [--listen] [--read-rate BYTES_PER_SECOND] [--SETTING VALUE]... ADDRESS PORT
 *
 * Both directions run at once; the end of standard input shuts the sending side down, and snc ends when the peer has
 * finished too. One line on standard error says what happened. Settings are those of <spate/spate.h>. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/sockios.h>

#include <spate/socket.h>
#include <spate/spate.h>

#define CHUNK (256 * 1024)
#define DRAIN_QUIET_NS 300000000u
#define ACKED_MOST_NS 20000000000u
#define DRAIN_MOST_NS 2000000000u
#define WAIT_MS 1 /* how long a turn waits for the network before it looks at standard input again */

struct pipe_state {
	int fd, ep;
	bool sending, reading;
	uint64_t sent, received;
	uint64_t read_rate, start_ns; /* bytes per second, 0: as fast as it comes */
	size_t held, held_off;        /* bytes of out that wait for the socket, and from where */
	char out[CHUNK], in[CHUNK];
};

struct args {
	struct spate_config *config;
	struct sockaddr_in6 addr; /* of either family */
	socklen_t addr_len;
	uint64_t read_rate;
	bool listen;
};

static struct pipe_state state;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "snc: %s: %s\n", what, why);
	exit(1);
}

/* Waits for one connection on the address. */
static int accept_one(const struct args *a)
{
	int fd, listener = spate_socket(a->addr.sin6_family, SOCK_STREAM, 0);

	if (listener < 0 || spate_bind(listener, (const struct sockaddr *)&a->addr, a->addr_len) || spate_listen(listener, 16))
		die("listen", strerror(errno));
	fprintf(stderr, "snc: listening\n");
	fd = spate_accept(listener, NULL, NULL);
	if (fd < 0)
		die("accept", strerror(errno));
	spate_close(listener);
	return fd;
}

static int connect_one(const struct args *a)
{
	int fd = spate_socket(a->addr.sin6_family, SOCK_STREAM, 0);

	if (fd < 0)
		die("socket", strerror(errno));
	if (spate_connect(fd, (const struct sockaddr *)&a->addr, a->addr_len))
		die("connect", strerror(errno));
	return fd;
}

/* Standard input to the socket: what fits. True when bytes moved. */
static bool pump_out(struct pipe_state *s)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	ssize_t n;

	if (!s->sending)
		return false;
	if (s->held == 0) {
		if (poll(&in, 1, 0) <= 0)
			return false;
		n = read(STDIN_FILENO, s->out, sizeof(s->out));
		if (n < 0)
			die("standard input", strerror(errno));
		if (n == 0) {
			if (spate_shutdown(s->fd, SHUT_WR))
				die("shutdown", strerror(errno));
			s->sending = false;
			return false;
		}
		s->held = (size_t)n;
		s->held_off = 0;
	}
	n = spate_send(s->fd, s->out + s->held_off, s->held, 0);
	if (n < 0) {
		if (errno != EAGAIN)
			die("send", strerror(errno));
		return false;
	}
	s->sent += (uint64_t)n;
	s->held -= (size_t)n;
	s->held_off += (size_t)n;
	return true;
}

static void write_all(const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = write(STDOUT_FILENO, p, n);

		if (w < 0)
			die("standard output", strerror(errno));
		p += w;
		n -= (size_t)w;
	}
}

/* How much may be read now. */
static size_t read_allowance(const struct pipe_state *s)
{
	uint64_t due;

	if (s->read_rate == 0)
		return sizeof(s->in);
	due = (spate_now_ns() - s->start_ns) / 1000 * s->read_rate / 1000000;
	if (due <= s->received)
		return 0;
	return due - s->received < sizeof(s->in) ? due - s->received : sizeof(s->in);
}

/* The socket to standard output: what there is. True when bytes moved. */
static bool pump_in(struct pipe_state *s)
{
	size_t most = s->reading ? read_allowance(s) : 0;
	ssize_t n;

	if (most == 0)
		return false;
	n = spate_recv(s->fd, s->in, most, 0);
	if (n < 0) {
		if (errno != EAGAIN)
			die("recv", strerror(errno));
		return false;
	}
	s->reading = n > 0;
	s->received += (uint64_t)n;
	write_all(s->in, (size_t)n);
	return true;
}

static void set_interest(struct pipe_state *s, int op)
{
	struct epoll_event ev = {.events = 0};

	if (s->reading && read_allowance(s) > 0)
		ev.events |= EPOLLIN;
	if (s->sending && s->held > 0)
		ev.events |= EPOLLOUT;
	if (spate_epoll_ctl(s->ep, op, s->fd, &ev))
		die("epoll_ctl", strerror(errno));
}

static void run(struct pipe_state *s)
{
	struct epoll_event ev;

	if (spate_fcntl(s->fd, F_SETFL, O_NONBLOCK))
		die("fcntl", strerror(errno));
	s->ep = spate_epoll_create1(0);
	if (s->ep < 0)
		die("epoll_create1", strerror(errno));
	s->sending = s->reading = true;
	s->start_ns = spate_now_ns();
	set_interest(s, EPOLL_CTL_ADD);
	while (s->sending || s->reading) {
		bool moved = pump_out(s);

		moved |= pump_in(s);
		set_interest(s, EPOLL_CTL_MOD);
		if (spate_epoll_wait(s->ep, &ev, 1, moved ? 0 : WAIT_MS) < 0)
			die("epoll_wait", strerror(errno));
	}
}

/* Until the peer has acknowledged all that was sent, however often it is lost. */
static void wait_acked(int fd)
{
	const uint64_t begun_ns = spate_now_ns();
	int unacked = 1;

	while (unacked > 0 && spate_now_ns() - begun_ns < ACKED_MOST_NS) {
		spate_turn();
		if (spate_ioctl(fd, SIOCOUTQ, &unacked) != 0) /* the connection is over */
			return;
	}
}

/* Closing starts the last exchange of FINs and ACKs: keep the stack turning until nothing has moved for a while, or long
 * enough when the wire is never quiet. */
static void drain(int fd)
{
	uint64_t begun_ns, last_ns;

	wait_acked(fd);
	spate_close(fd);
	begun_ns = last_ns = spate_now_ns();
	do {
		if (spate_turn() > 0)
			last_ns = spate_now_ns();
	} while (spate_now_ns() - last_ns < DRAIN_QUIET_NS && spate_now_ns() - begun_ns < DRAIN_MOST_NS);
}

/* 10.0.0.1, 2001:db8::1, or fe80::1%1: on the first network interface. */
static void address(struct args *a, char *text, in_port_t port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&a->addr;
	char *zone = strchr(text, '%');

	if (strchr(text, ':') == NULL) {
		in->sin_family = AF_INET;
		in->sin_port = port;
		a->addr_len = sizeof(*in);
		if (inet_pton(AF_INET, text, &in->sin_addr) != 1)
			die(text, "not an IPv4 address");
		return;
	}
	a->addr.sin6_family = AF_INET6;
	a->addr.sin6_port = port;
	a->addr_len = sizeof(a->addr);
	if (zone != NULL) {
		*zone = '\0';
		a->addr.sin6_scope_id = (uint32_t)atoi(zone + 1);
	}
	if (inet_pton(AF_INET6, text, &a->addr.sin6_addr) != 1)
		die(text, "not an IPv6 address");
}

static void parse(struct args *a, int argc, char **argv)
{
	char err[256];
	int i;

	a->config = spate_config_new();
	if (!a->config)
		die("config", "out of memory");
	for (i = 1; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
		const char *name = argv[i] + 2;

		if (strcmp(name, "listen") == 0) {
			a->listen = true;
			continue;
		}
		if (++i == argc)
			die(name, "needs a value");
		if (strcmp(name, "read-rate") == 0)
			a->read_rate = strtoull(argv[i], NULL, 10);
		else if (spate_config_set(a->config, name, argv[i], err, sizeof(err)))
			die(name, err);
	}
	if (argc - i != 2)
		die("usage", "snc [--listen] [--read-rate N] [--SETTING VALUE]... ADDRESS PORT");
	address(a, argv[i], htons((uint16_t)atoi(argv[i + 1])));
}

int main(int argc, char **argv)
{
	struct args a = {0};
	char err[256];

	parse(&a, argc, argv);
	if (spate_start(a.config, err, sizeof(err)))
		die("start", err);
	if (spate_attach(0))
		die("attach", "stack 0 is taken");
	state.read_rate = a.read_rate;
	while (!spate_settled())
		spate_turn();
	state.fd = a.listen ? accept_one(&a) : connect_one(&a);
	run(&state);
	fprintf(stderr, "snc: sent %llu received %llu\n", (unsigned long long)state.sent,
		(unsigned long long)state.received);
	drain(state.fd);
	spate_detach();
	spate_stop();
	spate_config_free(a.config);
	return 0;
}
