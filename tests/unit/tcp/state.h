/* state.h: rules of RFC 9293 section 3.10 as rows of tables. A row names the states it holds in; for each of them a connection
 * is brought there, the segment, call or time of the row happens, and reply, state, error, drop reason and timers must be
 * exactly those of the row. Numbers of a row count from RCV.NXT and from the highest number sent (SND.MAX) as they were
 * before. */
#ifndef TCP_TEST_STATE_H
#define TCP_TEST_STATE_H

#include "world.h"

#include "base/drop.h"

enum at {
	AT_CLOSED, AT_LISTEN, AT_SYN_SENT,
	AT_SYN_RCVD,   /* after crossed SYNs */
	AT_HALF_OPEN,  /* SYN-RECEIVED of a listener */
	AT_ESTABLISHED, AT_FIN_WAIT_1, AT_FIN_WAIT_2, AT_CLOSE_WAIT, AT_CLOSING, AT_LAST_ACK, AT_TIME_WAIT, AT_STATES,
	AT_SAME = AT_STATES
};

#define IN_(name) (1u << AT_##name)
#define READING (IN_(ESTABLISHED) | IN_(FIN_WAIT_1) | IN_(FIN_WAIT_2))     /* the peer may still send */
#define FINNED (IN_(CLOSE_WAIT) | IN_(CLOSING) | IN_(LAST_ACK))            /* its FIN was taken */
#define SYNCED (READING | FINNED)
#define FLIGHT (SYNCED & ~IN_(FIN_WAIT_2))                                 /* something of ours is unacknowledged, see below */

#define UNA INT32_MIN   /* an ACK number: SND.UNA */
#define EDGE 0x10000000 /* a sequence number: the right edge of the receive window; EDGE + n, EDGE - n */
#define SAME (-1)       /* of a time: the timer runs on as it was */

/* Milliseconds that timers have left, 0: not running. */
struct times {
	int32_t rtx, ack, misc, wait; /* retransmission or probe; delayed ACK; keepalive, FIN-WAIT-2; TIME-WAIT or SYN-ACK */
};

struct arrival {
	uint8_t flags;
	int32_t seq, len, ack;
};

struct reply {
	uint8_t flags; /* 0: none */
	int32_t seq, ack;
};

struct segment_rule {
	const char *says;
	uint32_t at;           /* IN_() */
	struct arrival in;
	struct reply out;
	enum at to;            /* AT_SAME: it stays there */
	int err;               /* SO_ERROR */
	int drop;              /* enum drop, counted once; 0: none (DROP_ETH_SHORT is of no use here) */
	int32_t took;          /* bytes that RCV.NXT moves on */
	struct times left;
};

struct place {
	struct world *w;
	struct tcp_pcb *p, *listener; /* of the connection; AT_LISTEN and AT_HALF_OPEN: the listener */
	uint32_t rcv, snd, una, edge; /* RCV.NXT, SND.MAX, SND.UNA, right edge, relative to the ISNs */
	struct times before;
	uint64_t drops[DROP_MAX];
};

/* A fresh world with a connection in this state. Where it can be, something is in flight: 100 bytes in ESTABLISHED and
 * CLOSE-WAIT, the FIN in FIN-WAIT-1, CLOSING and LAST-ACK. Seven milliseconds have passed since the last segment. */
void place_enter(struct place *at, enum at state);
void place_leave(struct place *at);
enum at place_state(struct place *at);
struct times place_times(const struct place *at);
const char *at_name(enum at state);

/* Compares and says what differs. */
void check(const char *says, enum at state, const char *what, int64_t is, int64_t should);
void check_reply(struct place *at, const char *says, enum at state, const struct reply *should);
void check_times(struct place *at, const char *says, enum at state, const struct times *should);
void check_done(void); /* of one row and state: counts it */

unsigned check_wrong(void); /* how much differed so far */

void segments_run(const struct segment_rule *rules, unsigned n);

/* One cmocka test for each table. */
void segments_closed(void **state);
void segments_listen(void **state);
void segments_syn_sent(void **state);
void segments_syn_received(void **state);
void segments_sequence(void **state);
void segments_flags(void **state);
void segments_ack(void **state);
void segments_text(void **state);
void segments_fin(void **state);
void segments_time_wait(void **state);
void calls_open(void **state);
void calls_send(void **state);
void calls_receive(void **state);
void calls_close(void **state);
void calls_abort(void **state);
void calls_status(void **state);
void timeouts_user(void **state);
void timeouts_retransmission(void **state);
void timeouts_keepalive(void **state);
void timeouts_ends(void **state);

#endif
