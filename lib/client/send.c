/* send.c: sending: a request carries at most SVC_DATA_BYTES, a stream's call as many requests as it needs. */
#include <limits.h>
#include <netinet/in.h>
#include <string.h>

#include "client/private.h"

#define DATAGRAM_MAX 65535u
#define ROOM (EPOLLOUT | EPOLLERR | EPOLLHUP)

/* What one call wants. */
struct send_job {
	struct place from;
	size_t len;
	int flags;
	const struct sockaddr *to;
	socklen_t to_len;
	const void *control;
	size_t control_len;
};

static int fill_control(struct use *u, const struct send_job *j)
{
	u->ch->control_len = 0;
	if (j->control_len == 0)
		return 0;
	if (j->control_len > SVC_CONTROL_BYTES)
		return -ENOBUFS;
	if (copy_suspect(j->control, j->control_len))
		return -EFAULT;
	memcpy(u->ch->control, j->control, j->control_len);
	u->ch->control_len = (uint32_t)j->control_len;
	return 0;
}

/* The address of this message; addresses of sends are looked at without asking the kernel, for speed. */
static int fill_address(struct use *u, const struct send_job *j)
{
	u->ch->addr_len = 0;
	if (j->to == NULL || j->to_len == 0)
		return 0;
	if (j->to_len > sizeof(u->ch->addr))
		return -EINVAL;
	if (copy_suspect(j->to, j->to_len))
		return -EFAULT;
	memcpy(&u->ch->addr, j->to, j->to_len);
	u->ch->addr_len = j->to_len;
	return 0;
}

int64_t send_piece(struct use *u, int flags, uint32_t len, uint64_t deadline)
{
	uint32_t tries = 0;
	int64_t n;
	int rc;

	for (;;) {
		u->ch->len = len;
		u->ch->a = flags & ~(MSG_NOSIGNAL | MSG_DONTWAIT);
		n = use_ask(u, SVC_SEND);
		if (n != -EAGAIN && n != -EINPROGRESS && n != -EALREADY)
			return n;
		if (deadline == 0)
			return n;
		if (n != -EAGAIN) { /* MSG_FASTOPEN without a cookie: has become an attempt like others */
			flags &= ~MSG_FASTOPEN;
			rc = connect_wait(u, (int)n, deadline);
			u->ch->addr_len = 0;
		} else {
			rc = use_wait_again(u, ROOM, deadline, &tries);
		}
		if (rc < 0)
			return rc;
	}
}

/* Bytes alone are to go. */
static bool is_plain(const struct use *u, const struct send_job *j) { return u->ch->addr_len == 0 && j->control_len == 0; }

static ssize_t send_stream(struct use *u, struct send_job *j, uint64_t deadline)
{
	size_t done = 0;
	int64_t n;
	int rc;

	do {
		size_t posted = is_plain(u, j) ? post_send(u, &j->from, j->len - done, j->flags) : 0;
		struct place kept = j->from;
		uint32_t len;

		done += posted;
		if (posted > 0)
			continue;
		len = (uint32_t)place_get(&j->from, u->ch->data, SVC_DATA_BYTES);

		n = send_piece(u, j->flags, len, deadline);
		if (n < 0)
			return done > 0 ? (ssize_t)done : (ssize_t)n;
		if (u->ch->msg_flags != 0 && deadline != 0) { /* Fast Open: how the attempt ends */
			rc = connect_wait(u, -EINPROGRESS, deadline);
			if (rc < 0 && rc != -EINPROGRESS)
				return rc;
		}
		done += (size_t)n;
		u->ch->addr_len = u->ch->control_len = 0;
		if (n == len)
			continue;
		if (deadline == 0)
			break; /* there is no more room */
		j->from = kept;
		while (n > 0) /* skips what is sent */
			n -= (int64_t)place_get(&j->from, u->ch->data, (size_t)n);
	} while (done < j->len);
	return (ssize_t)done;
}

static ssize_t send_datagram(struct use *u, struct send_job *j, uint64_t deadline)
{
	if (j->len > DATAGRAM_MAX)
		return -EMSGSIZE;
	place_get(&j->from, u->ch->data, j->len);
	return (ssize_t)send_piece(u, j->flags, (uint32_t)j->len, deadline);
}

static ssize_t send_now(struct use *u, int fd, struct send_job *j)
{
	uint64_t deadline = use_deadline(u, j->flags, &u->file->snd_ns);
	ssize_t n = fill_control(u, j);

	if (n == 0)
		n = fill_address(u, j);
	if (n == 0 && u->ch->addr_len > 0)
		n = rule_settle(u, fd, u->ch->addr_len, true);
	if (n < 0)
		return n;
	n = u->file->type == SOCK_STREAM ? send_stream(u, j, deadline) : send_datagram(u, j, deadline);
	if (n == -EPIPE && u->file->type == SOCK_STREAM && !(j->flags & MSG_NOSIGNAL))
		kernel_raise(SIGPIPE);
	return n;
}

static ssize_t send_job(int fd, struct send_job *j)
{
	struct use u;
	ssize_t n = use_socket(&u, fd);

	if (n < 0)
		return n;
	n = place_check(j->from.iov, j->from.n, &j->len);
	if (n == 0)
		n = send_now(&u, fd, j);
	use_close(&u);
	return n;
}

ssize_t client_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to, socklen_t to_len)
{
	/* As the kernel: one call moves no more than this. */
	struct iovec iov = {.iov_base = (void *)buf, .iov_len = len < INT_MAX ? len : INT_MAX & ~4095};
	struct send_job j = {.from = {.iov = &iov, .n = 1}, .flags = flags, .to = to, .to_len = to_len};

	return send_job(fd, &j);
}

ssize_t client_writev(int fd, const struct iovec *iov, int n)
{
	struct send_job j = {.from = {.iov = iov, .n = (size_t)n}};

	return n < 0 || n > IOV_MAX ? -EINVAL : send_job(fd, &j);
}

ssize_t client_sendmsg(int fd, const struct msghdr *msg, int flags)
{
	struct send_job j = {.flags = flags};

	if (copy_suspect(msg, sizeof(*msg)))
		return -EFAULT;
	j.from = (struct place){.iov = msg->msg_iov, .n = msg->msg_iovlen};
	j.to = msg->msg_name;
	j.to_len = msg->msg_namelen;
	j.control = msg->msg_control;
	j.control_len = msg->msg_controllen;
	return (int)j.to_len < 0 ? -EINVAL : send_job(fd, &j);
}

int client_sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags)
{
	unsigned done = 0;
	ssize_t rc = 0;

	if (n > IOV_MAX)
		n = IOV_MAX;
	if (copy_suspect(msgs, n * sizeof(*msgs)))
		return -EFAULT;
	while (done < n && (rc = client_sendmsg(fd, &msgs[done].msg_hdr, flags)) >= 0)
		msgs[done++].msg_len = (unsigned)rc;
	return done > 0 ? (int)done : (int)rc;
}

/* ---- messages of the kernel's sockets ---- */

bool client_message_carries(const struct msghdr *msg)
{
	if (client_fds == NULL || msg == NULL || msg->msg_control == NULL || msg->msg_controllen < sizeof(struct cmsghdr))
		return false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR((struct msghdr *)msg, c)) {
		size_t n = c->cmsg_len > CMSG_LEN(0) ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (client_owns(fd) || client_hides(fd))
				return true;
		}
	}
	return false;
}
