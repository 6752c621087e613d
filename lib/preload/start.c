/* start.c: before the program begins: libc's functions are looked up, the service is joined, fork() is prepared for. */
#include <pthread.h>
#include <string.h>

#include "preload/next.h"
#include "preload/raw.h"
#include "preload/streams.h"

struct next next;

static void complain(const char *what, int rc, const char *so)
{
	char text[160];
	int n = snprintf(text, sizeof(text), "spate: %s: %s; %s\n", what, strerror(-rc), so);

	if (NEXT(write)(STDERR_FILENO, text, (size_t)n) < 0)
		return; /* nobody listens */
}

__attribute__((constructor(101))) static void preload_start(void)
{
	int rc;

#define NEXT_FIND(name) (void)NEXT(name);
	PRELOAD_NAMES(NEXT_FIND)
#undef NEXT_FIND
	rc = client_attach(NULL);
	if (rc == -ENOENT)
		return;
	if (rc < 0) {
		complain("no service", rc, "sockets of AF_INET and AF_INET6 fail");
		return;
	}
	pthread_atfork(client_fork_prepare, client_fork_parent, client_fork_child);
	streams_inherit();
	rc = client_catches() != 0 ? preload_raw_start(client_catches() & SVC_CATCH_RAW) : 0;
	if (rc < 0)
		complain("no dispatch of system calls", rc, "those without a name of libc go to the kernel");
}

/* A child of vfork() may do nothing of what ours must: it is one of fork(). */
FACE pid_t vfork(void);
pid_t vfork(void) { return fork(); }
