// a_checks.c: section A: descriptor, pointer and length checks, and their order.
#include "rows.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

static int pipe_end(void)
{
	int ends[2] = {-1, -1};

	if (pipe(ends) == 0)
		keep(ends[1]);
	return keep(ends[0]);
}

static struct addr talk(const struct net *n)
{
	return at(n->peer, PORT_TALK);
}

// connect() with a pointer and a length that no struct addr can have.
static void see_raw(int fd, const void *p, socklen_t len, const char *want)
{
	see("connect", connect(fd, p, len), want);
}

static void a1(const struct net *n)
{
	see_connect(-1, talk(n), "EBADF");
	see_connect(1 << 20, talk(n), "EBADF");
}

static void a2(const struct net *n)
{
	(void)n;
	see_raw(-1, NULL, 16, "EBADF");
}

static void a3(const struct net *n)
{
	see_connect(pipe_end(), talk(n), "ENOTSOCK");
	see_connect(keep(open("/proc/self/status", O_RDONLY)), talk(n), "ENOTSOCK");
	see_connect(keep(epoll_create1(0)), talk(n), "ENOTSOCK");
	see_connect(keep(open("/dev/null", O_RDWR)), talk(n), "ENOTSOCK");
}

static void a4(const struct net *n)
{
	(void)n;
	see_raw(pipe_end(), NULL, 16, "EFAULT");
}

static void a5(const struct net *n)
{
	char room[200] = {0};

	(void)n;
	see_raw(pipe_end(), room, 129, "EINVAL");
}

static void a6(const struct net *n)
{
	see_connect(keep(open("/", O_PATH)), talk(n), "EBADF");
}

// A page that may not be touched behind one that may.
static char *guarded(size_t page)
{
	char *p = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mprotect(p + page, page, PROT_NONE);
	return p;
}

static void a7(const struct net *n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = guarded(page);
	int fd = tcp(n, 0);

	see_raw(fd, NULL, 16, "EFAULT");
	see_raw(fd, NULL, 28, "EFAULT");
	see_raw(fd, (void *)1, 28, "EFAULT");
	see_raw(fd, p + page, 28, "EFAULT");
	see_names(fd, "any:0", "ENOTCONN");
	see_connect(fd, talk(n), "0");
	munmap(p, 2 * page);
}

static void a8(const struct net *n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = guarded(page);
	struct addr to = talk(n);
	int fd = tcp(n, 0);

	memcpy(p + page - 8, &to.sa, 8);
	see_raw(fd, p + page - 8, to.len, "EFAULT");
	see_connect(fd, to, "0");
	munmap(p, 2 * page);
}

static void a9(const struct net *n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *p = guarded(page);
	struct addr to = talk(n);

	memcpy(p + page - to.len, &to.sa, to.len);
	see_raw(tcp(n, 0), p + page - to.len, to.len, "0");
	munmap(p, 2 * page);
}

static void a10(const struct net *n)
{
	see_raw(tcp(n, 0), NULL, 0, "EINVAL");
}

static void a11(const struct net *n)
{
	see_raw(tcp(n, 0), NULL, 1, "EFAULT");
}

static void see_length(int fd, struct addr to, socklen_t len, const char *want)
{
	to.len = len;
	see_connect(fd, to, want);
}

static void a12(const struct net *n)
{
	int fd = tcp(n, 0), up = joined(n, 0);

	see_length(fd, talk(n), 0, "EINVAL");
	see_length(fd, talk(n), 1, "EINVAL");
	see_length(up, talk(n), 0, "EINVAL");
	see_length(up, talk(n), 1, "EINVAL");
}

static void a13(const struct net *n)
{
	int fd = tcp(n, 0), up = joined(n, 0), on = pending(n, PORT_SILENT + 13);

	for (socklen_t len = 2; len < 16; len++)
		see_length(fd, talk(n), len, "EINVAL");
	see_length(up, talk(n), 8, "EISCONN");
	see_length(on, talk(n), 8, "EALREADY");
	see_connect(fd, talk(n), "0");
}

static void a14(const struct net *n)
{
	for (socklen_t len = talk(n).len + 1; len <= 128; len += 111 - len % 10)
		see_length(tcp(n, 0), talk(n), len, "0");
	see_length(tcp(n, 0), talk(n), 128, "0");
}

static void a15(const struct net *n)
{
	char room[512] = {0};
	int fd = tcp(n, 0);

	see_raw(fd, room, 129, "EINVAL");
	see_raw(fd, room, 256, "EINVAL");
	see_raw(fd, room, (socklen_t)-1, "EINVAL");
	see_connect(fd, talk(n), "0");
}

static void a16(const struct net *n)
{
	for (socklen_t len = 24; len < 28; len++)
		see_length(tcp(n, 0), talk(n), len, "0");
}

static void a17(const struct net *n)
{
	struct addr to = talk(n);
	int fd = tcp(n, 0);

	for (socklen_t len = 2; len < 24; len += 3)
		see_length(fd, to, len, "EINVAL");
	to.sa.sa_family = AF_UNIX;
	see_length(fd, to, 20, "EINVAL");
}

static void a18(const struct net *n)
{
	const sa_family_t families[] = {AF_UNIX, n->af == AF_INET ? AF_INET6 : AF_PACKET, 77};
	int fd = tcp(n, 0);

	for (size_t i = 0; i < 3; i++) {
		struct addr to = talk(n);

		to.sa.sa_family = families[i];
		see_connect(fd, to, "EAFNOSUPPORT");
	}
	see_connect(fd, talk(n), "0");
}

static void a19(const struct net *n)
{
	int fd = tcp(n, 0);

	see_connect(fd, at(net4.peer, PORT_TALK), "EINVAL");
	see_connect(fd, talk(n), "0");
}

static void a20(const struct net *n)
{
	int fd = tcp(n, 0);

	see_length(fd, at(net4.peer, PORT_TALK), 28, "EAFNOSUPPORT");
	see_connect(fd, talk(n), "0");
}

static void a21(const struct net *n)
{
	struct addr to = talk(n);

	memset(to.in.sin_zero, 0xff, sizeof(to.in.sin_zero));
	see_connect(tcp(n, 0), to, "0");
}

// The bytes 16 and 2, a length and a family on BSD, are one family here.
static void a22(const struct net *n)
{
	struct addr to = talk(n);

	to.sa.sa_family = 16 | AF_INET << 8;
	see_connect(tcp(n, 0), to, "EAFNOSUPPORT");
}

const struct row rows_a[] = {
	{"A1", a1, ROW_BOTH},
	{"A2", a2, 0},
	{"A3", a3, 0},
	{"A4", a4, 0},
	{"A5", a5, 0},
	{"A6", a6, 0},
	{"A7", a7, ROW_BOTH},
	{"A8", a8, ROW_BOTH},
	{"A9", a9, ROW_BOTH},
	{"A10", a10, ROW_BOTH},
	{"A11", a11, ROW_BOTH},
	{"A12", a12, ROW_BOTH},
	{"A13", a13, 0},
	{"A14", a14, ROW_BOTH},
	{"A15", a15, ROW_BOTH},
	{"A16", a16, ROW_IP6},
	{"A17", a17, ROW_IP6},
	{"A18", a18, ROW_BOTH},
	{"A19", a19, ROW_IP6},
	{"A20", a20, ROW_IP6},
	{"A21", a21, 0},
	{"A22", a22, 0},
	{0},
};
