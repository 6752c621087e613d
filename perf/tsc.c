/* tsc.c: the rate of the time-stamp counter. */
#include <time.h>

#include "tsc.h"

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

double tsc_hz(void)
{
	static double hz;
	struct timespec nap = { .tv_nsec = 50000000 };
	uint64_t c0, n0;

	if (hz > 0)
		return hz;
	n0 = clock_ns();
	c0 = tsc_now();
	nanosleep(&nap, NULL);
	hz = (double)(tsc_now() - c0) * 1e9 / (double)(clock_ns() - n0);
	return hz;
}
