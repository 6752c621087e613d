/* syscall.c: libc's syscall(): system calls by number, for those that the other files stand in for by name. */
#include <sys/syscall.h>

#include "client/kernel.h"
#include "preload/next.h"
#include "preload/old.h"
#include "preload/raw.h"

#define FD ((int)a[0])
#define OURS client_owns_socket(FD)
#define ADDR(i) ((struct sockaddr *)a[i])
#define LEN(i) ((socklen_t *)a[i])

static uint64_t ns_of(const struct timespec *ts)
{
	return ts == NULL || ts->tv_sec > 1000000000 ? CLIENT_FOREVER : (uint64_t)ts->tv_sec * 1000000000u + (uint64_t)ts->tv_nsec;
}

static uint64_t ns_of_ms(long ms) { return (int)ms < 0 ? CLIENT_FOREVER : (uint64_t)ms * 1000000u; }

/* pselect6() has its mask behind a pointer, with its size. */
static const sigset_t *pselect_mask(void *const *pair) { return pair != NULL ? pair[0] : NULL; }

/* The first descriptor is a socket of ours. */
static long of_socket(long nr, const long a[6])
{
	switch (nr) {
	case SYS_bind:
		return client_bind(FD, ADDR(1), (socklen_t)a[2]);
	case SYS_connect:
		return client_connect(FD, ADDR(1), (socklen_t)a[2]);
	case SYS_listen:
		return client_listen(FD, (int)a[1]);
	case SYS_accept:
		return client_accept4(FD, ADDR(1), LEN(2), 0);
	case SYS_accept4:
		return client_accept4(FD, ADDR(1), LEN(2), (int)a[3]);
	case SYS_shutdown:
		return client_shutdown(FD, (int)a[1]);
	case SYS_getsockname:
		return client_getsockname(FD, ADDR(1), LEN(2));
	case SYS_getpeername:
		return client_getpeername(FD, ADDR(1), LEN(2));
	case SYS_getsockopt:
		return client_getsockopt(FD, (int)a[1], (int)a[2], (void *)a[3], LEN(4));
	case SYS_setsockopt:
		return client_setsockopt(FD, (int)a[1], (int)a[2], (void *)a[3], (socklen_t)a[4]);
	case SYS_sendto:
		return client_sendto(FD, (void *)a[1], (size_t)a[2], (int)a[3], ADDR(4), (socklen_t)a[5]);
	case SYS_sendmsg:
		return client_sendmsg(FD, (void *)a[1], (int)a[2]);
	case SYS_sendmmsg:
		return client_sendmmsg(FD, (void *)a[1], (unsigned)a[2], (int)a[3]);
	case SYS_recvfrom:
		return client_recvfrom(FD, (void *)a[1], (size_t)a[2], (int)a[3], ADDR(4), LEN(5));
	case SYS_recvmsg:
		return client_recvmsg(FD, (void *)a[1], (int)a[2]);
	case SYS_recvmmsg:
		return client_recvmmsg(FD, (void *)a[1], (unsigned)a[2], (int)a[3], (void *)a[4]);
	case SYS_read:
		return client_recvfrom(FD, (void *)a[1], (size_t)a[2], 0, NULL, NULL);
	case SYS_write:
		return client_sendto(FD, (void *)a[1], (size_t)a[2], 0, NULL, 0);
	case SYS_readv:
		return client_readv(FD, (void *)a[1], (int)a[2]);
	case SYS_writev:
		return client_writev(FD, (void *)a[1], (int)a[2]);
	case SYS_sendfile:
		return client_sendfile(FD, (int)a[1], (void *)a[2], (size_t)a[3]);
	case SYS_ioctl:
		return client_ioctl(FD, (unsigned long)a[1], (void *)a[2]);
	default:
		return CLIENT_KERNEL;
	}
}

/* Whose descriptor may be anything. */
static long of_any(long nr, const long a[6])
{
	switch (nr) {
	case SYS_socket:
		return client_socket((int)a[0], (int)a[1], (int)a[2]);
	case SYS_close:
		return client_close(FD);
	case SYS_close_range:
		return client_close_range((unsigned)a[0], (unsigned)a[1], (unsigned)a[2]);
	case SYS_dup:
		return client_dup(FD, 0, false);
	case SYS_dup3:
		return client_dup2(FD, (int)a[1], (int)a[2]);
	case SYS_fcntl:
		return client_fcntl(FD, (int)a[1], a[2]);
	case SYS_ppoll:
		return client_poll((void *)a[0], (nfds_t)a[1], ns_of((void *)a[2]), (void *)a[3]);
	case SYS_pselect6:
		return client_select(FD, (void *)a[1], (void *)a[2], (void *)a[3], ns_of((void *)a[4]), pselect_mask((void *)a[5]));
	case SYS_epoll_create1:
		return client_epoll_create(FD);
	case SYS_epoll_ctl:
		return client_epoll_ctl(FD, (int)a[1], (int)a[2], (void *)a[3]);
	case SYS_epoll_pwait:
		return client_owns(FD) ? client_epoll_wait(FD, (void *)a[1], (int)a[2], ns_of_ms(a[3]), (void *)a[4]) : CLIENT_KERNEL;
	case SYS_epoll_pwait2:
		return client_owns(FD) ? client_epoll_wait(FD, (void *)a[1], (int)a[2], ns_of((void *)a[3]), (void *)a[4])
				       : CLIENT_KERNEL;
	case SYS_splice:
		return OURS || client_owns_socket((int)a[2])
			       ? client_splice(FD, (void *)a[1], (int)a[2], (void *)a[3], (size_t)a[4], (unsigned)a[5])
			       : CLIENT_KERNEL;
	case SYS_sendmsg:
		return client_message_carries((void *)a[1]) ? -EINVAL : CLIENT_KERNEL;
	default:
		return preload_old_call(nr, a);
	}
}

long preload_call(long nr, const long a[6])
{
	long rc = OURS ? of_socket(nr, a) : CLIENT_KERNEL;

	if (rc == CLIENT_KERNEL)
		rc = of_any(nr, a);
	return rc == CLIENT_KERNEL ? kernel_call(nr, a[0], a[1], a[2], a[3], a[4], a[5]) : rc;
}

FACE long syscall(long nr, ...)
{
	va_list ap;
	long a[6];

	va_start(ap, nr);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	return face(preload_call(nr, a));
}
