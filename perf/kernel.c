/* kernel.c: the cases of spate-perf-kernel, which measures plain kernel sockets with the same clients and servers. */
#include "cases.h"

const struct perf_case *const perf_cases[] = { &perf_connect, &perf_rps, &perf_stream };
const unsigned perf_n_cases = sizeof(perf_cases) / sizeof(perf_cases[0]);
