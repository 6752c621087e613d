/* run_program.c: the process of the program that `spate run` runs: starting it, signals for it, its end. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "run.h"

enum { CANNOT_RUN = 126, NOT_FOUND = 127 }; /* as shells say it */

static const int passed[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH, SIGCONT};

/* Before what is there already: other libraries are to see our sockets, too. */
static int add_preload(const char *library)
{
	const char *had = getenv("LD_PRELOAD");
	char *both;
	int rc;

	if (had == NULL || had[0] == 0)
		return setenv("LD_PRELOAD", library, 1);
	if (asprintf(&both, "%s:%s", library, had) < 0)
		return -1;
	rc = setenv("LD_PRELOAD", both, 1);
	free(both);
	return rc;
}

/* The child: waits for the word, then is the program. */
__attribute__((noreturn)) static void become(int go, char **argv, const char *service, const char *preload)
{
	char byte;
	ssize_t got;
	int err;

	do
		got = read(go, &byte, 1);
	while (got < 0 && errno == EINTR);
	if (got != 1)
		_exit(CANNOT_RUN);
	if (setenv("SPATE_SERVICE", service, 1) != 0 || add_preload(preload) != 0)
		_exit(CANNOT_RUN);
	execvp(argv[0], argv);
	err = errno;
	fprintf(stderr, "spate run: %s: %s\n", argv[0], strerror(err));
	_exit(err == ENOENT ? NOT_FOUND : CANNOT_RUN);
}

int program_prepare(struct program *p, char **argv, const char *service, const char *preload)
{
	int pipe_fds[2];

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* what it leaves behind becomes ours */
	p->pid = fork();
	if (p->pid == 0) {
		close(pipe_fds[1]);
		become(pipe_fds[0], argv, service, preload);
	}
	close(pipe_fds[0]);
	p->go = pipe_fds[1];
	if (p->pid > 0)
		return 0;
	close(p->go);
	return -EAGAIN;
}

void program_go(struct program *p)
{
	while (write(p->go, "", 1) < 0 && errno == EINTR)
		;
	close(p->go);
}

void program_cancel(struct program *p)
{
	close(p->go);
	waitpid(p->pid, NULL, 0);
}

static void signal_set(sigset_t *set)
{
	sigemptyset(set);
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		sigaddset(set, passed[i]);
	sigaddset(set, SIGCHLD);
}

void program_signals(void)
{
	sigset_t set;

	signal_set(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

bool program_signalled(void)
{
	sigset_t set;

	sigpending(&set);
	for (size_t i = 0; i < sizeof(passed) / sizeof(passed[0]); i++)
		if (sigismember(&set, passed[i]))
			return true;
	return false;
}

int program_wait(struct program *p)
{
	sigset_t set;
	siginfo_t info;
	int status;

	signal_set(&set);
	for (;;) {
		pid_t ended;

		while ((ended = waitpid(-1, &status, WNOHANG)) > 0)
			if (ended == p->pid)
				return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		/* What the terminal sends, it sends to the program, too. */
		if (sigwaitinfo(&set, &info) > 0 && info.si_signo != SIGCHLD && info.si_code != SI_KERNEL)
			kill(p->pid, info.si_signo);
	}
}

bool program_left_others(void)
{
	pid_t ended;

	do
		ended = waitpid(-1, NULL, WNOHANG);
	while (ended > 0);
	return ended == 0;
}
