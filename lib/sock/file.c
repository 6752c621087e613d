/* file.c: between a socket and a file or pipe of the kernel: sendfile(), splice(). */
#include <fcntl.h>
#include <string.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sock/kernel.h"

#define PIECE 16384u      /* bytes that are read and sent at a time */
#define PIPE_PIECE 4096u  /* what a pipe that is writable takes for sure (PIPE_BUF) */
#define COUNT_MAX 0x7ffff000u /* of one call, as Linux */

/* ---- sendfile ---- */

static ssize_t pieces_send(int out, int kin, off_t at, size_t count)
{
	uint8_t piece[PIECE];
	size_t done = 0;

	while (done < count) {
		size_t want = RTE_MIN(count - done, sizeof(piece));
		ssize_t got = pread(kin, piece, want, at + (off_t)done), sent;
		struct iovec iov = {.iov_base = piece};

		if (got <= 0)
			return got < 0 && done == 0 ? -errno : (ssize_t)done;
		iov.iov_len = (size_t)got;
		sent = sock_send(out, &iov, 1, done + (size_t)got < count ? MSG_MORE : 0, NULL, 0);
		if (sent < 0)
			return done > 0 ? (ssize_t)done : sent;
		done += (size_t)sent;
		if (sent < got)
			break;
	}
	return (ssize_t)done;
}

ssize_t sock_sendfile(int out, int in, off_t *offset, size_t count)
{
	int kin = kernel_of(in);
	off_t at;
	ssize_t done;

	if (!sock_is_kernel(in))
		return sock_cur != NULL && sock_at(sock_cur, in) != NULL ? -EINVAL : -EBADF;
	if (sock_is_kernel(out)) {
		done = sendfile(kernel_of(out), kin, offset, count);
		return done < 0 ? -errno : done;
	}
	at = offset != NULL ? *offset : lseek(kin, 0, SEEK_CUR);
	if (at < 0)
		return errno == ESPIPE || offset != NULL ? -EINVAL : -errno;
	done = pieces_send(out, kin, at, RTE_MIN(count, (size_t)COUNT_MAX));
	if (done > 0 && offset != NULL)
		*offset = at + done;
	else if (done > 0)
		lseek(kin, at + done, SEEK_SET);
	return done;
}

/* ---- splice ---- */

static bool is_pipe(int fd)
{
	struct stat st;

	return sock_is_kernel(fd) && fstat(kernel_of(fd), &st) == 0 && S_ISFIFO(st.st_mode);
}

/* Until the pipe is ready, in turns of the stack; flags: SPLICE_F_NONBLOCK. */
static int pipe_wait(int pipe, short events, unsigned flags)
{
	struct sock_wait w;
	int rc = 0;

	if (kernel_poll(pipe, events) != 0)
		return 0;
	if (flags & SPLICE_F_NONBLOCK || kernel_fcntl(pipe, F_GETFL, 0) & O_NONBLOCK)
		return -EAGAIN;
	sock_wait_begin(&w, sock_cur, SOCK_FOREVER, true);
	while (rc == 0 && kernel_poll(pipe, events) == 0)
		rc = sock_wait_turn(&w);
	sock_wait_end(&w);
	return rc;
}

/* Nothing leaves the socket before the pipe has it. */
static ssize_t to_pipe(int sock, int pipe, size_t len, unsigned flags)
{
	uint8_t piece[PIPE_PIECE];
	size_t done = 0;

	while (done < len) {
		struct iovec iov = {.iov_base = piece, .iov_len = RTE_MIN(len - done, sizeof(piece))};
		int how = MSG_PEEK | (done > 0 || flags & SPLICE_F_NONBLOCK ? MSG_DONTWAIT : 0);
		ssize_t got = sock_recv(sock, &iov, 1, how, NULL, NULL, NULL), rc;

		if (got <= 0)
			return done > 0 ? (ssize_t)done : got;
		rc = pipe_wait(pipe, POLLOUT, flags | (done > 0 ? SPLICE_F_NONBLOCK : 0));
		if (rc == 0) {
			iov.iov_len = (size_t)got;
			rc = kernel_writev(pipe, &iov, 1);
		}
		if (rc <= 0)
			return done > 0 ? (ssize_t)done : rc;
		iov = (struct iovec){.iov_len = (size_t)rc};
		sock_recv(sock, &iov, 1, MSG_TRUNC | MSG_DONTWAIT, NULL, NULL, NULL);
		done += (size_t)rc;
	}
	return (ssize_t)done;
}

/* How many bytes the stream takes now: no more are taken from the pipe. */
static size_t room_of(int sock)
{
	int sndbuf = 0, queued = 0;
	socklen_t len = sizeof(sndbuf);

	if (sock_getsockopt(sock, SOL_SOCKET, SO_SNDBUF, &sndbuf, &len) < 0 || sock_ioctl(sock, SIOCOUTQ, &queued) < 0)
		return 0;
	return sndbuf > queued ? (size_t)(sndbuf - queued) : 0;
}

/* All of it: what was taken from the pipe must not be lost. So it waits for buffers that others free, also where the call must
 * not. */
static ssize_t send_all(int sock, const uint8_t *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		struct iovec iov = {.iov_base = (void *)(data + done), .iov_len = len - done};
		ssize_t rc = sock_send(sock, &iov, 1, 0, NULL, 0);

		if (rc == -EAGAIN || rc == -EINTR)
			sock_cur->turn(sock_cur);
		else if (rc < 0)
			return done > 0 ? (ssize_t)done : rc;
		else
			done += (size_t)rc;
	}
	return (ssize_t)done;
}

static ssize_t from_pipe(int pipe, int sock, size_t len, unsigned flags)
{
	uint8_t piece[PIPE_PIECE];
	size_t done = 0;

	while (done < len) {
		struct iovec iov = {.iov_base = piece, .iov_len = RTE_MIN(len - done, sizeof(piece))};
		bool now = done > 0 || flags & SPLICE_F_NONBLOCK || sock_fcntl(sock, F_GETFL, 0) & O_NONBLOCK;
		ssize_t rc = pipe_wait(pipe, POLLIN, flags | (done > 0 ? SPLICE_F_NONBLOCK : 0));

		if (now)
			iov.iov_len = RTE_MIN(iov.iov_len, room_of(sock));
		if (rc == 0 && iov.iov_len == 0)
			rc = -EAGAIN;
		if (rc == 0)
			rc = sock_send(sock, &iov, 0, MSG_DONTWAIT, NULL, 0); /* is it open for writing at all? */
		if (rc == 0)
			rc = kernel_readv(pipe, &iov, 1);
		if (rc > 0)
			rc = send_all(sock, piece, (size_t)rc);
		if (rc <= 0)
			return done > 0 ? (ssize_t)done : rc;
		done += (size_t)rc;
	}
	return (ssize_t)done;
}

static int stream_check(int fd)
{
	struct sock_env *env;
	struct conn *c;
	int rc = sock_find(fd, &env, &c);

	return rc < 0 ? rc : sock_is_tcp(c) ? 0 : -EINVAL;
}

ssize_t sock_splice(int in, off_t *in_offset, int out, off_t *out_offset, size_t len, unsigned flags)
{
	int rc;

	if (sock_is_kernel(in) && sock_is_kernel(out)) {
		ssize_t n = splice(kernel_of(in), in_offset, kernel_of(out), out_offset, len, flags);

		return n < 0 ? -errno : n;
	}
	rc = sock_is_kernel(in) ? 0 : stream_check(in);
	if (rc == 0 && !sock_is_kernel(out))
		rc = stream_check(out);
	if (rc < 0)
		return rc;
	if (in_offset != NULL || out_offset != NULL)
		return -ESPIPE;
	if (!is_pipe(sock_is_kernel(in) ? in : out))
		return -EINVAL;
	len = RTE_MIN(len, (size_t)COUNT_MAX);
	return sock_is_kernel(in) ? from_pipe(in, out, len, flags) : to_pipe(in, out, len, flags);
}
