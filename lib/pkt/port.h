/* port.h: the contract between a stack and a device. A driver (drivers/) fills a struct port; stacks use one rx and one tx
 * queue of it each. rx and tx of one queue are called by one core only; everything else before the queues run, or from
 * the control thread. */
#ifndef PKT_PORT_H
#define PKT_PORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <rte_ether.h>
#include <rte_mbuf.h>

#include "pkt/rss.h"

/* What the device does for us, agreed at set-up. What is not set is done in software. */
#define PORT_TX_IP4_CKSUM (1u << 0)
#define PORT_TX_TCP_CKSUM (1u << 1) /* wants the pseudo header's sum in the field */
#define PORT_TX_UDP_CKSUM (1u << 2)
#define PORT_TX_MULTI_SEG (1u << 3)
#define PORT_RX_CKSUM     (1u << 4) /* may set RTE_MBUF_F_RX_{IP,L4}_CKSUM_{GOOD,BAD}; UNKNOWN is still possible */
#define PORT_RX_HASH      (1u << 5) /* sets RTE_MBUF_F_RX_RSS_HASH with port.rss's hash (key; the table may be another) */
#define PORT_TX_TSO       (1u << 6) /* cuts RTE_MBUF_F_TX_TCP_SEG frames of up to tso_max_bytes; implies TX_*_CKSUM, MULTI_SEG */
#define PORT_RX_LRO       (1u << 7) /* may join received segments into one chain */
#define PORT_TX_VLAN      (1u << 8) /* inserts mbuf.vlan_tci for RTE_MBUF_F_TX_VLAN */
#define PORT_RX_VLAN      (1u << 9) /* strips tags: RTE_MBUF_F_RX_VLAN_STRIPPED and vlan_tci */

/* Groups of sockets, those of our IPv6 addresses, and all hosts of both families. */
#define PORT_GROUPS_MAX (GROUPS_MAX + LOCAL_ADDRS_MAX + 2)

struct port;

struct port_stats {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes, rx_missed, rx_errors, tx_errors;
};

struct port_ops {
	/* Up to n received packets into m, which the caller then owns. now_ns: the stack's clock (real devices ignore it). */
	uint16_t (*rx)(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns);
	/* Takes the first packets of m and returns how many; those it owns, the rest stay the caller's. */
	uint16_t (*tx)(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns);
	/* Starts all queues; queue i receives into pools[i]. 0 or -errno. */
	int (*start)(struct port *p, struct rte_mempool **pools);
	void (*stats)(struct port *p, struct port_stats *st);
	bool (*link_up)(struct port *p);             /* from one stack of the end, some times a second */
	bool (*off)(struct port *p);                 /* likewise: somebody has switched it off in the system; NULL: nobody can */
	/* Being woken, on devices that can (else NULL, or -ENOTSUP). wake_set: rte_epoll_wait() on epfd tells of packets of this queue,
	 * or no more; wake_arm: on: when packets come from now on; off: not any more. Before a queue is polled the last time: what is
	 * there already wakes nobody. */
	int (*wake_set)(struct port *p, uint16_t queue, int epfd, bool on);
	void (*wake_arm)(struct port *p, uint16_t queue, bool on);
	/* The link-layer groups to let pass from now on, all of them, at most PORT_GROUPS_MAX; from one stack of the end. NULL: all
	 * pass. */
	void (*groups)(struct port *p, const struct rte_ether_addr *mac, uint32_t n);
	void (*describe)(struct port *p, FILE *out); /* for people: what the device can do and what is used; NULL: nothing to say */
	void (*close)(struct port *p); /* stops and frees; p is gone */
};

struct port {
	const struct port_ops *ops;
	char name[64];             /* as the user wrote it */
	struct rte_ether_addr mac;
	uint16_t mtu;              /* IP bytes */
	uint16_t n_queues;         /* rx = tx queues that were granted (may be fewer than asked for) */
	uint32_t offloads;         /* PORT_* */
	int numa_node;             /* -1 unknown */
	uint32_t tso_max_bytes;    /* PORT_TX_TSO: TCP payload of one frame */
	uint16_t tx_segs_max;      /* mbufs of one frame to send, 0: any */
	/* Disagreements are said once; by whichever stack finds out first (relaxed: two at a time may both say it). */
	bool said_queue, said_hash;
	bool rss_trusted;          /* rss is what the device does: packets arrive where rss says */
	bool rss_trusted6;         /* and those of TCP and UDP over IPv6 do, too */
	/* The homing function: which stack owns a flow. rss.n_queues is the number of stacks that the port was opened for. The
	 * device's key and table when trusted, else software's own. Does not change after start. */
	struct rss rss;
};

/* True the first time. */
static inline bool port_say(bool *said)
{
	bool first = !__atomic_load_n(said, __ATOMIC_RELAXED);

	__atomic_store_n(said, true, __ATOMIC_RELAXED);
	return first;
}

#endif
