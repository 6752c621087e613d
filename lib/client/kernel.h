/* kernel.h: the kernel's calls without libc: libc's names are the preload library's, and must not come back to it. All return
 * >= 0 or -errno. */
#ifndef CLIENT_KERNEL_H
#define CLIENT_KERNEL_H

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#define KERNEL_SIGSET_BYTES 8 /* of the kernel's sigset_t, the front of libc's */

#if defined(__x86_64__)
static inline long kernel_call(long nr, long a, long b, long c, long d, long e, long f)
{
	long ret;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return ret;
}
static inline void kernel_pause(void) { __builtin_ia32_pause(); }
#elif defined(__aarch64__)
static inline long kernel_call(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory", "cc");
	return x0;
}
static inline void kernel_pause(void) { __asm__ volatile("yield"); }
#else
#error "the system calls of this processor are not known here"
#endif

#define KERNEL_1(nr, a) kernel_call(nr, (long)(a), 0, 0, 0, 0, 0)
#define KERNEL_2(nr, a, b) kernel_call(nr, (long)(a), (long)(b), 0, 0, 0, 0)
#define KERNEL_3(nr, a, b, c) kernel_call(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define KERNEL_4(nr, a, b, c, d) kernel_call(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define KERNEL_6(nr, a, b, c, d, e, f) kernel_call(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

static inline int kernel_close(int fd) { return (int)KERNEL_1(SYS_close, fd); }
static inline int kernel_getpid(void) { return (int)kernel_call(SYS_getpid, 0, 0, 0, 0, 0, 0); }
static inline int kernel_gettid(void) { return (int)kernel_call(SYS_gettid, 0, 0, 0, 0, 0, 0); }
static inline int kernel_fcntl(int fd, int cmd, long arg) { return (int)KERNEL_3(SYS_fcntl, fd, cmd, arg); }
static inline int kernel_ioctl(int fd, unsigned long request, void *arg) { return (int)KERNEL_3(SYS_ioctl, fd, request, arg); }
static inline int kernel_dup3(int from, int to, int flags) { return (int)KERNEL_3(SYS_dup3, from, to, flags); }
static inline int kernel_close_range(unsigned from, unsigned to, unsigned flags)
{
	return (int)KERNEL_3(SYS_close_range, from, to, flags);
}
static inline int kernel_socket(int domain, int type, int protocol) { return (int)KERNEL_3(SYS_socket, domain, type, protocol); }
static inline int kernel_connect(int fd, const void *addr, socklen_t len) { return (int)KERNEL_3(SYS_connect, fd, addr, len); }
static inline int kernel_setsockopt(int fd, int level, int name, const void *val, socklen_t len)
{
	return (int)KERNEL_6(SYS_setsockopt, fd, level, name, val, len, 0);
}
static inline long kernel_sendmsg(int fd, const struct msghdr *msg, int flags) { return KERNEL_3(SYS_sendmsg, fd, msg, flags); }
static inline long kernel_recvmsg(int fd, struct msghdr *msg, int flags) { return KERNEL_3(SYS_recvmsg, fd, msg, flags); }
static inline long kernel_read(int fd, void *buf, size_t len) { return KERNEL_3(SYS_read, fd, buf, len); }
static inline long kernel_write(int fd, const void *buf, size_t len) { return KERNEL_3(SYS_write, fd, buf, len); }
static inline long kernel_pread(int fd, void *buf, size_t len, int64_t at) { return KERNEL_4(SYS_pread64, fd, buf, len, at); }
static inline int64_t kernel_lseek(int fd, int64_t at, int whence) { return KERNEL_3(SYS_lseek, fd, at, whence); }
static inline int kernel_eventfd(int flags) { return (int)KERNEL_2(SYS_eventfd2, 0, flags); }
static inline int kernel_epoll_create(int flags) { return (int)KERNEL_1(SYS_epoll_create1, flags); }
static inline int kernel_epoll_ctl(int epfd, int op, int fd, const struct epoll_event *event)
{
	return (int)KERNEL_4(SYS_epoll_ctl, epfd, op, fd, event);
}
/* Without waiting. */
static inline int kernel_epoll_look(int epfd, struct epoll_event *events, int max)
{
	return (int)KERNEL_6(SYS_epoll_pwait, epfd, events, max, 0, NULL, KERNEL_SIGSET_BYTES);
}
static inline int kernel_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask)
{
	struct timespec left;

	/* The kernel writes what is left of the time. */
	if (timeout != NULL)
		left = *timeout;
	return (int)KERNEL_6(SYS_ppoll, fds, n, timeout != NULL ? &left : NULL, mask, KERNEL_SIGSET_BYTES, 0);
}
/* Shared between processes: not the private kind. A timeout is relative. */
static inline int kernel_futex_wait(_Atomic uint32_t *word, uint32_t value, const struct timespec *timeout)
{
	return (int)KERNEL_4(SYS_futex, word, FUTEX_WAIT, value, timeout);
}
static inline void kernel_futex_wake(_Atomic uint32_t *word, int n) { KERNEL_3(SYS_futex, word, FUTEX_WAKE, n); }
static inline void kernel_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	KERNEL_4(SYS_rt_sigprocmask, how, set, old, KERNEL_SIGSET_BYTES);
}
static inline void kernel_raise(int sig) { KERNEL_3(SYS_tgkill, kernel_getpid(), kernel_gettid(), sig); }

#endif
