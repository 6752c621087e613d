/* udp.h: UDP sockets of one stack (RFC 768, RFC 1122 4.1). Datagrams wait in their mbufs. Owned by one core. */
#ifndef UDP_UDP_H
#define UDP_UDP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "flow/bind.h"
#include "flow/conn.h"
#include "flow/ready.h"
#include "net/either.h"
#include "net/net.h"

struct udp_pcb {
	struct conn c;          /* c.h.key: bound and connected addresses; connected: CONN_IN_TABLE */
	struct rte_mbuf *head, *tail; /* received datagrams, oldest first, linked by queue.h */
	uint32_t queued_bytes, rcvbuf, n_queued, sndbuf;
	uint32_t sock_bits;     /* lib/sock's flags */
	uint32_t port_range;    /* IP_LOCAL_PORT_RANGE, 0: none (flow/port_range.h) */
	uint8_t ttl, tos;       /* over IPv4 */
	uint8_t hops6, tclass6; /* over IPv6; hops 0: what routers said */
	bool broadcast, shut_rd, shut_wr;
	bool announced;         /* other stacks know of the port */
};
static_assert(sizeof(struct udp_pcb) <= CONN_SLOT_BYTES, "a UDP socket is a socket slot");

struct udp {
	struct flow *flow;
	struct net *net;
	struct drops *drops;
	struct binds binds;
	uint16_t port_lo, port_hi;
	uint64_t rx, tx;
};

struct udp_config {
	uint32_t max_binds;
	uint16_t port_lo, port_hi; /* automatic ports */
	int numa_node;
};

int udp_init(struct udp *u, const struct udp_config *cfg, struct flow *flow, struct net *net, struct drops *drops);
void udp_fini(struct udp *u);

/* A packet of verdict NET_UDP; owns pkt->m, unless the result is another stack's number or FLOW_REHASHED. Answers port
 * unreachable when nobody is there. */
int udp_input(struct udp *u, struct net_pkt *pkt);
/* A NET_ICMP_ERROR about a UDP packet; does not own pkt->m. */
int udp_icmp(struct udp *u, const struct net_pkt *pkt);
/* A note from another stack (MAIL_BIND to MAIL_RELEASE). False: it is not about UDP. */
bool udp_mail(struct udp *u, uint16_t from, enum mail_kind kind, const void *body);

struct udp_pcb *udp_new(struct udp *u); /* NULL: ENOBUFS */
/* laddr 0: any; of IPv6 the number of an address of ours; lport 0: chosen now. -EINVAL (bound already), -EADDRNOTAVAIL (not ours), -EADDRINUSE, -ENOBUFS. */
int udp_bind(struct udp *u, struct udp_pcb *p, rte_be32_t laddr_be, rte_be16_t lport_be);
/* to.addr mapped: IPv4; 0.0.0.0 with port 0 dissolves (AF_UNSPEC). -EACCES (broadcast), -EINVAL (link-local without scope), -EAGAIN (no free port), -ENETUNREACH, -ENOBUFS.
 * After a failure the old peer stays, yet a port may have been bound, as on Linux. */
int udp_connect(struct udp *u, struct udp_pcb *p, const struct net_end *to);
int udp_disconnect(struct udp *u, struct udp_pcb *p);
/* One datagram to to (NULL: the connected peer). Never blocks. Bytes or -errno: -EDESTADDRREQ, -EINVAL (port 0),
 * -EMSGSIZE, -EPIPE (shut), -EACCES, -EAGAIN (no free port), -ENETUNREACH, -ENOBUFS, or so_error (then cleared). */
ssize_t udp_send(struct udp *u, struct udp_pcb *p, const struct iovec *iov, int n, const struct net_end *to);
/* One datagram; *msg_flags gets MSG_TRUNC when it did not fit. Bytes (the real length with MSG_TRUNC in flags), 0 when
 * shut for reading, -EAGAIN, or so_error (then cleared). */
ssize_t udp_recv(struct udp *u, struct udp_pcb *p, const struct iovec *iov, int n, int flags, struct net_end *from,
		 int *msg_flags);
int udp_shutdown(struct udp *u, struct udp_pcb *p, int how);
void udp_close(struct udp *u, struct udp_pcb *p);
uint32_t udp_poll(const struct udp_pcb *p); /* EPOLL* bits */
uint32_t udp_unread(const struct udp_pcb *p); /* FIONREAD: length of the next datagram */

#endif
