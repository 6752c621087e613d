/* state_calls_test.c: RFC 9293 3.10.1 to 3.10.6: what users ask in every state. The answers are Linux's errno values. */
#include "state.h"

#include <linux/tcp.h>

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* the end of a row that says nothing is 0 */

#define KEEP {SAME, SAME, SAME, SAME}
#define NONE {0}
#define LISTENING (IN_(LISTEN) | IN_(HALF_OPEN))
#define OPENING (IN_(SYN_SENT) | IN_(SYN_RCVD))
#define GONE (IN_(CLOSED) | IN_(TIME_WAIT)) /* the socket has no connection (any more) */
#define RUN(rules) calls_run(rules, RTE_DIM(rules))

typedef ssize_t call(struct world *w, struct tcp_pcb *p);

struct call_rule {
	const char *says;
	uint32_t at;
	call *call;
	ssize_t result;
	struct reply out;
	enum at to;
	int err;
	struct times left;
};

/* The socket that a user of this place has. */
static struct tcp_pcb *socket_of(struct place *at)
{
	if (at->p == NULL && at->listener == NULL)
		at->p = tcp_new(at->w->t);
	return at->p != NULL ? at->p : at->listener;
}

static void call_run(const struct call_rule *r, enum at state)
{
	struct tcp_pcb *p;
	struct place at;
	enum at now;

	place_enter(&at, state);
	p = socket_of(&at);
	check(r->says, state, "result", r->call(at.w, p), r->result);
	host_flush(&at.w->h);
	check_reply(&at, r->says, state, &r->out);
	now = place_state(&at);
	check(r->says, state, "state", now, r->to == AT_SAME ? state : r->to);
	check(r->says, state, "error", p->c.so_error, r->err);
	check_times(&at, r->says, state, &r->left);
	check_done();
	place_leave(&at);
}

static void calls_run(const struct call_rule *rules, unsigned n)
{
	unsigned wrong = check_wrong();

	for (unsigned i = 0; i < n; i++)
		for (unsigned state = 0; state < AT_STATES; state++)
			if (rules[i].at & 1u << state)
				call_run(&rules[i], (enum at)state);
	assert_int_equal(check_wrong() - wrong, 0);
}

/* ---- the calls ---- */

static ssize_t connect_(struct world *w, struct tcp_pcb *p)
{
	w->lport = 0;
	w->rport = PORT;
	return tcp_connect(w->t, p, PEER, RTE_BE16(PORT));
}

static ssize_t listen_(struct world *w, struct tcp_pcb *p) { return tcp_listen(w->t, p, 8); }
static ssize_t bind_(struct world *w, struct tcp_pcb *p) { return tcp_bind(w->t, p, US, RTE_BE16(999)); }
static ssize_t send_(struct world *w, struct tcp_pcb *p) { return app_send(w, p, 101, 10); }
static ssize_t send_urgent(struct world *w, struct tcp_pcb *p) { return app_send_flags(w, p, 101, 10, MSG_OOB); }
static ssize_t send_nothing(struct world *w, struct tcp_pcb *p) { return app_send(w, p, 101, 0); }
static ssize_t recv_(struct world *w, struct tcp_pcb *p) { return app_recv(w, p, 1, 10); }

static ssize_t recv_text(struct world *w, struct tcp_pcb *p)
{
	in(w, ACK, p->rcv_nxt - w->peer_iss, 10, p->snd_una - w->our_iss);
	return app_recv(w, p, p->rcv_nxt - w->peer_iss - 10, 100);
}

static ssize_t recv_urgent(struct world *w, struct tcp_pcb *p)
{
	uint8_t b;

	return tcp_recv_urgent(w->t, p, &b, 1, 0);
}

static ssize_t shut_wr(struct world *w, struct tcp_pcb *p) { return tcp_shutdown(w->t, p, SHUT_WR); }
static ssize_t shut_rd(struct world *w, struct tcp_pcb *p) { return tcp_shutdown(w->t, p, SHUT_RD); }
static ssize_t shut_nonsense(struct world *w, struct tcp_pcb *p) { return tcp_shutdown(w->t, p, 7); }

static ssize_t close_(struct world *w, struct tcp_pcb *p)
{
	tcp_close(w->t, p);
	return 0;
}

static ssize_t close_unread(struct world *w, struct tcp_pcb *p)
{
	in(w, ACK, p->rcv_nxt - w->peer_iss, 10, p->snd_una - w->our_iss);
	return close_(w, p);
}

static ssize_t close_linger(struct world *w, struct tcp_pcb *p)
{
	tcp_opt_need(w->t, p)->linger_s = 0;
	return close_(w, p);
}

static ssize_t abort_(struct world *w, struct tcp_pcb *p) { return tcp_disconnect(w->t, p); }

static ssize_t status(struct world *w, struct tcp_pcb *p)
{
	struct tcp_info info;
	uint32_t len = sizeof(info);

	assert_int_equal(tcp_getopt(w->t, p, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	return info.tcpi_state;
}

static ssize_t accept_(struct world *w, struct tcp_pcb *p) { return tcp_accept(w->t, &p->c) == NULL ? -EAGAIN : 0; }

/* ---- the rules ---- */

void calls_open(void **state)
{
	static const struct call_rule rules[] = {
		{"3.10.1 active OPEN: a SYN, and SYN-SENT", IN_(CLOSED), connect_, 0, {SYN, -1}, AT_SYN_SENT, 0, {.rtx = 1000}},
		{"3.10.1 active OPEN of a listener: Linux does not turn it", LISTENING, connect_, -EISCONN, NONE, AT_SAME, 0, KEEP},
		{"3.10.1 active OPEN: under way", OPENING, connect_, -EALREADY, NONE, AT_SAME, 0, KEEP},
		{"3.10.1 active OPEN: connection already exists", SYNCED, connect_, -EISCONN, NONE, AT_SAME, 0, KEEP},
		{"3.10.1 passive OPEN: LISTEN", IN_(CLOSED), listen_, 0, NONE, AT_LISTEN},
		{"3.10.1 passive OPEN: again", LISTENING, listen_, 0, NONE, AT_SAME, 0, KEEP},
		{"3.10.1 passive OPEN: connection already exists", OPENING | SYNCED, listen_, -EINVAL, NONE, AT_SAME, 0, KEEP},
		{"3.10.1 OPEN, the local half", IN_(CLOSED), bind_, 0, NONE, AT_SAME},
		{"3.10.1 OPEN, the local half: it has one", LISTENING | OPENING | SYNCED, bind_, -EINVAL, NONE, AT_SAME, 0, KEEP},
		{"3.10.1 passive OPEN: nobody has come", LISTENING, accept_, -EAGAIN, NONE, AT_SAME, 0, KEEP},
	};

	(void)state;
	RUN(rules);
}

void calls_send(void **state)
{
	static const struct call_rule rules[] = {
		{"3.10.2 SEND: connection does not exist", GONE, send_, -EPIPE, NONE, AT_SAME, 0, KEEP},
		{"3.10.2 SEND: LISTEN", LISTENING, send_, -EPIPE, NONE, AT_SAME, 0, KEEP},
		{"3.10.2 SEND: not yet: it would wait", OPENING, send_, -EAGAIN, NONE, AT_SAME, 0, KEEP},
		{"3.10.2 SEND: queued behind what is in flight (3.7.4)", IN_(ESTABLISHED) | IN_(CLOSE_WAIT), send_, 10, NONE, AT_SAME, 0, KEEP},
		{"3.10.2 SEND with urgent: it leaves", IN_(ESTABLISHED) | IN_(CLOSE_WAIT), send_urgent, 10, {ACK | TCPF_URG, 0, 0}, AT_SAME, 0,
		 KEEP},
		{"3.10.2 SEND of nothing", IN_(ESTABLISHED) | IN_(CLOSE_WAIT), send_nothing, 0, NONE, AT_SAME, 0, KEEP},
		{"3.10.2 SEND: connection closing", SYNCED & ~(IN_(ESTABLISHED) | IN_(CLOSE_WAIT)), send_, -EPIPE, NONE, AT_SAME, 0, KEEP},
		{"3.10.2 SEND with urgent: connection closing", SYNCED & ~(IN_(ESTABLISHED) | IN_(CLOSE_WAIT)), send_urgent, -EPIPE, NONE,
		 AT_SAME, 0, KEEP},
	};

	(void)state;
	RUN(rules);
}

void calls_receive(void **state)
{
	static const struct call_rule rules[] = {
		{"3.10.3 RECEIVE: connection does not exist", IN_(CLOSED) | LISTENING, recv_, -ENOTCONN, NONE, AT_SAME, 0, KEEP},
		{"3.10.3 RECEIVE: not yet", OPENING, recv_, -EAGAIN, NONE, AT_SAME, 0, KEEP},
		{"3.10.3 RECEIVE: nothing is there", READING, recv_, -EAGAIN, NONE, AT_SAME, 0, KEEP},
		{"3.10.3 RECEIVE: text", READING, recv_text, 10, NONE, AT_SAME, 0, {SAME, 40, SAME, SAME}},
		{"3.10.3 RECEIVE: their FIN: the end", FINNED, recv_, 0, NONE, AT_SAME, 0, KEEP},
		{"3.10.3 RECEIVE: connection closing", IN_(TIME_WAIT), recv_, 0, NONE, AT_SAME, 0, KEEP},
		{"3.10.3 RECEIVE of urgent: there is none", IN_(CLOSED) | LISTENING | OPENING | SYNCED | IN_(TIME_WAIT), recv_urgent, -EINVAL, NONE,
		 AT_SAME, 0, KEEP},
	};

	(void)state;
	RUN(rules);
}

void calls_close(void **state)
{
	static const struct call_rule rules[] = {
		{"3.10.4 CLOSE, sending: does not exist", GONE, shut_wr, -ENOTCONN, NONE, AT_SAME, 0, KEEP},
		{"3.10.4 CLOSE, sending: LISTEN has nothing to send", LISTENING, shut_wr, 0, NONE, AT_SAME, 0, KEEP},
		{"3.10.4 CLOSE, sending: SYN-SENT ends", IN_(SYN_SENT), shut_wr, 0, NONE, AT_CLOSED, ECONNRESET},
		{"3.10.4 CLOSE, sending: waits for ESTABLISHED", IN_(SYN_RCVD), shut_wr, 0, NONE, AT_SAME, 0, KEEP},
		{"3.10.4 CLOSE, sending: FIN", IN_(ESTABLISHED), shut_wr, 0, {ACK | FIN, 0, 0}, AT_FIN_WAIT_1, 0, KEEP},
		{"3.10.4 CLOSE, sending: FIN after theirs", IN_(CLOSE_WAIT), shut_wr, 0, {ACK | FIN, 0, 0}, AT_LAST_ACK, 0, KEEP},
		{"3.10.4 CLOSE, sending: only once", SYNCED & ~(IN_(ESTABLISHED) | IN_(CLOSE_WAIT)), shut_wr, 0, NONE, AT_SAME, 0, KEEP},
		{"3.10.4 CLOSE, receiving: does not exist", GONE, shut_rd, -ENOTCONN, NONE, AT_SAME, 0, KEEP},
		{"3.10.4 CLOSE, receiving: LISTEN ends", IN_(LISTEN), shut_rd, 0, NONE, AT_CLOSED},
		{"3.10.4 CLOSE, receiving: SYN-SENT ends", IN_(SYN_SENT), shut_rd, 0, NONE, AT_CLOSED, ECONNRESET},
		{"3.10.4 CLOSE, receiving: the peer is not told", IN_(SYN_RCVD) | SYNCED, shut_rd, 0, NONE, AT_SAME, 0, KEEP},
		{"3.10.4 CLOSE of something else", SYNCED | OPENING | LISTENING | GONE, shut_nonsense, -EINVAL, NONE, AT_SAME, 0, KEEP},
		{"3.10.4 CLOSE: CLOSED", IN_(CLOSED), close_, 0, NONE, AT_SAME},
		{"3.10.4 CLOSE: LISTEN", IN_(LISTEN), close_, 0, NONE, AT_CLOSED},
		{"3.10.4 CLOSE: SYN-SENT: silently", IN_(SYN_SENT), close_, 0, NONE, AT_CLOSED},
		{"3.10.4 CLOSE: SYN-RECEIVED: waits for ESTABLISHED", IN_(SYN_RCVD), close_, 0, NONE, AT_SAME, 0, KEEP},
		{"3.10.4 CLOSE: ESTABLISHED", IN_(ESTABLISHED), close_, 0, {ACK | FIN, 0, 0}, AT_FIN_WAIT_1, 0, KEEP},
		{"3.10.4 CLOSE: FIN-WAIT-2: not for ever (Linux)", IN_(FIN_WAIT_2), close_, 0, NONE, AT_SAME, 0, {.misc = 60000}},
		{"3.10.4 CLOSE: CLOSE-WAIT", IN_(CLOSE_WAIT), close_, 0, {ACK | FIN, 0, 0}, AT_LAST_ACK, 0, KEEP},
		{"3.10.4 CLOSE: closing already", IN_(FIN_WAIT_1) | IN_(CLOSING) | IN_(LAST_ACK) | IN_(TIME_WAIT), close_, 0, NONE, AT_SAME, 0, KEEP},
		{"RFC 2525 2.17: with unread text: RST", READING, close_unread, 0, {RST | ACK, 0, 10}, AT_CLOSED},
	};

	(void)state;
	RUN(rules);
}

void calls_abort(void **state)
{
	static const struct call_rule rules[] = {
		{"3.10.5 ABORT: CLOSED", GONE, abort_, 0, NONE, AT_SAME, 0, KEEP},
		{"3.10.5 ABORT: LISTEN", IN_(LISTEN), abort_, 0, NONE, AT_CLOSED},
		{"3.10.5 ABORT: SYN-SENT: silently", IN_(SYN_SENT), abort_, 0, NONE, AT_CLOSED, ECONNRESET},
		{"3.10.5 ABORT: RST", IN_(SYN_RCVD) | READING | IN_(CLOSE_WAIT), abort_, 0, {RST | ACK, 0, 0}, AT_CLOSED, ECONNRESET},
		{"3.10.5 ABORT: the peer has all: no RST", IN_(CLOSING) | IN_(LAST_ACK), abort_, 0, NONE, AT_CLOSED},
		{"3.10.5 ABORT by SO_LINGER: CLOSED, LISTEN, SYN-SENT: silently", IN_(CLOSED) | IN_(LISTEN) | IN_(SYN_SENT), close_linger, 0, NONE,
		 AT_CLOSED},
		{"3.10.5 ABORT by SO_LINGER: RST", IN_(SYN_RCVD) | READING | IN_(CLOSE_WAIT), close_linger, 0, {RST | ACK, 0, 0}, AT_CLOSED},
		{"3.10.5 ABORT by SO_LINGER: no RST", IN_(CLOSING) | IN_(LAST_ACK), close_linger, 0, NONE, AT_CLOSED},
		{"3.10.5 ABORT by SO_LINGER: TIME-WAIT stays (Linux)", IN_(TIME_WAIT), close_linger, 0, NONE, AT_SAME, 0, KEEP},
	};

	(void)state;
	RUN(rules);
}

/* TCP_INFO's numbers are those of linux/tcp_states.h. */
void calls_status(void **state)
{
	static const struct call_rule rules[] = {
		{"3.10.6 STATUS", IN_(ESTABLISHED), status, 1, NONE, AT_SAME, 0, KEEP},
		{"3.10.6 STATUS", IN_(SYN_SENT), status, 2, NONE, AT_SAME, 0, KEEP},
		{"3.10.6 STATUS", IN_(SYN_RCVD), status, 3, NONE, AT_SAME, 0, KEEP},
		{"3.10.6 STATUS", IN_(FIN_WAIT_1), status, 4, NONE, AT_SAME, 0, KEEP},
		{"3.10.6 STATUS", IN_(FIN_WAIT_2), status, 5, NONE, AT_SAME, 0, KEEP},
		{"3.10.6 STATUS: the socket has nothing to do with it any more", GONE, status, 7, NONE, AT_SAME, 0, KEEP},
		{"3.10.6 STATUS", IN_(CLOSE_WAIT), status, 8, NONE, AT_SAME, 0, KEEP},
		{"3.10.6 STATUS", IN_(LAST_ACK), status, 9, NONE, AT_SAME, 0, KEEP},
		{"3.10.6 STATUS", LISTENING, status, 10, NONE, AT_SAME, 0, KEEP},
		{"3.10.6 STATUS", IN_(CLOSING), status, 11, NONE, AT_SAME, 0, KEEP},
	};

	(void)state;
	RUN(rules);
}
