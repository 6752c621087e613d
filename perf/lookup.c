/* lookup.c: cycles per connection lookup, as the receive path does it: in bursts, staged, with the connection
 * touched. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "config/limits.h"
#include "flow/conn.h"
#include "perf.h"

#define SAMPLES 301
#define BURSTS 64 /* per sample: their keys stay in the core's caches, as the headers of received packets do */
#define PORTS_PER_PEER 60000u

struct bench {
	struct flow flow;
	struct rss rss;
	struct prng prng;
	struct clock clock;
	uint32_t n;
	struct flow_key key[BURSTS][RX_BURST];
	uint32_t hash[BURSTS][RX_BURST];
	uint64_t sample[SAMPLES];
};

static int cmp_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static struct flow_key key_of(uint32_t i)
{
	return (struct flow_key){
		.laddr_be = RTE_BE32(0x0a000001),
		.raddr_be = rte_cpu_to_be_32(0xc6120000u + i / PORTS_PER_PEER),
		.lport_be = rte_cpu_to_be_16((uint16_t)(EPORT_LO_DEFAULT + i % PORTS_PER_PEER)),
		.rport_be = RTE_BE16(443),
	};
}

/* Random keys of the table, so that every lookup is a hit somewhere else. */
static void choose(struct bench *b)
{
	for (unsigned i = 0; i < BURSTS; i++)
		for (unsigned j = 0; j < RX_BURST; j++) {
			b->key[i][j] = key_of(prng_below(&b->prng, b->n));
			b->hash[i][j] = flow_hash(&b->flow, &b->key[i][j]);
		}
}

static uint32_t burst(struct bench *b, const struct flow_key *key, const uint32_t *hash)
{
	struct flow *f = &b->flow;
	uint32_t found = 0;

	for (unsigned j = 0; j < RX_BURST; j++)
		table_prefetch(&f->tcp, hash[j]);
	for (unsigned j = 0; j < RX_BURST; j++)
		flow_prefetch(f, &f->tcp, hash[j]);
	for (unsigned j = 0; j < RX_BURST; j++) {
		flow_ref r = flow_find(f, &f->tcp, hash[j], &key[j]);

		if (r == 0)
			continue;
		/* The line that every segment changes. */
		(*(uint32_t *)((uint8_t *)conn_at(f, r) + sizeof(struct conn)))++;
		found++;
	}
	return found;
}

static int fill(struct bench *b)
{
	const struct flow_config cfg = { .max_conns = b->n, .numa_node = -1 };

	if (flow_init(&b->flow, &cfg, &b->rss, &b->clock, &b->prng) != 0)
		return -1;
	for (uint32_t i = 0; i < b->n; i++) {
		struct conn *c = conn_new(&b->flow, CONN_TCP);

		if (c == NULL)
			return -1;
		c->h.key = key_of(i);
		c->h.hash = flow_hash(&b->flow, &c->h.key);
		if (table_insert(&b->flow.tcp, c->h.hash, conn_ref(&b->flow, c)) != 0)
			return -1;
	}
	return 0;
}

/* 0, or -1 when memory runs out or a flow is not found. */
static int run_size(struct bench *b, uint32_t n, bool json)
{
	struct perf_point p = perf_point_new("lookup", "none", 1);
	uint64_t found = 0, start;

	b->n = n;
	if (fill(b) != 0) {
		fprintf(stderr, "lookup: no memory for %u connections\n", n);
		flow_fini(&b->flow);
		return -1;
	}
	for (unsigned s = 0; s < SAMPLES; s++) {
		choose(b);
		start = rte_rdtsc_precise();
		for (unsigned i = 0; i < BURSTS; i++)
			found += burst(b, b->key[i], b->hash[i]);
		b->sample[s] = rte_rdtsc_precise() - start;
	}
	flow_fini(&b->flow);
	qsort(b->sample, SAMPLES, sizeof(b->sample[0]), cmp_u64);
	p.connections = n;
	p.cycles_per_lookup = (double)b->sample[SAMPLES / 2] / (BURSTS * RX_BURST);
	p.errors = (double)(SAMPLES * BURSTS * RX_BURST - found);
	perf_point_print(&p, json);
	return found == SAMPLES * BURSTS * RX_BURST ? 0 : -1;
}

static int run(int argc, char **argv, bool json)
{
	static const struct option options[] = {
		{ "max", required_argument, NULL, 'm' },
		{ "seed", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	static const uint32_t sizes[] = { 1u << 10, 1u << 14, 1u << 18, 1u << 20, 1u << 22, 1u << 24 };
	unsigned long max = 1u << 24, seed = 1;
	uint8_t key[40];
	struct bench *b;
	int opt, err = 0;

	optind = 1;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'm')
			max = strtoul(optarg, NULL, 0);
		else if (opt == 's')
			seed = strtoul(optarg, NULL, 0);
		else
			return 2;
	}
	b = aligned_alloc(64, (sizeof(*b) + 63) / 64 * 64);
	if (b == NULL)
		return 1;
	memset(b, 0, sizeof(*b));
	prng_seed(&b->prng, seed);
	for (unsigned i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)prng_u32(&b->prng);
	err = rss_init(&b->rss, key, sizeof(key), NULL, 128, 1);
	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && sizes[i] <= max && err == 0; i++)
		err = run_size(b, sizes[i], json);
	free(b);
	return err != 0;
}

const struct perf_case perf_lookup = {
	.name = "lookup",
	.help = "cycles per connection lookup, in bursts, by connections: lookup [--max CONNECTIONS] [--seed N]",
	.run = run,
};
