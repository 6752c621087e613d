/* shell.c: system(), popen() and pclose(): libc's start the shell inside libc, where it would get no sockets. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "preload/next.h"
#include "preload/spawning.h"

#define SHELL "/bin/sh"

static int shell(pid_t *pid, const char *line, const struct spawn_actions *list, const posix_spawnattr_t *attr)
{
	char *const argv[] = {(char *)"sh", (char *)"-c", (char *)"--", (char *)line, NULL};

	return spawn_run(pid, SHELL, false, list, attr, argv, environ);
}

static int wait_for(pid_t pid)
{
	int status;
	pid_t got;

	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	return got == pid ? status : -1;
}

/* ---- system(): SIGINT and SIGQUIT are the shell's meanwhile, in as many threads as call it ---- */

static pthread_mutex_t system_lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned systems;
static struct sigaction int_was, quit_was;

struct system {
	sigset_t mask;
	pid_t pid;
};

static void system_begin(struct system *s, posix_spawnattr_t *attr)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	pthread_sigmask(SIG_BLOCK, &set, &s->mask);
	pthread_mutex_lock(&system_lock);
	if (systems++ == 0) {
		sigaction(SIGINT, &ignore, &int_was);
		sigaction(SIGQUIT, &ignore, &quit_was);
	}
	sigemptyset(&set);
	if (int_was.sa_handler != SIG_IGN)
		sigaddset(&set, SIGINT);
	if (quit_was.sa_handler != SIG_IGN)
		sigaddset(&set, SIGQUIT);
	pthread_mutex_unlock(&system_lock);
	posix_spawnattr_init(attr);
	posix_spawnattr_setsigmask(attr, &s->mask);
	posix_spawnattr_setsigdefault(attr, &set);
	posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

static void system_end(const struct system *s)
{
	pthread_mutex_lock(&system_lock);
	if (--systems == 0) {
		sigaction(SIGINT, &int_was, NULL);
		sigaction(SIGQUIT, &quit_was, NULL);
	}
	pthread_mutex_unlock(&system_lock);
	pthread_sigmask(SIG_SETMASK, &s->mask, NULL);
}

static void system_cancelled(void *arg)
{
	struct system *s = arg;

	kill(s->pid, SIGKILL);
	wait_for(s->pid);
	system_end(s);
}

FACE int system(const char *line)
{
	posix_spawnattr_t attr;
	struct system s;
	int rc, status;

	if (line == NULL || !client_has_any())
		return NEXT(system)(line);
	system_begin(&s, &attr);
	rc = shell(&s.pid, line, NULL, &attr);
	posix_spawnattr_destroy(&attr);
	if (rc == 0) {
		pthread_cleanup_push(system_cancelled, &s);
		status = wait_for(s.pid);
		pthread_cleanup_pop(0);
	} else {
		status = W_EXITCODE(127, 0); /* as if the shell had said it */
	}
	system_end(&s);
	errno = rc != 0 ? rc : errno;
	return status;
}

/* ---- popen() ---- */

struct piped {
	struct piped *next;
	FILE *file;
	pid_t pid;
};

static pthread_mutex_t piped_lock = PTHREAD_MUTEX_INITIALIZER;
static struct piped *piped;

/* The child's end under its number; the ends that others of these have in this process are not the child's. Under the lock. */
static int popen_actions(struct spawn_actions *list, int end, int number)
{
	int rc = 0;

	for (const struct piped *p = piped; p != NULL && rc == 0; p = p->next)
		if (fileno(p->file) != number)
			rc = spawn_action_add(list, (struct spawn_action){.kind = SPAWN_CLOSE, .fd = fileno(p->file)});
	return rc == 0 ? spawn_action_add(list, (struct spawn_action){.kind = SPAWN_DUP2, .fd = end, .to = number}) : rc;
}

/* ours, theirs: the pipe's ends. 0 or an errno. */
static int popen_start(struct piped *p, const char *line, int theirs, bool reads)
{
	struct spawn_actions list = {0};
	int rc;

	pthread_mutex_lock(&piped_lock);
	rc = popen_actions(&list, theirs, reads ? STDOUT_FILENO : STDIN_FILENO);
	if (rc == 0)
		rc = shell(&p->pid, line, &list, NULL);
	if (rc == 0) {
		p->next = piped;
		piped = p;
	}
	pthread_mutex_unlock(&piped_lock);
	spawn_actions_free(&list);
	return rc;
}

static bool mode_reads(const char *mode, bool *reads)
{
	*reads = mode[0] == 'r';
	return (mode[0] == 'r' || mode[0] == 'w') && mode[1 + (mode[1] == 'e')] == 0;
}

FACE FILE *popen(const char *line, const char *mode)
{
	struct piped *p;
	int ends[2], rc;
	bool reads;

	if (client_fds == NULL || !mode_reads(mode, &reads))
		return NEXT(popen)(line, mode);
	p = malloc(sizeof(*p));
	if (p == NULL || pipe2(ends, O_CLOEXEC) < 0) {
		free(p);
		return NULL;
	}
	p->file = fdopen(ends[!reads], reads ? "r" : "w");
	rc = p->file != NULL ? popen_start(p, line, ends[reads], reads) : errno;
	close(ends[reads]);
	if (rc == 0) {
		if (strchr(mode, 'e') == NULL)
			fcntl(ends[!reads], F_SETFD, 0);
		return p->file;
	}
	if (p->file != NULL)
		fclose(p->file);
	else
		close(ends[!reads]);
	free(p);
	errno = rc;
	return NULL;
}

FACE int pclose(FILE *file)
{
	struct piped **at, *p;
	int status;

	pthread_mutex_lock(&piped_lock);
	for (at = &piped; *at != NULL && (*at)->file != file; at = &(*at)->next)
		;
	p = *at;
	if (p != NULL)
		*at = p->next;
	pthread_mutex_unlock(&piped_lock);
	if (p == NULL)
		return NEXT(pclose)(file);
	fclose(file);
	status = wait_for(p->pid);
	free(p);
	return status;
}
