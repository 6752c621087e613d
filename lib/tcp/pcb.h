/* pcb.h: the state of one TCP connection, 192 bytes, and the small stand-ins for connections that are not yet or no longer
 * whole. What exists only while data is in flight or unread is in struct tcp_buf (buf.h). */
#ifndef TCP_PCB_H
#define TCP_PCB_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "flow/conn.h"

/* RFC 9293 3.3.2, plus nothing. */
enum tcp_state {
	TCP_CLOSED, TCP_LISTEN, TCP_SYN_SENT, TCP_SYN_RECEIVED, TCP_ESTABLISHED, TCP_FIN_WAIT_1, TCP_FIN_WAIT_2,
	TCP_CLOSE_WAIT, TCP_CLOSING, TCP_LAST_ACK, TCP_TIME_WAIT, TCP_STATES
};

/* Variable names are RFC 9293's, 7323's, 6298's and 5681's. Lines: 0 = conn, 1 = what every segment touches, 2 = the rest. */
struct tcp_pcb {
	struct conn c;              /* ---- line 0 ---- */

	uint32_t snd_una;           /* ---- line 1 ---- */
	uint32_t snd_nxt;
	uint32_t snd_wnd;           /* scaled, bytes */
	uint32_t snd_wl1, snd_wl2;
	uint32_t rcv_nxt;
	uint32_t rcv_adv;           /* right edge of the window that was announced */
	uint32_t last_ack_sent;
	uint32_t ts_recent;
	uint32_t ts_offset;         /* our TSval is now_ms + this */
	uint32_t buf;               /* struct tcp_buf, 0: nothing in flight, nothing unread */
	uint32_t t_rtx;             /* deadline of retransmission or window probe (tflags say whether armed) */
	uint32_t out_next;          /* list of connections that have something to send, see out.c */
	uint16_t mss;               /* largest payload to send, options subtracted */
	uint8_t state;              /* enum tcp_state */
	uint8_t wscale;             /* send in the low, receive in the high nibble */
	uint32_t tflags;            /* TF_* below */
	uint32_t xflags;            /* 128: TX_* below: what was negotiated, and what few connections use */

	uint32_t cwnd, ssthresh;    /* ---- line 2 ---- */
	uint32_t srtt_us8;          /* smoothed RTT, us << 3; 0: no sample yet */
	uint32_t rttvar_us4;        /* us << 2 */
	union {
		uint32_t syn_us;    /* SYN-SENT, SYN-RECEIVED: when the first SYN left */
		uint32_t ext;       /* later: struct tcp_ext (ext.h), with TX_EXT */
	};
	uint32_t t_ack;             /* delayed ACK deadline */
	uint32_t t_misc;            /* keepalive, FIN-WAIT-2, user timeout: by state */
	uint32_t rcv_tick;          /* last segment from the peer */
	uint32_t ts_recent_ms;      /* when ts_recent was set (PAWS, 24 days) */
	uint32_t sndbuf, rcvbuf;    /* limits in bytes */
	uint32_t opts;              /* struct tcp_optext: what setsockopt() changed from the defaults; 0 none */
	uint16_t rcv_mss;           /* estimate of the peer's segment size, for delayed ACKs */
	uint8_t backoff;            /* consecutive RTOs or probes without progress */
	uint8_t dupacks;
	uint32_t rtx_tick;          /* since when nothing new was acknowledged (TCP_USER_TIMEOUT); connecting: the first SYN */
	uint16_t snd_wnd_max;       /* largest window field seen, as on the wire (sender's SWS avoidance, RFC 5961) */
	uint8_t probes;             /* keepalive and zero-window probes since the peer was last heard */
	uint8_t soft_error;         /* errno of the last ICMP error, told instead of ETIMEDOUT */
	uint32_t spare;
};
static_assert(sizeof(struct tcp_pcb) == CONN_SLOT_BYTES, "three cache lines");
static_assert(offsetof(struct tcp_pcb, cwnd) == 128, "line 2");

/* tcp_pcb.tflags */
#define TF_OUT          (1u << 0)  /* linked in the list of connections that have something to send */
#define TF_ACK_NOW      (1u << 1)  /* an ACK is due at the next flush */
#define TF_ACK_DELAY    (1u << 2)  /* an ACK is owed and may wait for data to ride on */
#define TF_T_RTX        (1u << 3)  /* t_rtx runs ... */
#define TF_PERSIST      (1u << 4)  /* ... and is the zero-window probe */
#define TF_T_ACK        (1u << 5)  /* t_ack runs */
#define TF_T_MISC       (1u << 6)  /* t_misc runs */
#define TF_TIMER        (1u << 7)  /* the wheel node is armed, at or before the earliest of the three */
#define TF_TS           (1u << 8)  /* timestamps are in use (RFC 7323 section 3) */
#define TF_NODELAY      (1u << 9)
#define TF_CORK         (1u << 10)
#define TF_MORE         (1u << 11) /* the last send had MSG_MORE */
#define TF_KEEPALIVE    (1u << 12)
#define TF_SHUT_RD      (1u << 13) /* nothing more to read: peer's FIN, SHUT_RD, or the end */
#define TF_SHUT_WR      (1u << 14) /* nothing more to write: SHUT_WR, or the end */
#define TF_EPORT        (1u << 15) /* eport_put() is due when the flow ends */
#define TF_ACK_SOON     (1u << 16) /* ... at the one after the next, that is: the application may accept and answer first */
#define TF_ACK_OWED     (TF_ACK_NOW | TF_ACK_SOON | TF_ACK_DELAY | TF_T_ACK) /* ends with any segment, for it carries one */
#define TF_RECOVERY     (1u << 17) /* fast recovery until tcp_buf.recover is acknowledged */
#define TF_LOSS         (1u << 18) /* after an RTO, until tcp_buf.recover is acknowledged */
#define TF_RTX_FIN      (1u << 19) /* a FIN that is alone in flight is to be sent again */
#define TF_CONNECTED    (1u << 20) /* was established since the last connect or accept */
#define TF_DEAD         (1u << 21) /* closed because a connection or attempt ended, not because there was none */
#define TF_ZOMBIE       (1u << 22) /* freed but for its place in the output list */
#define TF_BIND_NO_PORT (1u << 23) /* IP_BIND_ADDRESS_NO_PORT */
#define TF_PINGPONG     (1u << 24) /* requests and answers: an ACK waits for the answer (TCP_QUICKACK ends it) */
#define TF_FORCE        (1u << 25) /* send what the window allows, whatever Nagle, CORK and SWS avoidance say, once */
#define TF_NOMBUF       (1u << 26) /* a send was cut short for lack of mbufs: EPOLLOUT is due when there are some */
#define TF_SYN_DUE      (1u << 27) /* the SYN found no room in the tx queue and goes with the next flush */
#define TF_CLAIMING     TF_LOSS    /* SYN-SENT only: waits for the tuple's home to let the SYN go (mail.c) */
#define TF_SOCK_MASK    (0xfu << 28) /* four bits for lib/sock, which TCP keeps (cleared by tcp_new only) */
/* What a socket keeps when its connection ends and it connects again. */
#define TF_KEEP_MASK    (TF_OUT | TF_NODELAY | TF_CORK | TF_KEEPALIVE | TF_BIND_NO_PORT | TF_PINGPONG | TF_SOCK_MASK)

/* tcp_pcb.xflags */
#define TX_SACK         (1u << 0)  /* both sides permit SACK (RFC 2018) */
#define TX_T_TLP        (1u << 1)  /* t_rtx is the probe timeout (RFC 8985 7.2) ... */
#define TX_T_REO        (1u << 2)  /* ... or the reordering timer (RFC 8985 6.2 step 5) */
#define TX_TLP          (1u << 3)  /* what a loss probe sent again is unaccounted for: up to tcp_flight.tlp_end; none: snd_una */
#define TX_REORDERS     (1u << 4)  /* the path was seen to reorder (RFC 8985 6.2 step 3) */
#define TX_RECOVERED    (1u << 5)  /* after a recovery without SACK, until more than tcp_buf.recover is acknowledged */
#define TX_ECN          (1u << 8)  /* both sides do ECN (RFC 3168 6.1.1); until the SYN-ACK: we asked for it */
#define TX_CC_SHIFT     9          /* three bits: the congestion control algorithm (cc.h), the socket's */
#define TX_CC_MASK      (7u << TX_CC_SHIFT)
#define TX_ECN_ECE      (1u << 12) /* ACKs carry ECE: CE was received and no CWR since (RFC 3168 6.1.3) */
#define TX_ECN_CWR      (1u << 13) /* the next new data carries CWR (6.1.2) */
#define TX_EXT          (1u << 14) /* pcb.ext names a struct tcp_ext */
#define TX_PACED        (1u << 15) /* ... in which a pacing rate holds the sender back (pace.h) */
#define TX_QUICK_SHIFT  16         /* four bits: so many ACKs more leave at once, unless TF_PINGPONG (ack.h) */
#define TX_QUICK_MASK   (15u << TX_QUICK_SHIFT)
#define TX_UNTIMED      (1u << 20) /* the handshake's round trip is not known: its SYN was answered by a cookie */
#define TX_FO_WAIT      (1u << 21) /* SYN-SENT: the SYN waits for the first data to send (fastopen.h) */
#define TX_FO_TAKEN     TX_FO_WAIT /* later: the SYN's data was taken (TCP_INFO) */
#define TX_FO_SYN       (1u << 22) /* the SYN had a Fast Open option, or data */
#define TX_FO_PASSIVE   (1u << 23) /* SYN-RECEIVED, whose SYN's data was taken: usable like ESTABLISHED */
#define TX_FO           (TX_FO_WAIT | TX_FO_SYN | TX_FO_PASSIVE)
#define TX_MIN_TTL      (1u << 28) /* IP_MINTTL is set (tcp_optext.min_ttl) */
/* What ends with the connection; the rest is the socket's. */
#define TX_CONNECTION   (0xffu | TX_ECN | TX_ECN_ECE | TX_ECN_CWR | TX_EXT | TX_PACED | TX_UNTIMED | TX_FO)

/* A listening socket overlays the slot; behind it, the pcb's options stay in place for the connections to inherit. */
struct tcp_listener {
	struct conn c;
	flow_ref accept_head, accept_tail; /* complete connections, oldest first, linked by c.ready_next */
	uint32_t n_accept, backlog;
	uint32_t shared;                   /* a twin: its struct tcp_shared, and c.listener names the owner's stack; else 0 */
};
static_assert(sizeof(struct tcp_listener) <= offsetof(struct tcp_pcb, mss), "state, tflags and options stay");

/* A half-open connection (SYN-RECEIVED from a listener). */
struct tcp_synrcvd {
	struct flow_head h;
	uint32_t irs, iss;
	uint32_t ts_recent, ts_offset;
	uint32_t sent_us;       /* when the SYN-ACK left first: the first RTT sample */
	uint16_t own_mss;       /* as we announce it */
	uint8_t tos;
	uint8_t answered;       /* when a bare segment outside the window was last answered, see in_synrcvd.c; 0 never */
	uint16_t peer_mss;      /* as announced, or the default */
	uint16_t wnd;           /* window that we announced */
	uint8_t wscale;         /* as in the pcb */
	bool ts : 1, ws : 1, sack : 1; /* the SYN had these options */
	bool acked : 1;         /* ... and waits for data now (TCP_DEFER_ACCEPT) */
	bool cookie : 1;        /* not of a SYN that was remembered: nothing was timed (cookie.h) */
	bool ecn : 1;           /* it asked for ECN, and gets it */
	uint8_t retries;
};
static_assert(sizeof(struct tcp_synrcvd) == 64, "one cache line");

/* A connection in TIME-WAIT. */
struct tcp_timewait {
	struct flow_head h;
	uint32_t snd_nxt, rcv_nxt;
	uint32_t ts_recent, ts_offset;
	uint32_t next, prev;    /* FLOW_TIMEWAIT indices, oldest first: the oldest is recycled when the pool is empty */
	uint16_t wnd;           /* window field, as on the wire */
	bool ts, eport;
	uint8_t tos, answered;  /* as in struct tcp_synrcvd */
	uint16_t spare;
};
static_assert(sizeof(struct tcp_timewait) == 64, "one cache line");

/* tcp_optext.flags */
#define OPT_OOBINLINE   (1u << 0) /* SO_OOBINLINE */
#define OPT_UTO_OWN     (1u << 2) /* TCP_USER_TIMEOUT: the peer's option does not change it (RFC 5482) */
#define OPT_RCVBUF_LOCK (1u << 1) /* SO_RCVBUF: the buffer is as it was asked for */
#define OPT_VIA_SHIFT   8         /* eight bits: NET_VIA_* (net.h) */

/* What setsockopt() changed from the defaults. */
struct tcp_optext {
	uint32_t pool_link;
	uint32_t user_timeout_ms;  /* 0: none */
	uint16_t keepidle_s, keepintvl_s;
	uint8_t keepcnt, syncnt;
	uint8_t tos, ttl;
	uint16_t maxseg;           /* TCP_MAXSEG, 0: none */
	uint16_t flags;            /* OPT_* */
	int32_t linger_s;          /* SO_LINGER, -1: off */
	int32_t linger2_s;         /* TCP_LINGER2: orphaned FIN-WAIT-2; -1: none at all */
	uint32_t port_range;       /* IP_LOCAL_PORT_RANGE, 0: none */
	uint32_t notsent_lowat;    /* TCP_NOTSENT_LOWAT, 0: none */
	uint32_t window_clamp;     /* TCP_WINDOW_CLAMP, 0: none */
	uint64_t max_pacing;       /* SO_MAX_PACING_RATE in bytes per second, 0: none */
	uint32_t fastopen;         /* struct tcp_fo_listen (fastopen.h), 0 none */
	uint8_t fo_flags;          /* FO_* */
	uint8_t defer_accept;      /* TCP_DEFER_ACCEPT as SYN-ACKs that may be repeated meanwhile, 0: off */
	uint8_t tclass6, hops6;    /* over IPv6; hops 0: what routers said */
	uint32_t rcvlowat;         /* SO_RCVLOWAT, 0: 1 */
	uint8_t min_ttl;           /* IP_MINTTL, 0: any */
	uint8_t pmtudisc;          /* IP_MTU_DISCOVER */
	uint16_t keepinit_s;       /* TCP_KEEPINIT: how long an attempt to connect lasts, 0: not said */
};
static_assert(sizeof(struct tcp_optext) == 64, "a line");

#endif
