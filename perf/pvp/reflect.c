/* reflect.c: datagrams to a station that sends each one back with addresses and ports swapped, such as testpmd in its mode
 * 5tswap; what comes back is compared.
 *
 *   reflect [--size BYTES] [--flows N] [--window N] [--duration SECONDS] [--SETTING VALUE]... ADDRESS PORT
 *
 * A reflector does not answer ARP. So one datagram goes out first, "ready" is said, and measuring begins with the first line
 * on standard input; until then somebody else may answer. The last line is a JSON object. Exit code 0: none was lost, none
 * was wrong. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <spate/socket.h>
#include <spate/spate.h>

#define FLOWS_MAX 1024
#define SIZE_MAX_BYTES 1472
#define EVENTS_MAX 256
#define SEND_MAX 64               /* of one flow in one turn */
#define LATE_NS 1000000000ull     /* an answer that takes longer is lost */

struct flow {
	int fd;
	uint64_t sent, back; /* datagrams; the next to come back has the number `back`: nothing reorders */
	uint64_t last_ns;
};

struct reflect {
	struct spate_config *config;
	struct sockaddr_in to;
	unsigned long size, n_flows, window, seconds;
	int ep;
	struct flow flow[FLOWS_MAX];
	uint64_t sent, received, wrong, start_ns, end_ns;
	char out[SIZE_MAX_BYTES], in[SIZE_MAX_BYTES + 1];
};

static struct reflect run;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "reflect: %s: %s\n", what, why);
	exit(2);
}

/* Bytes that differ from datagram to datagram and from flow to flow. */
static void fill(struct reflect *r, char *to, unsigned flow, uint64_t serial)
{
	uint64_t head[2] = {serial, flow};

	memcpy(to, head, sizeof(head));
	for (size_t i = sizeof(head); i < r->size; i++)
		to[i] = (char)(serial + flow + i);
}

static void flows_open(struct reflect *r)
{
	struct epoll_event ev = {.events = EPOLLIN};

	r->ep = spate_epoll_create1(0);
	if (r->ep < 0)
		die("epoll_create1", strerror(errno));
	for (unsigned i = 0; i < r->n_flows; i++) {
		struct flow *f = &r->flow[i];

		f->fd = spate_socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
		ev.data.u32 = i;
		if (f->fd < 0 || spate_connect(f->fd, (const struct sockaddr *)&r->to, sizeof(r->to)) != 0 ||
		    spate_epoll_ctl(r->ep, EPOLL_CTL_ADD, f->fd, &ev) != 0)
			die("socket", strerror(errno));
	}
}

/* The first datagram makes the stack ask for the address of the station; nobody waits for it to come back. */
static void wait_for_go(struct reflect *r)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	struct epoll_event ev;
	char line[64];

	fill(r, r->out, 0, UINT64_MAX);
	if (spate_send(r->flow[0].fd, r->out, r->size, 0) < 0)
		die("send", strerror(errno));
	puts("ready");
	fflush(stdout);
	while (poll(&in, 1, 0) == 0)
		spate_epoll_wait(r->ep, &ev, 1, 1);
	if (read(STDIN_FILENO, line, sizeof(line)) <= 0)
		die("standard input", "ended before the first line");
	while (spate_recv(r->flow[0].fd, r->in, sizeof(r->in), 0) >= 0)
		;
}

static void flow_send(struct reflect *r, unsigned i, uint64_t now_ns)
{
	struct flow *f = &r->flow[i];

	for (unsigned k = 0; k < SEND_MAX && f->sent - f->back < r->window; k++) {
		fill(r, r->out, i, f->sent);
		if (spate_send(f->fd, r->out, r->size, 0) != (ssize_t)r->size)
			return;
		if (f->sent == f->back)
			f->last_ns = now_ns;
		f->sent++;
		r->sent++;
	}
}

static void flow_receive(struct reflect *r, unsigned i, uint64_t now_ns)
{
	struct flow *f = &r->flow[i];
	uint64_t serial;
	ssize_t n;

	for (unsigned k = 0; k < SEND_MAX; k++) {
		n = spate_recv(f->fd, r->in, sizeof(r->in), 0);
		if (n < 0)
			return;
		memcpy(&serial, r->in, sizeof(serial));
		fill(r, r->out, i, serial);
		if (n != (ssize_t)r->size || memcmp(r->in, r->out, r->size) != 0 || serial >= f->sent) {
			r->wrong++;
			continue;
		}
		if (serial < f->back) /* given up already, or a second time */
			continue;
		r->received++;
		f->back = serial + 1;
		f->last_ns = now_ns;
	}
}

/* What has not come back in time never will. */
static bool flow_waits(struct flow *f, uint64_t now_ns)
{
	if (f->sent != f->back && now_ns - f->last_ns >= LATE_NS)
		f->back = f->sent;
	return f->sent != f->back;
}

static void measure(struct reflect *r)
{
	struct epoll_event ev[EVENTS_MAX];
	uint64_t now_ns = r->start_ns = spate_now_ns(), stop_ns = now_ns + r->seconds * 1000000000ull;
	bool waits = false;

	while (now_ns < stop_ns || waits) { /* no flow waits longer than LATE_NS */
		int n;

		for (unsigned i = 0; i < r->n_flows && now_ns < stop_ns; i++)
			flow_send(r, i, now_ns);
		n = spate_epoll_wait(r->ep, ev, EVENTS_MAX, 0);
		now_ns = spate_now_ns();
		for (int k = 0; k < n; k++)
			flow_receive(r, ev[k].data.u32, now_ns);
		waits = false;
		for (unsigned i = 0; i < r->n_flows; i++)
			waits |= flow_waits(&r->flow[i], now_ns);
	}
	r->end_ns = now_ns;
}

static unsigned long number(const char *name, const char *text, unsigned long least, unsigned long most)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*end != '\0' || v < least || v > most)
		die(name, "not a number, or out of range");
	return v;
}

static void parse(struct reflect *r, int argc, char **argv)
{
	char err[256];
	int i;

	r->config = spate_config_new();
	if (!r->config)
		die("config", "out of memory");
	for (i = 1; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
		const char *name = argv[i] + 2, *value = argv[i + 1];

		if (strcmp(name, "size") == 0)
			r->size = number(name, value, 16, SIZE_MAX_BYTES);
		else if (strcmp(name, "flows") == 0)
			r->n_flows = number(name, value, 1, FLOWS_MAX);
		else if (strcmp(name, "window") == 0)
			r->window = number(name, value, 1, 256);
		else if (strcmp(name, "duration") == 0)
			r->seconds = number(name, value, 1, 3600);
		else if (spate_config_set(r->config, name, value, err, sizeof(err)))
			die(name, err);
	}
	if (argc - i != 2)
		die("usage", "reflect [--size N] [--flows N] [--window N] [--duration S] [--SETTING VALUE]... ADDRESS PORT");
	r->to.sin_family = AF_INET;
	if (inet_pton(AF_INET, argv[i], &r->to.sin_addr) != 1)
		die(argv[i], "not an IPv4 address");
	r->to.sin_port = htons((uint16_t)number("port", argv[i + 1], 1, 65535));
}

int main(int argc, char **argv)
{
	struct reflect *r = &run;
	char err[256];
	uint64_t lost;
	double s;

	*r = (struct reflect){.size = 64, .n_flows = 16, .window = 16, .seconds = 2};
	parse(r, argc, argv);
	if (spate_start(r->config, err, sizeof(err)))
		die("start", err);
	if (spate_attach(0))
		die("attach", "stack 0 is taken");
	flows_open(r);
	wait_for_go(r);
	measure(r);
	lost = r->sent - r->received;
	s = (double)(r->end_ns - r->start_ns) / 1e9;
	printf("{\"datagrams\": %llu, \"lost\": %llu, \"wrong\": %llu, \"seconds\": %.3f, \"datagrams_per_second\": %.0f}\n",
	       (unsigned long long)r->received, (unsigned long long)lost, (unsigned long long)r->wrong, s,
	       (double)r->received / s);
	spate_detach();
	spate_stop();
	spate_config_free(r->config);
	return lost == 0 && r->wrong == 0 && r->received > 0 ? 0 : 1;
}
