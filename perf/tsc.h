/* tsc.h: the processor's time-stamp counter, for latencies and for cycles per connection. */
#ifndef PERF_TSC_H
#define PERF_TSC_H

#include <stdint.h>

#if defined(__x86_64__)
#include <x86intrin.h>
static inline uint64_t tsc_now(void) { return __rdtsc(); }
#elif defined(__aarch64__)
static inline uint64_t tsc_now(void)
{
	uint64_t v;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(v));
	return v;
}
#else
#error "no cycle counter known for this processor"
#endif

double tsc_hz(void); /* measured once against the system's clock, takes 50 ms */

#endif
