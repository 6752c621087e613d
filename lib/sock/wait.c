/* wait.c: waiting: turns of the stack until the caller finds what it waits for, time is over, or a signal came.
 *
 * A program that polls is not in a system call when a signal comes, so nothing would tell it that a handler ran. Hence
 * signals are blocked while a wait lasts, and pending ones are looked at now and then: what has a handler ends the
 * wait as it would end a system call, then the mask is restored and the handler runs. */
#include <sched.h>
#include <sys/time.h>

#include <rte_cycles.h>
#include <rte_pause.h>

#include "sock/sock.h"

#define NS_IN_S 1000000000ull
#define SIGNAL_GRACE_NS 20000u  /* shorter waits do not pay for two system calls */
#define SIGNAL_CHECK_NS 100000u /* how late a handler may run; one cheap system call each */
#define IDLE_SPINS 256u         /* empty turns before the core is offered to others ... */
#define IDLE_YIELD 32u          /* ... and then every so many: two ends of a test may share one core */

static struct {
	uint64_t origin_tsc;
	uint64_t ns_per_tsc; /* fixed point, 32 fractional bits */
} clock_;

int sock_clock_init(void)
{
	uint64_t hz = rte_get_tsc_hz();

	if (hz == 0)
		return -ENODEV;
	clock_.ns_per_tsc = (uint64_t)(((unsigned __int128)1000000000u << 32) / hz);
	clock_.origin_tsc = rte_rdtsc();
	return 0;
}

uint64_t sock_clock_ns(void)
{
	return (uint64_t)(((unsigned __int128)(rte_rdtsc() - clock_.origin_tsc) * clock_.ns_per_tsc) >> 32);
}

/* Every signal but those that report what this thread itself did. */
static void signals_block(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGTRAP);
	sigdelset(&all, SIGABRT);
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_BLOCK, &all, before);
}

void sock_wait_mask(struct sock_wait *w, const sigset_t *mask)
{
	if (mask == NULL)
		return;
	signals_block(&w->own);
	w->mask = *mask;
	w->masked = w->swapped = true;
}

/* True when sig's handler ends this wait. Ignored signals and default actions do not, nor SA_RESTART where allowed. */
static bool signal_ends(const struct sock_wait *w, int sig)
{
	struct sigaction sa;

	if (sigaction(sig, NULL, &sa) < 0)
		return false;
	if (!(sa.sa_flags & SA_SIGINFO) && (sa.sa_handler == SIG_IGN || sa.sa_handler == SIG_DFL))
		return false;
	return !w->restart || !(sa.sa_flags & SA_RESTART);
}

/* Lets pending signals through. True when one of them ends the wait. */
static bool signals_take(struct sock_wait *w)
{
	bool any = false, ends = false;
	sigset_t pending;

	sigemptyset(&pending);
	sigpending(&pending);
	for (int sig = 1; sig <= SIGRTMAX; sig++) {
		if (sigismember(&pending, sig) != 1 || sigismember(&w->mask, sig) == 1)
			continue;
		any = true;
		ends |= signal_ends(w, sig);
	}
	if (any) {
		pthread_sigmask(SIG_SETMASK, &w->mask, NULL); /* here the handlers run */
		w->masked = false;
	}
	return ends;
}

/* Nothing happened in this turn. */
static int idle(struct sock_wait *w, uint64_t now_ns)
{
	w->idle_turns++;
	if (w->idle_turns > IDLE_SPINS && w->idle_turns % IDLE_YIELD == 0)
		sched_yield();
	else
		rte_pause();
	if (now_ns - w->check_ns < (w->masked ? SIGNAL_CHECK_NS : SIGNAL_GRACE_NS))
		return 0;
	w->check_ns = now_ns;
	if (w->masked && signals_take(w))
		return -EINTR;
	if (!w->masked)
		signals_block(&w->mask);
	w->masked = true;
	return 0;
}

int sock_wait_turn(struct sock_wait *w)
{
	struct sock_env *env = w->env;
	uint64_t now_ns;
	uint32_t work;

	/* The stack's clock may be old when a call begins, so time counts from the end of the first turn. */
	if (w->started && w->timeout_ns != SOCK_FOREVER && env->s->clock.now_ns - w->start_ns >= w->timeout_ns)
		return w->swapped && w->masked && signals_take(w) ? -EINTR : -EAGAIN; /* what waited for this mask is not missed */
	work = env->turn(env);
	now_ns = env->s->clock.now_ns;
	if (!w->started) {
		w->started = true;
		w->start_ns = now_ns;
		w->check_ns = now_ns;
		return 0;
	}
	if (work != 0) {
		w->idle_turns = 0;
		/* A busy stack may still have nothing for this caller: signals count then, too. */
		if (now_ns - w->check_ns < SIGNAL_CHECK_NS)
			return 0;
	}
	return idle(w, now_ns);
}

void sock_wait_end(struct sock_wait *w)
{
	if (w->masked || w->swapped)
		pthread_sigmask(SIG_SETMASK, w->swapped ? &w->own : &w->mask, NULL);
	w->masked = w->swapped = false;
}

int sock_timespec_ns(const struct timespec *ts, uint64_t *ns)
{
	*ns = SOCK_FOREVER;
	if (ts == NULL)
		return 0;
	if (ts->tv_sec < 0 || ts->tv_nsec < 0 || ts->tv_nsec >= (long)NS_IN_S)
		return -EINVAL;
	if ((uint64_t)ts->tv_sec < SOCK_FOREVER / 2 / NS_IN_S)
		*ns = (uint64_t)ts->tv_sec * NS_IN_S + (uint64_t)ts->tv_nsec;
	return 0;
}

uint64_t sock_wait_left_ns(const struct sock_wait *w)
{
	uint64_t past = w->started ? w->env->s->clock.now_ns - w->start_ns : 0;

	return past < w->timeout_ns ? w->timeout_ns - past : 0;
}

uint64_t sock_timeout_ns(struct sock_env *env, struct conn *c, enum sock_dir dir, int flags)
{
	const struct sock_side *side;
	uint64_t ns;

	if (c->flags & CONN_NONBLOCK || flags & MSG_DONTWAIT)
		return 0;
	side = sock_side(env, c, false);
	if (side == NULL)
		return SOCK_FOREVER;
	ns = dir == SOCK_RCV ? side->rcv_ns : side->snd_ns;
	return ns != 0 ? ns : SOCK_FOREVER;
}
