/* kernel_test.c: descriptors of the kernel among spate's: AF_UNIX (section K of the connect semantics), pipes, eventfds and
 * files, in every call and mixed in poll() and epoll. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "world.h"

static char dir[32];

static int world_and_dir(void **state)
{
	strcpy(dir, "/tmp/spate-unit-XXXXXX");
	assert_non_null(mkdtemp(dir));
	return world_make(state);
}

static int no_dir(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "chmod -R u+rwx %s; rm -r %s", dir, dir);
	assert_int_equal(system(command), 0);
	return world_end(state);
}

static struct sockaddr_un un(const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	assert_true(snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s", dir, name) < (int)sizeof(a.sun_path));
	return a;
}

static int unix_(int type)
{
	int fd = spate_sys_socket(AF_UNIX, type, 0);

	assert_true(fd >= 0x40000000);
	return fd;
}

static int connect_un(int fd, const char *name)
{
	struct sockaddr_un a = un(name);

	return spate_sys_connect(fd, (struct sockaddr *)&a, sizeof(a));
}

static int bind_un(int fd, const char *name)
{
	struct sockaddr_un a = un(name);

	return spate_sys_bind(fd, (struct sockaddr *)&a, sizeof(a));
}

static int listener(const char *name, int backlog)
{
	int fd = unix_(SOCK_STREAM);

	assert_int_equal(bind_un(fd, name), 0);
	assert_int_equal(spate_sys_listen(fd, backlog), 0);
	return fd;
}

static void touch(const char *name)
{
	struct sockaddr_un a = un(name);
	FILE *f = fopen(a.sun_path, "w");

	assert_non_null(f);
	fclose(f);
}

static void close_all(const int *fd, size_t n)
{
	for (size_t i = 0; i < n; i++)
		assert_int_equal(spate_sys_close(fd[i]), 0);
}

static void k1_to_k9_names(void **state)
{
	struct sockaddr_un a = un("loop"), path = un("one");
	char long_[400];
	int s = unix_(SOCK_STREAM), d = unix_(SOCK_DGRAM), bound = unix_(SOCK_STREAM), l, s2;

	(void)state;
	assert_int_equal(connect_un(s, "nobody"), -ENOENT); /* K1 */
	touch("file");
	assert_int_equal(connect_un(s, "file/x"), -ENOTDIR); /* K2 */
	assert_int_equal(symlink(a.sun_path, a.sun_path), 0);
	assert_int_equal(connect_un(s, "loop"), -ELOOP); /* K3 */
	memset(long_, 'x', sizeof(long_));
	long_[0] = '/';
	long_[sizeof(long_) - 1] = 0;
	a = un("long");
	assert_int_equal(symlink(long_, a.sun_path), 0);
	assert_int_equal(connect_un(s, "long"), -ENAMETOOLONG); /* K4 */
	assert_int_equal(connect_un(s, "file"), -ECONNREFUSED); /* K7 */
	assert_int_equal(bind_un(bound, "one"), 0);
	assert_int_equal(connect_un(s, "one"), -ECONNREFUSED); /* K8 */
	assert_int_equal(spate_sys_listen(bound, 5), 0);
	assert_int_equal(connect_un(d, "one"), -EPROTOTYPE); /* K9 */
	assert_int_equal(connect_un(s, "one"), 0); /* K10 */
	l = spate_sys_accept4(bound, NULL, NULL, 0);
	assert_true(l >= 0x40000000);
	s2 = unix_(SOCK_STREAM);
	assert_int_equal(chmod(path.sun_path, 0555), 0);
	assert_int_equal(chmod(dir, 0755), 0);
	setfsuid(65534); /* root may, and is no longer */
	assert_int_equal(connect_un(s2, "one"), -EACCES); /* K5 */
	setfsuid(geteuid());
	assert_int_equal(chmod(dir, 0600), 0);
	setfsuid(65534);
	assert_int_equal(connect_un(s2, "one"), -EACCES); /* K6 */
	setfsuid(geteuid());
	close_all((int[]){s, s2, d, bound, l}, 5);
}

static void on_signal(int sig) { (void)sig; }

static int turns_to_signal;

static void signal_later(void)
{
	if (turns_to_signal > 0 && --turns_to_signal == 0)
		kill(getpid(), SIGUSR1);
}

/* A call that waits for the kernel's socket polls the network meanwhile: virtual time goes on. */
static void k11_to_k14_full_backlog(void **state)
{
	struct sigaction sa = {.sa_handler = on_signal};
	struct timeval tv = {.tv_usec = 50000};
	int l = listener("full", 0), fd[4];
	uint64_t t0;

	(void)state;
	for (int i = 0; i < 4; i++)
		fd[i] = unix_(SOCK_STREAM | (i == 1 ? SOCK_NONBLOCK : 0));
	assert_int_equal(connect_un(fd[0], "full"), 0);
	assert_int_equal(connect_un(fd[1], "full"), -EAGAIN); /* K11 */
	assert_int_equal(spate_sys_setsockopt(fd[2], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)), 0);
	t0 = world.now_ns;
	assert_int_equal(connect_un(fd[2], "full"), -EAGAIN); /* K12 */
	assert_in_range(world.now_ns - t0, 49 * MS, 53 * MS);
	assert_int_equal(sigaction(SIGUSR1, &sa, NULL), 0);
	turns_to_signal = 20;
	world.every_turn = signal_later;
	assert_int_equal(connect_un(fd[3], "full"), -EINTR); /* K13 */
	assert_int_equal(spate_sys_accept4(l, NULL, NULL, 0) >= 0x40000000, 1);
	assert_int_equal(connect_un(fd[3], "full"), 0); /* called again */
	assert_int_equal(spate_sys_accept4(l, NULL, NULL, 0) >= 0x40000000, 1);
	assert_int_equal(connect_un(fd[0], "full"), -EISCONN); /* K14 */
	close_all(fd, 4);
	assert_int_equal(spate_sys_close(l), 0);
}

static void k15_to_k22_kinds(void **state)
{
	struct sockaddr_un abstract = {.sun_family = AF_UNIX, .sun_path = "\0spate-nobody"}, a = un("l");
	struct sockaddr_in in = ip4(FAR_IP, 80);
	int s = unix_(SOCK_STREAM), d = unix_(SOCK_DGRAM), d2 = unix_(SOCK_DGRAM), d3 = unix_(SOCK_DGRAM), l = listener("l", 5);

	(void)state;
	assert_int_equal(spate_sys_connect(s, &unspec, sizeof(unspec)), -EINVAL); /* K15 */
	assert_int_equal(bind_un(d2, "d2"), 0);
	assert_int_equal(bind_un(d3, "d3"), 0);
	assert_int_equal(connect_un(d, "d2"), 0);
	assert_int_equal(spate_sys_connect(d, &unspec, sizeof(unspec)), 0); /* K16 */
	assert_int_equal(spate_sys_sendto(d, "x", 1, 0, NULL, 0), -ENOTCONN);
	assert_int_equal(connect_un(d2, "d3"), 0);
	assert_int_equal(connect_un(d, "d2"), -EPERM); /* K17 */
	assert_int_equal(spate_sys_close(d3), 0);
	assert_int_equal(connect_un(d, "d3"), -ECONNREFUSED); /* K18 */
	assert_int_equal(connect_un(l, "l"), -EINVAL); /* K19 */
	assert_int_equal(spate_sys_connect(s, (struct sockaddr *)&a, 2), -EINVAL); /* K20 */
	assert_int_equal(spate_sys_connect(s, (struct sockaddr *)&a, sizeof(a) + 1), -EINVAL);
	assert_int_equal(spate_sys_connect(s, (struct sockaddr *)&abstract, 2 + 13), -ECONNREFUSED); /* K21 */
	assert_int_equal(spate_sys_connect(s, (struct sockaddr *)&in, sizeof(in)), -EINVAL); /* K22 */
	close_all((int[]){s, d, d2, l}, 4);
}

static int wrapped(int kfd)
{
	int fd = spate_kernel_fd(kfd);

	assert_true(fd >= 0x40000000);
	assert_int_equal(spate_kernel_number(fd), kfd);
	return fd;
}

static void every_call(void **state)
{
	int fds[2], v = 0, n = -1;
	struct sockaddr_un a;
	socklen_t len = sizeof(v);
	struct iovec iov[2] = {{"ab", 2}, {"cd", 2}};
	char buf[8] = {0};
	struct iovec in = {buf, sizeof(buf)};

	(void)state;
	assert_int_equal(spate_kernel_fd(1000), -EBADF);
	assert_int_equal(spate_kernel_fd(-1), -EBADF);
	assert_int_equal(spate_kernel_number(stream(0)), -EBADF);
	assert_int_equal(spate_sys_socketpair(AF_INET, SOCK_STREAM, 0, fds), -EOPNOTSUPP);
	assert_int_equal(spate_sys_socketpair(AF_UNIX, SOCK_STREAM, 0, NULL), -EFAULT);
	assert_int_equal(spate_socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(spate_sys_getsockopt(fds[0], SOL_SOCKET, SO_TYPE, &v, &len), 0);
	assert_int_equal(v, SOCK_STREAM);
	assert_int_equal(spate_writev(fds[0], iov, 2), 4);
	assert_int_equal(spate_ioctl(fds[1], FIONREAD, &n), 0);
	assert_int_equal(n, 4);
	assert_int_equal(spate_recv(fds[1], buf, 2, MSG_PEEK), 2);
	assert_int_equal(spate_readv(fds[1], &in, 1), 4);
	assert_memory_equal(buf, "abcd", 4);
	len = sizeof(a);
	assert_int_equal(spate_sys_getpeername(fds[1], (struct sockaddr *)&a, &len), 0);
	assert_int_equal(a.sun_family, AF_UNIX);
	assert_int_equal(spate_sys_getsockname(fds[1], (struct sockaddr *)&a, &len), 0);
	assert_int_equal(spate_fcntl(fds[0], F_GETFL), O_RDWR);
	assert_int_equal(spate_sys_shutdown(fds[0], SHUT_WR), 0);
	assert_int_equal(spate_read(fds[1], buf, 1), 0);
	assert_int_equal(spate_sys_close(fds[0]), 0);
	assert_int_equal(spate_sys_sendto(fds[1], "x", 1, 0, NULL, 0), -EPIPE); /* and no SIGPIPE */
	assert_int_equal(spate_sys_write(fds[1], "x", 1), -EPIPE);
	assert_int_equal(spate_sys_close(fds[1]), 0);
	assert_int_equal(spate_sys_close(fds[1]), -EBADF);
	assert_int_equal(spate_sys_connect(fds[1], &unspec, 2), -EBADF);
	sock_enter(NULL); /* also without a stack */
	assert_int_equal(spate_sys_socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	assert_int_equal(spate_sys_write(fds[0], "x", 1), 1);
	assert_int_equal(spate_sys_read(fds[1], buf, 8), 1);
	close_all(fds, 2);
	at(NEAR);
}

/* A3, A4, A5 of what is no socket at all. */
static void no_socket(void **state)
{
	struct sockaddr_in in = ip4(FAR_IP, 80);
	int fd = wrapped(eventfd(0, 0));
	char c;

	(void)state;
	assert_int_equal(spate_sys_connect(fd, (struct sockaddr *)&in, 16), -ENOTSOCK);
	assert_int_equal(spate_sys_connect(fd, NULL, 16), -EFAULT);
	assert_int_equal(spate_sys_connect(fd, (struct sockaddr *)&in, 129), -EINVAL);
	assert_int_equal(spate_sys_recvfrom(fd, &c, 1, 0, NULL, NULL), -ENOTSOCK);
	assert_int_equal(spate_sys_close(fd), 0);
	fd = wrapped(open("/tmp", O_PATH)); /* A6 */
	assert_int_equal(spate_sys_connect(fd, (struct sockaddr *)&in, 16), -EBADF);
	assert_int_equal(spate_sys_close(fd), 0);
}

static int event_kfd;

static void event_later(void)
{
	uint64_t one = 1;

	if (turns_to_signal > 0 && --turns_to_signal == 0)
		assert_int_equal(write(event_kfd, &one, sizeof(one)), sizeof(one));
}

static void event_in(int turns)
{
	turns_to_signal = turns;
	world.every_turn = event_later;
}

/* A blocking read of an eventfd turns the stack until somebody writes. */
static void blocking_read(void **state)
{
	int fd = wrapped(event_kfd = eventfd(0, 0));
	uint64_t v = 0, t0 = world.now_ns;

	(void)state;
	event_in(20);
	assert_int_equal(spate_read(fd, &v, sizeof(v)), sizeof(v));
	assert_int_equal(v, 1);
	assert_true(world.now_ns > t0);
	assert_int_equal(spate_fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(spate_sys_read(fd, &v, sizeof(v)), -EAGAIN);
	assert_int_equal(spate_sys_close(fd), 0);
}

static void mixed_poll(void **state)
{
	int far, s = pair(80, &far), fd = wrapped(event_kfd = eventfd(0, 0));
	struct pollfd p[3] = {{.fd = s, .events = POLLIN}, {.fd = fd, .events = POLLIN}, {.fd = -1, .revents = 1}};
	uint64_t v;

	(void)state;
	assert_int_equal(spate_poll(p, 3, 0), 0);
	assert_int_equal(p[2].revents, 0);
	event_in(20);
	assert_int_equal(spate_poll(p, 3, 10000), 1);
	assert_int_equal(p[0].revents, 0);
	assert_int_equal(p[1].revents, POLLIN);
	at(FAR);
	assert_int_equal(spate_send(far, "x", 1, 0), 1);
	at(NEAR);
	run_ms(2);
	assert_int_equal(spate_poll(p, 3, -1), 2); /* both */
	assert_int_equal(spate_read(fd, &v, sizeof(v)), sizeof(v));
	assert_int_equal(spate_poll(p, 3, -1), 1);
	assert_int_equal(p[1].revents, 0);
	assert_int_equal(spate_sys_close(fd), 0);
	assert_int_equal(spate_poll(p, 3, -1), 2);
	assert_int_equal(p[1].revents, POLLNVAL);
}

static void mixed_epoll(void **state)
{
	int far, s = pair(80, &far), fd = wrapped(event_kfd = eventfd(0, 0)), ep = spate_epoll_create1(0), n = 0;
	struct epoll_event e = {.events = EPOLLIN}, got[4];
	struct pollfd p = {.fd = ep, .events = POLLIN};
	uint64_t v;

	(void)state;
	assert_int_equal(spate_sys_epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL), -ENOENT);
	e.data.u64 = 1;
	assert_int_equal(spate_sys_epoll_ctl(ep, EPOLL_CTL_ADD, s, &e), 0);
	e.data.u64 = 2;
	assert_int_equal(spate_sys_epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), 0);
	assert_int_equal(spate_sys_epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), -EEXIST);
	assert_int_equal(spate_sys_epoll_ctl(ep, EPOLL_CTL_ADD, fd + 500, &e), -EBADF);
	assert_int_equal(spate_epoll_wait(ep, got, 4, 0), 0);
	event_in(20);
	assert_int_equal(spate_epoll_wait(ep, got, 4, 10000), 1);
	assert_int_equal(got[0].data.u64, 2);
	assert_int_equal(spate_epoll_wait(ep, got, 4, 0), 1); /* still there, and found at once */
	assert_int_equal(spate_poll(&p, 1, 0), 1);
	at(FAR);
	assert_int_equal(spate_send(far, "x", 1, 0), 1);
	at(NEAR);
	run_ms(2);
	for (int i = 0; i < 20; i++) { /* one place: neither keeps the other out */
		assert_int_equal(spate_epoll_wait(ep, got, 1, 0), 1);
		n += got[0].data.u64 == 2;
	}
	assert_in_range(n, 1, 19);
	e.data.u64 = 3;
	assert_int_equal(spate_sys_epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e), 0);
	assert_int_equal(spate_read(s, &v, 1), 1);
	assert_int_equal(spate_epoll_wait(ep, got, 4, 0), 1);
	assert_int_equal(got[0].data.u64, 3);
	assert_int_equal(spate_sys_epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL), 0);
	assert_int_equal(spate_epoll_wait(ep, got, 4, 0), 0);
	assert_int_equal(spate_sys_close(ep), 0);
	assert_int_equal(spate_sys_close(fd), 0);
}

/* ---- sendfile, splice ---- */

static void files(void **state)
{
	int far, s = pair(80, &far), kfd, fd, both[2];
	static char data[100000], got[100000];
	struct sockaddr_un path = un("data");
	off_t at_ = 10;
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7 + i / 251);
	kfd = open(path.sun_path, O_RDWR | O_CREAT, 0600);
	assert_int_equal(write(kfd, data, sizeof(data)), sizeof(data));
	assert_int_equal(lseek(kfd, 0, SEEK_SET), 0);
	fd = wrapped(kfd);
	assert_int_equal(spate_sys_sendfile(s, kfd, NULL, 1), -EBADF);
	assert_int_equal(spate_sys_sendfile(s, s, NULL, 1), -EINVAL);
	assert_int_equal(spate_sendfile(s, fd, &at_, 90), 90);
	assert_int_equal(at_, 100);
	assert_int_equal(lseek(kfd, 0, SEEK_CUR), 0);
	at_ = 100;
	assert_int_equal(spate_sendfile(s, fd, &at_, sizeof(data)), sizeof(data) - 100); /* the file ends */
	assert_int_equal(spate_sendfile(s, fd, NULL, 10), 10);
	assert_int_equal(lseek(kfd, 0, SEEK_CUR), 10);
	run_ms(20);
	at(FAR);
	while (n < sizeof(data)) {
		ssize_t rc = spate_recv(far, got + n, sizeof(got) - n, 0);

		assert_true(rc > 0);
		n += (size_t)rc;
	}
	at(NEAR);
	assert_memory_equal(got, data + 10, sizeof(data) - 10);
	assert_memory_equal(got + sizeof(data) - 10, data, 10);
	assert_int_equal(spate_sys_socketpair(AF_UNIX, SOCK_STREAM, 0, both), 0); /* between two of the kernel's */
	at_ = 50;
	assert_int_equal(spate_sys_sendfile(both[0], fd, &at_, 8), 8);
	assert_int_equal(spate_sys_read(both[1], got, sizeof(got)), 8);
	assert_memory_equal(got, data + 50, 8);
	close_all(both, 2);
	assert_int_equal(spate_sys_close(fd), 0);
}

static void pipes(void **state)
{
	int far, s = pair(80, &far), p[2], r, w, d = dgram(0);
	char buf[16] = {0};
	off_t off = 0;

	(void)state;
	assert_int_equal(pipe(p), 0);
	r = wrapped(p[0]);
	w = wrapped(p[1]);
	assert_int_equal(write(p[1], "through", 7), 7);
	assert_int_equal(spate_splice(r, NULL, s, NULL, 100, 0), 7);
	assert_int_equal(spate_sys_splice(r, NULL, s, NULL, 100, SPLICE_F_NONBLOCK), -EAGAIN);
	assert_int_equal(spate_sys_splice(r, &off, s, NULL, 100, 0), -ESPIPE);
	assert_int_equal(spate_sys_splice(s, NULL, s, NULL, 100, 0), -EINVAL);
	assert_int_equal(spate_sys_splice(r, NULL, d, NULL, 100, 0), -EINVAL);
	at(FAR);
	assert_int_equal(spate_splice(far, NULL, w, NULL, 4, 0), 4);
	assert_int_equal(read(p[0], buf, sizeof(buf)), 4);
	assert_memory_equal(buf, "thro", 4);
	assert_int_equal(spate_splice(far, NULL, w, NULL, 100, 0), 3);
	assert_int_equal(read(p[0], buf, sizeof(buf)), 3);
	assert_memory_equal(buf, "ugh", 3);
	assert_int_equal(spate_sys_splice(far, NULL, w, NULL, 100, SPLICE_F_NONBLOCK), -EAGAIN);
	/* A full pipe takes nothing away from the stream. */
	assert_int_equal(fcntl(p[1], F_SETFL, O_NONBLOCK), 0);
	while (write(p[1], buf, 1) == 1 || write(p[1], buf, sizeof(buf)) > 0)
		;
	at(NEAR);
	assert_int_equal(spate_send(s, "kept", 4, 0), 4);
	run_ms(2);
	at(FAR);
	assert_int_equal(spate_sys_splice(far, NULL, w, NULL, 100, 0), -EAGAIN);
	assert_int_equal(spate_recv(far, buf, sizeof(buf), 0), 4);
	assert_memory_equal(buf, "kept", 4);
	at(NEAR);
	assert_int_equal(spate_sys_shutdown(s, SHUT_WR), 0);
	assert_int_equal(spate_sys_splice(r, NULL, s, NULL, 100, 0), -EPIPE); /* and the pipe keeps its bytes */
	assert_true(read(p[0], buf, 1) == 1);
	assert_int_equal(spate_sys_close(r), 0);
	signal(SIGPIPE, SIG_DFL);
	assert_int_equal(spate_sys_write(w, "x", 1), -EPIPE); /* no SIGPIPE */
	assert_int_equal(spate_sys_close(w), 0);
}

/* ---- several messages, and masks ---- */

static void many_messages(void **state)
{
	int d = dgram(0), far;
	struct iovec iov[3] = {{"one", 3}, {"three", 5}, {"nothing", 7}};
	char room[3][8] = {{0}};
	struct mmsghdr out[3], in[3];
	struct timespec now = {0};

	(void)state;
	at(FAR);
	far = dgram(0);
	assert_int_equal(call_bind(far, FAR_IP, 53), 0);
	at(NEAR);
	assert_int_equal(call_connect(d, FAR_IP, 53), 0);
	memset(out, 0, sizeof(out));
	memset(in, 0, sizeof(in));
	for (int i = 0; i < 3; i++) {
		out[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
	}
	out[2].msg_hdr.msg_iovlen = 5000; /* EMSGSIZE, which is told when it is the first one's */
	assert_int_equal(spate_sendmmsg(d, out, 3, 0), 2);
	assert_int_equal(out[1].msg_len, 5);
	assert_int_equal(spate_sys_sendmmsg(d, out + 2, 1, 0), -EMSGSIZE);
	assert_int_equal(spate_sys_sendmmsg(d, NULL, 1, 0), -EFAULT);
	run_ms(2);
	at(FAR);
	for (int i = 0; i < 3; i++) {
		static struct iovec to[3];

		to[i] = (struct iovec){room[i], sizeof(room[i])};
		in[i].msg_hdr = (struct msghdr){.msg_iov = &to[i], .msg_iovlen = 1};
	}
	assert_int_equal(spate_recvmmsg(far, in, 3, MSG_WAITFORONE, NULL), 2);
	assert_string_equal(room[0], "one");
	assert_string_equal(room[1], "three");
	assert_int_equal(in[1].msg_len, 5);
	assert_int_equal(spate_sys_recvmmsg(far, in, 3, MSG_DONTWAIT, NULL), -EAGAIN);
	at(NEAR);
	assert_int_equal(spate_sendmmsg(d, out, 2, 0), 2);
	run_ms(2);
	at(FAR);
	assert_int_equal(spate_recvmmsg(far, in, 3, 0, &now), 1); /* the time was over after the first */
	now.tv_nsec = -1;
	assert_int_equal(spate_sys_recvmmsg(far, in, 3, 0, &now), -EINVAL);
	at(NEAR);
}

static volatile int caught;
static void on_usr1(int sig) { caught += sig == SIGUSR1; }

/* A signal that was pending before the call ends it, if the call's mask lets it through. */
static void signal_masks(void **state)
{
	struct sigaction sa = {.sa_handler = on_usr1};
	struct timespec second = {.tv_sec = 1}, none = {0}, bad = {.tv_nsec = 1000000000};
	struct pollfd p = {.fd = stream(0), .events = 0};
	int ep = spate_epoll_create1(0);
	struct epoll_event ev;
	sigset_t open_, usr1, now;
	fd_set rd;
	uint64_t t0;

	(void)state;
	sigemptyset(&open_);
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	assert_int_equal(sigaction(SIGUSR1, &sa, NULL), 0);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &usr1, NULL), 0);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	p.fd = -1;
	t0 = world.now_ns;
	assert_int_equal(spate_sys_ppoll(&p, 1, &second, NULL), 0);
	assert_true(world.now_ns - t0 >= 1000 * MS);
	assert_int_equal(caught, 0);
	assert_int_equal(spate_sys_ppoll(&p, 1, NULL, &open_), -EINTR);
	assert_int_equal(caught, 1);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	assert_int_equal(spate_sys_epoll_pwait(ep, &ev, 1, 0, &open_), -EINTR);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	FD_ZERO(&rd);
	assert_int_equal(spate_sys_pselect(0, &rd, NULL, NULL, &none, &open_), -EINTR);
	assert_int_equal(kill(getpid(), SIGUSR1), 0);
	assert_int_equal(spate_sys_epoll_pwait2(ep, &ev, 1, &second, &usr1), 0); /* blocked by this mask */
	assert_int_equal(caught, 3);
	assert_int_equal(spate_sys_epoll_pwait2(ep, &ev, 1, NULL, &open_), -EINTR);
	assert_int_equal(caught, 4);
	assert_int_equal(spate_sys_epoll_pwait2(ep, &ev, 1, &bad, NULL), -EINVAL);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &now), 0); /* the thread's mask is its own again */
	assert_int_equal(sigismember(&now, SIGUSR1), 1);
	assert_int_equal(sigismember(&now, SIGTERM), 0);
	assert_int_equal(pthread_sigmask(SIG_UNBLOCK, &usr1, NULL), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_and_dir, no_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(k1_to_k9_names), T(k11_to_k14_full_backlog), T(k15_to_k22_kinds), T(every_call), T(no_socket), T(blocking_read),
		T(mixed_poll), T(mixed_epoll), T(files), T(pipes), T(many_messages), T(signal_masks),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
