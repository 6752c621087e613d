/* private.h: what the files of lib/udp share. */
#ifndef UDP_PRIVATE_H
#define UDP_PRIVATE_H

#include "udp/udp.h"

static inline flow_ref udp_ref(const struct udp *u, const struct udp_pcb *p) { return conn_ref(u->flow, &p->c); }

/* Other stacks are told of p's port, or that it has changed or gone. 0 or -ENOBUFS; the sure ones cannot fail. */
int udp_announce(struct udp *u, struct udp_pcb *p);
void udp_announce_sure(struct udp *u, struct udp_pcb *p);
void udp_announce_gone(struct udp *u, struct udp_pcb *p);
uint32_t udp_bind_flags(const struct udp_pcb *p);

/* The path from p (its own address, or the route's) to to.addr with one reference; 0 and *err: -ENETUNREACH, -ENOBUFS,
 * -EACCES (broadcast without SO_BROADCAST), -EADDRNOTAVAIL (p's address was removed). */
uint32_t udp_path_get(struct udp *u, const struct udp_pcb *p, const struct net_end *to, int *err);

/* Gives p a port, if it has none, for talking to (raddr, rport) from laddr. 0, -EAGAIN (none free), -ENOBUFS. */
int udp_autobind(struct udp *u, struct udp_pcb *p, rte_be32_t laddr_be, rte_be32_t raddr_be, rte_be16_t rport_be);

#endif
