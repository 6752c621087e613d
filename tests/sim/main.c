/* main.c: spate-sim: runs simulated worlds by seed. `spate-sim --seeds 1-2000`; a violation prints its seed, and
 * `spate-sim --seeds N-N` runs that world again, exactly. --known runs those that once showed a bug. --twins instead of --seeds
 * compares offloads with software. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "drivers/drivers.h"
#include "known.h"
#include "twins.h"
#include "world.h"

#define SEEDS_FOR_ALL 1000 /* so many worlds bring about everything */

struct sums {
	uint64_t seeds, bytes, steps, conns, failed, seen[WORLD_SEEN_N];
};

static void run_one(uint64_t seed, struct sums *sum)
{
	static struct world w;

	if (!world_run(&w, seed)) {
		printf("seed %lu: %s\n", seed, w.failure);
		fflush(stdout);
		sum->failed++;
	}
	sum->seeds++;
	sum->bytes += w.bytes;
	sum->steps += w.steps;
	sum->conns += w.n_conns;
	for (unsigned i = 0; i < WORLD_SEEN_N; i++)
		sum->seen[i] += w.seen[i];
}

static int sums_say(struct sums *s)
{
	static const char *const seen[] = {
#define X(name, text) text,
		WORLD_SEEN(X)
#undef X
	};

	for (unsigned i = 0; i < WORLD_SEEN_N; i++) {
		printf("%10lu %s\n", s->seen[i], seen[i]);
		s->failed += s->seen[i] == 0 && s->seeds >= SEEDS_FOR_ALL;
	}
	printf("simulation: %lu seeds, %lu connections, %lu bytes checked, %lu steps, %lu violations\n", s->seeds, s->conns, s->bytes,
	       s->steps, s->failed);
	return s->failed == 0 ? 0 : 1;
}

static int run(uint64_t from, uint64_t to)
{
	struct sums sums = {0};

	for (uint64_t seed = from; seed <= to; seed++)
		run_one(seed, &sums);
	return sums_say(&sums);
}

static int run_known(void)
{
	struct sums sums = {0};

	for (unsigned i = 0; i < n_knowns; i++) {
		uint64_t failed = sums.failed;

		run_one(knowns[i].seed, &sums);
		if (sums.failed != failed)
			printf("which once showed: %s; its unit test: %s\n", knowns[i].bug, knowns[i].unit_test);
	}
	return sums_say(&sums);
}

int main(int argc, char **argv)
{
	uint64_t from = 1, to = 200;
	bool twins = argc == 3 && strcmp(argv[1], "--twins") == 0, known = argc == 2 && strcmp(argv[1], "--known") == 0;
	struct spate_config cfg;
	char err[256];
	int ret;

	if (argc == 3 && (twins || strcmp(argv[1], "--seeds") == 0)) {
		if (sscanf(argv[2], "%lu-%lu", &from, &to) != 2 || from == 0 || to < from) {
			fprintf(stderr, "spate-sim: %s wants FROM-TO with 1 <= FROM <= TO, not %s\n", argv[1], argv[2]);
			return 2;
		}
	} else if (argc != 1 && !known) {
		fprintf(stderr, "usage: spate-sim [--seeds FROM-TO | --known | --twins FROM-TO]\n");
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
	ret = twins ? twins_run(from, to) : known ? run_known() : run(from, to);
	world_teardown();
	drivers_eal_stop();
	return ret;
}
