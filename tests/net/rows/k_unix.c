// k_unix.c: section K: AF_UNIX, which the host kernel serves.
#include "rows.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534 };

// A folder per row that uses files.
static const char *folder(void)
{
	static _Thread_local char path[64];

	snprintf(path, sizeof(path), "/tmp/rows.%d.%s", (int)getpid(), running->row->id);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		say("setup", "", "mkdir-%s", strerrorname_np(errno));
	return path;
}

static void clean(void)
{
	DIR *dir = opendir(folder());
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] != '.')
			unlinkat(dirfd(dir), e->d_name, 0);
	}
	if (!dir || closedir(dir) < 0 || rmdir(folder()) < 0)
		say("setup", "", "rmdir-%s", strerrorname_np(errno));
}

static struct addr path_addr(const char *format, ...) __attribute__((format(printf, 1, 2)));

static struct addr path_addr(const char *format, ...)
{
	struct addr a = {.un.sun_family = AF_UNIX};
	va_list args;

	va_start(args, format);
	vsnprintf(a.un.sun_path, sizeof(a.un.sun_path), format, args);
	va_end(args);
	a.len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(a.un.sun_path) + 1);
	return a;
}

static struct addr in_folder(const char *name)
{
	return path_addr("%s/%s", folder(), name);
}

static int sock(int type)
{
	return keep(socket(AF_UNIX, type, 0));
}

static int server(int type, struct addr where, int backlog)
{
	int fd = sock(type);

	bind_to(fd, where);
	if (type != SOCK_DGRAM && listen(fd, backlog) < 0)
		say("setup", "", "listen-%s", strerrorname_np(errno));
	return fd;
}

// A listener that has all it may queue.
static struct addr full(void)
{
	struct addr where = in_folder("full");

	server(SOCK_STREAM, where, 0);
	dial(sock(SOCK_STREAM), where);
	return where;
}

static void k1(const struct net *n)
{
	(void)n;
	see_connect(sock(SOCK_STREAM), in_folder("nothing"), "ENOENT");
	clean();
}

static void k2(const struct net *n)
{
	(void)n;
	keep(open(in_folder("file").un.sun_path, O_CREAT | O_RDWR, 0600));
	see_connect(sock(SOCK_STREAM), in_folder("file/below"), "ENOTDIR");
	clean();
}

static void k3(const struct net *n)
{
	(void)n;
	if (symlink("loop", in_folder("loop").un.sun_path) < 0)
		say("setup", "", "symlink");
	see_connect(sock(SOCK_STREAM), in_folder("loop"), "ELOOP");
	clean();
}

static void k4(const struct net *n)
{
	char name[NAME_MAX + 20];

	(void)n;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	if (symlink(name, in_folder("long").un.sun_path) < 0)
		say("setup", "", "symlink");
	see_connect(sock(SOCK_STREAM), in_folder("long"), "ENAMETOOLONG");
	clean();
}

// What an unprivileged process gets.
static void see_as_nobody(struct addr to, const char *want)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
			_exit(255);
		_exit(connect(fd, &to.sa, to.len) < 0 ? errno : 0);
	}
	waitpid(pid, &status, 0);
	if (!WIFEXITED(status)) {
		say("child", want, "killed");
		return;
	}
	errno = WEXITSTATUS(status);
	see("child", errno ? -1 : 0, want);
}

static void k5(const struct net *n)
{
	struct addr where = in_folder("private");

	(void)n;
	server(SOCK_STREAM, where, 4);
	chmod(where.un.sun_path, 0700);
	see_as_nobody(where, "EACCES");
	chmod(where.un.sun_path, 0777);
	see_as_nobody(where, "0");
	clean();
}

static void k6(const struct net *n)
{
	struct addr where = in_folder("open");

	(void)n;
	server(SOCK_STREAM, where, 4);
	chmod(where.un.sun_path, 0777);
	chmod(folder(), 0700);
	see_as_nobody(where, "EACCES");
	clean();
}

static void k7(const struct net *n)
{
	(void)n;
	keep(open(in_folder("file").un.sun_path, O_CREAT | O_RDWR, 0600));
	see_connect(sock(SOCK_STREAM), in_folder("file"), "ECONNREFUSED");
	clean();
}

static void k8(const struct net *n)
{
	int fd = sock(SOCK_STREAM), bound = sock(SOCK_STREAM), gone = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)n;
	bind_to(gone, in_folder("gone"));
	close(gone);
	bind_to(bound, in_folder("bound"));
	see_connect(fd, in_folder("gone"), "ECONNREFUSED");
	see_connect(fd, in_folder("bound"), "ECONNREFUSED");
	see("listen", listen(bound, 1), "0");
	see_connect(fd, in_folder("bound"), "0");
	clean();
}

static void k9(const struct net *n)
{
	(void)n;
	server(SOCK_STREAM, in_folder("stream"), 4);
	see_connect(sock(SOCK_DGRAM), in_folder("stream"), "EPROTOTYPE");
	see_connect(sock(SOCK_SEQPACKET), in_folder("stream"), "EPROTOTYPE");
	clean();
}

static void k10(const struct net *n)
{
	int types[] = {SOCK_STREAM, SOCK_STREAM | SOCK_NONBLOCK};
	int on = server(SOCK_STREAM, in_folder("room"), 4), fd = -1;

	(void)n;
	for (int i = 0; i < 2; i++) {
		fd = sock(types[i]);
		see_connect(fd, in_folder("room"), "0");
		see_poll(fd, "OUT");
	}
	keep(accept(on, NULL, NULL));
	see_send(keep(accept(on, NULL, NULL)), "k10", "3");
	see_recv(fd, "k10");
	clean();
}

static void k11(const struct net *n)
{
	int fd = sock(SOCK_STREAM | SOCK_NONBLOCK);

	(void)n;
	see_connect(fd, full(), "EAGAIN");
	see_poll(fd, "OUT|HUP");
	clean();
}

static void k12(const struct net *n)
{
	int fd = sock(SOCK_STREAM);

	(void)n;
	set_timeout(fd, SO_SNDTIMEO, 200);
	see_connect(fd, full(), "EAGAIN");
	clean();
}

static void k13(const struct net *n)
{
	int fd = sock(SOCK_STREAM);
	struct addr where = full();
	struct later *l = later_signal(200, SIGUSR1);

	(void)n;
	see_connect(fd, where, "EINTR");
	later_join(l);
	see_poll(fd, "OUT|HUP");
	clean();
}

static void k14(const struct net *n)
{
	int fd = sock(SOCK_STREAM | SOCK_NONBLOCK), first = sock(SOCK_STREAM);

	(void)n;
	server(SOCK_STREAM, in_folder("room"), 4);
	see_connect(fd, in_folder("room"), "0");
	see_connect(fd, in_folder("room"), "EISCONN");
	see_connect(fd, full(), "EAGAIN");
	see_connect(first, in_folder("room"), "0");
	see_connect(first, in_folder("room"), "EISCONN");
	clean();
}

static void k15(const struct net *n)
{
	int fd = sock(SOCK_STREAM);

	(void)n;
	see_connect(fd, unspec(), "EINVAL");
	server(SOCK_STREAM, in_folder("room"), 4);
	see_connect(fd, in_folder("room"), "0");
	see_connect(fd, unspec(), "EINVAL");
	clean();
}

static void k16(const struct net *n)
{
	int fd = sock(SOCK_DGRAM);

	(void)n;
	server(SOCK_DGRAM, in_folder("d"), 0);
	see_connect(fd, in_folder("d"), "0");
	see_send(fd, "k16", "3");
	see_connect(fd, unspec(), "0");
	see_send(fd, "k16", "ENOTCONN");
	clean();
}

static void k17(const struct net *n)
{
	int taken = server(SOCK_DGRAM, in_folder("taken"), 0);

	(void)n;
	server(SOCK_DGRAM, in_folder("friend"), 0);
	see_connect(taken, in_folder("friend"), "0");
	see_connect(sock(SOCK_DGRAM), in_folder("taken"), "EPERM");
	clean();
}

static void k18(const struct net *n)
{
	int gone = socket(AF_UNIX, SOCK_DGRAM, 0);

	(void)n;
	bind_to(gone, in_folder("gone"));
	close(gone);
	see_connect(sock(SOCK_DGRAM), in_folder("gone"), "ECONNREFUSED");
	clean();
}

static void k19(const struct net *n)
{
	struct addr where = in_folder("self");

	(void)n;
	see_connect(server(SOCK_STREAM, where, 4), where, "EINVAL");
	clean();
}

// The longest path fills all of sun_path, and no zero ends it.
static void k20(const struct net *n)
{
	struct addr a = in_folder("x"), whole;
	int fd = sock(SOCK_STREAM);

	(void)n;
	a.len = 2;
	see_connect(fd, a, "EINVAL");
	a.len = 111;
	see_connect(fd, a, "EINVAL");
	whole = in_folder("");
	for (size_t i = strlen(whole.un.sun_path); i < sizeof(whole.un.sun_path); i++)
		whole.un.sun_path[i] = 'y';
	whole.len = sizeof(whole.un);
	server(SOCK_STREAM, whole, 2);
	see_connect(fd, whole, "0");
	clean();
}

static void k21(const struct net *n)
{
	struct addr a = path_addr(".spate-rows-%d", (int)getpid());

	(void)n;
	a.un.sun_path[0] = 0;
	a.len--;
	see_connect(sock(SOCK_STREAM), a, "ECONNREFUSED");
	server(SOCK_STREAM, a, 2);
	see_connect(sock(SOCK_STREAM), a, "0");
}

static void k22(const struct net *n)
{
	see_connect(sock(SOCK_STREAM), at(n->peer, PORT_TALK), "EINVAL");
}

const struct row rows_k[] = {
	{"K1", k1, 0},
	{"K2", k2, 0},
	{"K3", k3, 0},
	{"K4", k4, 0},
	{"K5", k5, ROW_ALONE},
	{"K6", k6, ROW_ALONE},
	{"K7", k7, 0},
	{"K8", k8, 0},
	{"K9", k9, 0},
	{"K10", k10, 0},
	{"K11", k11, 0},
	{"K12", k12, 0},
	{"K13", k13, 0},
	{"K14", k14, 0},
	{"K15", k15, 0},
	{"K16", k16, 0},
	{"K17", k17, 0},
	{"K18", k18, 0},
	{"K19", k19, 0},
	{"K20", k20, 0},
	{"K21", k21, 0},
	{"K22", k22, 0},
	{0},
};
