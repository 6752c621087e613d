/* open.c: opening many connections and keeping them. */
#include <stdlib.h>

#include "net.h"
#include "run.h"
#include "tsc.h"

#define PENDING_MAX 1024 /* handshakes under way: what the server's half-open table and a burst's worth of rings take */
#define EVENTS_MAX 256
#define OPENS_MAX 64     /* per turn */
#define STALL_S 10       /* nothing happened for this long: give up */

static bool open_one(struct perf_run *r, struct held *h, uint32_t i)
{
	union perf_name to;
	socklen_t len = perf_name(r, false, &to);
	struct epoll_event ev = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.u64 = i };
	int fd = NET(socket)(to.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd >= 0 && (NET(connect)(fd, &to.sa, len) == 0 || errno == EINPROGRESS) &&
	    NET(epoll_ctl)(h->ep, EPOLL_CTL_ADD, fd, &ev) == 0) {
		h->fds[i] = ~fd;
		return true;
	}
	perf_fail(r, "connect");
	if (fd >= 0)
		NET(close)(fd);
	h->errors++;
	return false;
}

/* Handles what became ready; returns how many connections were decided. */
static uint32_t decide(struct perf_run *r, struct held *h)
{
	struct epoll_event ev[EVENTS_MAX];
	int n = perf_wait(r, h->ep, ev, EVENTS_MAX, 0);
	uint32_t decided = 0;

	for (int k = 0; k < n; k++) {
		uint32_t i = ev[k].data.u32;

		if (h->fds[i] >= 0)
			continue;
		decided++;
		h->fds[i] = ~h->fds[i];
		if (ev[k].events & (EPOLLERR | EPOLLHUP)) {
			NET(close)(h->fds[i]);
			h->errors++;
			h->fds[i] = -1;
		} else {
			h->established++;
		}
	}
	return decided;
}

/* The server has accepted everything; false when that takes too long. */
static bool server_has(struct perf_run *r, struct held *h)
{
	uint64_t end = tsc_now() + (uint64_t)(STALL_S * tsc_hz());

	while (perf_server_open(r) < h->established) {
		decide(r, h);
		if (tsc_now() > end)
			return false;
	}
	return true;
}

int held_open(struct perf_run *r, struct held *h, uint32_t n)
{
	uint64_t stall = (uint64_t)(STALL_S * tsc_hz()), last = tsc_now();
	uint32_t opened = 0, decided = 0;

	*h = (struct held){ .n = n, .ep = NET(epoll_create1)(0), .fds = malloc(n * sizeof(*h->fds)) };
	if (h->ep < 0 || !h->fds)
		return perf_fail(r, "client");
	while (decided < n) {
		uint32_t new;

		for (int k = 0; k < OPENS_MAX && opened < n && opened - decided < PENDING_MAX; k++)
			if (!open_one(r, h, opened++))
				return -EIO;
		new = decide(r, h);
		decided += new;
		if (new > 0)
			last = tsc_now();
		else if (tsc_now() - last > stall) {
			errno = ETIMEDOUT;
			return perf_fail(r, "connections do not get established");
		}
	}
	if (!server_has(r, h)) {
		errno = ETIMEDOUT;
		return perf_fail(r, "the server does not accept all connections");
	}
	return 0;
}

void held_close(struct held *h)
{
	for (uint32_t i = 0; i < h->n; i++) {
		if (h->fds[i] >= 0)
			NET(close)(h->fds[i]);
	}
	NET(close)(h->ep);
	free(h->fds);
}
