/* state_timeouts_test.c: RFC 9293 3.10.8: what time alone does in every state, to the millisecond. Seven have passed since the
 * last segment when a row begins. */
#include "state.h"

#include <linux/tcp.h>

#include "tcp/timers.h"

#define KEEP {SAME, SAME, SAME, SAME}
#define RUN(rules) timeouts_run(rules, RTE_DIM(rules))

typedef void before(struct place *at);

struct timeout_rule {
	const char *says;
	uint32_t at;
	before *before;        /* what happens first; NULL: nothing */
	uint32_t after_ms;     /* nothing leaves and the state stays for so long; then this: */
	struct reply out;
	enum at to;
	int err;
	struct times left;
	uint32_t ticks;        /* and after so many more: round trips of the places count in an RTO */
};

static void timeout_run(const struct timeout_rule *r, enum at state)
{
	struct place at;
	enum at from, now;

	place_enter(&at, state);
	if (r->before != NULL)
		r->before(&at);
	from = place_state(&at);
	after_us(at.w, r->after_ms * 1000ull + r->ticks * TICK_US - TICK_US);
	check(r->says, state, "number of segments sent before", out_count(at.w), 0);
	check(r->says, state, "state before", place_state(&at), from);
	after_us(at.w, TICK_US);
	check_reply(&at, r->says, state, &r->out);
	now = place_state(&at);
	check(r->says, state, "state", now, r->to == AT_SAME ? from : r->to);
	check(r->says, state, "error", at.p != NULL ? at.p->c.so_error : 0, r->err);
	check_times(&at, r->says, state, &r->left);
	check_done();
	place_leave(&at);
}

static void timeouts_run(const struct timeout_rule *rules, unsigned n)
{
	unsigned wrong = check_wrong();

	for (unsigned i = 0; i < n; i++)
		for (unsigned state = 0; state < AT_STATES; state++)
			if (rules[i].at & 1u << state)
				timeout_run(&rules[i], (enum at)state);
	assert_int_equal(check_wrong() - wrong, 0);
}

/* ---- what happens before ---- */

/* Shorter than the first retransmission. */
static void user_timeout_150(struct place *at)
{
	app_opt(at->w, at->p, IPPROTO_TCP, TCP_USER_TIMEOUT, 150);
	tcp_timer_rtx_in(at->w->t, at->p, 143000); /* as it is armed when the option is set first */
}

/* One retransmission fits, and is not waited for. */
static void user_timeout_500(struct place *at)
{
	app_opt(at->w, at->p, IPPROTO_TCP, TCP_USER_TIMEOUT, 500);
	after_us(at->w, 193000 + TICK_US);
	out_skip(at->w);
}

static void user_timeout_syn(struct place *at) { app_opt(at->w, at->p, IPPROTO_TCP, TCP_USER_TIMEOUT, 1000); }

static void acknowledged(struct place *at)
{
	in(at->w, ACK, at->rcv, 0, at->snd);
	out_none(at->w);
}

static void keepalive(struct place *at)
{
	acknowledged(at);
	app_opt(at->w, at->p, SOL_SOCKET, SO_KEEPALIVE, 1);
	app_opt(at->w, at->p, IPPROTO_TCP, TCP_KEEPINTVL, 5);
	app_opt(at->w, at->p, IPPROTO_TCP, TCP_KEEPCNT, 1);
	app_opt(at->w, at->p, IPPROTO_TCP, TCP_KEEPIDLE, 10);
}

static void keepalive_probed(struct place *at)
{
	keepalive(at);
	after_ms(at->w, 10000);
	out_skip(at->w);
}

static void keepalive_answered(struct place *at)
{
	keepalive_probed(at);
	in(at->w, ACK, at->rcv, 0, at->snd);
	out_none(at->w);
}

static void text(struct place *at)
{
	acknowledged(at);
	in(at->w, ACK, at->rcv, 10, at->snd);
	out_none(at->w);
}

static void window_closed(struct place *at)
{
	in_wnd(at->w, ACK, at->rcv, 0, at->snd, 0);
	assert_int_equal(app_send(at->w, at->p, at->snd, 100), 100);
	out_none(at->w);
}

static void orphan(struct place *at)
{
	app_close(at->w, at->p);
	out_skip(at->w);
}

static void retransmitted(struct place *at)
{
	after_us(at->w, 193000 + TICK_US);
	out_skip(at->w);
}

static void synack_repeated(struct place *at)
{
	after_ms(at->w, 993 + 2000 + 4000 + 8000 + 16000);
	out_skip(at->w);
}

/* ---- the rules ---- */

void timeouts_user(void **state)
{
	static const struct timeout_rule rules[] = {
		{"3.10.8 user timeout", FLIGHT, user_timeout_150, 143, {0}, AT_CLOSED, ETIMEDOUT, {0}, 0},
		{"3.10.8 user timeout, after a retransmission", FLIGHT, user_timeout_500, 299, {0}, AT_CLOSED, ETIMEDOUT, {0}, 9},
		{"3.10.8 user timeout, opening", IN_(SYN_SENT) | IN_(SYN_RCVD), user_timeout_syn, 993, {0}, AT_CLOSED, ETIMEDOUT, {0}, 0},
	};

	(void)state;
	RUN(rules);
}

void timeouts_retransmission(void **state)
{
	static const struct timeout_rule rules[] = {
		{"3.10.8 retransmission: SYN (RFC 6298 2.1, Linux's schedule)", IN_(SYN_SENT), NULL, 993, {SYN, -1, 0}, AT_SAME, 0,
		 {1000, 0, 0, 0}, 0},
		{"3.10.8 retransmission: SYN-ACK", IN_(SYN_RCVD), NULL, 993, {SYN | ACK, -1, 0}, AT_SAME, 0, {1000, 0, 0, 0}, 0},
		{"3.10.8 retransmission: SYN-ACK of a listener", IN_(HALF_OPEN), NULL, 993, {SYN | ACK, -1, 0}, AT_SAME, 0, {0, 0, 0, 2000}, 0},
		{"3.10.8 retransmission: text", IN_(ESTABLISHED) | IN_(CLOSE_WAIT), NULL, 193, {ACK, -100, 0}, AT_SAME, 0, {400, 0, 0, 0}, 1},
		{"3.10.8 retransmission: FIN", IN_(FIN_WAIT_1) | IN_(CLOSING) | IN_(LAST_ACK), NULL, 193, {ACK | FIN, -1, 0}, AT_SAME, 0,
		 {400, 0, 0, 0}, 1},
		{"RFC 6298 5.5: twice as long: text", IN_(ESTABLISHED) | IN_(CLOSE_WAIT), retransmitted, 400, {ACK, -100, 0}, AT_SAME, 0,
		 {800, 0, 0, 0}, 1},
		{"RFC 6298 5.5: twice as long: FIN", IN_(FIN_WAIT_1) | IN_(CLOSING) | IN_(LAST_ACK), retransmitted, 400, {ACK | FIN, -1, 0}, AT_SAME,
		 0, {800, 0, 0, 0}, 1},
		{"3.8.6.1: a closed window is probed", IN_(ESTABLISHED) | IN_(CLOSE_WAIT), window_closed, 200, {ACK, -1, 0}, AT_SAME, 0,
		 {402, 0, 0, 0}, 9},
		{"3.8.6.3: the ACK that waited", READING & ~IN_(FIN_WAIT_1), text, 40, {ACK, 0, 10}, AT_SAME, 0, {0, 0, 0, 0}, 0},
	};

	(void)state;
	RUN(rules);
}

void timeouts_keepalive(void **state)
{
	const uint32_t idle = IN_(ESTABLISHED) | IN_(FIN_WAIT_2) | IN_(CLOSE_WAIT);
	const struct timeout_rule rules[] = {
		{"3.8.4: a keepalive after the idle time", idle, keepalive, 10000, {ACK, -1, 0}, AT_SAME, 0, {0, 0, 5000, 0}, 0},
		{"3.8.4: no answer to the last one: the end", idle, keepalive_probed, 5000, {RST | ACK, 0, 0}, AT_CLOSED, ETIMEDOUT, {0}, 0},
		{"3.8.4: an answer: the idle time anew", idle, keepalive_answered, 10000, {ACK, -1, 0}, AT_SAME, 0, {0, 0, 5000, 0}, 0},
	};

	(void)state;
	RUN(rules);
}

void timeouts_ends(void **state)
{
	static const struct timeout_rule rules[] = {
		{"3.10.8 TIME-WAIT: over after 2 MSL", IN_(TIME_WAIT), NULL, 60000 - 7, {0}, AT_CLOSED, 0, {0}, 0},
		{"FIN-WAIT-2 without a user: not for ever (Linux)", IN_(FIN_WAIT_2), orphan, 60000, {0}, AT_CLOSED, 0, {0}, 0},
		{"3.8.3: a SYN-ACK that nobody answers is forgotten", IN_(HALF_OPEN), synack_repeated, 32000, {0}, AT_LISTEN, 0, {0}, 0},
	};

	(void)state;
	RUN(rules);
}
