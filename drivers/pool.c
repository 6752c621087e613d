/* pool.c: mbuf pools. */
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "drivers/drivers.h"

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
	if (rte_mempool_populate_default(p) != (int)n) {
		rte_mempool_free(p);
		return NULL;
	}
	rte_mempool_obj_iter(p, rte_pktmbuf_init, NULL);
	return p;
}
