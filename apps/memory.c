/* memory.c: how much memory this process uses, from /proc. */
#include <stdio.h>

#include "memory.h"

/* VmRSS has no pages of hugetlbfs in it; HugetlbPages has only them. */
uint64_t memory_bytes(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	unsigned long long kb, sum = 0;
	char line[256];

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "VmRSS: %llu", &kb) == 1 || sscanf(line, "HugetlbPages: %llu", &kb) == 1)
			sum += kb * 1024;
	fclose(f);
	return sum;
}
