/* tcp.h: what the rest of spate may ask of TCP. All calls run on the owning core, never block and return -errno. */
#ifndef TCP_TCP_H
#define TCP_TCP_H

#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/siphash.h"
#include "config/congestion.h"
#include "flow/bind.h"
#include "flow/eport.h"
#include "flow/ready.h"
#include "net/net.h"
#include "tcp/pcb.h"

#define TCP_SHARED_CHAINS 256u

struct tcp_stats {
	uint64_t segs_in, segs_out, rtx_segs, rtos, fast_rtx, dup_acks, active_opens, passive_opens, established, /* now */
		resets_in, resets_out, attempt_fails, timeouts, ooo_segs, challenge_acks, timewait /* now */, synrcvd /* now */,
		timewait_overflow, timewait_reused, conn_full, port_exhausted, tlp_probes, tlp_repaired, undone, dsacks_in,
		sack_reneged,
		cookies_sent, cookies_received, cookies_failed,
		fastopen_active /* SYNs with data, or a cookie */, fastopen_taken /* whose data was */, fastopen_passive, fastopen_refused,
		fastopen_overflow,
		mtu_holes /* paths narrowed for a black hole */, mtu_probes, mtu_raised, ecn_ce /* times that CE came anew */, ecn_reductions;
};

struct tcp {
	struct flow *flow;
	struct net *net;
	struct pkt_tx *tx;
	struct drops *drops;
	const struct clock *clock;
	struct prng *prng;
	struct eport *eport;
	struct binds binds;
	struct siphash_key secret;  /* ISN and timestamp offset; the same at all stacks of an end */
	struct siphash_key cookie_key, fo_key; /* follow from it */
	struct pool bufs;           /* struct tcp_buf */
	struct pool optexts;        /* struct tcp_optext */
	struct pool fastopens;      /* struct tcp_fo_listen */
	struct region fo_cache;     /* struct tcp_fo_peer */
	struct pool exts;           /* struct tcp_ext */
	struct pool ooos;           /* struct tcp_ooo */
	uint8_t congestion;         /* algorithm of new sockets (enum tcp_cc_id) */
	uint8_t ecn;                /* enum tcp_ecn_mode */
	uint8_t mtu_probing;        /* 1: look for black holes (mtu_probe.h) */
	flow_ref mtu_due;           /* a connection that should try a larger segment */
	struct pool flights;        /* struct tcp_flight */
	struct pool chunks;         /* struct tcp_chunk, of flights that are long */
	flow_ref out_head, out_tail;/* connections with something to send */
	uint32_t out_n;
	uint32_t tw_head, tw_tail;  /* FLOW_TIMEWAIT indices, oldest first */
	uint16_t seg_max;           /* payload that one mbuf holds behind the longest headers */
	uint16_t port_lo, port_hi;
	uint32_t snd_held, snd_held_max; /* mbufs in send queues */
	uint32_t rcv_held, rcv_held_max; /* and in receive and out-of-order queues */
	uint32_t rcvbuf_max;        /* receive buffers grow up to this */
	bool uto;                   /* the user timeout option is in use (RFC 5482) */
	bool listened;              /* there is or was a listener: accepted connections share the table */
	uint32_t timewait_max, synrcvd_max;
	uint32_t cookie_from;       /* half-open connections from which on SYNs are answered by cookies */
	uint32_t cookie_ms;         /* when the last one was sent, if there was one, or another stack told of one */
	uint32_t cookie_told_ms;    /* when this stack told others of its own */
	bool cookie_told, cookie_elsewhere; /* it did; another did */
	uint8_t syncookies;         /* TCP_SYNCOOKIES_* */
	bool syn_flooded;           /* there were more requests than a turn may answer ... */
	uint32_t syns_exceed_ms;    /* ... at this time */
	uint32_t syns_left;         /* that this turn may answer by cookies, ... */
	uint32_t syn_repeats_left;  /* ... besides repetitions */
	struct region syn_rows;     /* who asked (flood.c) */
	uint16_t fastopen;          /* TCP_FO_* */
	uint8_t without;            /* TCP_NO_* */
	struct region answered;     /* uint16_t per socket slot: when a segment that may be forged was last answered (out.h) */
	struct tcp_stats stats;
	struct pool shared;         /* struct tcp_shared: listeners of other stacks ... */
	uint32_t shared_head[TCP_SHARED_CHAINS]; /* ... in chains by stack and socket */
};

/* As Linux's net.ipv4.tcp_syncookies. */
enum { TCP_SYNCOOKIES_NO, TCP_SYNCOOKIES_AUTO, TCP_SYNCOOKIES_ALWAYS };

/* As Linux's net.ipv4.tcp_fastopen. */
#define TCP_FO_CLIENT 1u
#define TCP_FO_SERVER 2u
#define TCP_FO_CLIENT_NO_COOKIE 4u
#define TCP_FO_SERVER_NO_COOKIE 0x200u
#define TCP_FO_SERVER_ALL 0x400u        /* listeners without TCP_FASTOPEN too, with their backlog as limit */

struct tcp_config {
	uint32_t max_conns;
	uint16_t port_lo, port_hi;
	uint8_t congestion;         /* enum tcp_cc_id; 0: CUBIC */
	uint8_t ecn;                /* enum tcp_ecn_mode */
	uint32_t rcvbuf_max;        /* receive buffers grow up to this; 0: TCP_RCVBUF_MAX_DEFAULT */
	bool uto;                   /* send and heed the user timeout option */
	uint8_t mtu_probing;        /* 1: look for black holes (mtu_probe.h) */
	int numa_node;
	struct siphash_key secret;  /* zero: one of its own */
	const struct siphash_key *fastopen_key; /* NULL: from secret */
	uint8_t syncookies;
	uint16_t fastopen;          /* TCP_FO_* */
	uint8_t without;            /* TCP_NO_* (config/congestion.h) */
};

/* Object sizes and counts for flow_config (FLOW_CONN, FLOW_SYNRCVD, FLOW_TIMEWAIT). */
void tcp_flow_sizes(uint32_t max_conns, struct flow_config *cfg);
int tcp_init(struct tcp *t, const struct tcp_config *cfg, struct flow *flow, struct net *net, struct pkt_tx *tx,
	     struct drops *drops, const struct clock *clock, struct prng *prng, struct eport *eport);
void tcp_fini(struct tcp *t); /* frees every buffer of every connection; sends nothing */

/* ---- from the spine (core/) ---- */
/* A packet of verdict NET_TCP; owns pkt->m, unless the result is another stack's number or FLOW_REHASHED. The flow it belongs
 * to was prefetched by then. */
int tcp_input(struct tcp *t, struct net_pkt *pkt);
/* Before anything else is done with a burst of frames (at most RX_BURST), while tcp_syn_flooded(): takes those requests out and
 * frees them that exceed their share, and returns how many frames are left, in order. */
uint16_t tcp_without_excess(struct tcp *t, struct rte_mbuf **m, uint16_t n);
static inline bool tcp_syn_flooded(const struct tcp *t) { return unlikely(t->syn_flooded); }
/* A NET_ICMP_ERROR about a TCP segment (RFC 5927: the quoted sequence number must be in flight); does not own pkt->m. */
int tcp_icmp(struct tcp *t, const struct net_pkt *pkt);
/* A note from another stack (MAIL_BIND to MAIL_RELEASE). */
void tcp_mail(struct tcp *t, uint16_t from, enum mail_kind kind, const void *body);
/* A timer of FLOW_CONN (of type CONN_TCP), FLOW_SYNRCVD or FLOW_TIMEWAIT fired. */
void tcp_timer(struct tcp *t, flow_ref r);
/* Sends what connections have to send: data, ACKs, window updates, FINs, as far as windows and the tx queue allow. Called
 * once per poll after the application had its turn, so that ACKs ride on data. What finds no room stays listed. */
void tcp_flush(struct tcp *t);

/* ---- from sockets ---- */
struct tcp_pcb *tcp_new(struct tcp *t); /* closed, unbound; NULL: ENOBUFS */
/* laddr 0: any; of IPv6 the number of an address of ours; lport 0: chosen now. -EADDRINUSE, -EADDRNOTAVAIL (not ours), -EINVAL
 * (bound or connected already). */
int tcp_bind(struct tcp *t, struct tcp_pcb *p, rte_be32_t laddr_be, rte_be16_t lport_be);
/* Starts the handshake with raddr (not 0): 0 means SYN-SENT. A bound tuple whose home is another stack is asked for there first;
 * when it is in use, so_error becomes EADDRNOTAVAIL. -EADDRNOTAVAIL, -ENETUNREACH, -EINVAL (from 127.0.0.0/8 to another host),
 * -ENOBUFS, -EISCONN, -EALREADY. On failure the socket is as before. */
int tcp_connect(struct tcp *t, struct tcp_pcb *p, rte_be32_t raddr_be, rte_be16_t rport_be);
/* SO_BINDTODEVICE and SO_DONTROUTE, as NET_VIA_* (net.h), for bind(), listen() and the next connect(). -EADDRINUSE: its port. */
int tcp_via_set(struct tcp *t, struct tcp_pcb *p, uint8_t via);
uint8_t tcp_via_get(const struct tcp *t, const struct tcp_pcb *p);
/* The next tcp_connect() waits with its SYN for data, when the server's Fast Open cookie is known (RFC 7413; MSG_FASTOPEN). The
 * first tcp_send() then makes it leave, with what fits, and says how much that was. on: false takes it back. -EOPNOTSUPP:
 * switched off. */
int tcp_fastopen_once(struct tcp *t, struct tcp_pcb *p, bool on);
static inline bool tcp_fastopen_waits(const struct tcp_pcb *p) { return p->state == TCP_SYN_SENT && (p->xflags & TX_FO_WAIT); }
/* The same over IPv6; raddr is no mapped address, and not ::. scope: net_local6(); -EINVAL: link-local without one. */
int tcp_connect6(struct tcp *t, struct tcp_pcb *p, const struct ip6_addr *raddr, uint32_t scope, rte_be16_t rport_be);
/* Drops connection or attempt and makes the socket unconnected again (connect() with AF_UNSPEC; RST to a connected peer). */
int tcp_disconnect(struct tcp *t, struct tcp_pcb *p);
/* Turns a bound (or unbound: a port is chosen) socket into a listener in place; again: changes the backlog. */
int tcp_listen(struct tcp *t, struct tcp_pcb *p, int backlog);
/* The twin here of a listener of another stack, in *twin; make: made when there is none yet (else NULL and 0). -EBADF: no such
 * listener is known. -ENOBUFS. A twin is closed with tcp_close(), and with its owner. */
int tcp_twin(struct tcp *t, uint16_t stack, flow_ref owner, bool make, struct conn **twin);
/* Options of a listener were changed: its twins get them. */
void tcp_listener_changed(struct tcp *t, const struct conn *listener);
/* The oldest complete connection, established (or further), with c.listener cleared; NULL: none (EAGAIN). */
struct tcp_pcb *tcp_accept(struct tcp *t, struct conn *listener);

/* A flag of tcp_send() beside MSG_*: the queue may become longer than SO_SNDBUF, for bytes that were promised to go. */
#define TCP_SEND_BEYOND (1 << 23)

/* Bytes queued (may be fewer than asked), -EAGAIN (buffer full, or still connecting), -EPIPE, -ENOTCONN, or so_error (then
 * cleared). flags: MSG_MORE, MSG_EOR and MSG_OOB (the last byte is urgent) are honoured, others are the caller's business. */
ssize_t tcp_send(struct tcp *t, struct tcp_pcb *p, const struct iovec *iov, int n, int flags);
/* Bytes, 0 at the end of the stream, -EAGAIN, -ENOTCONN, or so_error (then cleared). flags: MSG_PEEK, MSG_TRUNC (discard). */
ssize_t tcp_recv(struct tcp *t, struct tcp_pcb *p, const struct iovec *iov, int n, int flags);
/* MSG_OOB: the urgent byte: 1 (or 0 for len 0, and at the end of the stream), -EAGAIN: announced and not here yet, -EINVAL: none,
 * read before, or in line. */
ssize_t tcp_recv_urgent(struct tcp *t, struct tcp_pcb *p, void *dst, size_t len, int flags);
bool tcp_at_mark(const struct tcp *t, const struct tcp_pcb *p); /* SIOCATMARK */
int tcp_shutdown(struct tcp *t, struct tcp_pcb *p, int how); /* SHUT_RD/WR/RDWR; -ENOTCONN */
/* The descriptor is gone: FIN (or RST with unread data, RFC 2525 2.17, or with SO_LINGER 0); the rest happens on its own.
 * Also for listeners: what is queued is reset. p is no longer the caller's. */
void tcp_close(struct tcp *t, struct tcp_pcb *p);
uint32_t tcp_poll(const struct tcp *t, const struct tcp_pcb *p); /* EPOLL* bits as Linux: connect-semantics section E */

/* Options of IPPROTO_TCP, and the SOL_SOCKET ones that TCP knows (SO_SNDBUF, SO_RCVBUF, SO_KEEPALIVE, SO_LINGER), IP_TOS,
 * IP_TTL. -ENOPROTOOPT for others. Values and sizes as Linux. */
int tcp_setopt(struct tcp *t, struct tcp_pcb *p, int level, int name, const void *val, uint32_t len);
int tcp_getopt(struct tcp *t, struct tcp_pcb *p, int level, int name, void *val, uint32_t *len);
uint32_t tcp_rcvlowat(const struct tcp *t, const struct tcp_pcb *p); /* SO_RCVLOWAT: at least 1 */
uint32_t tcp_unread(const struct tcp *t, const struct tcp_pcb *p);  /* FIONREAD */
uint32_t tcp_unread_plain(const struct tcp *t, const struct tcp_pcb *p); /* the same; 0 where reading has its rules: SO_RCVLOWAT, urgent data */
/* So much could be sent now without an error and without waiting. */
bool tcp_takes(const struct tcp *t, const struct tcp_pcb *p, uint32_t len);
uint32_t tcp_unsent(const struct tcp *t, const struct tcp_pcb *p);  /* SIOCOUTQ: not yet acknowledged */

#endif
