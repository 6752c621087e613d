/* main.c: spate-sim: runs simulated worlds by seed. `spate-sim --seeds 1-2000`; a violation prints its seed, and
 * `spate-sim --seeds N-N` runs that world again, exactly. --twins instead of --seeds compares offloads with software. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "drivers/drivers.h"
#include "twins.h"
#include "world.h"

static int run(uint64_t from, uint64_t to)
{
	static struct world w;
	uint64_t bytes = 0, steps = 0, conns = 0, failed = 0, joined = 0;

	for (uint64_t seed = from; seed <= to; seed++) {
		if (!world_run(&w, seed)) {
			printf("seed %lu: %s\n", seed, w.failure);
			failed++;
		}
		bytes += w.bytes;
		steps += w.steps;
		joined += w.joined;
		conns += w.n_conns;
	}
	printf("simulation: %lu seeds, %lu connections, %lu bytes checked, %lu segments joined, %lu steps, %lu violations\n", to - from + 1,
	       conns, bytes, joined, steps, failed);
	return failed == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	uint64_t from = 1, to = 200;
	bool twins = argc == 3 && strcmp(argv[1], "--twins") == 0;
	struct spate_config cfg;
	char err[256];
	int ret;

	if (argc == 3 && (twins || strcmp(argv[1], "--seeds") == 0)) {
		if (sscanf(argv[2], "%lu-%lu", &from, &to) != 2 || from == 0 || to < from) {
			fprintf(stderr, "spate-sim: %s wants FROM-TO with 1 <= FROM <= TO, not %s\n", argv[1], argv[2]);
			return 2;
		}
	} else if (argc != 1) {
		fprintf(stderr, "usage: spate-sim [--seeds FROM-TO | --twins FROM-TO]\n");
		return 2;
	}
	config_defaults(&cfg);
	config_set(&cfg, "dev", "sim", err, sizeof(err));
	config_set(&cfg, "huge", "no", err, sizeof(err));
	config_set(&cfg, "memory", "512M", err, sizeof(err));
	if (drivers_eal_start(&cfg, err, sizeof(err)) != 0 || world_setup() != 0) {
		fprintf(stderr, "spate-sim: %s\n", err);
		return 1;
	}
	ret = twins ? twins_run(from, to) : run(from, to);
	world_teardown();
	drivers_eal_stop();
	return ret;
}
