/* hist.h: a latency histogram of fixed size with 1.6 % resolution (64 buckets per power of two), mergeable. */
#ifndef BASE_HIST_H
#define BASE_HIST_H

#include <stdint.h>

#define HIST_BUCKETS (64 * 40)

struct hist {
	uint64_t n[HIST_BUCKETS];
	uint64_t count, sum, min, max;
};

void hist_reset(struct hist *h);
void hist_add(struct hist *h, uint64_t value);
void hist_merge(struct hist *into, const struct hist *from);
/* The value below which a share q (0..1) of the samples lies, at most 1.6 % too high; 0 when empty. */
uint64_t hist_quantile(const struct hist *h, double q);
double hist_mean(const struct hist *h);

#endif
