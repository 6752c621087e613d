/* kin.c: whose child a process is, by /proc. */
#include "svc/kin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define GENERATIONS_MAX 64
#define LINE_MAX_BYTES 256

/* Its parent and its effective user; false: there is no such process. */
static bool look(int32_t pid, int32_t *parent, uint32_t *uid)
{
	char path[32], line[LINE_MAX_BYTES];
	unsigned found = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%" PRId32 "/status", pid);
	f = fopen(path, "re");
	if (f == NULL)
		return false;
	while (found < 2 && fgets(line, sizeof(line), f) != NULL)
		found += (unsigned)(sscanf(line, "PPid: %" SCNd32, parent) == 1 || sscanf(line, "Uid: %*u %" SCNu32, uid) == 1);
	fclose(f);
	return found == 2;
}

bool svc_kin_is(int32_t pid, uint32_t uid)
{
	uint32_t whose;

	for (int i = 0; i < GENERATIONS_MAX && pid > 0 && pid != getpid(); i++)
		if (!look(pid, &pid, &whose) || (i == 0 && whose != uid))
			return false;
	return pid == getpid();
}
