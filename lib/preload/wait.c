/* wait.c: poll, select and epoll under libc's names. */
#include "preload/next.h"

/* Of a time as the calls take it; false: it is none. */
static bool span_ns(const struct timespec *ts, uint64_t *ns)
{
	*ns = CLIENT_FOREVER;
	if (ts == NULL)
		return true;
	if (ts->tv_sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec > 999999999)
		return false;
	if (ts->tv_sec < 1000000000)
		*ns = (uint64_t)ts->tv_sec * 1000000000u + (uint64_t)ts->tv_nsec;
	return true;
}

static uint64_t ms_ns(int ms) { return ms < 0 ? CLIENT_FOREVER : (uint64_t)ms * 1000000u; }

/* ---- poll ---- */

FACE int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	return FACE_OR(client_poll(fds, n, ms_ns(timeout), NULL), NEXT(poll)(fds, n, timeout));
}

FACE int ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	uint64_t ns;

	if (!span_ns(timeout, &ns))
		return (int)face(-EINVAL);
	return FACE_OR(client_poll(fds, n, ns, mask), NEXT(ppoll)(fds, n, timeout, mask));
}

extern void __chk_fail(void) __attribute__((noreturn));

FACE int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room);
int __poll_chk(struct pollfd *fds, nfds_t n, int timeout, size_t room)
{
	if (room / sizeof(*fds) < n)
		__chk_fail();
	return poll(fds, n, timeout);
}

FACE int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask, size_t room);
int __ppoll_chk(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask, size_t room)
{
	if (room / sizeof(*fds) < n)
		__chk_fail();
	return ppoll(fds, n, timeout, mask);
}

/* ---- select ---- */

FACE int select(int n, fd_set *rd, fd_set *wr, fd_set *ex, struct timeval *timeout)
{
	struct timespec ts;
	uint64_t ns, began = 0, passed;
	long rc;

	if (timeout != NULL) {
		if (timeout->tv_sec < 0 || timeout->tv_usec < 0)
			return (int)face(-EINVAL);
		ts.tv_sec = timeout->tv_sec + timeout->tv_usec / 1000000;
		ts.tv_nsec = timeout->tv_usec % 1000000 * 1000;
		began = client_now_ns();
	}
	span_ns(timeout != NULL ? &ts : NULL, &ns);
	rc = client_select(n, rd, wr, ex, ns, NULL);
	if (rc == CLIENT_KERNEL)
		return NEXT(select)(n, rd, wr, ex, timeout);
	if (timeout != NULL) { /* Linux tells what is left */
		passed = client_now_ns() - began;
		ns = passed < ns ? ns - passed : 0;
		timeout->tv_sec = (time_t)(ns / 1000000000u);
		timeout->tv_usec = (suseconds_t)(ns % 1000000000u / 1000u);
	}
	return (int)face(rc);
}

FACE int pselect(int n, fd_set *rd, fd_set *wr, fd_set *ex, const struct timespec *timeout, const sigset_t *mask)
{
	uint64_t ns;

	if (!span_ns(timeout, &ns))
		return (int)face(-EINVAL);
	return FACE_OR(client_select(n, rd, wr, ex, ns, mask), NEXT(pselect)(n, rd, wr, ex, timeout, mask));
}

/* ---- epoll ---- */

FACE int epoll_create1(int flags) { return FACE_OR(client_epoll_create(flags), NEXT(epoll_create1)(flags)); }

FACE int epoll_create(int size)
{
	return size <= 0 ? (int)face(-EINVAL) : FACE_OR(client_epoll_create(0), NEXT(epoll_create)(size));
}

FACE int epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	return FACE_OR(client_epoll_ctl(epfd, op, fd, event), NEXT(epoll_ctl)(epfd, op, fd, event));
}

FACE int epoll_wait(int epfd, struct epoll_event *events, int max, int timeout)
{
	if (!client_owns(epfd))
		return NEXT(epoll_wait)(epfd, events, max, timeout);
	return (int)face(client_epoll_wait(epfd, events, max, ms_ns(timeout), NULL));
}

FACE int epoll_pwait(int epfd, struct epoll_event *events, int max, int timeout, const sigset_t *mask)
{
	if (!client_owns(epfd))
		return NEXT(epoll_pwait)(epfd, events, max, timeout, mask);
	return (int)face(client_epoll_wait(epfd, events, max, ms_ns(timeout), mask));
}

FACE int epoll_pwait2(int epfd, struct epoll_event *events, int max, const struct timespec *timeout, const sigset_t *mask)
{
	uint64_t ns;

	if (!client_owns(epfd))
		return NEXT(epoll_pwait2)(epfd, events, max, timeout, mask);
	if (!span_ns(timeout, &ns))
		return (int)face(-EINVAL);
	return (int)face(client_epoll_wait(epfd, events, max, ns, mask));
}

#define TWIN(name, of) extern __typeof__(of) name __attribute__((alias(#of), visibility("default")))
TWIN(__poll, poll);
TWIN(__select, select);
