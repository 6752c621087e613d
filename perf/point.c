/* point.c: a result, printed for people or as JSON. */
#include <math.h>
#include <stdio.h>

#include "perf.h"

struct perf_point perf_point_new(const char *case_name, const char *wire, int cores)
{
	return (struct perf_point){
		.case_name = case_name, .wire = wire, .cores = cores, .connections_per_second = NAN,
		.cycles_per_connection = NAN, .connections = NAN, .bytes_per_connection = NAN, .requests_per_second = NAN,
		.bits_per_second = NAN, .cycles_per_port = NAN, .cycles_per_failed_port = NAN, .cycles_per_lookup = NAN,
		.p50_us = NAN, .p99_us = NAN, .p999_us = NAN, .errors = NAN, .queues = NAN, .occupancy_percent = NAN,
		.flows = NAN, .ip_version = NAN, .table_entries = NAN,
	};
}

void perf_point_print(const struct perf_point *p, bool json)
{
	const struct {
		const char *name;
		double v;
	} field[] = {
		{ "connections", p->connections },
		{ "flows", p->flows },
		{ "ip_version", p->ip_version },
		{ "table_entries", p->table_entries },
		{ "queues", p->queues },
		{ "occupancy_percent", p->occupancy_percent },
		{ "connections_per_second", p->connections_per_second },
		{ "cycles_per_connection", p->cycles_per_connection },
		{ "bytes_per_connection", p->bytes_per_connection },
		{ "requests_per_second", p->requests_per_second },
		{ "bits_per_second", p->bits_per_second },
		{ "cycles_per_port", p->cycles_per_port },
		{ "cycles_per_failed_port", p->cycles_per_failed_port },
		{ "cycles_per_lookup", p->cycles_per_lookup },
		{ "p50_us", p->p50_us },
		{ "p99_us", p->p99_us },
		{ "p999_us", p->p999_us },
		{ "errors", p->errors },
	};

	printf(json ? "{\"case\": \"%s\", \"wire\": \"%s\", \"cores\": %d" : "%-8s %-6s cores %d", p->case_name, p->wire,
	       p->cores);
	for (unsigned i = 0; i < sizeof(field) / sizeof(field[0]); i++) {
		const char *num = fabs(field[i].v) >= 1000 || field[i].v == floor(field[i].v) ? "%.0f" : "%.4g";

		if (isnan(field[i].v))
			continue;
		printf(json ? ", \"%s\": " : "  %s ", field[i].name);
		printf(num, field[i].v);
	}
	puts(json ? "}" : "");
	fflush(stdout);
}
