/* run_files.c: where `spate run` finds its library and puts its control socket. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run.h"

#define LIBRARY "libspate-preload.so"

int run_folder_make(char *path, size_t len, char *err, size_t err_len)
{
	const char *own = geteuid() != 0 ? getenv("XDG_RUNTIME_DIR") : NULL; /* root's is closed to those who are root no more */
	const char *const places[] = {own != NULL && own[0] == '/' ? own : "/run", "/run", "/tmp"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		if ((size_t)snprintf(path, len, "%s/spate-XXXXXX", places[i]) < len && mkdtemp(path) != NULL)
			return chmod(path, 0711) < 0 ? -errno : 0;
	}
	snprintf(err, err_len, "no folder for the control socket can be made: %s/: %s", places[2], strerror(errno));
	return -EACCES;
}

void run_folder_remove(const char *path) { rmdir(path); }

int run_preload_find(char *path, size_t len, char *err, size_t err_len)
{
	static const char *const places[] = {"../lib/preload/" LIBRARY, "../lib/" LIBRARY, SPATE_LIBDIR "/" LIBRARY};
	char self[PATH_MAX], try[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n < 0)
		n = 0;
	self[n] = 0;
	if (strrchr(self, '/') != NULL)
		*strrchr(self, '/') = 0;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		char real[PATH_MAX];

		snprintf(try, sizeof(try), "%s%s%s", places[i][0] == '/' ? "" : self, places[i][0] == '/' ? "" : "/", places[i]);
		if (realpath(try, real) != NULL && access(real, R_OK) == 0 && strlen(real) < len) {
			strcpy(path, real);
			return 0;
		}
	}
	snprintf(err, err_len, LIBRARY " is neither beside this command (%s/../lib) nor in " SPATE_LIBDIR, self);
	return -ENOENT;
}
