/* raw_x86_64.c: system calls that are made without libc's names. The kernel raises SIGSYS instead of doing them, unless they come
 * from this library's code (syscall user dispatch); the handler has them done, by a stack or by the kernel, and puts the result
 * where the program expects it. Some are about the very frame that the handler runs on, and need care: signal masks, the return
 * from other handlers, new threads and children.
 * The handler has no mask of its own and runs on the program's stack, so that a call that waits in it is interrupted, restarted
 * and left by longjmp() as the kernel's would be. */
#include <link.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ucontext.h>

#include "client/kernel.h"
#include "preload/next.h"
#include "preload/raw.h"

#define CAUGHT 2 /* si_code: SYS_USER_DISPATCH */
#define DISPATCH 59 /* PR_SET_SYSCALL_USER_DISPATCH */
#define RESTORER 0x04000000ul
#define SIGSYS_BIT (1ull << (SIGSYS - 1))
#define RED_ZONE 8 /* below a new stack: where its thread goes on, and whether it is caught, too */

/* As the kernel has it. */
struct action {
	void (*handler)(int, siginfo_t *, void *);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

static bool everything;          /* not only between begin and end */
static bool small_stacks;        /* the handler runs on the alternate one */
static struct action theirs;     /* what the program would do with a SIGSYS */
static _Thread_local unsigned depth __attribute__((tls_model("initial-exec")));
static _Thread_local bool was_blocked __attribute__((tls_model("initial-exec")));

/* ---- what cannot be said in C ---- */

/* This library's code: calls from there are the kernel's. */
__attribute__((visibility("hidden"))) unsigned long preload_raw_from, preload_raw_bytes;
__attribute__((visibility("hidden"))) void preload_raw_restore(void);
__attribute__((visibility("hidden"), noreturn)) void preload_raw_return(greg_t sp);
__attribute__((visibility("hidden"))) long preload_raw_clone(const greg_t *regs);

/* restore: as libc's, byte by byte: unwinders know it by its code.
 * return: from another handler, whose frame is at sp.
 * clone: with all registers as the program had them, as the new thread goes on with those. It has its own stack, below whose end
 * there is where it goes on, and whether it is caught, too. */
__asm__(".pushsection .text\n"
	".balign 16\n"
	"	nop\n" /* so that no function's unwinding data is taken for restore's: it looks at the byte before */
	".type preload_raw_restore, @function\n"
	"preload_raw_restore:\n"
	"	mov $15, %rax\n"
	"	syscall\n"
	"	ud2\n"
	".type preload_raw_return, @function\n"
	"preload_raw_return:\n"
	"	mov %rdi, %rsp\n"
	"	mov $15, %rax\n"
	"	syscall\n"
	"	ud2\n"
	".type preload_raw_clone, @function\n"
	"preload_raw_clone:\n"
	"	push %rbx\n"
	"	push %rbp\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	mov %rdi, %rax\n"
	"	mov 0(%rax), %r8\n"
	"	mov 8(%rax), %r9\n"
	"	mov 16(%rax), %r10\n"
	"	mov 32(%rax), %r12\n"
	"	mov 40(%rax), %r13\n"
	"	mov 48(%rax), %r14\n"
	"	mov 56(%rax), %r15\n"
	"	mov 64(%rax), %rdi\n"
	"	mov 72(%rax), %rsi\n"
	"	mov 80(%rax), %rbp\n"
	"	mov 88(%rax), %rbx\n"
	"	mov 96(%rax), %rdx\n"
	"	mov 104(%rax), %rax\n"
	"	syscall\n"
	"	test %rax, %rax\n"
	"	jz 1f\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbp\n"
	"	pop %rbx\n"
	"	ret\n"
	"1:	sub $8, %rsp\n"
	"	cmpq $0, -8(%rsp)\n"
	"	je 2f\n"
	"	push %rdi\n"
	"	push %rsi\n"
	"	push %rdx\n"
	"	push %r10\n"
	"	push %r8\n"
	"	mov $157, %eax\n"
	"	mov $59, %edi\n"
	"	mov $1, %esi\n"
	"	mov preload_raw_from(%rip), %rdx\n"
	"	mov preload_raw_bytes(%rip), %r10\n"
	"	xor %r8d, %r8d\n"
	"	syscall\n"
	"	pop %r8\n"
	"	pop %r10\n"
	"	pop %rdx\n"
	"	pop %rsi\n"
	"	pop %rdi\n"
	"	xor %eax, %eax\n"
	"2:	ret\n"
	".popsection\n");

/* ---- on and off, for the calling thread ---- */

static int raw_on(void) { return (int)KERNEL_6(SYS_prctl, DISPATCH, 1, preload_raw_from, preload_raw_bytes, 0, 0); }
static void raw_off(void) { KERNEL_6(SYS_prctl, DISPATCH, 0, 0, 0, 0, 0); }

/* ---- SIGSYS is ours: it may never be blocked where calls are caught ---- */

static uint64_t mask_without(uint64_t mask) { return mask & ~SIGSYS_BIT; }

static void uc_mask_now(ucontext_t *uc)
{
	sigset_t now;

	kernel_sigmask(SIG_BLOCK, NULL, &now);
	memcpy(&uc->uc_sigmask, &now, KERNEL_SIGSET_BYTES);
}

/* The program's mask is what the handler's frame will put back. */
static long do_sigprocmask(ucontext_t *uc, const long a[6])
{
	uint64_t set;
	long rc;

	if (a[1] != 0) {
		memcpy(&set, (const void *)a[1], sizeof(set));
		set = (int)a[0] == SIG_UNBLOCK ? set : mask_without(set);
	}
	rc = KERNEL_4(SYS_rt_sigprocmask, a[0], a[1] != 0 ? &set : NULL, a[2], a[3]);
	uc_mask_now(uc);
	return rc;
}

static long do_sigaltstack(ucontext_t *uc, const long a[6])
{
	long rc = KERNEL_2(SYS_sigaltstack, a[0], a[1]);

	if (rc == 0 && a[0] != 0)
		KERNEL_2(SYS_sigaltstack, NULL, &uc->uc_stack);
	return rc;
}

static long do_sigaction(const long a[6])
{
	struct action set;

	if (a[3] != KERNEL_SIGSET_BYTES)
		return -EINVAL;
	if (a[1] != 0) {
		memcpy(&set, (const void *)a[1], sizeof(set));
		set.mask = mask_without(set.mask);
	}
	if (a[0] != SIGSYS)
		return KERNEL_4(SYS_rt_sigaction, a[0], a[1] != 0 ? &set : NULL, a[2], a[3]);
	if (a[2] != 0)
		memcpy((void *)a[2], &theirs, sizeof(theirs));
	if (a[1] != 0)
		theirs = set;
	return 0;
}

/* One that was not sent for a system call of this kind, as the program would have had it. */
static void not_caught(int sig, siginfo_t *info, void *context)
{
	struct action none = {0};

	if ((void *)theirs.handler == (void *)SIG_IGN)
		return;
	if (theirs.handler != NULL) {
		theirs.handler(sig, info, context);
		return;
	}
	KERNEL_4(SYS_rt_sigaction, SIGSYS, &none, NULL, KERNEL_SIGSET_BYTES);
	kernel_raise(SIGSYS);
}

/* ---- calls that wait with another mask ---- */

/* Which argument is a mask; -1: none. */
static int mask_argument(long nr)
{
	switch (nr) {
	case SYS_rt_sigsuspend:
		return 0;
	case SYS_ppoll:
		return 3;
	case SYS_epoll_pwait:
	case SYS_epoll_pwait2:
		return 4;
	default:
		return -1;
	}
}

static long do_masked(long nr, long a[6])
{
	int i = mask_argument(nr);
	uint64_t mask;
	struct {
		const uint64_t *mask;
		size_t bytes;
	} pair;

	if (i >= 0 && a[i] != 0) {
		memcpy(&mask, (const void *)a[i], sizeof(mask));
		mask = mask_without(mask);
		a[i] = (long)&mask;
	} else if (nr == SYS_pselect6 && a[5] != 0) {
		memcpy(&pair, (const void *)a[5], sizeof(pair));
		if (pair.mask != NULL) {
			mask = mask_without(*pair.mask);
			pair.mask = &mask;
		}
		a[5] = (long)&pair;
	}
	return preload_call(nr, a);
}

/* ---- threads and children ---- */

/* One with a stack of its own goes on there by itself; it is caught if it has its own thread-local memory, where the library
 * keeps what it knows of a thread. */
static long clone_away(const greg_t *r, uint64_t flags, uint64_t sp)
{
	uint64_t *below = (uint64_t *)sp;
	bool thread = (flags & (CLONE_VM | CLONE_SETTLS | CLONE_VFORK)) == (CLONE_VM | CLONE_SETTLS);

	below[-1] = (uint64_t)r[REG_RIP];
	below[-2] = everything && (thread || !(flags & CLONE_VM));
	return preload_raw_clone(r);
}

/* Without one it comes back here, as its parent does: in a copy of this memory, also where it asked to share it (vfork()). */
static long clone_here(long nr, const long a[6])
{
	long pid = kernel_call(nr, a[0], a[1], a[2], a[3], a[4], a[5]);

	if (pid == 0 && everything)
		raw_on();
	return pid;
}

static long do_clone(const greg_t *r, const long a[6])
{
	const uint64_t shared = CLONE_VM | CLONE_VFORK;
	const long copy[6] = {(long)((uint64_t)a[0] & ~shared), 0, a[2], a[3], a[4], a[5]};

	return a[1] != 0 ? clone_away(r, (uint64_t)a[0], (uint64_t)a[1]) : clone_here(SYS_clone, copy);
}

static long do_clone3(const greg_t *r, const long a[6])
{
	struct clone_args args = {0};

	if (a[1] < CLONE_ARGS_SIZE_VER0)
		return -EINVAL;
	memcpy(&args, (const void *)a[0], (size_t)a[1] < sizeof(args) ? (size_t)a[1] : sizeof(args));
	if (args.stack != 0)
		return clone_away(r, args.flags, args.stack + args.stack_size);
	if ((size_t)a[1] > sizeof(args))
		return -E2BIG; /* of a later kernel: programs try the older call */
	args.flags &= ~(uint64_t)(CLONE_VM | CLONE_VFORK);
	return clone_here(SYS_clone3, (const long[6]){(long)&args, a[1]});
}

/* ---- the handler ---- */

static long do_call(ucontext_t *uc, long nr, long a[6])
{
	const greg_t *r = uc->uc_mcontext.gregs;

	switch (nr) {
	case SYS_rt_sigreturn:
		preload_raw_return(r[REG_RSP]);
	case SYS_rt_sigprocmask:
		return do_sigprocmask(uc, a);
	case SYS_rt_sigaction:
		return do_sigaction(a);
	case SYS_sigaltstack:
		return do_sigaltstack(uc, a);
	case SYS_clone:
		return do_clone(r, a);
	case SYS_clone3:
		return do_clone3(r, a);
	case SYS_fork:
	case SYS_vfork:
		return clone_here(SYS_fork, a);
	case SYS_prctl: /* nobody else's */
		return a[0] == DISPATCH ? -EINVAL : preload_call(nr, a);
	default:
		return do_masked(nr, a);
	}
}

static void on_sigsys(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	greg_t *r = uc->uc_mcontext.gregs;
	long a[6] = {r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8], r[REG_R9]};
	int kept = errno;

	if (info->si_code != CAUGHT) {
		not_caught(sig, info, context);
		return;
	}
	r[REG_RAX] = do_call(uc, r[REG_RAX], a);
	errno = kept;
}

/* It is put back where the program has taken the signal for itself. */
static int take_sigsys(void)
{
	const unsigned long flags = SA_SIGINFO | SA_NODEFER | RESTORER | (unsigned long)(small_stacks ? SA_ONSTACK : 0);
	const struct action ours = {.handler = on_sigsys, .flags = flags, .restorer = preload_raw_restore};
	struct action was;
	long rc = KERNEL_4(SYS_rt_sigaction, SIGSYS, &ours, &was, KERNEL_SIGSET_BYTES);

	if (rc == 0 && was.handler != on_sigsys)
		theirs = was;
	return (int)rc;
}

/* ---- start ---- */

/* Go's own functions run on stacks of a few KB, beside which there is always an alternate one for signals; a note tells. */
static bool is_go(const struct dl_phdr_info *info)
{
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		const char *note = (const char *)(info->dlpi_addr + p->p_vaddr);
		ElfW(Nhdr) n;

		for (size_t at = 0; p->p_type == PT_NOTE && at + sizeof(n) < p->p_memsz;) {
			memcpy(&n, note + at, sizeof(n));
			if (n.n_namesz >= sizeof("Go") && memcmp(note + at + sizeof(n), "Go", sizeof("Go")) == 0)
				return true;
			at += sizeof(n) + ((n.n_namesz + 3ul) & ~3ul) + ((n.n_descsz + 3ul) & ~3ul);
		}
	}
	return false;
}

/* The program comes first. */
static int find_code(struct dl_phdr_info *info, size_t size, void *arg)
{
	uintptr_t here = (uintptr_t)find_code;

	(void)size;
	(void)arg;
	if (info->dlpi_name == NULL || info->dlpi_name[0] == 0)
		small_stacks |= is_go(info);
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t from = info->dlpi_addr + p->p_vaddr;

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X) || here < from || here >= from + p->p_memsz)
			continue;
		preload_raw_from = from;
		preload_raw_bytes = p->p_memsz;
		return 1;
	}
	return 0;
}

int preload_raw_start(bool all)
{
	int rc;

	if (dl_iterate_phdr(find_code, NULL) == 0)
		return -ENOENT;
	rc = take_sigsys();
	if (rc == 0)
		rc = raw_on();
	if (rc < 0 || !all)
		raw_off();
	everything = rc == 0 && all;
	return rc;
}

bool preload_raw_begin(void)
{
	uint64_t bit = SIGSYS_BIT;
	sigset_t was;

	if (preload_raw_bytes == 0 || everything || depth++ > 0)
		return preload_raw_bytes != 0;
	take_sigsys();
	kernel_sigmask(SIG_UNBLOCK, (const sigset_t *)&bit, &was);
	was_blocked = sigismember(&was, SIGSYS) == 1;
	raw_on();
	return true;
}

void preload_raw_end(void)
{
	uint64_t bit = SIGSYS_BIT;

	if (preload_raw_bytes == 0 || everything || --depth > 0)
		return;
	raw_off();
	if (was_blocked)
		kernel_sigmask(SIG_BLOCK, (const sigset_t *)&bit, NULL);
}
