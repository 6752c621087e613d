/* cases.c: the cases of spate-perf. */
#include "cases.h"

const struct perf_case *const perf_cases[] = { &perf_connect, &perf_hold, &perf_rps, &perf_stream, &perf_eport,
						&perf_lookup };
const unsigned perf_n_cases = sizeof(perf_cases) / sizeof(perf_cases[0]);
