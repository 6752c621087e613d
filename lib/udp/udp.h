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

/* udp_pcb.opts. Those that ask for ancillary data are lib/sock's: they are only kept here. */
#define UDP_OPT_PKTINFO    (1u << 0)
#define UDP_OPT_RECVTTL    (1u << 1)
#define UDP_OPT_RECVTOS    (1u << 2)
#define UDP_OPT_ORIGDST    (1u << 3)
#define UDP_OPT_STAMP      (1u << 4) /* SO_TIMESTAMP */
#define UDP_OPT_STAMP_NS   (1u << 5) /* SO_TIMESTAMPNS */
#define UDP_OPT_RECVERR    (1u << 6)
#define UDP_OPT_MC_LOOP    (1u << 7) /* IP_MULTICAST_LOOP */
#define UDP_OPT_MC_ALL     (1u << 8) /* IP_MULTICAST_ALL: also of groups that only others have joined */
#define UDP_OPT_PKTINFO6   (1u << 9) /* IPV6_RECVPKTINFO */
#define UDP_OPT_RECVHOPS6  (1u << 10) /* IPV6_RECVHOPLIMIT */
#define UDP_OPT_RECVTC6    (1u << 11) /* IPV6_RECVTCLASS */
#define UDP_OPT_DONTFRAG6  (1u << 12) /* IPV6_DONTFRAG */
#define UDP_OPT_OVERFLOW   (1u << 13) /* SO_RXQ_OVFL */

struct udp_pcb {
	struct conn c;          /* c.h.key: bound and connected addresses; connected: CONN_IN_TABLE */
	struct rte_mbuf *head, *tail; /* received datagrams, oldest first, linked by queue.h */
	uint32_t queued_bytes, rcvbuf, n_queued, sndbuf;
	uint32_t sock_bits;     /* lib/sock's flags */
	uint32_t port_range;    /* IP_LOCAL_PORT_RANGE, 0: none (flow/port_range.h) */
	struct rte_mbuf *err, *err_last; /* IP_RECVERR: errors, oldest first (error.c) */
	uint32_t member;        /* memberships in groups, newest first (group.c); 0 none */
	rte_be32_t mc_laddr_be; /* IP_MULTICAST_IF: from this address, 0: the route's */
	uint16_t n_err;
	uint16_t opts;          /* UDP_OPT_* */
	uint8_t mc_iface;       /* IP_MULTICAST_IF: out of this interface; NET_IFACE_ANY: the route's */
	uint8_t mc_ttl;         /* IP_MULTICAST_TTL */
	uint8_t pmtudisc;       /* IP_PMTUDISC_* */
	uint8_t ttl, tos;       /* over IPv4 */
	uint8_t hops6, tclass6; /* over IPv6; hops 0: what routers said */
	bool broadcast, shut_rd, shut_wr;
	bool announced;         /* other stacks know of the port */
	uint8_t via;            /* SO_BINDTODEVICE, SO_DONTROUTE, as NET_VIA_* (net.h) */
	bool corked;            /* UDP_CORK */
	uint16_t segment;       /* UDP_SEGMENT: larger sends leave as datagrams of so many bytes, 0: whole */
	struct rte_mbuf *cork;  /* what UDP_CORK and MSG_MORE hold back, with its struct net_end in front (cork.c) */
	uint32_t dropped;       /* datagrams that found no room (SO_RXQ_OVFL) */
};
static_assert(sizeof(struct udp_pcb) <= CONN_SLOT_BYTES, "a UDP socket is a socket slot");

/* What is known of a received datagram beside its payload. */
struct udp_meta {
	struct net_end from, to;
	bool filled;            /* there was one: streams leave it */
	uint64_t arrival_ns;    /* of the stack's clock */
	uint8_t ttl, tos;
	uint8_t iface;          /* of struct net, that it came by */
	int msg_flags;          /* MSG_TRUNC */
	uint32_t dropped;       /* datagrams that found no room until now */
};

/* What a datagram to be sent brings along: ancillary data instead of the socket's options. */
struct udp_ctl {
	rte_be32_t src_be;      /* as in keys; 0: the socket's or the route's */
	uint8_t iface;          /* out of this one, NET_IFACE_ANY */
	uint8_t via;            /* NET_VIA_ONLINK: MSG_DONTROUTE */
	int ttl, tos;           /* -1: the socket's */
	uint16_t segment;       /* UDP_SEGMENT; 0: the socket's */
};

/* An error that waited in the queue (IP_RECVERR). */
struct udp_error {
	uint8_t origin, type, code; /* SO_EE_ORIGIN_*, ICMP's */
	uint8_t iface;
	int err;
	uint32_t info;          /* an MTU */
	struct net_end to;      /* of the datagram */
	struct net_end offender;
	bool has_offender;      /* not when we refused it ourselves */
};

struct udp_group;               /* group.c */

struct udp {
	struct flow *flow;
	struct net *net;
	struct drops *drops;
	struct binds binds;
	struct pool groups;     /* struct udp_group */
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
/* A packet of verdict NET_GROUP; owns pkt->m: to every own socket that wants it. */
void udp_input_group(struct udp *u, struct net_pkt *pkt);
/* Sets a bit for every other stack that has a socket for it. */
void udp_group_stacks(const struct udp *u, const struct net_pkt *pkt, uint64_t set[PORT_QUEUES_MAX / 64]);
/* A NET_ICMP_ERROR about a UDP packet; does not own pkt->m. */
int udp_icmp(struct udp *u, const struct net_pkt *pkt);
/* A note from another stack (MAIL_BIND to MAIL_RELEASE). False: it is not about UDP. */
bool udp_mail(struct udp *u, uint16_t from, enum mail_kind kind, const void *body);

struct udp_pcb *udp_new(struct udp *u); /* NULL: ENOBUFS */
/* laddr 0: any; of IPv6 the number of an address of ours; lport 0: chosen now. -EINVAL (bound already), -EADDRNOTAVAIL (not
 * ours), -EADDRINUSE, -ENOBUFS. */
int udp_bind(struct udp *u, struct udp_pcb *p, rte_be32_t laddr_be, rte_be16_t lport_be);
/* to.addr mapped: IPv4; 0.0.0.0 with port 0 dissolves (AF_UNSPEC). -EACCES (broadcast), -EINVAL (link-local without scope),
 * -EAGAIN (no free port), -ENETUNREACH, -ENOBUFS. After a failure the old peer stays, yet a port may have been bound, as on
 * Linux. */
int udp_connect(struct udp *u, struct udp_pcb *p, const struct net_end *to);
int udp_disconnect(struct udp *u, struct udp_pcb *p);
bool udp_pair_shared(struct udp *u, struct udp_pcb *p); /* another connected socket has p's two ends, too */
/* One datagram to to (NULL: the connected peer). ctl: NULL, nothing special. Never blocks. Bytes or -errno: -EDESTADDRREQ,
 * -EINVAL (port 0, source not ours), -EMSGSIZE, -EPIPE (shut), -EACCES, -EAGAIN (no free port), -ENETUNREACH, -ENOBUFS, or
 * so_error (then cleared). */
ssize_t udp_send(struct udp *u, struct udp_pcb *p, const struct iovec *iov, int n, const struct net_end *to,
		 const struct udp_ctl *ctl);
/* The same as sendmsg() wants it: flags with MSG_MORE, or UDP_CORK, hold the bytes back until a call without, which sends all as one
 * datagram to where the first of them was going; what is larger than UDP_SEGMENT leaves in pieces. */
ssize_t udp_send_call(struct udp *u, struct udp_pcb *p, const struct iovec *iov, int n, const struct net_end *to,
		      const struct udp_ctl *ctl, int flags);
int udp_cork_set(struct udp *u, struct udp_pcb *p, bool on); /* off: sends what was held back; its error */
/* One datagram; *meta (NULL: not wanted) is filled. Bytes (the real length with MSG_TRUNC in flags), 0 when shut for reading,
 * -EAGAIN, or so_error (then cleared). */
ssize_t udp_recv(struct udp *u, struct udp_pcb *p, const struct iovec *iov, int n, int flags, struct udp_meta *meta);
/* The oldest error (MSG_ERRQUEUE): *e and the start of the datagram that it is about. Bytes, or -EAGAIN. */
ssize_t udp_recv_error(struct udp *u, struct udp_pcb *p, const struct iovec *iov, int n, struct udp_error *e, int *msg_flags);

void udp_errors_drop(struct udp_pcb *p); /* all of them */

/* Membership in a group (RFC 3376 section 2, RFC 3678). iface: NET_IFACE_ANY: the route's. 0 or -errno as Linux:
 * join -EINVAL (no group), -ENODEV, -EADDRINUSE (is in), -ENOBUFS; leave -EADDRNOTAVAIL. */
int udp_group_join(struct udp *u, struct udp_pcb *p, uint8_t iface, const struct ip6_addr *group);
int udp_group_leave(struct udp *u, struct udp_pcb *p, uint8_t iface, const struct ip6_addr *group);
/* One source more or less: of those wanted (joins the group for it, leaves with the last one), or (block) of those not wanted, of
 * a group that the socket is in. -EADDRNOTAVAIL, -EINVAL (the other kind), -ENOBUFS. */
int udp_group_source(struct udp *u, struct udp_pcb *p, uint8_t iface, const struct ip6_addr *group, const struct ip6_addr *src,
		     bool block, bool add);
/* The interface of an address of ours, or by number from 1 on; NET_IFACE_ANY for none; -1: there is no such. */
int udp_iface(const struct udp *u, rte_be32_t addr_be, int ifindex);
int udp_via_set(struct udp *u, struct udp_pcb *p, uint8_t via); /* -EADDRINUSE: its port is another's there */
void udp_path_forget(struct udp *u, struct udp_pcb *p); /* an option changed where its datagrams go */
/* The MTU towards the connected peer; -ENOTCONN. */
int udp_mtu(const struct udp *u, const struct udp_pcb *p);

int udp_shutdown(struct udp *u, struct udp_pcb *p, int how);
void udp_close(struct udp *u, struct udp_pcb *p);
uint32_t udp_poll(const struct udp_pcb *p); /* EPOLL* bits */
uint32_t udp_unread(const struct udp_pcb *p); /* FIONREAD: length of the next datagram */

#endif
