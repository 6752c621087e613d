/* old_x86_64.c: system calls that x86-64 has and newer processors' kernels do not. */
#include <sys/syscall.h>

#include "preload/next.h"
#include "preload/old.h"

static uint64_t ns_of_ms(long ms) { return (int)ms < 0 ? CLIENT_FOREVER : (uint64_t)ms * 1000000u; }

static uint64_t ns_of_timeval(const struct timeval *tv)
{
	return tv == NULL ? CLIENT_FOREVER : (uint64_t)tv->tv_sec * 1000000000u + (uint64_t)tv->tv_usec * 1000u;
}

long preload_old_call(long nr, const long a[6])
{
	switch (nr) {
	case SYS_dup2:
		return client_dup2((int)a[0], (int)a[1], 0);
	case SYS_poll:
		return client_poll((void *)a[0], (nfds_t)a[1], ns_of_ms(a[2]), NULL);
	case SYS_select:
		return client_select((int)a[0], (void *)a[1], (void *)a[2], (void *)a[3], ns_of_timeval((void *)a[4]), NULL);
	case SYS_epoll_create:
		return (int)a[0] <= 0 ? -EINVAL : client_epoll_create(0);
	case SYS_epoll_wait:
		return client_owns((int)a[0]) ? client_epoll_wait((int)a[0], (void *)a[1], (int)a[2], ns_of_ms(a[3]), NULL)
					      : CLIENT_KERNEL;
	default:
		return CLIENT_KERNEL;
	}
}
