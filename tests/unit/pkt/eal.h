/* eal.h: DPDK for a unit test: no huge pages, no devices, no files left behind, nothing said. */
#ifndef TEST_EAL_H
#define TEST_EAL_H

#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

static inline int eal_for_test(void)
{
	static char *argv[] = {"test", "--no-huge", "-m", "192", "--no-pci", "--no-telemetry", "--no-shconf", "-l", "0",
			       "--log-level", "lib.*:error"};

	return rte_eal_init(RTE_DIM(argv), argv) < 0 ? -1 : 0;
}

static inline struct rte_mempool *pool_for_test(const char *name, unsigned n)
{
	return rte_pktmbuf_pool_create(name, n, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
}

#endif
