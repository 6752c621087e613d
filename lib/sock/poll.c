/* poll.c: poll() and select(): every given descriptor is looked at after every turn. */
#include <string.h>

#include "sock/kernel.h"

#define NS_IN_S 1000000000ull
#define SELECT_IN (EPOLLIN | EPOLLHUP | EPOLLERR)
#define SELECT_OUT (EPOLLOUT | EPOLLERR)
#define SELECT_EX EPOLLPRI

/* The epoll bits have poll's values; the "normal data" twins are added for programs that ask for those. */
static short poll_bits(uint32_t ev)
{
	return (short)(ev | (ev & EPOLLIN ? POLLRDNORM : 0u) | (ev & EPOLLOUT ? POLLWRNORM : 0u));
}

/* *kernel: some of them are the kernel's, which are not looked at here. */
static int poll_scan(struct sock_env *env, struct pollfd *fds, nfds_t n, bool *kernel)
{
	int ready = 0;

	*kernel = false;

	for (nfds_t i = 0; i < n; i++) {
		struct conn *c;

		fds[i].revents = 0;
		if (fds[i].fd < 0)
			continue; /* poll() skips these */
		if (sock_is_kernel(fds[i].fd)) {
			*kernel = true;
			continue;
		}
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

int sock_poll_for(struct pollfd *fds, nfds_t n, uint64_t ns, const sigset_t *mask)
{
	struct sock_env *env = sock_cur;
	struct sock_wait w;
	uint32_t turn = 0;
	bool kernel;
	int rc, ready;

	if (env == NULL)
		return -ENXIO;
	if (fds == NULL && n > 0)
		return -EFAULT;
	sock_wait_begin(&w, env, ns, false);
	sock_wait_mask(&w, mask);
	do {
		rc = sock_wait_turn(&w);
		if (rc < 0) {
			ready = rc == -EAGAIN ? 0 : rc;
			break;
		}
		ready = poll_scan(env, fds, n, &kernel);
		if (unlikely(kernel) && (ready > 0 || turn++ % KERNEL_TURNS == 0))
			ready += kernel_poll_all(fds, n);
	} while (ready == 0);
	sock_wait_end(&w);
	return ready;
}

/* As libc's: *timeout stays. */
int sock_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	uint64_t ns;
	int rc = sock_timespec_ns(timeout, &ns);

	return rc < 0 ? rc : sock_poll_for(fds, n, ns, mask);
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

/* A second and more of microseconds is taken for what it says, as on Linux. */
static int timeval_ns(const struct timeval *tv, uint64_t *ns)
{
	*ns = SOCK_FOREVER;
	if (tv == NULL)
		return 0;
	if (tv->tv_sec < 0 || tv->tv_usec < 0)
		return -EINVAL;
	if ((uint64_t)tv->tv_sec < SOCK_FOREVER / 2 / NS_IN_S && (uint64_t)tv->tv_usec < SOCK_FOREVER / 2000)
		*ns = (uint64_t)tv->tv_sec * NS_IN_S + (uint64_t)tv->tv_usec * 1000u;
	return 0;
}

int sock_select_for(int n, fd_set *rd, fd_set *wr, fd_set *ex, uint64_t ns, const sigset_t *mask, uint64_t *left_ns)
{
	struct select_sets sets = {.in = {rd, wr, ex}};
	struct sock_env *env = sock_cur;
	struct sock_wait w;
	int rc, ready;

	if (env == NULL)
		return -ENXIO;
	if (n < 0)
		return -EINVAL;
	n = RTE_MIN(n, FD_SETSIZE);
	sock_wait_begin(&w, env, ns, false);
	sock_wait_mask(&w, mask);
	do {
		rc = sock_wait_turn(&w);
		if (rc < 0) {
			ready = rc == -EAGAIN ? 0 : rc;
			break;
		}
		ready = select_scan(env, n, &sets);
	} while (ready == 0);
	sock_wait_end(&w);
	*left_ns = sock_wait_left_ns(&w);
	if (ready < 0)
		return ready;
	for (int i = 0; i < 3; i++)
		if (sets.in[i] != NULL)
			memcpy(sets.in[i], &sets.out[i], sizeof(fd_set));
	return ready;
}

int sock_select(int n, fd_set *rd, fd_set *wr, fd_set *ex, struct timeval *timeout)
{
	uint64_t ns, left_ns = 0;
	int rc = timeval_ns(timeout, &ns);

	if (rc < 0)
		return rc;
	rc = sock_select_for(n, rd, wr, ex, ns, NULL, &left_ns);
	if (timeout != NULL && rc != -ENXIO && rc != -EINVAL)
		*timeout = (struct timeval){.tv_sec = (time_t)(left_ns / NS_IN_S), .tv_usec = (suseconds_t)(left_ns % NS_IN_S / 1000)};
	return rc;
}

int sock_pselect(int n, fd_set *rd, fd_set *wr, fd_set *ex, const struct timespec *timeout, const sigset_t *mask)
{
	uint64_t ns, left_ns;
	int rc = sock_timespec_ns(timeout, &ns);

	return rc < 0 ? rc : sock_select_for(n, rd, wr, ex, ns, mask, &left_ns);
}
