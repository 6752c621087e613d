/* pcb.h: the state of one TCP connection, 192 bytes, and the small stand-ins for connections that are not yet or no longer
 * whole. What exists only while data is in flight or unread is in struct tcp_buf. */
#ifndef TCP_PCB_H
#define TCP_PCB_H

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
	uint32_t snd_max;           /* highest snd_nxt so far (it goes back after an RTO) */
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
	uint32_t tflags;            /* 128: TF_* in tcp.h */

	uint32_t cwnd, ssthresh;    /* ---- line 2 ---- */
	uint32_t srtt_us8;          /* smoothed RTT, us << 3; 0: no sample yet */
	uint32_t rttvar_us4;        /* us << 2 */
	uint32_t rtt_seq, rtt_us;   /* the segment being timed, and when it left */
	uint32_t t_ack;             /* delayed ACK deadline */
	uint32_t t_misc;            /* keepalive, FIN-WAIT-2, user timeout: by state */
	uint32_t rcv_tick;          /* last segment from the peer */
	uint32_t ts_recent_tick;    /* when ts_recent was set (PAWS, 24 days) */
	uint32_t sndbuf, rcvbuf;    /* limits in bytes */
	uint32_t opts;              /* struct tcp_optext: what setsockopt() changed from the defaults; 0 none */
	uint16_t rcv_mss;           /* estimate of the peer's segment size, for delayed ACKs */
	uint8_t backoff;            /* consecutive RTOs or probes without progress */
	uint8_t dupacks;
	uint32_t spare[2];
};
static_assert(sizeof(struct tcp_pcb) == CONN_SLOT_BYTES, "three cache lines");
static_assert(offsetof(struct tcp_pcb, cwnd) == 128, "line 2");

#endif
