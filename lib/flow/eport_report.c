/* eport_report.c: what a key, a redirection table and a port range are good for, in numbers. */
#include <stdio.h>
#include <string.h>

#include "flow/eport_impl.h"

#define SAMPLES 64 /* destinations whose ports are counted one by one when the table is odd: 4 million hashes */

/* Ports that come home, by queue, and the least and most of these over the destinations looked at. */
struct tally {
	uint32_t now[PORT_QUEUES_MAX], min[PORT_QUEUES_MAX], max[PORT_QUEUES_MAX];
};

static void tally_close(struct tally *t, uint32_t queues)
{
	for (uint32_t q = 0; q < queues; q++) {
		t->min[q] = t->now[q] < t->min[q] ? t->now[q] : t->min[q];
		t->max[q] = t->now[q] > t->max[q] ? t->now[q] : t->max[q];
	}
	memset(t->now, 0, sizeof(t->now));
}

/* The values that the low bits of hash(addresses, remote port) can have: all sums of the tuple's bits. */
static void mark_reachable(const struct eport_space *s, bool ip6, uint8_t reachable[RSS_RETA_MAX])
{
	unsigned bytes = (ip6 ? RSS_TUPLE6_BYTES : RSS_TUPLE4_BYTES) - 2;

	memset(reachable, 0, RSS_RETA_MAX);
	reachable[0] = 1;
	for (unsigned bit = 0; bit < bytes * 8; bit++) {
		uint32_t v = s->rss->byte[bit / 8][1u << bit % 8] & s->reta_mask;

		if (reachable[v])
			continue;
		for (uint32_t i = 0; i <= s->reta_mask; i++)
			if (reachable[i] == 1 && !reachable[i ^ v])
				reachable[i ^ v] = 2; /* new ones are not to be doubled again in this pass */
		for (uint32_t i = 0; i <= s->reta_mask; i++)
			reachable[i] = reachable[i] != 0;
	}
}

static void tally_classes(const struct eport_space *s, bool ip6, struct tally *t)
{
	const struct eport_map *m = &s->map[ip6];
	uint8_t reachable[RSS_RETA_MAX];

	mark_reachable(s, ip6, reachable);
	for (uint32_t v = 0; v <= s->reta_mask; v++) {
		if (!reachable[v])
			continue;
		for (uint32_t i = 0; i <= s->reta_mask; i++)
			if (m->syndrome_of[i ^ v] == 0)
				t->now[s->rss->reta[i]] += m->class_ports[m->class_of[i ^ v]];
		tally_close(t, s->rss->n_queues);
	}
}

static void tally_sample(const struct eport_space *s, bool ip6, struct tally *t)
{
	struct prng prng;

	prng_seed(&prng, 1);
	for (int i = 0; i < SAMPLES; i++) {
		uint32_t hash0 = 0, bytes = (ip6 ? RSS_TUPLE6_BYTES : RSS_TUPLE4_BYTES) - 2;

		for (uint32_t b = 0; b < bytes; b++)
			hash0 ^= s->rss->byte[b][prng_below(&prng, 256)];
		for (uint32_t port = s->lo; port <= s->hi; port++) {
			uint32_t hash = hash0 ^ eport_dport_hash(s->rss, ip6, (uint16_t)port);

			t->now[s->rss->reta[eport_entry(s, hash)]] += eport_is_auto(s, (uint16_t)port);
		}
		tally_close(t, s->rss->n_queues);
	}
}

static void fill_in(const struct tally *t, const uint32_t entries[PORT_QUEUES_MAX], struct eport_report *r)
{
	r->ports_min = UINT32_MAX;
	for (uint32_t q = 0; q < r->queues; q++) {
		if (entries[q] == 0) {
			r->queues_empty++;
			continue;
		}
		r->ports_min = RTE_MIN(r->ports_min, t->min[q]);
		r->ports_max = RTE_MAX(r->ports_max, t->max[q]);
	}
}

void eport_space_report(const struct eport_space *s, bool ip6, struct eport_report *r)
{
	uint32_t entries[PORT_QUEUES_MAX] = { 0 };
	struct tally t;

	memset(&t, 0, sizeof(t));
	memset(t.min, 0xff, sizeof(t.min));
	*r = (struct eport_report){ .queues = s->rss->n_queues, .odd = s->odd, .table_bits = s->reta_bits };
	for (uint32_t i = 0; i < s->rss->reta_size; i++)
		entries[s->rss->reta[i]]++;
	for (uint32_t w = 0; w < 65536 / 64; w++)
		r->range_ports += (uint32_t)__builtin_popcountll(s->auto_port[w]);
	if (s->odd) {
		tally_sample(s, ip6, &t);
	} else {
		r->key_bits = s->map[ip6].class_bits;
		r->poor = r->key_bits < r->table_bits;
		tally_classes(s, ip6, &t);
	}
	fill_in(&t, entries, r);
}

void eport_report_text(const struct eport_report *r, char *buf, size_t len)
{
	int at = snprintf(buf, len, "%s%u to %u of %u local ports per destination come home to a stack",
			  r->odd ? "about " : "", r->ports_min, r->ports_max, r->range_ports);

	if (r->queues_empty > 0 && at >= 0 && (size_t)at < len)
		at += snprintf(buf + at, len - (size_t)at, "; %u of %u stacks have no entry in the redirection table and no ports",
			       r->queues_empty, r->queues);
	if (r->poor && at >= 0 && (size_t)at < len)
		snprintf(buf + at, len - (size_t)at,
			 "; the key is poor: local ports change %u of the %u hash bits that choose a queue", r->key_bits,
			 r->table_bits);
}
