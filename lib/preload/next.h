/* next.h: libc's own functions, for the descriptors that are not ours: with what they are beyond a system call (cancellation). */
#ifndef PRELOAD_NEXT_H
#define PRELOAD_NEXT_H

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "client/client.h"

#define PRELOAD_NAMES(X) \
	X(socket) X(bind) X(listen) X(accept) X(accept4) X(connect) X(shutdown) X(getsockname) X(getpeername) X(getsockopt) \
	X(setsockopt) X(send) X(sendto) X(sendmsg) X(sendmmsg) X(recv) X(recvfrom) X(recvmsg) X(recvmmsg) X(read) X(write) \
	X(readv) X(writev) X(sendfile) X(splice) X(close) X(close_range) X(closefrom) X(dup) X(dup2) X(dup3) X(fcntl) X(ioctl) \
	X(poll) X(ppoll) X(select) X(pselect) X(epoll_create) X(epoll_create1) X(epoll_ctl) X(epoll_wait) X(epoll_pwait) \
	X(epoll_pwait2) X(fdopen) X(fileno) X(vdprintf) X(system) X(popen) X(pclose) X(posix_spawn) X(posix_spawnp) \
	X(posix_spawn_file_actions_init) X(posix_spawn_file_actions_destroy) X(posix_spawn_file_actions_addopen) \
	X(posix_spawn_file_actions_addclose) X(posix_spawn_file_actions_adddup2) X(posix_spawn_file_actions_addchdir_np) \
	X(posix_spawn_file_actions_addfchdir_np) X(posix_spawn_file_actions_addclosefrom_np) \
	X(posix_spawn_file_actions_addtcsetpgrp_np)

struct next {
#define NEXT_MEMBER(name) __typeof__(&name) name;
	PRELOAD_NAMES(NEXT_MEMBER)
#undef NEXT_MEMBER
};
extern struct next next;

/* Found at start; before that (constructors of others) when it is first called. */
static inline void *next_find(void **found, const char *name)
{
	if (*found == NULL)
		*found = dlsym(RTLD_NEXT, name);
	return *found;
}
#define NEXT(name) ((__typeof__(next.name))next_find((void **)(void *)&next.name, #name))

/* A name that programs see. */
#define FACE __attribute__((visibility("default")))

/* The result of a call of the client as libc gives it. */
static inline long face(long rc)
{
	if (rc >= 0)
		return rc;
	errno = (int)-rc;
	return -1;
}

/* What the client says, unless it leaves the call to the kernel. */
#define FACE_OR(rc, kernel) \
	__extension__({ \
		long face_rc = (rc); \
		face_rc == CLIENT_KERNEL ? (kernel) : (__typeof__(kernel))face(face_rc); \
	})

#endif
