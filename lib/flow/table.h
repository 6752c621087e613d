/* table.h: the connection table of one core: hash -> flow_ref. A bucket is one cache line of seven (hash, ref) pairs;
 * full ones chain to overflow buckets. The table knows hashes, not keys: the caller compares keys in the objects, so
 * a lookup that prefetched touches one line here and one there. Fixed capacity, sized for an average of 4-5 per
 * bucket. */
#ifndef FLOW_TABLE_H
#define FLOW_TABLE_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_prefetch.h>

#include "base/pool.h"
#include "flow/ref.h"

#define TABLE_SLOTS 7

struct table_bucket {
	uint32_t hash[TABLE_SLOTS];
	uint32_t next;              /* overflow bucket's index in the pool, 0 none */
	flow_ref ref[TABLE_SLOTS];  /* 0: empty slot */
	uint32_t spare;
} __attribute__((aligned(64)));
static_assert(sizeof(struct table_bucket) == 64, "a bucket is one cache line");

/* Buckets, and chains of them, have no holes: only the last bucket of a chain may have empty slots, and at its end.
 * So a chain is as short as can be, and at most max / TABLE_SLOTS overflow buckets are in use. */
struct table {
	struct table_bucket *bucket; /* 1 << bits of them */
	uint32_t shift;              /* 32 - bits */
	uint32_t used, max;
	struct pool overflow;
	struct region region;
};

/* For at most max entries. 0, -EINVAL or -ENOMEM. */
int table_init(struct table *t, uint32_t max, int numa_node);
/* The same with buckets for expected entries only; what exceeds them, up to max, costs a second line per lookup. */
int table_init_expect(struct table *t, uint32_t expected, uint32_t max, int numa_node);
void table_fini(struct table *t);

static inline bool table_full(const struct table *t) { return t->used >= t->max; }

/* 0, or -ENOBUFS when the table is full. The caller has made sure that no flow with the same key is in. */
int table_insert(struct table *t, uint32_t hash, flow_ref ref);
/* True when (hash, ref) was in and now is not. */
bool table_remove(struct table *t, uint32_t hash, flow_ref ref);
/* Puts new_ref in old_ref's place. False when old_ref was not in. */
bool table_replace(struct table *t, uint32_t hash, flow_ref old_ref, flow_ref new_ref);

/* Toeplitz hashes of one core share their low bits (that is what RSS does), so the bucket is chosen by a multiplicative
 * mix of all bits. */
static inline struct table_bucket *table_bucket_of(const struct table *t, uint32_t hash)
{
	return &t->bucket[(hash * 0x9e3779b1u) >> t->shift];
}

static inline struct table_bucket *table_next(const struct table *t, const struct table_bucket *b)
{
	return (struct table_bucket *)pool_at(&t->overflow, b->next);
}

/* Bit i is set when slot i is in use with this hash. Sixteen bytes at a time: every x86-64 and ARM has vectors of that size. */
static inline uint32_t table_match(const struct table_bucket *b, uint32_t hash)
{
	typedef uint32_t lanes __attribute__((vector_size(16)));
	typedef uint64_t pair __attribute__((vector_size(16)));
	const lanes low = { 1, 2, 4, 8 }, high = { 16, 32, 64, 0 };
	const lanes *line = (const lanes *)b;
	lanes first = (lanes)(line[0] == hash) & (lanes)(line[2] != 0) & low;
	lanes last = (lanes)(line[1] == hash) & (lanes)(line[3] != 0) & high;
	pair hit = (pair)(first | last);
	uint64_t m = hit[0] | hit[1];

	return (uint32_t)(m | m >> 32);
}

static inline void table_prefetch(const struct table *t, uint32_t hash) { rte_prefetch0(table_bucket_of(t, hash)); }

#endif
