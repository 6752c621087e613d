/* rawcalls.c: for run_raw.sh: a program that makes its system calls itself, as runtimes without libc do: to an echo at ADDRESS
 * PORT, from its first thread, from threads of pthread_create() and of clone(), from handlers of signals and from children. One
 * line per case, "ok NAME" or "FAILED NAME: why". rawcalls ADDRESS PORT. x86-64 alone. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define THREADS 8
#define ROUNDS 50
#define STACK_BYTES (256 * 1024)

static struct sockaddr_in echo_at;
static const char *wrong; /* why the case failed */

static long raw(long nr, long a, long b, long c, long d, long e, long f)
{
	long ret;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
	return ret;
}
#define RAW1(nr, a) raw(nr, (long)(a), 0, 0, 0, 0, 0)
#define RAW2(nr, a, b) raw(nr, (long)(a), (long)(b), 0, 0, 0, 0)
#define RAW3(nr, a, b, c) raw(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define RAW4(nr, a, b, c, d) raw(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define RAW5(nr, a, b, c, d, e) raw(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define RAW6(nr, a, b, c, d, e, f) raw(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

#define EXPECT(condition) \
	do { \
		if (!(condition)) { \
			wrong = #condition; \
			return; \
		} \
	} while (0)

/* ---- an echo, by numbers ---- */

static long dial(void)
{
	long fd = RAW3(SYS_socket, AF_INET, SOCK_STREAM, 0), rc = RAW3(SYS_connect, fd, &echo_at, sizeof(echo_at));

	return rc < 0 ? rc : fd;
}

/* Did n bytes of this letter come back? */
static bool echoes(long fd, char letter, size_t n)
{
	char out[512], in[512];
	size_t got = 0;

	memset(out, letter, n);
	if (RAW3(SYS_write, fd, out, n) != (long)n)
		return false;
	while (got < n) {
		long more = RAW3(SYS_read, fd, in + got, n - got);

		if (more <= 0)
			return false;
		got += (size_t)more;
	}
	return memcmp(in, out, n) == 0;
}

static bool echo_rounds(char letter)
{
	for (int i = 0; i < ROUNDS; i++) {
		long fd = dial();

		if (fd < 0 || !echoes(fd, letter, 1 + (size_t)i * 7) || RAW1(SYS_close, fd) != 0)
			return false;
	}
	return true;
}

/* ---- cases ---- */

static void plain(void)
{
	struct sockaddr_in name = {0};
	socklen_t len = sizeof(name);
	long fd = dial();

	EXPECT(fd >= 0);
	EXPECT(echoes(fd, 'p', 100));
	EXPECT(RAW3(SYS_getpeername, fd, &name, &len) == 0);
	EXPECT(name.sin_addr.s_addr == echo_at.sin_addr.s_addr && name.sin_port == echo_at.sin_port);
	EXPECT(RAW3(SYS_connect, fd, &echo_at, sizeof(echo_at)) == -EISCONN);
	EXPECT(RAW1(SYS_close, fd) == 0);
	EXPECT(RAW1(SYS_close, fd) == -EBADF);
	EXPECT(RAW1(SYS_getpid, 0) == getpid());
}

/* Registers, those of floating point among them, are as they were. */
static void registers(void)
{
	double xmm = 3.25, back;
	long rbx = 11, r12 = 12, got_rbx, got_r12, ret = SYS_socket;

	__asm__ volatile("movq %[x], %%xmm7\n mov %[b], %%rbx\n mov %[t], %%r12\n"
			 "mov $2, %%edi\n mov $1, %%esi\n xor %%edx, %%edx\n"
			 "syscall\n"
			 "mov %%rbx, %[gb]\n mov %%r12, %[gt]\n movq %%xmm7, %[gx]\n"
			 : "+a"(ret), [gb] "=m"(got_rbx), [gt] "=m"(got_r12), [gx] "=m"(back)
			 : [x] "r"(xmm), [b] "m"(rbx), [t] "m"(r12)
			 : "rbx", "r12", "rdi", "rsi", "rdx", "rcx", "r11", "xmm7", "memory");
	EXPECT(ret >= 0);
	EXPECT(got_rbx == 11 && got_r12 == 12 && back == 3.25);
	EXPECT(RAW1(SYS_close, ret) == 0);
}

static void waiting(void)
{
	long fd = dial(), ep = RAW1(SYS_epoll_create1, 0);
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = 42}, got = {0};
	struct timespec soon = {.tv_nsec = 10000000}, long_time = {.tv_sec = 10};
	struct pollfd p = {.fd = (int)fd, .events = POLLIN};
	uint64_t mask = ~0ull;
	struct {
		uint64_t *mask;
		size_t bytes;
	} pair = {&mask, sizeof(mask)};
	fd_set rd;
	char c;

	EXPECT(fd >= 0 && ep >= 0);
	EXPECT(RAW4(SYS_epoll_ctl, ep, EPOLL_CTL_ADD, fd, &ev) == 0);
	EXPECT(RAW5(SYS_ppoll, &p, 1, &soon, &mask, 8) == 0);
	EXPECT(RAW3(SYS_write, fd, "x", 1) == 1);
	EXPECT(RAW6(SYS_epoll_pwait, ep, &got, 1, 10000, &mask, 8) == 1 && got.data.u64 == 42 && got.events == EPOLLIN);
	EXPECT(RAW5(SYS_ppoll, &p, 1, &long_time, &mask, 8) == 1 && p.revents == POLLIN);
	FD_ZERO(&rd);
	FD_SET((int)fd, &rd);
	EXPECT(RAW6(SYS_pselect6, fd + 1, &rd, NULL, NULL, &long_time, &pair) == 1 && FD_ISSET((int)fd, &rd));
	EXPECT(RAW3(SYS_read, fd, &c, 1) == 1 && c == 'x');
	EXPECT(RAW1(SYS_close, ep) == 0 && RAW1(SYS_close, fd) == 0);
}

static void *thread_main(void *arg) { return (void *)(uintptr_t)echo_rounds((char)(uintptr_t)arg); }

static void threads(void)
{
	pthread_t t[THREADS];
	void *good;

	for (int i = 0; i < THREADS; i++)
		EXPECT(pthread_create(&t[i], NULL, thread_main, (void *)(uintptr_t)('a' + i)) == 0);
	for (int i = 0; i < THREADS; i++) {
		EXPECT(pthread_join(t[i], &good) == 0);
		EXPECT(good != NULL);
	}
}

/* ---- a thread without libc: its thread-local memory is a copy of ours, as a loader would make it ---- */

static _Atomic int bare_said;

static int bare_main(void *arg)
{
	(void)arg;
	atomic_store(&bare_said, echo_rounds('b') ? 1 : 2);
	return 0;
}

static void bare_thread(void)
{
	static _Alignas(4096) char tls[64 * 1024];
	char *self, *stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const size_t block = 2304; /* what libc has there of a thread, in full */
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS |
		    CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID;
	static _Atomic int tid;
	char *mine = tls + sizeof(tls) / 2;

	__asm__("mov %%fs:0, %0" : "=r"(self));
	memset(tls, 0, sizeof(tls));
	memcpy(mine, self, block);
	((void **)(void *)mine)[0] = mine; /* where it says where it is */
	((void **)(void *)mine)[2] = mine;
	EXPECT(clone(bare_main, stack + STACK_BYTES, flags, NULL, &tid, mine, &tid) > 0);
	for (int left = atomic_load(&tid); left != 0; left = atomic_load(&tid))
		RAW4(SYS_futex, &tid, FUTEX_WAIT, left, NULL);
	EXPECT(atomic_load(&bare_said) == 1);
	munmap(stack, STACK_BYTES);
}

/* ---- signals ---- */

static volatile sig_atomic_t handled;
static sigjmp_buf out_of_here;

static void in_handler(int sig)
{
	(void)sig;
	handled = echo_rounds('s') ? 1 : 2;
}

static void jump_out(int sig)
{
	(void)sig;
	siglongjmp(out_of_here, 1);
}

static void handle(int sig, void (*handler)(int), int flags)
{
	struct sigaction sa = {.sa_handler = handler, .sa_flags = flags};

	sigfillset(&sa.sa_mask); /* SIGSYS among them */
	sigaction(sig, &sa, NULL);
}

static void alarm_in_ms(long ms)
{
	const struct itimerspec in = {.it_value.tv_nsec = ms * 1000000};
	struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM};
	timer_t timer;

	timer_create(CLOCK_MONOTONIC, &ev, &timer);
	timer_settime(timer, 0, &in, NULL);
}

static void handlers(void)
{
	long fd = dial();
	char c;

	EXPECT(fd >= 0);
	handled = 0;
	handle(SIGALRM, in_handler, 0);
	alarm_in_ms(20);
	EXPECT(RAW6(SYS_recvfrom, fd, &c, 1, 0, NULL, NULL) == -EINTR || handled != 0);
	EXPECT(handled == 1);
	EXPECT(echoes(fd, 'h', 10));
	if (sigsetjmp(out_of_here, 1) == 0) {
		handle(SIGALRM, jump_out, SA_RESTART);
		alarm_in_ms(20);
		RAW3(SYS_read, fd, &c, 1);
		wrong = "nothing interrupted it";
		return;
	}
	EXPECT(echoes(fd, 'j', 10));
	EXPECT(RAW1(SYS_close, fd) == 0);
}

static void masks(void)
{
	uint64_t all = ~0ull, was = 0, now = 0, usr1 = 1ull << (SIGUSR1 - 1);

	EXPECT(RAW4(SYS_rt_sigprocmask, SIG_SETMASK, &all, &was, 8) == 0);
	EXPECT(echo_rounds('m'));
	EXPECT(RAW4(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &now, 8) == 0);
	EXPECT((now & usr1) != 0 && (was & usr1) == 0);
	EXPECT(RAW4(SYS_rt_sigprocmask, SIG_SETMASK, &was, NULL, 8) == 0);
	EXPECT(RAW4(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &now, 8) == 0);
	EXPECT(now == was);
}

static void alternate_stack(void)
{
	static char room[64 * 1024];
	stack_t alt = {.ss_sp = room, .ss_size = sizeof(room)}, got = {0};

	EXPECT(sigaltstack(&alt, NULL) == 0);
	EXPECT(RAW2(SYS_sigaltstack, NULL, &got) == 0 && got.ss_sp == room);
	handled = 0;
	handle(SIGUSR1, in_handler, SA_ONSTACK);
	raise(SIGUSR1);
	EXPECT(handled == 1);
}

static volatile sig_atomic_t sys_signals;
static void count_sys(int sig)
{
	(void)sig;
	sys_signals++;
}

/* SIGSYS is the program's as ever, as far as it can see. */
static void own_sigsys(void)
{
	struct sigaction was, got;

	EXPECT(sigaction(SIGSYS, NULL, &was) == 0 && was.sa_handler == SIG_DFL);
	handle(SIGSYS, count_sys, 0);
	EXPECT(sigaction(SIGSYS, NULL, &got) == 0 && got.sa_handler == count_sys);
	raise(SIGSYS);
	EXPECT(sys_signals == 1);
	EXPECT(echo_rounds('o'));
	EXPECT(sys_signals == 1);
	EXPECT(sigaction(SIGSYS, &was, NULL) == 0);
}

/* ---- children ---- */

static bool ends_well(long pid)
{
	int status = 0;

	return pid > 0 && waitpid((pid_t)pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void children(void)
{
	long fd = dial(), pid;

	EXPECT(fd >= 0);
	pid = fork();
	if (pid == 0)
		_exit(echoes(fd, 'f', 10) && echo_rounds('f') ? 0 : 1);
	EXPECT(ends_well(pid));
	EXPECT(echoes(fd, 'g', 10));
	pid = RAW1(SYS_vfork, 0);
	if (pid == 0)
		RAW1(SYS_exit_group, 0);
	EXPECT(ends_well(pid));
	EXPECT(echoes(fd, 'v', 10));
	pid = RAW5(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		RAW1(SYS_exit_group, echo_rounds('c') ? 0 : 1);
	EXPECT(ends_well(pid));
	EXPECT(system("exit 7") == 7 << 8);
	EXPECT(RAW1(SYS_close, fd) == 0);
}

static void *wait_for_cancel(void *arg)
{
	char c;

	if (read((int)(uintptr_t)arg, &c, 1) < 0) /* a pipe's end: libc's own call */
		return NULL;
	return arg;
}

static void cancelled(void)
{
	void *result = NULL;
	pthread_t t;
	int ends[2];

	EXPECT(pipe(ends) == 0);
	EXPECT(pthread_create(&t, NULL, wait_for_cancel, (void *)(uintptr_t)ends[0]) == 0);
	usleep(20000);
	EXPECT(pthread_cancel(t) == 0 && pthread_join(t, &result) == 0);
	EXPECT(result == PTHREAD_CANCELED);
}

static double ns_per_getpid(void)
{
	struct timespec from, to;

	clock_gettime(CLOCK_MONOTONIC, &from);
	for (int i = 0; i < 100000; i++)
		RAW1(SYS_getpid, 0);
	clock_gettime(CLOCK_MONOTONIC, &to);
	return ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / 100000;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
		{"plain", plain}, {"registers", registers}, {"waiting", waiting}, {"threads", threads}, {"a_bare_thread", bare_thread},
		{"handlers", handlers}, {"masks", masks}, {"alternate_stack", alternate_stack}, {"own_SIGSYS", own_sigsys},
		{"children", children}, {"cancelled", cancelled},
	};

	if (argc == 2 && strcmp(argv[1], "--cost") == 0) {
		printf("%.0f ns per call\n", ns_per_getpid());
		return 0;
	}
	if (argc != 3)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	echo_at = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[2])),
				       .sin_addr.s_addr = inet_addr(argv[1])};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		wrong = NULL;
		cases[i].run();
		if (wrong == NULL)
			printf("ok %s\n", cases[i].name);
		else
			printf("FAILED %s: %s\n", cases[i].name, wrong);
	}
	return 0;
}
