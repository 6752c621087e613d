/* around.c: what packetdrill does around its interface. It reads TCP_INFO for %{ }% blocks with the system's getsockopt(), and
 * closes what a script left open with the system's close(). Both are caught here, which needs this library in LD_PRELOAD; so
 * packetdrill starts again with it there. (DPDK needs that, too: packetdrill loads with RTLD_DEEPBIND, which gives getopt() two
 * sets of variables.) */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config/limits.h"
#include "packetdrill/drill.h"

#define EXPORT __attribute__((visibility("default")))

static long result(long rc)
{
	if (rc >= 0)
		return rc;
	errno = (int)-rc;
	return -1;
}

EXPORT int getsockopt(int fd, int level, int name, void *restrict val, socklen_t *restrict len)
{
	if (fds_ours(fd))
		return (int)result(drill_getsockopt(fd, level, name, val, len));
	return (int)syscall(SYS_getsockopt, fd, level, name, val, len);
}

EXPORT int close(int fd)
{
	if (fds_ours(fd))
		return (int)result(drill_close(fd));
	return (int)syscall(SYS_close, fd);
}

/* The words of /proc/self/cmdline. */
static char **own_args(void)
{
	static char text[DRILL_FLAGS_MAX * 4];
	static char *argv[DRILL_ARGS_MAX + 1];
	FILE *f = fopen("/proc/self/cmdline", "r");
	size_t len = f != NULL ? fread(text, 1, sizeof(text) - 1, f) : 0;
	unsigned n = 0;

	if (f != NULL)
		fclose(f);
	for (size_t at = 0; at < len && n < DRILL_ARGS_MAX; at += strlen(text + at) + 1)
		argv[n++] = text + at;
	return n > 0 && n < DRILL_ARGS_MAX && len < sizeof(text) - 1 ? argv : NULL;
}

void around_enter(void)
{
	void *program = dlopen(NULL, RTLD_NOW);
	bool preloaded = program != NULL && dlsym(program, "packetdrill_interface_init") != NULL;
	Dl_info self;
	char **argv;

	if (preloaded) {
		unsetenv("LD_PRELOAD"); /* nothing for what packetdrill starts: shells, python3 */
		return;
	}
	argv = own_args();
	if (argv == NULL || dladdr((const void *)(uintptr_t)around_enter, &self) == 0)
		return;
	setenv("LD_PRELOAD", self.dli_fname, 1);
	execv("/proc/self/exe", argv);
	unsetenv("LD_PRELOAD");
}
