/* perf.h: what a benchmark case is. spate-perf CASE [options] runs one. */
#ifndef PERF_H
#define PERF_H

#include <stdbool.h>
#include <stdint.h>

struct perf_case {
	const char *name;
	const char *help;
	int (*run)(int argc, char **argv, bool json); /* argv[0] is the case; 0 or an exit code */
};

extern const struct perf_case perf_connect, perf_hold, perf_rps, perf_stream, perf_eport, perf_lookup;

/* One result line: text for people, or one JSON object per line. Numbers that a case has not are left out (NAN).
 * perf_point_print() prints with the key names of the README's table. */
struct perf_point {
	const char *case_name, *wire;
	int cores;
	double connections_per_second, cycles_per_connection, connections, bytes_per_connection, requests_per_second,
		bits_per_second, cycles_per_port, cycles_per_failed_port, cycles_per_lookup, p50_us, p99_us, p999_us, errors;
	double queues, occupancy_percent, flows, ip_version, table_entries; /* what the point varies */
};
struct perf_point perf_point_new(const char *case_name, const char *wire, int cores); /* numbers NAN */
void perf_point_print(const struct perf_point *p, bool json);

#endif
