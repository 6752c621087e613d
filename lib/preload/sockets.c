/* sockets.c: the socket calls under libc's names. */
#include "preload/next.h"

FACE int socket(int domain, int type, int protocol)
{
	return FACE_OR(client_socket(domain, type, protocol), NEXT(socket)(domain, type, protocol));
}

FACE int bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	return FACE_OR(client_owns_socket(fd) ? client_bind(fd, addr, len) : CLIENT_KERNEL, NEXT(bind)(fd, addr, len));
}

FACE int connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	return FACE_OR(client_owns_socket(fd) ? client_connect(fd, addr, len) : CLIENT_KERNEL, NEXT(connect)(fd, addr, len));
}

FACE int listen(int fd, int backlog)
{
	return client_owns_socket(fd) ? (int)face(client_listen(fd, backlog)) : NEXT(listen)(fd, backlog);
}

FACE int accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	return client_owns_socket(fd) ? (int)face(client_accept4(fd, addr, len, flags)) : NEXT(accept4)(fd, addr, len, flags);
}

FACE int accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	return client_owns_socket(fd) ? (int)face(client_accept4(fd, addr, len, 0)) : NEXT(accept)(fd, addr, len);
}

FACE int shutdown(int fd, int how)
{
	return client_owns_socket(fd) ? (int)face(client_shutdown(fd, how)) : NEXT(shutdown)(fd, how);
}

FACE int getsockname(int fd, struct sockaddr *addr, socklen_t *len)
{
	return client_owns_socket(fd) ? (int)face(client_getsockname(fd, addr, len)) : NEXT(getsockname)(fd, addr, len);
}

FACE int getpeername(int fd, struct sockaddr *addr, socklen_t *len)
{
	return client_owns_socket(fd) ? (int)face(client_getpeername(fd, addr, len)) : NEXT(getpeername)(fd, addr, len);
}

FACE int getsockopt(int fd, int level, int name, void *val, socklen_t *len)
{
	return client_owns_socket(fd) ? (int)face(client_getsockopt(fd, level, name, val, len))
				      : NEXT(getsockopt)(fd, level, name, val, len);
}

FACE int setsockopt(int fd, int level, int name, const void *val, socklen_t len)
{
	return client_owns_socket(fd) ? (int)face(client_setsockopt(fd, level, name, val, len))
				      : NEXT(setsockopt)(fd, level, name, val, len);
}

/* ---- sending ---- */

FACE ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to, socklen_t to_len)
{
	return FACE_OR(client_owns_socket(fd) ? client_sendto(fd, buf, len, flags, to, to_len) : CLIENT_KERNEL,
		       NEXT(sendto)(fd, buf, len, flags, to, to_len));
}

FACE ssize_t send(int fd, const void *buf, size_t len, int flags)
{
	return client_owns_socket(fd) ? face(client_sendto(fd, buf, len, flags, NULL, 0)) : NEXT(send)(fd, buf, len, flags);
}

FACE ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	if (!client_owns_socket(fd) && client_message_carries(msg))
		return face(-EINVAL);
	return FACE_OR(client_owns_socket(fd) ? client_sendmsg(fd, msg, flags) : CLIENT_KERNEL, NEXT(sendmsg)(fd, msg, flags));
}

FACE int sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
	if (!client_owns_socket(fd))
		for (unsigned i = 0; client_fds != NULL && msgs != NULL && i < n; i++)
			if (client_message_carries(&msgs[i].msg_hdr))
				return (int)face(-EINVAL);
	return FACE_OR(client_owns_socket(fd) ? client_sendmmsg(fd, msgs, n, flags) : CLIENT_KERNEL, NEXT(sendmmsg)(fd, msgs, n, flags));
}

FACE ssize_t write(int fd, const void *buf, size_t len)
{
	return client_owns_socket(fd) ? face(client_sendto(fd, buf, len, 0, NULL, 0)) : NEXT(write)(fd, buf, len);
}

FACE ssize_t writev(int fd, const struct iovec *iov, int n)
{
	return client_owns_socket(fd) ? face(client_writev(fd, iov, n)) : NEXT(writev)(fd, iov, n);
}

FACE ssize_t sendfile(int fd, int from, off_t *offset, size_t len)
{
	if (client_owns(fd) || client_owns(from))
		return face(client_sendfile(fd, from, offset, len));
	return NEXT(sendfile)(fd, from, offset, len);
}

FACE ssize_t splice(int from, loff_t *from_at, int to, loff_t *to_at, size_t len, unsigned flags)
{
	if (client_owns_socket(from) || client_owns_socket(to))
		return face(client_splice(from, from_at, to, to_at, len, flags));
	return NEXT(splice)(from, from_at, to, to_at, len, flags);
}

/* ---- receiving ---- */

FACE ssize_t recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *from, socklen_t *from_len)
{
	return client_owns_socket(fd) ? face(client_recvfrom(fd, buf, len, flags, from, from_len))
				      : NEXT(recvfrom)(fd, buf, len, flags, from, from_len);
}

FACE ssize_t recv(int fd, void *buf, size_t len, int flags)
{
	return client_owns_socket(fd) ? face(client_recvfrom(fd, buf, len, flags, NULL, NULL)) : NEXT(recv)(fd, buf, len, flags);
}

FACE ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	return client_owns_socket(fd) ? face(client_recvmsg(fd, msg, flags)) : NEXT(recvmsg)(fd, msg, flags);
}

FACE int recvmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags, struct timespec *timeout)
{
	return client_owns_socket(fd) ? (int)face(client_recvmmsg(fd, msgs, n, flags, timeout))
				      : NEXT(recvmmsg)(fd, msgs, n, flags, timeout);
}

FACE ssize_t read(int fd, void *buf, size_t len)
{
	return client_owns_socket(fd) ? face(client_recvfrom(fd, buf, len, 0, NULL, NULL)) : NEXT(read)(fd, buf, len);
}

FACE ssize_t readv(int fd, const struct iovec *iov, int n)
{
	return client_owns_socket(fd) ? face(client_readv(fd, iov, n)) : NEXT(readv)(fd, iov, n);
}

/* ---- what fortified programs call, and libc's other names ---- */

extern void __chk_fail(void) __attribute__((noreturn));

FACE ssize_t __read_chk(int fd, void *buf, size_t len, size_t room);
ssize_t __read_chk(int fd, void *buf, size_t len, size_t room)
{
	if (len > room)
		__chk_fail();
	return read(fd, buf, len);
}

FACE ssize_t __recv_chk(int fd, void *buf, size_t len, size_t room, int flags);
ssize_t __recv_chk(int fd, void *buf, size_t len, size_t room, int flags)
{
	if (len > room)
		__chk_fail();
	return recv(fd, buf, len, flags);
}

FACE ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t room, int flags, struct sockaddr *from, socklen_t *from_len);
ssize_t __recvfrom_chk(int fd, void *buf, size_t len, size_t room, int flags, struct sockaddr *from, socklen_t *from_len)
{
	if (len > room)
		__chk_fail();
	return recvfrom(fd, buf, len, flags, from, from_len);
}

#define TWIN(name, of) extern __typeof__(of) name __attribute__((alias(#of), visibility("default")))
TWIN(__read, read);
TWIN(__write, write);
TWIN(__connect, connect);
TWIN(__send, send);
TWIN(sendfile64, sendfile);
