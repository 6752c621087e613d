/* drivers.h: opening devices by name: the --dev syntax, DPDK's start-up, and the two drivers. */
#ifndef DRIVERS_H
#define DRIVERS_H

#include <stddef.h>
#include <stdint.h>

#include "pkt/port.h"

struct spate_config;

/* Starts DPDK's EAL as this configuration needs it (huge pages or not, PCI or not, memory), once per process. 0 or -errno
 * with a sentence in err: no permission, no huge pages though asked for, not enough memory, unknown device. */
int drivers_eal_start(const struct spate_config *c, char *err, size_t err_len);
void drivers_eal_stop(void);

/* A pool of n mbufs for one stack, 2 KiB of data each, on numa_node, owned by nobody yet. NULL when there is no memory. */
struct rte_mempool *drivers_mbuf_pool(const char *name, uint32_t n, int numa_node);

/* The calling thread, an lcore of DPDK's, is the one that uses this pool most: it takes and frees without atomic
 * read-modify-writes, while all other threads may still do both. One owner at a time; disown: by that thread, before it ends
 * or is unregistered. Nothing happens in threads that are no lcores. */
void drivers_pool_own(struct rte_mempool *pool);
void drivers_pool_disown(struct rte_mempool *pool);

/* Opens device number dev of c, with n_queues rx and tx queues (it may grant fewer: port->n_queues). sim gives two
 * ports (near and far end), others one; *n_ports says. The queues do not run until ops->start(). 0 or -errno with a
 * sentence in err. */
int drivers_open_dev(const struct spate_config *c, unsigned dev, uint16_t n_queues, struct port *ports[2], unsigned *n_ports,
		     char *err, size_t err_len);
/* From now on the device named "given" is this port, which the caller made: programs that are the other end of the wire
 * themselves. Before drivers_open_dev(); the port's close() ends it. */
void drivers_give(struct port *port);
/* The first device. */
int drivers_open(const struct spate_config *c, uint16_t n_queues, struct port *ports[2], unsigned *n_ports, char *err,
		 size_t err_len);

#endif
