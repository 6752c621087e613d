/* table.c: filling and emptying the connection table. Finding is inline in table.h and flow.c. */
#include "flow/table.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"

#define LOAD_MAX 5 /* expected entries per bucket on average: 13 % of the buckets chain at 5, 5 % at 4 */

struct table_pos {
	struct table_bucket *bucket;
	uint32_t slot; /* TABLE_SLOTS: not found */
};

int table_init_expect(struct table *t, uint32_t expected, uint32_t max, int numa_node)
{
	uint32_t bits = 1;
	int err;

	memset(t, 0, sizeof(*t));
	if (max == 0 || max > REF_INDEX_MASK || expected > max)
		return -EINVAL;
	while ((uint64_t)LOAD_MAX << bits < expected)
		bits++;
	err = region_map(&t->region, sizeof(struct table_bucket) << bits, numa_node);
	if (err != 0)
		return err;
	err = pool_init(&t->overflow, max / TABLE_SLOTS + 1, sizeof(struct table_bucket), numa_node);
	if (err != 0) {
		region_unmap(&t->region);
		return err;
	}
	t->bucket = t->region.base;
	t->shift = 32 - bits;
	t->max = max;
	return 0;
}

int table_init(struct table *t, uint32_t max, int numa_node) { return table_init_expect(t, max, max, numa_node); }

void table_fini(struct table *t)
{
	pool_fini(&t->overflow);
	region_unmap(&t->region);
	memset(t, 0, sizeof(*t));
}

/* How many slots are in use; they are the first ones. */
static uint32_t bucket_count(const struct table_bucket *b)
{
	uint32_t n = 0;

	while (n < TABLE_SLOTS && b->ref[n] != 0)
		n++;
	return n;
}

int table_insert(struct table *t, uint32_t hash, flow_ref ref)
{
	struct table_bucket *b = table_bucket_of(t, hash);
	uint32_t n, idx;

	SPATE_ASSERT(ref != 0);
	if (table_full(t))
		return -ENOBUFS;
	while (b->next != 0)
		b = table_next(t, b);
	n = bucket_count(b);
	if (n == TABLE_SLOTS) {
		idx = pool_get(&t->overflow);
		SPATE_ASSERT(idx != 0);
		b->next = idx;
		b = table_next(t, b);
		memset(b, 0, sizeof(*b));
		n = 0;
	}
	b->hash[n] = hash;
	b->ref[n] = ref;
	t->used++;
	return 0;
}

static struct table_pos find_ref(const struct table *t, uint32_t hash, flow_ref ref)
{
	struct table_bucket *b = table_bucket_of(t, hash);

	for (;;) {
		for (uint32_t m = table_match(b, hash); m != 0; m &= m - 1) {
			uint32_t i = (uint32_t)__builtin_ctz(m);

			if (b->ref[i] == ref)
				return (struct table_pos){ b, i };
		}
		if (b->next == 0)
			return (struct table_pos){ b, TABLE_SLOTS };
		b = table_next(t, b);
	}
}

bool table_remove(struct table *t, uint32_t hash, flow_ref ref)
{
	struct table_pos hole = find_ref(t, hash, ref);
	struct table_bucket *last = hole.bucket, *before = NULL;
	uint32_t n;

	if (hole.slot == TABLE_SLOTS)
		return false;
	/* The chain's last entry moves into the hole. */
	if (last->next != 0 || last != table_bucket_of(t, hash))
		for (last = table_bucket_of(t, hash); last->next != 0; last = table_next(t, last))
			before = last;
	n = bucket_count(last) - 1;
	hole.bucket->hash[hole.slot] = last->hash[n];
	hole.bucket->ref[hole.slot] = last->ref[n];
	last->ref[n] = 0;
	if (n == 0 && before != NULL) {
		pool_put(&t->overflow, before->next);
		before->next = 0;
	}
	t->used--;
	return true;
}

bool table_replace(struct table *t, uint32_t hash, flow_ref old_ref, flow_ref new_ref)
{
	struct table_pos pos = find_ref(t, hash, old_ref);

	SPATE_ASSERT(new_ref != 0);
	if (pos.slot == TABLE_SLOTS)
		return false;
	pos.bucket->ref[pos.slot] = new_ref;
	return true;
}
