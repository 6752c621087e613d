/* eport.c: cycles per ephemeral port, by queues and occupancy. No packets: the allocator alone, one destination. With IPv6
 * the time includes finding the number of the remote address. */
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
#define ROUNDS 5 /* of every point: the least of the medians counts, others had the CPU to share */

struct bench {
	struct rss rss;
	struct prng prng;
	struct eport *e;
	bool ip6;
	uint16_t reta_size;
	rte_be32_t laddr_be, raddr_be;
	struct addr6s addrs;
	rte_be32_t laddr6;   /* its number */
	struct ip6_addr raddr6;
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

static int take6(struct bench *b, uint32_t *hash)
{
	rte_be32_t raddr = addr6_get(&b->addrs, &b->raddr6, 0);
	int err = raddr == 0 ? -ENOBUFS : eport_take(b->e, &b->laddr6, 1, raddr, b->rport_be, 0, &b->live[b->n_live], hash);

	if (err != 0 && raddr != 0)
		addr6_put(&b->addrs, raddr);
	return err;
}

static int take(struct bench *b)
{
	uint32_t hash;
	int err = b->ip6 ? take6(b, &hash) : eport_take(b->e, &b->laddr_be, 1, b->raddr_be, b->rport_be, 0,
							&b->live[b->n_live], &hash);

	b->n_live += err == 0;
	return err;
}

static void put_random(struct bench *b)
{
	uint32_t i = prng_below(&b->prng, b->n_live);

	if (b->ip6) {
		eport_put(b->e, &b->live[i]);
		addr6_put(&b->addrs, b->live[i].raddr_be);
	} else {
		eport_put(b->e, &b->live[i]);
	}
	b->live[i] = b->live[--b->n_live];
}

static double elapsed(const struct bench *b, uint64_t cycles, uint32_t n)
{
	return (double)(cycles > b->clock_cost ? cycles - b->clock_cost : 0) / n;
}

/* Takes a few, timed, and gives as many others back, not timed: occupancy stays what it is. */
static double measure_round(struct bench *b, uint32_t batch)
{
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

static double measure_take(struct bench *b)
{
	uint32_t room = b->capacity - b->n_live, few = (room < b->n_live ? room : b->n_live) / 8;
	uint32_t batch = few < 1 ? 1 : few > BATCH_MAX ? BATCH_MAX : few;
	double least = INFINITY;

	for (int i = 0; i < ROUNDS; i++) {
		double cycles = measure_round(b, batch);

		if (isnan(cycles))
			return NAN;
		least = fmin(least, cycles);
	}
	return least;
}

static double measure_failure(struct bench *b)
{
	double least = INFINITY;
	int err = -EADDRNOTAVAIL;

	while (take(b) == 0)
		;
	for (int i = 0; i < ROUNDS; i++) {
		for (uint32_t s = 0; s < SAMPLES; s++) {
			uint64_t start = rte_rdtsc_precise();

			err = take(b) == 0 ? 0 : err;
			b->sample[s] = rte_rdtsc_precise() - start;
		}
		least = fmin(least, elapsed(b, median(b->sample, SAMPLES), 1));
	}
	return err != 0 ? least : NAN;
}

static void measure_clock(struct bench *b)
{
	for (uint32_t s = 0; s < SAMPLES; s++) {
		uint64_t start = rte_rdtsc_precise();

		b->sample[s] = rte_rdtsc_precise() - start;
	}
	b->clock_cost = median(b->sample, SAMPLES);
}

static void print_point(const struct bench *b, double occupancy, double cycles, double failed_cycles, bool json)
{
	struct perf_point p = perf_point_new("eport", "none", 1);

	p.ip_version = b->ip6 ? 6 : 4;
	p.table_entries = b->reta_size;
	p.queues = b->rss.n_queues;
	p.occupancy_percent = occupancy;
	p.cycles_per_port = cycles;
	p.cycles_per_failed_port = failed_cycles;
	perf_point_print(&p, json);
}

/* From an empty allocator to a full one. 0, or -1 when a take failed that must not, or the other way round. */
static int run_occupancies(struct bench *b, bool json)
{
	static const double occupancy[] = { 0, 50, 90, 99, 99.99 };
	double cycles;

	while (take(b) == 0)
		;
	b->capacity = b->n_live;
	if (b->capacity == 0)
		return -1;
	for (unsigned i = 0; i < sizeof(occupancy) / sizeof(occupancy[0]); i++) {
		uint32_t want = (uint32_t)(b->capacity * occupancy[i] / 100);

		while (b->n_live > want)
			put_random(b);
		while (b->n_live < want && take(b) == 0)
			;
		cycles = measure_take(b);
		print_point(b, occupancy[i], cycles, NAN, json);
		if (isnan(cycles))
			return -1;
	}
	cycles = measure_failure(b);
	print_point(b, 100, NAN, cycles, json);
	return isnan(cycles) ? -1 : 0;
}

static int run_queues(struct bench *b, uint16_t queues, bool json)
{
	static const struct ip6_addr local6 = {{0x20, 0x01, 0x0d, 0xb8, [15] = 1}};
	uint8_t key[40];
	struct eport_space *s;
	int err = -1;

	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)prng_u32(&b->prng);
	if (rss_init(&b->rss, key, sizeof(key), NULL, b->reta_size, queues) != 0)
		return -1;
	s = eport_space_new(&b->rss, EPORT_LO_DEFAULT, EPORT_HI_DEFAULT);
	if (s == NULL || addr6s_init(&b->addrs, 1024 + LOCAL_ADDRS_MAX, &b->rss, &b->prng, -1) != 0)
		goto no_addrs;
	b->e = eport_new(s, (uint16_t)(queues / 2), &b->addrs, 1024, &b->prng, -1);
	b->n_live = 0;
	if (b->e != NULL) {
		b->laddr6 = addr6_get(&b->addrs, &local6, 0);
		err = run_occupancies(b, json);
	}
	eport_free(b->e);
	addr6s_fini(&b->addrs);
no_addrs:
	eport_space_free(s);
	return err;
}

static int usage(void)
{
	fprintf(stderr, "eport: --queues at most %d, --reta from the queues to %d entries, --ip 4 or 6\n", PORT_QUEUES_MAX,
		RSS_RETA_MAX);
	return 2;
}

static int run(int argc, char **argv, bool json)
{
	static const struct option options[] = {
		{ "queues", required_argument, NULL, 'q' },
		{ "seed", required_argument, NULL, 's' },
		{ "ip", required_argument, NULL, 'i' },
		{ "reta", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	static const uint16_t all[] = { 1, 2, 3, 4, 7, 8, 16, 32, 64, 128 };
	unsigned long queues = 0, seed = 1, ip = 0, reta = RETA_SIZE;
	struct bench *b;
	int opt, err = 0;

	optind = 1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		unsigned long v = opt == '?' ? 0 : strtoul(optarg, NULL, 0);

		switch (opt) {
		case 'q': queues = v; break;
		case 's': seed = v; break;
		case 'i': ip = v; break;
		case 'r': reta = v; break;
		default: return 2;
		}
	}
	if (queues > PORT_QUEUES_MAX || reta == 0 || reta > RSS_RETA_MAX || queues > reta || (ip != 0 && ip != 4 && ip != 6))
		return usage();
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return 1;
	prng_seed(&b->prng, seed);
	b->laddr_be = RTE_BE32(0x0a000001);
	b->raddr_be = RTE_BE32(0xc6336401);
	b->raddr6 = (struct ip6_addr){{0x20, 0x01, 0x0d, 0xb8, 0, 1, [15] = 99}};
	b->rport_be = RTE_BE16(443);
	b->reta_size = (uint16_t)reta;
	measure_clock(b);
	for (int family = 4; family <= 6; family += 2)
		for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]) && err == 0; i++) {
			b->ip6 = family == 6;
			if ((ip == 0 || ip == (unsigned long)family) && (queues == 0 ? all[i] <= reta : i == 0))
				err = run_queues(b, queues != 0 ? (uint16_t)queues : all[i], json);
		}
	free(b);
	return err != 0;
}

const struct perf_case perf_eport = {
	.name = "eport",
	.help = "cycles per ephemeral port: eport [--ip 4|6] [--queues N] [--reta N] [--seed N]",
	.run = run,
};
