/* pool.h: objects of one size, named by 32-bit indices so that links cost 4 bytes. Index 0 is never handed out and
 * means "none". Freed objects are handed out again first, newest first: they are warm. Owned by one core. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stdint.h>

#include "base/region.h"

struct pool {
	uint8_t *base;
	uint32_t size_bytes;
	uint32_t free_head; /* a free object's first 4 bytes name the next free one */
	uint32_t fresh;     /* lowest index never handed out */
	uint32_t cap;       /* highest index + 1 */
	uint32_t used;
	struct region region;
};

/* cap objects of size_bytes (a multiple of 4, at least 8; use multiples of 64 for objects that should own their
 * lines). */
int pool_init(struct pool *p, uint32_t cap, uint32_t size_bytes, int numa_node);
void pool_fini(struct pool *p);

static inline void *pool_at(const struct pool *p, uint32_t idx) { return p->base + (uint64_t)idx * p->size_bytes; }

static inline uint32_t pool_index(const struct pool *p, const void *obj)
{
	return (uint32_t)((uint64_t)((const uint8_t *)obj - p->base) / p->size_bytes);
}

/* The same where the size is that of a type: a multiplication that the compiler knows. */
#define POOL_AT(p, type, idx) ((type *)(p)->base + (idx))
#define POOL_INDEX(p, obj) ((uint32_t)((obj) - (__typeof__(obj))(p)->base))

/* An index, or 0 when all are in use. The content is whatever the last owner left (zero when never used): clear it. */
static inline uint32_t pool_get(struct pool *p)
{
	uint32_t idx = p->free_head;

	if (idx != 0)
		p->free_head = *(uint32_t *)pool_at(p, idx);
	else if (p->fresh < p->cap)
		idx = p->fresh++;
	else
		return 0;
	p->used++;
	return idx;
}

static inline void pool_put(struct pool *p, uint32_t idx)
{
	*(uint32_t *)pool_at(p, idx) = p->free_head;
	p->free_head = idx;
	p->used--;
}

#endif
