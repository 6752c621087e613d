/* main.c: spate-cc: congestion control measured against its theory: throughput on a grid of loss, delay and rate, fairness, what
 * a burst of losses costs. Without arguments the short grid; --long the whole one; --run CC MBIT RTT_MS ONE_IN SECONDS MARK_KB
 * one point, with a line for every sixtieth of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "drivers/drivers.h"
#include "scenarios.h"

static int usage(void)
{
	fprintf(stderr, "usage: spate-cc [--long | --run CC MBIT RTT_MS ONE_LOST_IN SECONDS [MARK_KB]]\n");
	return 2;
}

int main(int argc, char **argv)
{
	struct spate_config cfg;
	char err[256] = "packet buffers";
	bool whole = argc == 2 && strcmp(argv[1], "--long") == 0, one = (argc == 7 || argc == 8) && strcmp(argv[1], "--run") == 0;
	int failed;

	if (argc != 1 && !whole && !one)
		return usage();
	config_defaults(&cfg);
	config_set(&cfg, "dev", "sim", err, sizeof(err));
	config_set(&cfg, "huge", "no", err, sizeof(err));
	config_set(&cfg, "memory", "768M", err, sizeof(err));
	if (drivers_eal_start(&cfg, err, sizeof(err)) != 0 || bench_setup() != 0) {
		fprintf(stderr, "spate-cc: %s\n", err);
		return 1;
	}
	failed = one ? scenario_one(argv[2], atof(argv[3]), atof(argv[4]), (uint32_t)atoi(argv[5]), atof(argv[6]),
				    argc == 8 ? (uint32_t)atoi(argv[7]) : 0) :
		       scenarios_run(whole);
	bench_teardown();
	drivers_eal_stop();
	return failed == 0 ? 0 : 1;
}
