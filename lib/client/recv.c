/* recv.c: receiving. A socket that shows nothing is not asked. */
#include <limits.h>
#include <string.h>

#include "client/private.h"

#define NEWS (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)
/* Not waited for, and not shown by the bits above. */
#define SPECIAL (MSG_OOB | MSG_ERRQUEUE)

/* What one call wants, and what it got beside the bytes. */
struct recv_job {
	struct place to;
	size_t len;
	int flags;
	bool named;
	void *control;
	size_t control_len, control_got;
	int msg_flags;
};

/* One request, what it brought copied: bytes of the result. */
static int64_t recv_once(struct use *u, struct recv_job *j, size_t left)
{
	size_t room = j->control_len < SVC_CONTROL_BYTES ? j->control_len : SVC_CONTROL_BYTES, have;
	int64_t n;

	u->ch->len = left < SVC_DATA_BYTES ? (uint32_t)left : SVC_DATA_BYTES;
	have = u->ch->len;
	u->ch->a = (j->flags & ~(MSG_WAITALL | MSG_CMSG_CLOEXEC | MSG_NOSIGNAL)) | MSG_DONTWAIT;
	u->ch->b = j->named;
	u->ch->addr_len = 0;
	u->ch->control_len = (uint32_t)room;
	n = use_ask(u, SVC_RECV);
	if (n < 0)
		return n;
	/* MSG_TRUNC of a stream throws away, of a datagram it tells how long it was. */
	if (u->file->type != SOCK_STREAM || !(j->flags & MSG_TRUNC))
		place_put(&j->to, u->ch->data, (size_t)n < have ? (size_t)n : have);
	if (u->ch->control_len > 0 && room > 0) {
		memcpy(j->control, u->ch->control, u->ch->control_len);
		j->control_got = u->ch->control_len;
	}
	j->msg_flags = u->ch->msg_flags;
	return n;
}

/* Is there something to ask for at once? A socket that listens says that it is none to receive from. */
static bool worth_asking(const struct use *u, const struct recv_job *j)
{
	return use_events(u) & NEWS || j->flags & SPECIAL || atomic_load(&u->file->bits) & SVC_F_LISTENS;
}

/* Bytes alone are wanted, of a stream. */
static bool is_plain(const struct use *u, const struct recv_job *j)
{
	return u->file->type == SOCK_STREAM && !j->named && j->control_len == 0 &&
	       !(j->flags & ~(MSG_DONTWAIT | MSG_NOSIGNAL | MSG_WAITALL | MSG_CMSG_CLOEXEC));
}

static ssize_t recv_some(struct use *u, struct recv_job *j, size_t left, uint64_t deadline)
{
	uint32_t tries = 0;
	int64_t n = -EAGAIN;
	int rc;

	for (;;) {
		if (is_plain(u, j)) {
			n = (int64_t)stage_take(u, &j->to, left);
			if (n > 0)
				return (ssize_t)n;
			n = -EAGAIN;
		}
		if (worth_asking(u, j))
			n = recv_once(u, j, left);
		if (n != -EAGAIN || j->flags & SPECIAL)
			return (ssize_t)n;
		rc = use_wait_again(u, NEWS, deadline, &tries);
		if (rc < 0)
			return rc;
		n = -EAGAIN;
	}
}

/* Streams: more than a request carries, and MSG_WAITALL. */
static ssize_t recv_stream(struct use *u, struct recv_job *j, uint64_t deadline)
{
	bool all = j->flags & MSG_WAITALL && !(j->flags & MSG_PEEK);
	size_t done = 0;
	ssize_t n;

	do {
		size_t left = j->len - done, asked = left < SVC_DATA_BYTES ? left : SVC_DATA_BYTES;

		n = recv_some(u, j, left, done == 0 || all ? deadline : 0);
		if (n <= 0)
			break;
		done += (size_t)n;
		if (j->flags & (MSG_PEEK | SPECIAL) || (!all && (size_t)n < asked))
			break;
		j->control_len = 0; /* the first piece's it is */
	} while (done < j->len);
	return done > 0 ? (ssize_t)done : n;
}

/* MSG_PEEK with MSG_WAITALL: looks again until all that fits in a request is there. */
static ssize_t recv_peek_all(struct use *u, struct recv_job *j, uint64_t deadline)
{
	size_t want = j->len < SVC_DATA_BYTES ? j->len : SVC_DATA_BYTES;
	struct timespec ts = client_timespec(1000000);
	struct place to = j->to;
	ssize_t n;

	for (;;) {
		j->to = to;
		n = recv_some(u, j, want, deadline);
		if (n <= 0 || (size_t)n >= want || use_events(u) & (EPOLLRDHUP | EPOLLERR | EPOLLHUP) || client_left_ns(deadline) == 0)
			return n;
		if (kernel_ppoll(NULL, 0, &ts, NULL) == -EINTR)
			return n;
	}
}

static ssize_t recv_now(struct use *u, struct recv_job *j)
{
	uint64_t deadline = use_deadline(u, j->flags, &u->file->rcv_ns);

	if (u->file->type != SOCK_STREAM)
		return recv_some(u, j, j->len, deadline);
	if ((j->flags & (MSG_PEEK | MSG_WAITALL)) == (MSG_PEEK | MSG_WAITALL) && deadline != 0)
		return recv_peek_all(u, j, deadline);
	return recv_stream(u, j, deadline);
}

ssize_t client_recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *from, socklen_t *from_len)
{
	struct iovec iov = {.iov_base = buf, .iov_len = len < INT_MAX ? len : INT_MAX & ~4095};
	struct recv_job j = {.to = {.iov = &iov, .n = 1}, .flags = flags, .named = from != NULL};
	struct use u;
	ssize_t n = use_socket(&u, fd);
	int rc;

	if (n < 0)
		return n;
	n = place_check(&iov, 1, &j.len);
	if (n == 0)
		n = recv_now(&u, &j);
	if (n >= 0 && from != NULL && from_len != NULL) {
		rc = copy_name(u.ch, from, from_len);
		n = rc < 0 ? rc : n;
	}
	use_close(&u);
	return n;
}

ssize_t client_recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct recv_job j = {.flags = flags};
	struct use u;
	ssize_t n;

	if (copy_suspect(msg, sizeof(*msg)))
		return -EFAULT;
	n = use_socket(&u, fd);
	if (n < 0)
		return n;
	j.to = (struct place){.iov = msg->msg_iov, .n = msg->msg_iovlen};
	j.named = msg->msg_name != NULL;
	j.control = msg->msg_control;
	j.control_len = msg->msg_control != NULL ? msg->msg_controllen : 0;
	n = place_check(msg->msg_iov, msg->msg_iovlen, &j.len);
	if (n == 0 && copy_suspect(j.control, j.control_len))
		n = -EFAULT;
	if (n == 0)
		n = recv_now(&u, &j);
	if (n >= 0) {
		if (j.named) {
			int rc = copy_name(u.ch, msg->msg_name, &msg->msg_namelen);

			n = rc < 0 ? rc : n;
		}
		msg->msg_controllen = j.control_got;
		msg->msg_flags = (j.msg_flags & ~MSG_DONTWAIT) | (flags & MSG_CMSG_CLOEXEC);
	}
	use_close(&u);
	return n;
}

ssize_t client_readv(int fd, const struct iovec *iov, int n)
{
	struct msghdr msg = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)n};

	return n < 0 || n > IOV_MAX ? -EINVAL : client_recvmsg(fd, &msg, 0);
}

int client_recvmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags, struct timespec *timeout)
{
	uint64_t deadline = CLIENT_FOREVER, left;
	unsigned done = 0;
	ssize_t rc = 0;

	if (copy_suspect(msgs, n * sizeof(*msgs)))
		return -EFAULT;
	if (timeout != NULL) {
		if (timeout->tv_sec < 0 || (unsigned long)timeout->tv_nsec > 999999999)
			return -EINVAL;
		deadline = client_now_ns() + (uint64_t)timeout->tv_sec * 1000000000u + (uint64_t)timeout->tv_nsec;
	}
	while (done < n && (rc = client_recvmsg(fd, &msgs[done].msg_hdr, flags & ~MSG_WAITFORONE)) >= 0) {
		msgs[done++].msg_len = (unsigned)rc;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		/* As the kernel: the time is looked at between messages. */
		if (timeout != NULL && client_left_ns(deadline) == 0)
			break;
	}
	if (timeout != NULL && done > 0) {
		left = client_left_ns(deadline);
		*timeout = client_timespec(left);
	}
	return done > 0 ? (int)done : (int)rc;
}
