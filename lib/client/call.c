/* call.c: making sockets and naming them. */
#include <linux/sockios.h>
#include <netinet/in.h>
#include <string.h>

#include "client/private.h"

#define TYPE_FLAGS (SOCK_NONBLOCK | SOCK_CLOEXEC)
#define FAILED (EPOLLERR | EPOLLHUP)

/* ---- socket ---- */

static bool is_ours(int domain, int type, int protocol)
{
	if ((domain != AF_INET && domain != AF_INET6) || type & ~(0xf | TYPE_FLAGS))
		return false;
	type &= 0xf;
	return (type == SOCK_STREAM && (protocol == 0 || protocol == IPPROTO_TCP)) ||
	       (type == SOCK_DGRAM && (protocol == 0 || protocol == IPPROTO_UDP));
}

static uint32_t flags_of(int type) { return type & SOCK_NONBLOCK ? O_NONBLOCK : 0; }

/* A descriptor for the socket that a stack has just made. */
static int fd_of_new(struct use *u, int type)
{
	svc_entry e = svc_entry_make(SVC_KIND_FILE, u->ch->new_file, u->ch->new_gen);
	int fd = fd_install(e, 0, type & SOCK_CLOEXEC);

	if (fd < 0)
		entry_put(e);
	return fd;
}

int client_socket(int domain, int type, int protocol)
{
	struct svc_file *file;
	struct use u;
	int64_t rc;
	int fd;

	if (atomic_load_explicit(&client.state, memory_order_acquire) == CLIENT_NEW)
		client_attach(NULL);
	if (!is_ours(domain, type, protocol) || atomic_load(&client.state) == CLIENT_NONE)
		return CLIENT_KERNEL;
	fd = use_open(&u);
	if (fd < 0)
		return fd;
	u.ch->a = domain;
	u.ch->b = type & 0xf;
	u.ch->c = protocol;
	rc = chan_ask(u.ch, u.chan, atomic_fetch_add(&client.socket_turn, 1) % client.head->n_stacks, SVC_SOCKET);
	if (rc >= 0) {
		file = svc_file_at(client.head, u.ch->new_file);
		atomic_store(&file->flags, flags_of(type));
		atomic_store(&file->bits, 0);
		rc = fd_of_new(&u, type);
	}
	use_close(&u);
	return (int)rc;
}

/* ---- bind, listen, shutdown ---- */

int client_bind(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct use u;
	int rc = use_socket(&u, fd);

	if (rc < 0)
		return rc;
	rc = copy_address(u.ch, addr, len);
	if (rc == 0)
		rc = rule_settle(&u, fd, len, false);
	if (rc == 0)
		rc = (int)use_ask(&u, SVC_BIND);
	use_close(&u);
	return rc;
}

int client_listen(int fd, int backlog)
{
	struct use u;
	int rc = use_socket(&u, fd);

	if (rc < 0)
		return rc;
	u.ch->a = backlog;
	rc = (int)use_ask(&u, SVC_LISTEN);
	if (rc == 0)
		atomic_fetch_or(&u.file->bits, SVC_F_LISTENS | SVC_F_NAMED);
	use_close(&u);
	return rc;
}

int client_shutdown(int fd, int how)
{
	struct use u;
	int rc = use_socket(&u, fd);

	if (rc < 0)
		return rc;
	u.ch->a = how;
	rc = (int)use_ask(&u, SVC_SHUTDOWN);
	use_close(&u);
	return rc;
}

/* ---- connect ---- */

int connect_wait(struct use *u, int began, uint64_t deadline)
{
	uint32_t tries = 0;
	int rc;

	if (deadline == 0)
		return began;
	do {
		rc = use_wait_again(u, EPOLLOUT | EPOLLIN | EPOLLRDHUP | FAILED, deadline, &tries);
		if (rc == -EAGAIN)
			return began; /* SO_SNDTIMEO */
		if (rc < 0)
			return rc;
		if (atomic_load(&u->file->bits) & SVC_F_DISSOLVED)
			return -EPIPE; /* by another thread, which leaves its own error */
		rc = (int)use_ask(u, SVC_CONNECT_END);
	} while (rc == -EALREADY || rc == -EINPROGRESS);
	return rc;
}

static int connect_ours(struct use *u)
{
	bool unspec = u->ch->addr_len >= sizeof(sa_family_t) && u->ch->addr.ss_family == AF_UNSPEC;
	int rc;

	/* Before the stack tells who waits. */
	if (unspec)
		atomic_fetch_or(&u->file->bits, SVC_F_DISSOLVED);
	rc = (int)use_ask(u, SVC_CONNECT);
	if (rc == 0 && unspec)
		atomic_fetch_and(&u->file->bits, ~SVC_F_LISTENS);
	if (rc == -EINPROGRESS || (unspec && rc < 0))
		atomic_fetch_and(&u->file->bits, ~SVC_F_DISSOLVED);
	return rc == -EINPROGRESS || rc == -EALREADY ? connect_wait(u, rc, use_deadline(u, 0, &u->file->snd_ns)) : rc;
}

int client_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct use u;
	int rc = use_socket(&u, fd);

	if (rc < 0)
		return rc;
	rc = copy_address(u.ch, addr, len);
	if (rc == 0)
		rc = rule_settle(&u, fd, len, true);
	if (rc == 0)
		rc = connect_ours(&u);
	use_close(&u);
	return rc;
}

/* ---- accept ---- */

/* Takes one connection, if there is one: the number first, as without one none is taken. */
static int accept_once(struct use *u, int flags)
{
	struct svc_file *file;
	int64_t rc;
	int fd;

	table_enter();
	fd = fd_reserve(flags & SOCK_CLOEXEC);
	if (fd < 0) {
		table_leave();
		return fd;
	}
	rc = use_ask(u, SVC_ACCEPT);
	if (rc >= 0) {
		file = svc_file_at(client.head, u->ch->new_file);
		atomic_store(&file->flags, flags_of(flags));
		atomic_store(&file->bits, SVC_F_NAMED);
		fd_fill(fd, svc_entry_make(SVC_KIND_FILE, u->ch->new_file, u->ch->new_gen));
	} else {
		fd_abandon(fd);
	}
	table_leave();
	return rc < 0 ? (int)rc : fd;
}

static int accept_wait(struct use *u, int flags)
{
	uint64_t deadline = use_deadline(u, 0, &u->file->rcv_ns);
	uint32_t tries = 0;
	int rc = -EAGAIN;

	for (;;) {
		/* A listener says when it has one; anything else is told what it is. */
		if (use_events(u) & (EPOLLIN | FAILED) || !(atomic_load(&u->file->bits) & SVC_F_LISTENS))
			rc = accept_once(u, flags);
		if (rc != -EAGAIN)
			return rc;
		rc = use_wait_again(u, EPOLLIN | FAILED, deadline, &tries);
		if (rc < 0)
			return rc;
		rc = -EAGAIN;
	}
}

int client_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct use u;
	int rc, named = 0;

	if (flags & ~TYPE_FLAGS)
		return -EINVAL;
	rc = use_socket(&u, fd);
	if (rc < 0)
		return rc;
	rc = accept_wait(&u, flags);
	if (rc >= 0 && addr != NULL)
		named = copy_name(u.ch, addr, len);
	use_close(&u);
	if (named == 0)
		return rc;
	client_close(rc); /* as Linux: the connection is lost */
	return named;
}

/* ---- names ---- */

static int name_of(int fd, uint16_t op, struct sockaddr *addr, socklen_t *len)
{
	struct use u;
	int rc = use_socket(&u, fd);

	if (rc < 0)
		return rc;
	rc = (int)use_ask(&u, op);
	if (rc == 0)
		rc = copy_name(u.ch, addr, len);
	use_close(&u);
	return rc;
}

int client_getsockname(int fd, struct sockaddr *addr, socklen_t *len) { return name_of(fd, SVC_GETSOCKNAME, addr, len); }
int client_getpeername(int fd, struct sockaddr *addr, socklen_t *len) { return name_of(fd, SVC_GETPEERNAME, addr, len); }
