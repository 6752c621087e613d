// facts.c: what a row sees, in words: errnos and poll bits by name, addresses as names of the test's world, times only as "in time".
#include "rows.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>

static bool key_taken(const struct running *r, const char *key)
{
	for (int i = 0; i < r->fact_count; i++) {
		if (strcmp(r->facts[i].key, key) == 0)
			return true;
	}
	return false;
}

// The second "connect" of a row is "connect.2".
static void key_make(const struct running *r, const char *key, char *made, size_t size)
{
	snprintf(made, size, "%s", key);
	for (int i = 2; key_taken(r, made); i++)
		snprintf(made, size, "%s.%d", key, i);
}

void say(const char *key, const char *want, const char *format, ...)
{
	struct running *r = running;
	struct fact *f;
	va_list args;

	if (r->fact_count == FACTS_MAX) {
		fprintf(stderr, "rows: row %s has too many facts\n", r->row->id);
		exit(2);
	}
	f = &r->facts[r->fact_count];
	key_make(r, key, f->key, sizeof(f->key));
	va_start(args, format);
	vsnprintf(f->seen, sizeof(f->seen), format, args);
	va_end(args);
	for (char *c = f->seen; *c; c++) {
		if (*c == ' ' || *c == '\n')
			*c = '_';
	}
	f->wanted = want != NULL;
	snprintf(f->want, sizeof(f->want), "%s", want ? want : "");
	r->fact_count++;
}

void errno_text(int error, char *text, size_t size)
{
	const char *name = strerrorname_np(error);

	if (error && name)
		snprintf(text, size, "%s", name);
	else
		snprintf(text, size, "%d", error);
}

void see(const char *key, int64_t result, const char *want)
{
	char text[32];

	if (result == -1) {
		errno_text(errno, text, sizeof(text));
		say(key, want, "%s", text);
	} else {
		say(key, want, "%lld", (long long)result);
	}
}

void see_connect(int fd, struct addr to, const char *want)
{
	see("connect", dial(fd, to), want);
}

static void bits_text(uint32_t bits, char *text, size_t size)
{
	const struct {
		uint32_t bit;
		const char *name;
	} names[] = {{POLLIN, "IN"}, {POLLOUT, "OUT"}, {POLLERR, "ERR"}, {POLLHUP, "HUP"}, {POLLRDHUP, "RDHUP"}, {POLLNVAL, "NVAL"}};
	size_t used = 0;

	text[0] = 0;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (bits & names[i].bit)
			used += (size_t)snprintf(text + used, size - used, "%s%s", used ? "|" : "", names[i].name);
	}
	if (used == 0)
		snprintf(text, size, "none");
}

static void see_poll_for(int fd, int wait_ms, const char *want)
{
	struct pollfd p = {.fd = fd, .events = POLLIN | POLLOUT | POLLRDHUP};
	char text[64];

	if (poll(&p, 1, wait_ms) < 0) {
		see("poll", -1, want);
		return;
	}
	bits_text((uint32_t)p.revents, text, sizeof(text));
	say("poll", want, "%s", text);
}

void see_poll(int fd, const char *want)
{
	see_poll_for(fd, 0, want);
}

void see_ready(int fd, const char *want)
{
	see_poll_for(fd, 6000, want);
}

void see_select(int fd, const char *want)
{
	struct timeval none = {0};
	fd_set r, w, x;

	FD_ZERO(&r);
	FD_ZERO(&w);
	FD_ZERO(&x);
	FD_SET(fd, &r);
	FD_SET(fd, &w);
	FD_SET(fd, &x);
	if (select(fd + 1, &r, &w, &x, &none) < 0)
		see("select", -1, want);
	else
		say("select", want, "%d/%d/%d", FD_ISSET(fd, &r) != 0, FD_ISSET(fd, &w) != 0, FD_ISSET(fd, &x) != 0);
}

void see_soerr(int fd, const char *want)
{
	int error = 0;
	socklen_t len = sizeof(error);
	char text[32];

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0) {
		see("soerr", -1, want);
		return;
	}
	errno_text(error, text, sizeof(text));
	say("soerr", want, "%s", text);
}

static void see_name(const char *key, int fd, int (*get)(int, struct sockaddr *, socklen_t *), const char *want)
{
	struct addr a = {.len = sizeof(a.any)};
	char text[96];

	if (get(fd, &a.sa, &a.len) < 0) {
		see(key, -1, want);
		return;
	}
	world_name(&a, text, sizeof(text));
	say(key, want, "%s", text);
}

static int own_name(int fd, struct sockaddr *sa, socklen_t *len)
{
	return getsockname(fd, sa, len);
}

static int peer_name(int fd, struct sockaddr *sa, socklen_t *len)
{
	return getpeername(fd, sa, len);
}

void see_names(int fd, const char *own, const char *peer)
{
	see_name("own", fd, own_name, own);
	see_name("peer", fd, peer_name, peer);
}

void see_send(int fd, const char *text, const char *want)
{
	see("send", send(fd, text, strlen(text), MSG_NOSIGNAL), want);
}

void see_send_to(int fd, const char *text, struct addr to, const char *want)
{
	see("sendto", sendto(fd, text, strlen(text), MSG_NOSIGNAL, &to.sa, to.len), want);
}

void see_recv(int fd, const char *want)
{
	char text[128];
	ssize_t got = recv(fd, text, sizeof(text) - 1, 0);

	if (got <= 0) {
		see("recv", got, want);
		return;
	}
	text[got] = 0;
	say("recv", want, "%s", text);
}

void see_time(const char *key, int64_t ms, int want_ms, int tolerance_ms)
{
	char want[32];

	snprintf(want, sizeof(want), "%d.%ds", want_ms / 1000, want_ms % 1000 / 100);
	if (llabs(ms - want_ms) <= tolerance_ms)
		say(key, want, "%s", want);
	else
		say(key, want, "%lldms", (long long)ms);
}

void see_epoll(int ep, int wait_ms, const char *want)
{
	struct epoll_event e = {0};
	char text[64];
	int got = epoll_wait(ep, &e, 1, wait_ms);

	if (got < 0) {
		see("epoll", -1, want);
		return;
	}
	bits_text(got ? e.events : 0, text, sizeof(text));
	say("epoll", want, "%s", text);
}
