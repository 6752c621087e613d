/* eal.h: DPDK for a test: no huge pages, no devices, no files left behind, nothing said; several such programs run at a time. */
#ifndef TEST_EAL_H
#define TEST_EAL_H

#include <sched.h>
#include <signal.h>
#include <stdio.h>

#include <rte_common.h>
#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

/* mib: memory for pools. 0 or -1. */
static inline int eal_for_test(unsigned mib)
{
	char size[16];
	char *argv[] = {"test", "--no-huge", "-m", size, "--no-pci", "--no-telemetry", "--no-shconf", "-l", "0", "--log-level",
			"lib.*:error"};
	cpu_set_t cpus;
	sigset_t all, mine;
	int rc;

	snprintf(size, sizeof(size), "%u", mib);
	/* As spate_start() does it: DPDK's threads take no signals. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &mine);
	/* "-l 0" would keep all programs on the first core. */
	sched_getaffinity(0, sizeof(cpus), &cpus);
	rc = rte_eal_init(RTE_DIM(argv), argv);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	pthread_sigmask(SIG_SETMASK, &mine, NULL);
	return rc < 0 ? -1 : 0;
}

static inline struct rte_mempool *pool_for_test(const char *name, unsigned n)
{
	return rte_pktmbuf_pool_create(name, n, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
}

#endif
