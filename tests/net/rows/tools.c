// tools.c: sockets in the states that rows begin with, waiting, and work that another thread does a while later.
#include "rows.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

static void must(bool good, const char *what)
{
	if (!good)
		say("setup", "", "%s-%s", what, strerrorname_np(errno));
}

int keep(int fd)
{
	struct running *r = running;

	if (fd >= 0 && r->kept_count < KEPT_MAX)
		r->kept[r->kept_count++] = fd;
	must(fd >= 0, "socket");
	return fd;
}

int tcp(const struct net *n, int flags)
{
	return keep(socket(n->af, SOCK_STREAM | flags, 0));
}

int udp(const struct net *n)
{
	int fd = keep(socket(n->af, SOCK_DGRAM, 0));

	set_timeout(fd, SO_RCVTIMEO, 3000);
	return fd;
}

int dial(int fd, struct addr to)
{
	return connect(fd, &to.sa, to.len);
}

int local_port(int fd)
{
	struct addr a = {.len = sizeof(a.any)};

	must(getsockname(fd, &a.sa, &a.len) == 0, "getsockname");
	return ntohs(a.in.sin_port);
}

void set_int(int fd, int level, int option, int value)
{
	must(setsockopt(fd, level, option, &value, sizeof(value)) == 0, "setsockopt");
}

void set_timeout(int fd, int option, int ms)
{
	struct timeval t = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	must(setsockopt(fd, SOL_SOCKET, option, &t, sizeof(t)) == 0, "timeout");
}

void set_blocking(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	must(flags >= 0 && fcntl(fd, F_SETFL, on ? flags & ~O_NONBLOCK : flags | O_NONBLOCK) == 0, "fcntl");
}

void set_port_range(int fd, int low, int high)
{
	uint32_t range = (uint32_t)high << 16 | (uint32_t)low;

	must(setsockopt(fd, IPPROTO_IP, IP_LOCAL_PORT_RANGE, &range, sizeof(range)) == 0, "port-range");
}

void bind_to(int fd, struct addr to)
{
	must(bind(fd, &to.sa, to.len) == 0, "bind");
}

void device_bind(int fd, const char *name)
{
	must(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, (socklen_t)strlen(name) + 1) == 0, "device");
}

int joined(const struct net *n, int flags)
{
	int fd = tcp(n, flags);

	dial(fd, at(n->peer, PORT_TALK));
	must(await(fd, POLLOUT), "joined");
	return fd;
}

int refused(const struct net *n)
{
	int fd = tcp(n, SOCK_NONBLOCK);

	dial(fd, at(n->peer, PORT_CLOSED));
	must(await(fd, POLLERR), "refused");
	return fd;
}

int pending(const struct net *n, int port)
{
	int fd = tcp(n, SOCK_NONBLOCK);

	must(dial(fd, at(n->wire, port)) == -1 && errno == EINPROGRESS, "pending");
	return fd;
}

int listening(const struct net *n, const char *host)
{
	int fd = tcp(n, 0);

	bind_to(fd, at(host, 0));
	must(listen(fd, 8) == 0, "listen");
	return fd;
}

bool await(int fd, short events)
{
	int64_t end = now_ms() + 6000;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};

		if (poll(&p, 1, 0) >= 0 && (p.revents & events) == events)
			return true;
		if (now_ms() > end)
			return false;
		pause_ms(2);
	}
}

void pause_ms(int ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct later {
	pthread_t thread, target;
	void (*work)(int fd, void *arg);
	void *arg;
	int ms, fd, sig;
};

static void *later_run(void *arg)
{
	struct later *l = arg;

	pause_ms(l->ms);
	if (l->sig)
		pthread_kill(l->target, l->sig);
	else
		l->work(l->fd, l->arg);
	return NULL;
}

static struct later *later_start(struct later what)
{
	struct later *l = malloc(sizeof(*l));

	if (!l)
		abort();
	*l = what;
	if (pthread_create(&l->thread, NULL, later_run, l) != 0)
		abort();
	return l;
}

struct later *later(int ms, void (*work)(int fd, void *arg), int fd, void *arg)
{
	return later_start((struct later){.ms = ms, .work = work, .fd = fd, .arg = arg});
}

struct later *later_signal(int ms, int sig)
{
	return later_start((struct later){.ms = ms, .sig = sig, .target = pthread_self()});
}

void later_join(struct later *l)
{
	pthread_join(l->thread, NULL);
	free(l);
}
