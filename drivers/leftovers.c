/* leftovers.c: see leftovers.h. A process is gone when its number is free and nobody holds the lock that EAL keeps on the
 * file "config": in a container that shares these folders with others, numbers alone say nothing. */
#include "drivers/leftovers.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "drivers/hugepages.h"

#define PATH_LEN 512

/* The process in "spate-PID" (tail "") or "spate-PIDtail...", 0 when the name is another's. */
static pid_t owner_of(const char *name, const char *tail)
{
	const char *digits = name + strlen(LEFTOVERS_PREFIX);
	char *end;
	long pid;

	if (strncmp(name, LEFTOVERS_PREFIX, strlen(LEFTOVERS_PREFIX)) != 0 || !isdigit((unsigned char)*digits))
		return 0;
	pid = strtol(digits, &end, 10);
	return pid > 0 && pid <= INT32_MAX && strncmp(end, tail, strlen(tail)) == 0 && (*tail != '\0' || *end == '\0') ?
		       (pid_t)pid : 0;
}

static bool is_gone(pid_t pid) { return pid > 0 && kill(pid, 0) != 0 && errno == ESRCH; }

/* EAL's primary process holds a write lock on "config" as long as it lives. */
static bool is_locked(const char *dir)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[PATH_LEN + sizeof("/config")];
	bool locked;
	int fd;

	snprintf(path, sizeof(path), "%s/config", dir);
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	locked = fcntl(fd, F_GETLK, &lock) != 0 || lock.l_type != F_UNLCK;
	close(fd);
	return locked;
}

void leftovers_remove_dir(const char *path)
{
	struct dirent *e;
	DIR *dir = opendir(path);

	while (dir != NULL && (e = readdir(dir)) != NULL)
		unlinkat(dirfd(dir), e->d_name, 0);
	if (dir != NULL)
		closedir(dir);
	rmdir(path);
}

static void remove_runtime_dirs(void)
{
	const char *base = getenv("RUNTIME_DIRECTORY"), *xdg = getenv("XDG_RUNTIME_DIR"); /* as EAL chooses */
	char all[PATH_LEN / 2], path[PATH_LEN];
	struct dirent *e;
	DIR *dir;

	if (base == NULL)
		base = getuid() == 0 ? "/var/run" : xdg != NULL ? xdg : "/tmp";
	snprintf(all, sizeof(all), "%s/dpdk", base);
	dir = opendir(all);
	while (dir != NULL && (e = readdir(dir)) != NULL) {
		snprintf(path, sizeof(path), "%.*s/%.200s", (int)sizeof(all), all, e->d_name);
		if (is_gone(owner_of(e->d_name, "")) && !is_locked(path))
			leftovers_remove_dir(path);
	}
	if (dir != NULL)
		closedir(dir);
}

/* EAL holds a shared lock on each file of huge pages that it maps. */
static bool page_file_is_stale(int dir_fd, const char *name)
{
	bool stale;
	int fd;

	if (!is_gone(owner_of(name, "map_")))
		return false;
	fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	stale = flock(fd, LOCK_EX | LOCK_NB) == 0;
	close(fd);
	return stale;
}

void leftovers_remove(void)
{
	remove_runtime_dirs();
	hugepages_remove_files(page_file_is_stale);
}
