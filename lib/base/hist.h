/* hist.h: a latency histogram of fixed size with 1.6 % resolution (64 buckets per power of two), mergeable. */
#ifndef BASE_HIST_H
#define BASE_HIST_H

#include <stdint.h>

#define HIST_SUB_BITS 6
#define HIST_SUB (1u << HIST_SUB_BITS)
#define HIST_BUCKETS (HIST_SUB * 40) /* up to 2^45: 9.7 h in ns */

/* hist_reset() before use: zeroed memory is not an empty histogram (min). */
struct hist {
	uint64_t n[HIST_BUCKETS];
	uint64_t count, sum, min, max;
};

void hist_reset(struct hist *h);
void hist_merge(struct hist *into, const struct hist *from);
/* The value below which a share q (0..1) of the samples lies, at most 1.6 % too high; 0 when empty. */
uint64_t hist_quantile(const struct hist *h, double q);
double hist_mean(const struct hist *h);

/* Values below HIST_SUB have buckets of their own; then HIST_SUB per power of two, the last one open-ended. */
static inline unsigned hist_bucket(uint64_t value)
{
	unsigned shift = 63u - (unsigned)__builtin_clzll(value | HIST_SUB) - HIST_SUB_BITS;
	uint64_t i = value < HIST_SUB ? value : ((uint64_t)shift << HIST_SUB_BITS) + (value >> shift);

	return i < HIST_BUCKETS ? (unsigned)i : HIST_BUCKETS - 1;
}

static inline void hist_add(struct hist *h, uint64_t value)
{
	h->n[hist_bucket(value)]++;
	h->count++;
	h->sum += value;
	h->min = value < h->min ? value : h->min;
	h->max = value > h->max ? value : h->max;
}

#endif
