/* hugepages.c: reads /sys/kernel/mm/hugepages and /proc/mounts. */
#include "drivers/hugepages.h"

#include <dirent.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HUGE_DIR "/sys/kernel/mm/hugepages"

/* A number from "NAME: 123 kB" in /proc/meminfo, in KiB. */
static uint64_t meminfo_kb(const char *name)
{
	char line[128];
	uint64_t kb = 0;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
			kb = strtoull(line + strlen(name) + 1, NULL, 10);
	}
	if (f != NULL)
		fclose(f);
	return kb;
}

uint64_t memory_available_mb(void) { return meminfo_kb("MemAvailable") >> 10; }

/* The page size of a hugetlbfs mount in KiB: "pagesize=1G" or the default. */
static uint64_t mount_page_kb(const struct mntent *m)
{
	const char *opt = hasmntopt(m, "pagesize");
	char *unit;
	uint64_t n;

	if (opt == NULL)
		return meminfo_kb("Hugepagesize");
	n = strtoull(opt + strlen("pagesize="), &unit, 10);
	return *unit == 'G' ? n << 20 : *unit == 'M' ? n << 10 : n;
}

static bool page_size_is_mounted(uint64_t page_kb)
{
	FILE *f = setmntent("/proc/mounts", "r");
	struct mntent *m;
	bool found = false;

	while (f != NULL && !found && (m = getmntent(f)) != NULL)
		found = strcmp(m->mnt_type, "hugetlbfs") == 0 && mount_page_kb(m) == page_kb &&
			access(m->mnt_dir, W_OK) == 0;
	if (f != NULL)
		endmntent(f);
	return found;
}

static uint64_t free_mb(bool mounted_only)
{
	DIR *dir = opendir(HUGE_DIR);
	struct dirent *e;
	uint64_t mb = 0, page_kb, n;
	char path[512];

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		FILE *f;

		if (sscanf(e->d_name, "hugepages-%lukB", &page_kb) != 1)
			continue;
		snprintf(path, sizeof(path), HUGE_DIR "/%s/free_hugepages", e->d_name);
		f = fopen(path, "r");
		if (f == NULL)
			continue;
		if (fscanf(f, "%lu", &n) == 1 && n > 0 && (!mounted_only || page_size_is_mounted(page_kb)))
			mb += n * page_kb >> 10;
		fclose(f);
	}
	if (dir != NULL)
		closedir(dir);
	return mb;
}

uint64_t hugepages_usable_mb(void) { return free_mb(true); }
uint64_t hugepages_free_mb(void) { return free_mb(false); }

static void remove_in(const char *dir_path, bool (*yes)(int dir_fd, const char *name))
{
	DIR *dir = opendir(dir_path);
	struct dirent *e;

	while (dir != NULL && (e = readdir(dir)) != NULL) {
		if (yes(dirfd(dir), e->d_name))
			unlinkat(dirfd(dir), e->d_name, 0);
	}
	if (dir != NULL)
		closedir(dir);
}

void hugepages_remove_files(bool (*yes)(int dir_fd, const char *name))
{
	FILE *f = setmntent("/proc/mounts", "r");
	struct mntent *m;

	while (f != NULL && (m = getmntent(f)) != NULL) {
		if (strcmp(m->mnt_type, "hugetlbfs") == 0)
			remove_in(m->mnt_dir, yes);
	}
	if (f != NULL)
		endmntent(f);
}
