/* poll.c: poll() and select(): every given descriptor is looked at after every turn. */
#include <string.h>

#include "sock/sock.h"

#define SELECT_IN (EPOLLIN | EPOLLHUP | EPOLLERR)
#define SELECT_OUT (EPOLLOUT | EPOLLERR)
#define SELECT_EX EPOLLPRI

/* The epoll bits have poll's values; the "normal data" twins are added for programs that ask for those. */
static short poll_bits(uint32_t ev)
{
	return (short)(ev | (ev & EPOLLIN ? POLLRDNORM : 0u) | (ev & EPOLLOUT ? POLLWRNORM : 0u));
}

static int poll_scan(struct sock_env *env, struct pollfd *fds, nfds_t n)
{
	int ready = 0;

	for (nfds_t i = 0; i < n; i++) {
		struct conn *c;

		fds[i].revents = 0;
		if (fds[i].fd < 0)
			continue; /* poll() skips these */
		c = sock_at_shared(env, fds[i].fd);
		if (c == NULL)
			fds[i].revents = POLLNVAL;
		else
			fds[i].revents = (short)(poll_bits(sock_events(env, c)) &
						 (fds[i].events | POLLERR | POLLHUP));
		ready += fds[i].revents != 0;
	}
	return ready;
}

int sock_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct sock_env *env = sock_cur;
	struct sock_wait w;
	int rc, ready;

	if (env == NULL)
		return -ENXIO;
	if (fds == NULL && n > 0)
		return -EFAULT;
	sock_wait_begin(&w, env, timeout_ms < 0 ? SOCK_FOREVER : (uint64_t)timeout_ms * 1000000u, false);
	do {
		rc = sock_wait_turn(&w);
		if (rc < 0) {
			ready = rc == -EAGAIN ? 0 : rc;
			break;
		}
		ready = poll_scan(env, fds, n);
	} while (ready == 0);
	sock_wait_end(&w);
	return ready;
}

/* ---- select ---- */

static bool set_has(const fd_set *set, int fd) { return set != NULL && FD_ISSET(fd, set); }

struct select_sets {
	fd_set *in[3];  /* read, write, except; as the caller gave them */
	fd_set out[3];
};

static const uint32_t select_bits[3] = {SELECT_IN, SELECT_OUT, SELECT_EX};

static int select_scan(struct sock_env *env, int n, struct select_sets *sets)
{
	int ready = 0;

	for (int i = 0; i < 3; i++)
		FD_ZERO(&sets->out[i]);
	for (int fd = 0; fd < n; fd++) {
		struct conn *c;
		uint32_t ev;

		if (!set_has(sets->in[0], fd) && !set_has(sets->in[1], fd) && !set_has(sets->in[2], fd))
			continue;
		c = sock_at_shared(env, fd);
		if (c == NULL)
			return -EBADF;
		ev = sock_events(env, c);
		for (int i = 0; i < 3; i++) {
			if (set_has(sets->in[i], fd) && ev & select_bits[i]) {
				FD_SET(fd, &sets->out[i]);
				ready++;
			}
		}
	}
	return ready;
}

static uint64_t select_timeout_ns(const struct timeval *tv)
{
	if (tv == NULL || (uint64_t)tv->tv_sec > SOCK_FOREVER / 2000000000u)
		return SOCK_FOREVER;
	return (uint64_t)tv->tv_sec * 1000000000u + (uint64_t)tv->tv_usec * 1000u;
}

int sock_select(int n, fd_set *rd, fd_set *wr, fd_set *ex, struct timeval *timeout)
{
	struct select_sets sets = {.in = {rd, wr, ex}};
	struct sock_env *env = sock_cur;
	struct sock_wait w;
	int rc, ready;

	if (env == NULL)
		return -ENXIO;
	if (n < 0 || (timeout != NULL && (timeout->tv_sec < 0 || timeout->tv_usec < 0)))
		return -EINVAL;
	n = RTE_MIN(n, FD_SETSIZE);
	sock_wait_begin(&w, env, select_timeout_ns(timeout), false);
	do {
		rc = sock_wait_turn(&w);
		if (rc < 0) {
			ready = rc == -EAGAIN ? 0 : rc;
			break;
		}
		ready = select_scan(env, n, &sets);
	} while (ready == 0);
	sock_wait_end(&w);
	if (timeout != NULL) {
		uint64_t left_us = sock_wait_left_ns(&w) / 1000;

		*timeout = (struct timeval){.tv_sec = (time_t)(left_us / 1000000),
					    .tv_usec = (suseconds_t)(left_us % 1000000)};
	}
	if (ready < 0)
		return ready;
	for (int i = 0; i < 3; i++)
		if (sets.in[i] != NULL)
			memcpy(sets.in[i], &sets.out[i], sizeof(fd_set));
	return ready;
}
