/* guard.c: a process beside the service that does nothing until the service has gone, be it killed: then it tells the programs
 * that wait for it. It has the memory and one end of a connection, whose other end goes with the service. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "svc/futex.h"
#include "svc/layout.h"
#include "svc/svc.h"

#define EVERYBODY 0x7fffffff
#define NAME "service-guard"

union room {
	struct cmsghdr h;
	char bytes[CMSG_SPACE(sizeof(int))];
};

int svc_guard_tell(int guard, int memfd)
{
	union room control = {.h = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))}};
	char byte = 0;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};

	memcpy(CMSG_DATA(&control.h), &memfd, sizeof(memfd));
	return sendmsg(guard, &msg, MSG_NOSIGNAL) == 1 ? 0 : -errno;
}

/* ---- the process ---- */

static ssize_t hear(int service, int *memfd)
{
	union room control;
	char byte;
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(service, &msg, 0);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;

	if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(memfd, CMSG_DATA(c), sizeof(*memfd));
	return n;
}

/* That it has gone is written first: who hears a bell looks there. */
static void alarm_all(int memfd)
{
	struct svc_head *h;
	struct stat st;

	if (fstat(memfd, &st) < 0)
		return;
	h = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, memfd, 0);
	if (h == MAP_FAILED)
		return;
	atomic_store(&h->gone, 1);
	for (uint32_t i = 0; i < SVC_CHANS; i++) {
		struct svc_chan *c = svc_chan_at(h, i);

		if (atomic_load(&c->owner) == 0)
			continue;
		atomic_fetch_add(&c->bell, 1);
		svc_futex_wake(&c->bell, EVERYBODY);
	}
}

/* Of nobody's terminal, group and files: it shall not end with the service, and nobody shall wait for it. */
__attribute__((noreturn)) static void guard(int service)
{
	int memfd = -1;
	ssize_t n;

	prctl(PR_SET_NAME, NAME);
	setsid();
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (chdir("/") < 0 || dup2(service, 0) < 0 || close_range(1, ~0u, 0) < 0)
		_exit(1);
	do
		n = hear(0, &memfd);
	while (n > 0 || (n < 0 && errno == EINTR));
	if (memfd >= 0)
		alarm_all(memfd);
	_exit(0);
}

int svc_guard_make(void)
{
	int ends[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		/* A child's child is not ours to wait for. */
		if (fork() != 0)
			_exit(0);
		guard(ends[1]);
	}
	close(ends[1]);
	if (pid > 0) {
		waitpid(pid, NULL, 0);
		return ends[0];
	}
	close(ends[0]);
	return -EAGAIN;
}
