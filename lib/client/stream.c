/* stream.c: sendfile() and splice() where one end is ours: the bytes go through the channel. */
#include <limits.h>
#include <sys/ioctl.h>

#include "client/private.h"

static bool reads_pipe(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

static void raise_pipe(const struct use *u, ssize_t n)
{
	if (n == -EPIPE && u->file->type == SOCK_STREAM)
		kernel_raise(SIGPIPE);
}

/* A file's bytes from at; how many have gone. */
static ssize_t send_file(struct use *u, int from, int64_t at, size_t len)
{
	uint64_t deadline = use_deadline(u, 0, &u->file->snd_ns);
	size_t done = 0;
	int64_t n = 0;

	u->ch->addr_len = u->ch->control_len = 0;
	while (done < len) {
		size_t want = len - done < SVC_DATA_BYTES ? len - done : SVC_DATA_BYTES;
		long got = kernel_pread(from, u->ch->data, want, at + (int64_t)done);

		n = got;
		if (got <= 0)
			break;
		n = send_piece(u, done + (size_t)got < len && (size_t)got == want ? MSG_MORE : 0, (uint32_t)got, deadline);
		if (n < 0)
			break;
		done += (size_t)n;
		if (n < got && deadline == 0)
			break;
	}
	return done > 0 ? (ssize_t)done : (ssize_t)n;
}

ssize_t client_sendfile(int fd, int from, off_t *offset, size_t len)
{
	struct use u;
	ssize_t n;
	int64_t at;

	if (client_owns(from))
		return -EINVAL;
	if (copy_suspect(offset, offset != NULL))
		return -EFAULT;
	at = offset != NULL ? *offset : kernel_lseek(from, 0, SEEK_CUR);
	if (at < 0)
		return at == -EBADF ? -EBADF : -EINVAL;
	n = use_socket(&u, fd);
	if (n < 0)
		return n;
	n = send_file(&u, from, at, len < INT_MAX ? len : INT_MAX & ~4095);
	raise_pipe(&u, n);
	use_close(&u);
	if (n > 0 && offset != NULL)
		*offset += n;
	else if (n > 0)
		kernel_lseek(from, at + n, SEEK_SET);
	return n;
}

/* ---- splice ---- */

/* Until the pipe has something, or room. 0, -EAGAIN, -EINTR. */
static int pipe_wait(int fd, short events, bool wait)
{
	struct pollfd p = {.fd = fd, .events = events};
	struct timespec now = {0};
	int n = kernel_ppoll(&p, 1, wait ? NULL : &now, NULL);

	return n > 0 ? 0 : n == 0 ? -EAGAIN : n;
}

/* What was taken out of the pipe cannot be put back: it is waited for, whatever the socket's mode. */
static ssize_t splice_out(struct use *u, int pipe, size_t len, unsigned flags)
{
	uint64_t deadline = use_deadline(u, flags & SPLICE_F_NONBLOCK ? MSG_DONTWAIT : 0, &u->file->snd_ns);
	size_t done = 0;
	long got;
	int64_t n;
	int rc;

	if (!(use_events(u) & (EPOLLOUT | EPOLLERR | EPOLLHUP))) {
		rc = use_wait(u, EPOLLOUT | EPOLLERR | EPOLLHUP, deadline);
		if (rc < 0)
			return rc;
	}
	rc = pipe_wait(pipe, POLLIN, !(flags & SPLICE_F_NONBLOCK));
	if (rc < 0)
		return rc;
	got = kernel_read(pipe, u->ch->data, len < SVC_DATA_BYTES ? len : SVC_DATA_BYTES);
	u->ch->addr_len = u->ch->control_len = 0;
	while (got > 0 && done < (size_t)got) {
		n = send_piece(u, flags & SPLICE_F_MORE ? MSG_MORE : 0, (uint32_t)((size_t)got - done), CLIENT_FOREVER);
		if (n == -EINTR)
			continue;
		if (n < 0)
			return done > 0 ? (ssize_t)done : (ssize_t)n;
		__builtin_memmove(u->ch->data, u->ch->data + n, (size_t)got - done - (size_t)n);
		done += (size_t)n;
	}
	return got < 0 ? got : (ssize_t)done;
}

/* Only what the pipe has room for is received. */
static ssize_t splice_in(int fd, int pipe, size_t len, unsigned flags)
{
	char buf[16384];
	size_t done = 0;
	ssize_t got;
	int rc, full = 0, size = kernel_fcntl(pipe, F_GETPIPE_SZ, 0);

	rc = pipe_wait(pipe, POLLOUT, !(flags & SPLICE_F_NONBLOCK));
	if (rc < 0)
		return rc;
	kernel_ioctl(pipe, FIONREAD, &full);
	len = len < sizeof(buf) ? len : sizeof(buf);
	if (size > full && len > (size_t)(size - full))
		len = (size_t)(size - full);
	got = client_recvfrom(fd, buf, len, flags & SPLICE_F_NONBLOCK ? MSG_DONTWAIT : 0, NULL, NULL);
	while (got > 0 && done < (size_t)got) {
		long n = kernel_write(pipe, buf + done, (size_t)got - done);

		if (n == -EAGAIN || n == -EINTR)
			pipe_wait(pipe, POLLOUT, true);
		else if (n < 0)
			return n;
		else
			done += (size_t)n;
	}
	return got;
}

ssize_t client_splice(int from, loff_t *from_at, int to, loff_t *to_at, size_t len, unsigned flags)
{
	struct use u;
	ssize_t n;

	if (from_at != NULL || to_at != NULL)
		return -ESPIPE;
	if (client_owns(from))
		return reads_pipe(to) ? (len == 0 ? 0 : splice_in(from, to, len, flags)) : -EINVAL;
	if (!reads_pipe(from))
		return -EINVAL;
	n = use_socket(&u, to);
	if (n < 0)
		return n;
	n = len == 0 ? 0 : splice_out(&u, from, len, flags);
	raise_pipe(&u, n);
	use_close(&u);
	return n;
}
