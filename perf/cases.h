/* cases.h: the cases that a program of this folder has; cases.c lists spate's, kernel.c the kernel's. */
#ifndef PERF_CASES_H
#define PERF_CASES_H

#include "perf.h"

#ifdef PERF_KERNEL
#define PERF_PROGRAM "spate-perf-kernel"
#else
#define PERF_PROGRAM "spate-perf"
#endif

extern const struct perf_case *const perf_cases[];
extern const unsigned perf_n_cases;

#endif
