/* files.c: what is done with descriptors of any kind, under libc's names. */
#include "preload/next.h"

#define CLOSE_RANGE_TO (~0u)

FACE int close(int fd) { return FACE_OR(client_close(fd), NEXT(close)(fd)); }

FACE int close_range(unsigned from, unsigned to, int flags)
{
	return FACE_OR(client_close_range(from, to, (unsigned)flags), NEXT(close_range)(from, to, flags));
}

FACE void closefrom(int from)
{
	if (client_close_range(from > 0 ? (unsigned)from : 0, CLOSE_RANGE_TO, 0) == CLIENT_KERNEL)
		NEXT(closefrom)(from);
}

FACE int dup(int fd) { return FACE_OR(client_dup(fd, 0, false), NEXT(dup)(fd)); }

FACE int dup2(int from, int to) { return FACE_OR(client_dup2(from, to, 0), NEXT(dup2)(from, to)); }

FACE int dup3(int from, int to, int flags) { return FACE_OR(client_dup2(from, to, flags), NEXT(dup3)(from, to, flags)); }

FACE int fcntl(int fd, int cmd, ...)
{
	va_list ap;
	long arg;

	va_start(ap, cmd);
	arg = va_arg(ap, long);
	va_end(ap);
	return FACE_OR(client_fcntl(fd, cmd, arg), NEXT(fcntl)(fd, cmd, arg));
}

FACE int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	return FACE_OR(client_ioctl(fd, request, arg), NEXT(ioctl)(fd, request, arg));
}

#define TWIN(name, of) extern __typeof__(of) name __attribute__((alias(#of), visibility("default")))
TWIN(__close, close);
TWIN(__dup2, dup2);
TWIN(__fcntl, fcntl);
TWIN(fcntl64, fcntl);
