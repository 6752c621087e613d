/* raw_none.c: for processors whose kernel hands no system calls back. */
#include <errno.h>

#include "preload/raw.h"

int preload_raw_start(bool all)
{
	(void)all;
	return -ENOSYS;
}

bool preload_raw_begin(void) { return false; }
void preload_raw_end(void) {}
