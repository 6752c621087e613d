/* pool.c: mbuf pools, each of one core. DPDK's ordinary pools keep what no core's cache holds in a ring for many producers and
 * consumers, so every refill costs an atomic read-modify-write. Nearly all mbufs of a stack are taken and freed by the
 * stack's own core. So its pool has an owner, who keeps them in a plain stack; what other threads free comes back through a
 * ring, which the owner empties when it runs low. While nobody owns the pool everything goes through the ring. */
#include <errno.h>

#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

#include "drivers/drivers.h"

#define NOBODY (LCORE_ID_ANY - 1) /* unlike what threads have that DPDK does not know */
#define FOREIGN_RESERVE 64        /* left in the ring for threads that take mbufs of a pool that is not theirs, seldom */

struct core_pool {
	unsigned owner;           /* lcore; written by it alone, with nobody else using the same id */
	unsigned n;               /* of the owner; others read it to count */
	struct rte_ring *ring;
	void *obj[];              /* [0..n) are free; of the owner */
};

static inline bool core_pool_mine(const struct core_pool *p)
{
	return __atomic_load_n(&p->owner, __ATOMIC_RELAXED) == rte_lcore_id();
}

static inline void core_pool_count(struct core_pool *p, unsigned n) { __atomic_store_n(&p->n, n, __ATOMIC_RELAXED); }

static void core_pool_free(struct rte_mempool *mp)
{
	struct core_pool *p = mp->pool_data;

	if (p != NULL)
		rte_free(p->ring);
	rte_free(p);
	mp->pool_data = NULL;
}

static int core_pool_alloc(struct rte_mempool *mp)
{
	unsigned slots = rte_align32pow2(mp->size + 1);
	struct core_pool *p = rte_zmalloc_socket("core_pool", sizeof(*p) + mp->size * sizeof(p->obj[0]), RTE_CACHE_LINE_SIZE,
						 mp->socket_id);

	mp->pool_data = p;
	if (p == NULL)
		return -ENOMEM;
	p->owner = NOBODY;
	p->ring = rte_zmalloc_socket("core_pool_ring", (size_t)rte_ring_get_memsize(slots), RTE_CACHE_LINE_SIZE, mp->socket_id);
	if (p->ring == NULL || rte_ring_init(p->ring, "core_pool", slots, 0) != 0) {
		core_pool_free(mp);
		return -ENOMEM;
	}
	return 0;
}

static int core_pool_put(struct rte_mempool *mp, void *const *obj, unsigned n)
{
	struct core_pool *p = mp->pool_data;

	if (unlikely(!core_pool_mine(p) || rte_ring_count(p->ring) < FOREIGN_RESERVE))
		return rte_ring_enqueue_bulk(p->ring, obj, n, NULL) == n ? 0 : -ENOBUFS;
	rte_memcpy(&p->obj[p->n], obj, n * sizeof(obj[0]));
	core_pool_count(p, p->n + n);
	return 0;
}

/* What others gave back joins the stack: all but the reserve, or all when the stack has fewer than wanted without. */
static void core_pool_collect(struct core_pool *p, unsigned wanted)
{
	unsigned waiting = rte_ring_count(p->ring), take = waiting > FOREIGN_RESERVE ? waiting - FOREIGN_RESERVE : 0;

	if (p->n + take < wanted)
		take = waiting;
	if (take > 0)
		core_pool_count(p, p->n + rte_ring_dequeue_burst(p->ring, &p->obj[p->n], take, NULL));
}

static int core_pool_get(struct rte_mempool *mp, void **obj, unsigned n)
{
	struct core_pool *p = mp->pool_data;

	if (unlikely(!core_pool_mine(p)))
		return rte_ring_dequeue_bulk(p->ring, obj, n, NULL) == n ? 0 : -ENOBUFS;
	if (unlikely(p->n < n))
		core_pool_collect(p, n);
	if (unlikely(p->n < n))
		return -ENOBUFS;
	core_pool_count(p, p->n - n);
	rte_memcpy(obj, &p->obj[p->n], n * sizeof(obj[0]));
	return 0;
}

static unsigned core_pool_avail(const struct rte_mempool *mp)
{
	const struct core_pool *p = mp->pool_data;

	return __atomic_load_n(&p->n, __ATOMIC_RELAXED) + rte_ring_count(p->ring);
}

static const struct rte_mempool_ops core_pool_ops = {
	.name = "spate_core",
	.alloc = core_pool_alloc,
	.free = core_pool_free,
	.enqueue = core_pool_put,
	.dequeue = core_pool_get,
	.get_count = core_pool_avail,
};
RTE_MEMPOOL_REGISTER_OPS(core_pool_ops);

void drivers_pool_own(struct rte_mempool *mp)
{
	struct core_pool *p = mp->pool_data;

	if (rte_lcore_id() == LCORE_ID_ANY)
		return;
	__atomic_store_n(&p->owner, rte_lcore_id(), __ATOMIC_RELEASE);
	core_pool_collect(p, 0);
}

void drivers_pool_disown(struct rte_mempool *mp)
{
	struct core_pool *p = mp->pool_data;

	if (!core_pool_mine(p))
		return;
	rte_mempool_cache_flush(rte_mempool_default_cache(mp, rte_lcore_id()), mp);
	rte_ring_enqueue_bulk(p->ring, p->obj, p->n, NULL);
	core_pool_count(p, 0);
	__atomic_store_n(&p->owner, NOBODY, __ATOMIC_RELEASE);
}

/* With ordinary pages, rte_pktmbuf_pool_create() lets no mbuf cross a page border: one per 4 KiB, and then all headers
 * share the same few sets of the L1 cache. Where IOVA is the virtual address that care is not needed. */
static unsigned pool_flags(void)
{
	return rte_eal_iova_mode() == RTE_IOVA_VA ? RTE_MEMPOOL_F_NO_IOVA_CONTIG : 0;
}

struct rte_mempool *drivers_mbuf_pool(const char *name, uint32_t n, int numa_node)
{
	struct rte_pktmbuf_pool_private priv = {.mbuf_data_room_size = RTE_MBUF_DEFAULT_BUF_SIZE};
	uint32_t cache = RTE_MIN(n / 4, (uint32_t)RTE_MEMPOOL_CACHE_MAX_SIZE);
	struct rte_mempool *p = rte_mempool_create_empty(name, n, sizeof(struct rte_mbuf) + RTE_MBUF_DEFAULT_BUF_SIZE, cache,
							 sizeof(priv), numa_node, pool_flags());

	if (p == NULL)
		return NULL;
	rte_pktmbuf_pool_init(p, &priv);
	if (rte_mempool_set_ops_byname(p, core_pool_ops.name, NULL) != 0 || rte_mempool_populate_default(p) != (int)n) {
		rte_mempool_free(p);
		return NULL;
	}
	rte_mempool_obj_iter(p, rte_pktmbuf_init, NULL);
	return p;
}
