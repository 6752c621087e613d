/* around.c: two calls that packetdrill makes of the system and not of us, for a process that has this library in LD_PRELOAD:
 * %{ }% blocks read TCP_INFO with getsockopt(), and what a script left open is closed with close(). Without LD_PRELOAD nobody
 * finds these two here; then scripts with %{ }% fail, all others do not care. */
#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "packetdrill/drill.h"

#define EXPORT __attribute__((visibility("default")))

static long result(long rc)
{
	if (rc >= 0)
		return rc;
	errno = (int)-rc;
	return -1;
}

EXPORT int getsockopt(int fd, int level, int name, void *restrict val, socklen_t *restrict len)
{
	if (fds_ours(fd))
		return (int)result(drill_getsockopt(fd, level, name, val, len));
	return (int)syscall(SYS_getsockopt, fd, level, name, val, len);
}

EXPORT int close(int fd)
{
	if (fds_ours(fd))
		return (int)result(drill_close(fd));
	return (int)syscall(SYS_close, fd);
}
