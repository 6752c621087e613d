/* old_none.c: for processors whose kernel never had the old system calls. */
#include "preload/next.h"
#include "preload/old.h"

long preload_old_call(long nr, const long a[6])
{
	(void)nr;
	(void)a;
	return CLIENT_KERNEL;
}
