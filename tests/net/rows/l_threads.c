// l_threads.c: section L: threads, dup, fork, close.
#include "rows.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLACK_MS = 400 };

static struct addr talk(const struct net *n)
{
	return at(n->peer, PORT_TALK);
}

static void do_close(int fd, void *arg)
{
	*(int *)arg = close(fd);
}

static void do_shutdown(int fd, void *arg)
{
	shutdown(fd, *(int *)arg);
}

static void do_unspec(int fd, void *arg)
{
	(void)arg;
	dial(fd, unspec());
}

// A blocking connect() into which another thread does something; what it says, and when.
static void see_disturbed(int fd, struct addr to, void (*work)(int, void *), void *arg, const char *want, int want_ms)
{
	int64_t begun = now_ms();
	struct later *l = later(200, work, fd, arg);

	see_connect(fd, to, want);
	see_time("took", now_ms() - begun, want_ms, SLACK_MS);
	later_join(l);
}

// On a number that no other row's sockets take meanwhile.
static void l1(const struct net *n)
{
	int low = socket(n->af, SOCK_STREAM, 0), fd = fcntl(low, F_DUPFD, 930), closed = -1;

	close(low);
	see_disturbed(fd, at(n->wire, PORT_LATE), do_close, &closed, "0", LATE_MS);
	say("close", "0", "%d", closed);
	see_connect(fd, talk(n), "EBADF");
}

static void l2(const struct net *n)
{
	int ways[] = {SHUT_RD, SHUT_WR, SHUT_RDWR};

	for (int i = 0; i < 3; i++) {
		int fd = tcp(n, 0);

		see_disturbed(fd, at(n->wire, PORT_SILENT + 1102), do_shutdown, &ways[i], "ECONNRESET", 200);
		see_poll(fd, "OUT|HUP");
		see_soerr(fd, "0");
		see_connect(fd, talk(n), "0");
	}
}

static void l3(const struct net *n)
{
	int fd = tcp(n, 0);

	see_disturbed(fd, at(n->wire, PORT_SILENT + 1103), do_unspec, NULL, "EPIPE", 200);
	see_soerr(fd, "ECONNRESET");
	see_connect(fd, talk(n), "0");
}

struct second {
	struct addr to;
	int result, error;
	int64_t took_ms;
};

static void do_connect(int fd, void *arg)
{
	struct second *s = arg;
	int64_t begun = now_ms();

	s->result = dial(fd, s->to);
	s->error = errno;
	s->took_ms = now_ms() - begun;
}

static void l4(const struct net *n)
{
	struct second s = {.to = at(n->wire, PORT_SILENT + 1104)};
	int fd = tcp(n, 0);

	set_timeout(fd, SO_SNDTIMEO, 700);
	see_disturbed(fd, s.to, do_connect, &s, "EINPROGRESS", 700);
	errno = s.error;
	see("second", s.result, "EALREADY");
	see_time("second-took", s.took_ms, 700, SLACK_MS);
}

static void l5(const struct net *n)
{
	int fd = socket(n->af, SOCK_STREAM | SOCK_NONBLOCK, 0), other = keep(dup(fd));

	see_connect(fd, at(n->wire, PORT_LATE), "EINPROGRESS");
	see("close", close(fd), "0");
	see_ready(other, "OUT");
	see_names(other, "own:port", "wire:5015");
	see_connect(other, talk(n), "0");
}

static void l6(const struct net *n)
{
	int fd = pending(n, PORT_LATE), other = keep(dup(fd));

	see_connect(other, talk(n), "EALREADY");
	see_ready(other, "OUT");
	see_poll(fd, "OUT");
}

static void l7(const struct net *n)
{
	struct addr to = at(n->wire, PORT_LATE);
	int fd = tcp(n, SOCK_NONBLOCK), status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(dial(fd, to) == -1 ? errno : 0);
	waitpid(pid, &status, 0);
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : EFAULT;
	see("child", errno ? -1 : 0, "EINPROGRESS");
	see_connect(fd, to, "EALREADY");
	see_ready(fd, "OUT");
	see_names(fd, "own:port", "wire:5015");
}

static void l8(const struct net *n)
{
	int fd = tcp(n, 0), other = keep(dup(fd));

	set_blocking(other, false);
	see_connect(fd, at(n->wire, PORT_LATE), "EINPROGRESS");
	say("flag", "shared", "%s", fcntl(fd, F_GETFL) & O_NONBLOCK ? "shared" : "alone");
}

const struct row rows_l[] = {
	{"L1", l1, ROW_BOTH},
	{"L2", l2, ROW_BOTH},
	{"L3", l3, ROW_BOTH},
	{"L4", l4, ROW_BOTH},
	{"L5", l5, ROW_BOTH},
	{"L6", l6, ROW_BOTH},
	{"L7", l7, ROW_BOTH | ROW_ALONE},
	{"L8", l8, ROW_BOTH},
	{0},
};
