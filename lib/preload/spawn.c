/* spawn.c: posix_spawn(). libc's child has no table of sockets of its own and makes its calls inside libc; where there are
 * sockets, ours is a copy of the process, as fork() makes it, and its parent waits until it has become the other program, or could not. */
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "client/kernel.h"
#include "preload/next.h"
#include "preload/spawning.h"

#define PATH_DEFAULT "/bin:/usr/bin"
#define SIGNALS 65
enum { NOT_RUN = 127 };

/* What the child is to become. */
struct spawn {
	const char *file;
	bool search;
	const struct spawn_actions *list;
	const posix_spawnattr_t *attr;
	char *const *argv, *const *envp;
	sigset_t mask; /* the caller's */
};

/* ---- in the child: 0 or -1 and errno ---- */

static int open_at(const struct spawn_action *a)
{
	int fd;

	close(a->fd);
	fd = open(a->path, a->flags, a->mode);
	if (fd < 0 || fd == a->fd)
		return fd;
	if (dup2(fd, a->fd) < 0)
		return -1;
	return close(fd);
}

static int act(const struct spawn_action *a)
{
	switch (a->kind) {
	case SPAWN_OPEN:
		return open_at(a);
	case SPAWN_CLOSE:
		return close(a->fd) < 0 && a->fd < 0 ? -1 : 0; /* one that is not open is no mistake */
	case SPAWN_DUP2: /* the same number: then it is not closed by exec */
		return a->fd == a->to ? fcntl(a->fd, F_SETFD, 0) : dup2(a->fd, a->to);
	case SPAWN_CHDIR:
		return chdir(a->path);
	case SPAWN_FCHDIR:
		return fchdir(a->fd);
	case SPAWN_CLOSEFROM:
		closefrom(a->fd);
		return 0;
	default:
		return tcsetpgrp(a->fd, getpgrp());
	}
}

/* Handlers are not the other program's. */
static void reset_signals(const struct spawn *s, short flags)
{
	struct sigaction now, none = {.sa_handler = SIG_DFL};
	sigset_t wanted;

	sigemptyset(&wanted);
	if (flags & POSIX_SPAWN_SETSIGDEF)
		posix_spawnattr_getsigdefault(s->attr, &wanted);
	for (int sig = 1; sig < SIGNALS; sig++)
		if (sigismember(&wanted, sig) == 1 || (sigaction(sig, NULL, &now) == 0 && now.sa_handler != SIG_IGN))
			sigaction(sig, &none, NULL);
}

static int set_scheduler(const struct spawn *s, short flags)
{
	struct sched_param p;
	int policy = 0;

	if (!(flags & (POSIX_SPAWN_SETSCHEDULER | POSIX_SPAWN_SETSCHEDPARAM)))
		return 0;
	posix_spawnattr_getschedparam(s->attr, &p);
	posix_spawnattr_getschedpolicy(s->attr, &policy);
	return flags & POSIX_SPAWN_SETSCHEDULER ? sched_setscheduler(0, policy, &p) : sched_setparam(0, &p);
}

static int set_groups(const struct spawn *s, short flags)
{
	pid_t group = 0;

	if (flags & POSIX_SPAWN_SETSID && setsid() < 0)
		return -1;
	if (!(flags & POSIX_SPAWN_SETPGROUP))
		return 0;
	posix_spawnattr_getpgroup(s->attr, &group);
	return setpgid(0, group);
}

/* Of this process alone: libc would tell threads of it, which are not here. */
static int reset_ids(short flags)
{
	if (flags & POSIX_SPAWN_RESETIDS &&
	    (KERNEL_3(SYS_setresuid, -1, getuid(), -1) < 0 || KERNEL_3(SYS_setresgid, -1, getgid(), -1) < 0)) {
		errno = EPERM;
		return -1;
	}
	return 0;
}

static int prepare(const struct spawn *s)
{
	sigset_t mask = s->mask;
	short flags = 0;

	if (s->attr != NULL)
		posix_spawnattr_getflags(s->attr, &flags);
	reset_signals(s, flags);
	if (set_scheduler(s, flags) < 0 || set_groups(s, flags) < 0 || reset_ids(flags) < 0)
		return -1;
	for (unsigned i = 0; s->list != NULL && i < s->list->n; i++)
		if (act(&s->list->action[i]) < 0)
			return -1;
	if (flags & POSIX_SPAWN_SETSIGMASK)
		posix_spawnattr_getsigmask(s->attr, &mask);
	return sigprocmask(SIG_SETMASK, &mask, NULL);
}

/* In each folder of PATH; what was found and may not be run counts, when there is nothing better. */
static void exec_search(const struct spawn *s)
{
	const char *path = getenv("PATH"), *end;
	char full[PATH_MAX];
	int err = ENOENT;

	for (path = path != NULL ? path : PATH_DEFAULT;; path = end + 1) {
		end = strchrnul(path, ':');
		if (snprintf(full, sizeof(full), "%.*s%s%s", (int)(end - path), path, end > path ? "/" : "", s->file) < PATH_MAX)
			execve(full, s->argv, s->envp);
		if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
			return;
		err = errno == EACCES ? EACCES : err;
		if (*end == 0)
			break;
	}
	errno = err;
}

__attribute__((noreturn)) static void become(const struct spawn *s, int *failed)
{
	client_fork_child();
	if (prepare(s) == 0) {
		if (s->search && strchr(s->file, '/') == NULL)
			exec_search(s);
		else
			execve(s->file, s->argv, s->envp);
	}
	*failed = errno;
	_exit(NOT_RUN);
}

/* ---- in the parent ---- */

static int start(const struct spawn *s, pid_t *pid, int *failed)
{
	long rc;

	client_fork_prepare();
	rc = kernel_call(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0, 0);
	if (rc == 0)
		become(s, failed);
	client_fork_parent();
	if (rc < 0)
		return (int)-rc;
	if (*failed == 0)
		*pid = (pid_t)rc;
	else
		waitpid((pid_t)rc, NULL, 0);
	return *failed;
}

int spawn_run(pid_t *pid, const char *file, bool search, const struct spawn_actions *list, const posix_spawnattr_t *attr,
	      char *const argv[], char *const envp[])
{
	struct spawn s = {.file = file, .search = search, .list = list, .attr = attr, .argv = argv, .envp = envp};
	int *failed = mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int cancel, rc;
	sigset_t all;
	pid_t child = 0;

	if (failed == MAP_FAILED)
		return ENOMEM;
	sigfillset(&all);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	pthread_sigmask(SIG_SETMASK, &all, &s.mask);
	rc = start(&s, &child, failed);
	pthread_sigmask(SIG_SETMASK, &s.mask, NULL);
	pthread_setcancelstate(cancel, NULL);
	munmap(failed, sizeof(int));
	if (rc == 0 && pid != NULL)
		*pid = child;
	return rc;
}

/* Ours where there are sockets; libc's does the rest as fast as it can. */
static bool is_ours(const posix_spawn_file_actions_t *said, struct spawn_actions *list)
{
	return client_has_any() && (said == NULL || spawn_actions_of(said, list));
}

FACE int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *said, const posix_spawnattr_t *attr,
		     char *const argv[], char *const envp[])
{
	struct spawn_actions list = {0};

	return is_ours(said, &list) ? spawn_run(pid, path, false, &list, attr, argv, envp)
				    : NEXT(posix_spawn)(pid, path, said, attr, argv, envp);
}

FACE int posix_spawnp(pid_t *pid, const char *file, const posix_spawn_file_actions_t *said, const posix_spawnattr_t *attr,
		      char *const argv[], char *const envp[])
{
	struct spawn_actions list = {0};

	return is_ours(said, &list) ? spawn_run(pid, file, true, &list, attr, argv, envp)
				    : NEXT(posix_spawnp)(pid, file, said, attr, argv, envp);
}
