/* private.h: what the files of lib/udp share. */
#ifndef UDP_PRIVATE_H
#define UDP_PRIVATE_H

#include <time.h> /* before errqueue.h */

#include <linux/errqueue.h>

#include "udp/udp.h"

static inline flow_ref udp_ref(const struct udp *u, const struct udp_pcb *p) { return conn_ref(u->flow, &p->c); }

/* Other stacks are told of p's port, or that it has changed or gone. 0 or -ENOBUFS; the sure ones cannot fail. */
int udp_announce(struct udp *u, struct udp_pcb *p);
void udp_announce_sure(struct udp *u, struct udp_pcb *p);
void udp_announce_gone(struct udp *u, struct udp_pcb *p);
uint32_t udp_bind_flags(const struct udp_pcb *p);

/* The path from laddr (0: p's own address, or the route's) to to.addr with one reference; 0 and *err: -ENETUNREACH, -ENOBUFS,
 * -EACCES (broadcast without SO_BROADCAST), -EADDRNOTAVAIL (p's address was removed), as net_route_error(). iface: for groups. */
uint32_t udp_path_get(struct udp *u, const struct udp_pcb *p, rte_be32_t laddr_be, uint8_t iface, uint8_t via,
		      const struct net_end *to, int *err);

/* IP_MULTICAST_IF's address, for what goes to a group; else 0. */
rte_be32_t udp_multicast_from(const struct udp_pcb *p, const struct net_end *to);

/* Appends len bytes to the packet m, with more segments where the last one is full. 0, -ENOBUFS. */
int udp_append(struct udp *u, struct rte_mbuf *m, const void *from, size_t len);
/* Copies up to len bytes of m from off on into iov; returns how many. */
uint32_t udp_scatter(const struct rte_mbuf *m, uint32_t off, uint32_t len, const struct iovec *iov, int n);

/* Queues an error at a socket with IP_RECVERR. payload: of the datagram, len bytes of m from off on. */
void udp_error_add(struct udp *u, struct udp_pcb *p, const struct udp_error *e, const struct rte_mbuf *m, uint32_t off,
		   uint32_t len);
void udp_cork_drop(struct udp_pcb *p); /* what is held back */
/* A datagram for p: queued, or dropped when there is no room; owns m. */
void udp_deliver(struct udp *u, struct udp_pcb *p, const struct net_pkt *pkt, struct rte_mbuf *m);
/* Cuts what follows the datagram; false: its lengths are wrong. */
bool udp_trim(const struct net_pkt *pkt, struct rte_mbuf *m);

int udp_groups_init(struct udp *u, int numa_node);
void udp_groups_leave_all(struct udp *u, struct udp_pcb *p);

/* Gives p a port, if it has none, for talking to (raddr, rport) from laddr. 0, -EAGAIN (none free), -ENOBUFS. */
int udp_autobind(struct udp *u, struct udp_pcb *p, rte_be32_t laddr_be, rte_be32_t raddr_be, rte_be16_t rport_be);

#endif
