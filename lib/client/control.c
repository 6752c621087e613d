/* control.c: fcntl() and ioctl(). Close-on-exec is the kernel's, the rest of a descriptor's flags the socket's. */
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>

#include "client/private.h"

#define KEPT_FLAGS (O_NONBLOCK | O_ASYNC | O_APPEND | O_DIRECT | O_NOATIME)
#define SOCKET_REQUESTS 0x8900u /* SIOC*: of sockets and interfaces */

static int flags_set(struct use *u, long arg)
{
	atomic_store(&u->file->flags, (uint32_t)arg & KEPT_FLAGS);
	return 0;
}

static void flag_set(struct use *u, uint32_t flag, bool on)
{
	if (on)
		atomic_fetch_or(&u->file->flags, flag);
	else
		atomic_fetch_and(&u->file->flags, ~flag);
}

int client_fcntl(int fd, int cmd, long arg)
{
	struct use u;
	int rc;

	if (client_hides(fd))
		return client_in_vfork() ? CLIENT_KERNEL : -EBADF;
	if (!client_owns(fd))
		return CLIENT_KERNEL;
	if (cmd == F_DUPFD || cmd == F_DUPFD_CLOEXEC)
		return arg < 0 ? -EINVAL : client_dup(fd, (int)arg, cmd == F_DUPFD_CLOEXEC);
	if ((cmd != F_GETFL && cmd != F_SETFL) || svc_entry_kind(client_entry(fd)) == SVC_KIND_EPOLL)
		return CLIENT_KERNEL;
	rc = use_socket(&u, fd);
	if (rc < 0)
		return rc;
	rc = cmd == F_SETFL ? flags_set(&u, arg) : O_RDWR | (int)atomic_load(&u.file->flags);
	use_close(&u);
	return rc;
}

/* ---- ioctl ---- */

static int ioctl_int(struct use *u, unsigned long request, void *arg)
{
	int rc;

	u->ch->u = request;
	u->ch->len = sizeof(int);
	memset(u->ch->data, 0, sizeof(int));
	rc = (int)use_ask(u, SVC_IOCTL);
	return rc < 0 ? rc : copy_to(arg, u->ch->data, sizeof(int));
}

static int ioctl_flag(struct use *u, unsigned long request, const void *arg)
{
	int on, rc = copy_from(&on, arg, sizeof(on));

	if (rc == 0)
		flag_set(u, request == FIONBIO ? O_NONBLOCK : O_ASYNC, on != 0);
	return rc;
}

/* Interfaces are the kernel's, and asked for on a socket of its own. */
static int ioctl_interface(const struct use *u, unsigned long request, void *arg)
{
	int rc, fd = kernel_socket(u->file->domain, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return fd;
	rc = kernel_ioctl(fd, request, arg);
	kernel_close(fd);
	return rc;
}

int client_ioctl(int fd, unsigned long request, void *arg)
{
	struct use u;
	int rc;

	if (client_hides(fd))
		return client_in_vfork() ? CLIENT_KERNEL : -EBADF;
	if (!client_owns(fd) || svc_entry_kind(client_entry(fd)) == SVC_KIND_EPOLL)
		return CLIENT_KERNEL;
	rc = use_socket(&u, fd);
	if (rc < 0)
		return rc;
	if (request == FIONBIO || request == FIOASYNC)
		rc = ioctl_flag(&u, request, arg);
	else if (request == FIONREAD || request == TIOCOUTQ || request == SIOCATMARK || request == SIOCOUTQNSD)
		rc = ioctl_int(&u, request, arg);
	else if ((request & ~0xfful) == SOCKET_REQUESTS)
		rc = ioctl_interface(&u, request, arg);
	else
		rc = CLIENT_KERNEL;
	use_close(&u);
	return rc;
}
