/* eport.c: cycles per ephemeral port, by queues and occupancy. No packets: the allocator alone, one destination. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "flow/eport.h"
#include "perf.h"

#define SAMPLES 4001
#define BATCH_MAX 32
#define BUSY_MAX 65536
#define RETA_SIZE 128

struct bench {
	struct rss rss;
	struct prng prng;
	struct eport *e;
	rte_be32_t laddr_be, raddr_be;
	rte_be16_t rport_be;
	struct flow_key live[BUSY_MAX];
	uint32_t n_live, capacity;
	uint64_t sample[SAMPLES];
	uint64_t clock_cost; /* cycles that reading the clock twice takes */
};

static int cmp_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t median(uint64_t *v, uint32_t n)
{
	qsort(v, n, sizeof(v[0]), cmp_u64);
	return v[n / 2];
}

static int take(struct bench *b)
{
	uint32_t hash;
	int err = eport_take(b->e, &b->laddr_be, 1, b->raddr_be, b->rport_be, &b->live[b->n_live], &hash);

	b->n_live += err == 0;
	return err;
}

static void put_random(struct bench *b)
{
	uint32_t i = prng_below(&b->prng, b->n_live);

	eport_put(b->e, &b->live[i]);
	b->live[i] = b->live[--b->n_live];
}

static double elapsed(const struct bench *b, uint64_t cycles, uint32_t n)
{
	return (double)(cycles > b->clock_cost ? cycles - b->clock_cost : 0) / n;
}

/* Takes a few, timed, and gives as many others back, not timed: occupancy stays what it is. */
static double measure_take(struct bench *b)
{
	uint32_t room = b->capacity - b->n_live, few = (room < b->n_live ? room : b->n_live) / 8;
	uint32_t batch = few < 1 ? 1 : few > BATCH_MAX ? BATCH_MAX : few;
	int err = 0;

	for (uint32_t s = 0; s < SAMPLES; s++) {
		uint64_t start = rte_rdtsc_precise();

		for (uint32_t i = 0; i < batch; i++)
			err |= take(b);
		b->sample[s] = rte_rdtsc_precise() - start;
		for (uint32_t i = 0; i < batch && b->n_live > 0; i++)
			put_random(b);
	}
	return err == 0 ? elapsed(b, median(b->sample, SAMPLES), batch) : NAN;
}

static double measure_failure(struct bench *b)
{
	int err = -EADDRNOTAVAIL;

	while (take(b) == 0)
		;
	for (uint32_t s = 0; s < SAMPLES; s++) {
		uint64_t start = rte_rdtsc_precise();

		err = take(b) == 0 ? 0 : err;
		b->sample[s] = rte_rdtsc_precise() - start;
	}
	return err != 0 ? elapsed(b, median(b->sample, SAMPLES), 1) : NAN;
}

static void measure_clock(struct bench *b)
{
	for (uint32_t s = 0; s < SAMPLES; s++) {
		uint64_t start = rte_rdtsc_precise();

		b->sample[s] = rte_rdtsc_precise() - start;
	}
	b->clock_cost = median(b->sample, SAMPLES);
}

static void print_point(uint32_t queues, double occupancy, double cycles, double failed_cycles, bool json)
{
	struct perf_point p = perf_point_new("eport", "none", 1);

	p.queues = queues;
	p.occupancy_percent = occupancy;
	p.cycles_per_port = cycles;
	p.cycles_per_failed_port = failed_cycles;
	perf_point_print(&p, json);
}

/* 0, or -1 when a take failed that must not, or the other way round. */
static int run_queues(struct bench *b, uint16_t queues, bool json)
{
	static const double occupancy[] = { 0, 50, 90, 99, 99.99 };
	uint8_t key[40];
	struct eport_space *s;
	double cycles;
	int err = -1;

	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)prng_u32(&b->prng);
	if (rss_init(&b->rss, key, sizeof(key), NULL, RETA_SIZE, queues) != 0)
		return -1;
	s = eport_space_new(&b->rss, EPORT_LO_DEFAULT, EPORT_HI_DEFAULT);
	b->e = s != NULL ? eport_new(s, (uint16_t)(queues / 2), 1024, &b->prng, -1) : NULL;
	if (b->e == NULL)
		goto out;
	b->n_live = 0;
	while (take(b) == 0)
		;
	b->capacity = b->n_live;
	err = b->capacity > 0 ? 0 : -1;
	for (unsigned i = 0; i < sizeof(occupancy) / sizeof(occupancy[0]) && err == 0; i++) {
		uint32_t want = (uint32_t)(b->capacity * occupancy[i] / 100);

		while (b->n_live > want)
			put_random(b);
		while (b->n_live < want && take(b) == 0)
			;
		cycles = measure_take(b);
		print_point(queues, occupancy[i], cycles, NAN, json);
		err = isnan(cycles) ? -1 : 0;
	}
	if (err == 0) {
		cycles = measure_failure(b);
		print_point(queues, 100, NAN, cycles, json);
		err = isnan(cycles) ? -1 : 0;
	}
out:
	eport_free(b->e);
	eport_space_free(s);
	return err;
}

static int run(int argc, char **argv, bool json)
{
	static const struct option options[] = {
		{ "queues", required_argument, NULL, 'q' },
		{ "seed", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	static const uint16_t all[] = { 1, 4, 16, 64, 128 };
	unsigned long queues = 0, seed = 1;
	struct bench *b;
	int opt, err = 0;

	optind = 1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'q')
			queues = strtoul(optarg, NULL, 0);
		else if (opt == 's')
			seed = strtoul(optarg, NULL, 0);
		else
			return 2;
	}
	b = queues <= PORT_QUEUES_MAX ? calloc(1, sizeof(*b)) : NULL;
	if (b == NULL) {
		fprintf(stderr, "eport: --queues must be at most %d\n", PORT_QUEUES_MAX);
		return 2;
	}
	prng_seed(&b->prng, seed);
	b->laddr_be = RTE_BE32(0x0a000001);
	b->raddr_be = RTE_BE32(0xc6336401);
	b->rport_be = RTE_BE16(443);
	measure_clock(b);
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]) && err == 0; i++)
		if (queues == 0 || i == 0)
			err = run_queues(b, queues != 0 ? (uint16_t)queues : all[i], json);
	free(b);
	return err != 0;
}

const struct perf_case perf_eport = {
	.name = "eport",
	.help = "cycles per ephemeral port: eport [--queues N] [--seed N]",
	.run = run,
};
