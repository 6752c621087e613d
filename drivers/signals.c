/* signals.c: see signals.h. */
#include "drivers/signals.h"

#include <pthread.h>
#include <stddef.h>
#include <time.h>

static void sigpipe_only(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGPIPE);
}

static bool sigpipe_is_pending(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 && sigismember(&pending, SIGPIPE) == 1;
}

void sigpipe_block(struct sigpipe *s)
{
	sigset_t only;

	sigpipe_only(&only);
	s->was_pending = sigpipe_is_pending();
	pthread_sigmask(SIG_BLOCK, &only, &s->before);
}

void sigpipe_restore(const struct sigpipe *s)
{
	const struct timespec at_once = {0};
	sigset_t only;

	sigpipe_only(&only);
	if (!s->was_pending && sigpipe_is_pending())
		sigtimedwait(&only, NULL, &at_once);
	pthread_sigmask(SIG_SETMASK, &s->before, NULL);
}

void signals_occupy(sigset_t *set)
{
	struct sigaction sa;

	sigemptyset(set);
	for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++) {
		if (sigaction(sig, NULL, &sa) != 0 || sa.sa_flags & SA_SIGINFO || sa.sa_handler != SIG_DFL)
			continue;
		signal(sig, SIG_IGN);
		sigaddset(set, sig);
	}
}

void signals_release(const sigset_t *set)
{
	for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++) {
		if (sigismember(set, sig) == 1)
			signal(sig, SIG_DFL);
	}
}
