/* hist.c: reading and merging histograms; adding is inline in hist.h. */
#include "base/hist.h"

#include <string.h>

void hist_reset(struct hist *h)
{
	memset(h, 0, sizeof(*h));
	h->min = UINT64_MAX;
}

void hist_merge(struct hist *into, const struct hist *from)
{
	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		into->n[i] += from->n[i];
	into->count += from->count;
	into->sum += from->sum;
	if (from->count != 0 && from->min < into->min)
		into->min = from->min;
	if (from->max > into->max)
		into->max = from->max;
}

/* The largest value that falls into bucket i. */
static uint64_t bucket_last(unsigned i)
{
	unsigned shift;

	if (i < HIST_SUB)
		return i;
	shift = i / HIST_SUB - 1;
	return ((uint64_t)(HIST_SUB + i % HIST_SUB + 1) << shift) - 1;
}

uint64_t hist_quantile(const struct hist *h, double q)
{
	double want = q * (double)h->count;
	uint64_t rank = want >= (double)h->count ? h->count : want > 0 ? (uint64_t)want : 0, seen = 0;

	if (h->count == 0)
		return 0;
	if ((double)rank < want || rank == 0)
		rank++;
	for (unsigned i = 0; i < HIST_BUCKETS - 1; i++) {
		seen += h->n[i];
		if (seen >= rank)
			return bucket_last(i) < h->max ? bucket_last(i) : h->max;
	}
	return h->max; /* the last bucket also holds what is beyond the scale */
}

double hist_mean(const struct hist *h)
{
	return h->count != 0 ? (double)h->sum / (double)h->count : 0;
}
