/* state.c: runs the tables of state.h, and counts the rules that held. */
#include "state.h"

#include <stdio.h>

#include "tcp/in.h"

static unsigned n_rules, n_wrong, wrong_before;

const char *at_name(enum at state)
{
	static const char *const name[] = {
		"CLOSED", "LISTEN", "SYN-SENT", "SYN-RECEIVED", "half-open", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2", "CLOSE-WAIT",
		"CLOSING", "LAST-ACK", "TIME-WAIT", "-",
	};

	return name[state];
}

/* ---- places ---- */

static struct tcp_timewait *timewait_of(const struct place *at)
{
	return at->w->t->tw_head != 0 ? pool_at(&at->w->h.flow.pool[FLOW_TIMEWAIT], at->w->t->tw_head) : NULL;
}

static struct tcp_synrcvd *half_open_of(const struct place *at)
{
	return at->w->t->stats.synrcvd > 0 ? pool_at(&at->w->h.flow.pool[FLOW_SYNRCVD], 1) : NULL;
}

static void finwait1(struct place *at)
{
	app_shutdown(at->w, at->p, SHUT_WR);
	out(at->w, ACK | FIN, 1, 0, 1);
}

static void finwait2(struct place *at)
{
	finwait1(at);
	in(at->w, ACK, 1, 0, 2);
}

static void closewait(struct place *at)
{
	in(at->w, ACK | FIN, 1, 0, 1);
	out(at->w, ACK, 1, 0, 2);
}

static void send_some(struct place *at, uint32_t ack)
{
	assert_int_equal(app_send(at->w, at->p, 1, 100), 100);
	out(at->w, ACK, 1, 100, ack);
}

static void opened(struct place *at)
{
	struct world *w = at->w;

	at->p = app_connect(w);
	out(w, SYN, 0, 0, 0);
}

static void crossed(struct place *at)
{
	opened(at);
	in(at->w, SYN, 0, 0, 0);
	out(at->w, SYN | ACK, 0, 0, 1);
}

static void half_open(struct place *at)
{
	at->listener = app_listen(at->w, 8);
	in(at->w, SYN, 0, 0, 0);
	out(at->w, SYN | ACK, 0, 0, 1);
}

static void synchronized(struct place *at, enum at state)
{
	at->p = app_connected(at->w);
	switch (state) {
	case AT_FIN_WAIT_1:
		finwait1(at);
		break;
	case AT_FIN_WAIT_2:
		finwait2(at);
		break;
	case AT_CLOSE_WAIT:
		closewait(at);
		send_some(at, 2);
		break;
	case AT_CLOSING:
		finwait1(at);
		in(at->w, ACK | FIN, 1, 0, 1);
		out(at->w, ACK, 2, 0, 2);
		break;
	case AT_LAST_ACK:
		closewait(at);
		app_shutdown(at->w, at->p, SHUT_WR);
		out(at->w, ACK | FIN, 1, 0, 2);
		break;
	case AT_TIME_WAIT:
		finwait2(at);
		in(at->w, ACK | FIN, 1, 0, 2);
		out(at->w, ACK, 2, 0, 2);
		break;
	default:
		send_some(at, 1);
		break;
	}
}

static void numbers(struct place *at)
{
	const struct tcp_timewait *tw = timewait_of(at);
	const struct world *w = at->w;

	at->rcv = at->snd = at->una = 1;
	at->edge = 1 + 65535;
	if (tw != NULL) {
		at->rcv = tw->rcv_nxt - w->peer_iss;
		at->snd = at->una = tw->snd_nxt - w->our_iss;
		at->edge = at->rcv + tw->wnd;
	} else if (at->p != NULL && at->p->state == TCP_SYN_SENT) {
		at->rcv = 0;
		at->una = 0;
	} else if (at->p != NULL && at->p->state != TCP_CLOSED) {
		at->rcv = at->p->rcv_nxt - w->peer_iss;
		at->snd = at->p->snd_nxt - w->our_iss;
		at->una = at->p->snd_una - w->our_iss;
		at->edge = at->p->rcv_adv - w->peer_iss;
	}
}

void place_enter(struct place *at, enum at state)
{
	void *world = NULL;

	*at = (struct place){0};
	assert_int_equal(world_setup(&world), 0);
	at->w = world;
	switch (state) {
	case AT_CLOSED:
		at->w->lport = PORT;
		at->w->rport = CPORT;
		break;
	case AT_LISTEN:
		at->listener = app_listen(at->w, 8);
		break;
	case AT_SYN_SENT:
		opened(at);
		break;
	case AT_SYN_RCVD:
		crossed(at);
		break;
	case AT_HALF_OPEN:
		half_open(at);
		break;
	default:
		synchronized(at, state);
		break;
	}
	after_ms(at->w, 7);
	out_none(at->w);
	numbers(at);
	at->before = place_times(at);
	memcpy(at->drops, at->w->h.drops.n, sizeof(at->drops));
	wrong_before = n_wrong;
	if (place_state(at) != state)
		fail_msg("%s was not reached", at_name(state));
}

void place_leave(struct place *at)
{
	void *world = at->w;

	assert_int_equal(world_teardown(&world), 0);
}

enum at place_state(struct place *at)
{
	static const enum at of[TCP_STATES] = {
		[TCP_CLOSED] = AT_CLOSED, [TCP_LISTEN] = AT_LISTEN, [TCP_SYN_SENT] = AT_SYN_SENT, [TCP_SYN_RECEIVED] = AT_SYN_RCVD,
		[TCP_ESTABLISHED] = AT_ESTABLISHED, [TCP_FIN_WAIT_1] = AT_FIN_WAIT_1, [TCP_FIN_WAIT_2] = AT_FIN_WAIT_2,
		[TCP_CLOSE_WAIT] = AT_CLOSE_WAIT, [TCP_CLOSING] = AT_CLOSING, [TCP_LAST_ACK] = AT_LAST_ACK,
		[TCP_TIME_WAIT] = AT_TIME_WAIT,
	};

	if (at->p == NULL && at->listener != NULL && at->listener->c.type == CONN_LISTEN)
		at->p = tcp_accept(at->w->t, &at->listener->c);
	if (timewait_of(at) != NULL)
		return AT_TIME_WAIT;
	if (half_open_of(at) != NULL)
		return AT_HALF_OPEN;
	if (at->p != NULL)
		return of[at->p->state];
	return at->listener != NULL ? of[at->listener->state] : AT_CLOSED;
}

/* ---- timers ---- */

static int32_t left_ms(const struct place *at, bool runs, uint32_t tick)
{
	int32_t ticks = (int32_t)(tick - at->w->h.clock.tick), ms = (int32_t)ticks_from_ms(1);

	return !runs ? 0 : ticks > 0 ? (ticks + ms / 2) / ms : -2; /* late: no row says so */
}

struct times place_times(const struct place *at)
{
	const struct tcp_timewait *tw = timewait_of(at);
	const struct tcp_synrcvd *sr = half_open_of(at);
	const struct tcp_pcb *p = at->p;
	struct times v = {0};

	if (p != NULL && p->c.type == CONN_TCP) {
		v.rtx = left_ms(at, p->tflags & TF_T_RTX, p->t_rtx);
		v.ack = left_ms(at, p->tflags & TF_T_ACK, p->t_ack);
		v.misc = left_ms(at, p->tflags & TF_T_MISC, p->t_misc);
	}
	if (tw != NULL)
		v.wait = left_ms(at, true, tw->h.timer.tick);
	else if (sr != NULL)
		v.wait = left_ms(at, true, sr->h.timer.tick);
	return v;
}

/* ---- comparing ---- */

void check(const char *says, enum at state, const char *what, int64_t is, int64_t should)
{
	if (is == should)
		return;
	print_message("%s, in %s: %s is %lld, not %lld\n", says, at_name(state), what, (long long)is, (long long)should);
	n_wrong++;
}

void check_reply(struct place *at, const char *says, enum at state, const struct reply *should)
{
	struct world *w = at->w;

	check(says, state, "number of segments sent", out_count(w), should->flags != 0);
	if (out_count(w) == 0 || should->flags == 0) {
		out_skip(w);
		return;
	}
	out_take(w);
	check(says, state, "flags", w->got.flags & ~PSH, should->flags);
	check(says, state, "sequence number", (int32_t)(w->got.seq - at->snd), should->seq);
	if (should->flags & ACK)
		check(says, state, "acknowledgment", (int32_t)(w->got.ack - at->rcv), should->ack);
	out_skip(w);
}

static void check_time(const char *says, enum at state, const char *what, int32_t is, int32_t before, int32_t should)
{
	check(says, state, what, is, should == SAME ? before : should);
}

void check_times(struct place *at, const char *says, enum at state, const struct times *should)
{
	struct times is = place_times(at);

	check_time(says, state, "retransmission timer", is.rtx, at->before.rtx, should->rtx);
	check_time(says, state, "delayed ACK", is.ack, at->before.ack, should->ack);
	check_time(says, state, "keepalive or FIN-WAIT-2", is.misc, at->before.misc, should->misc);
	check_time(says, state, "TIME-WAIT or SYN-ACK", is.wait, at->before.wait, should->wait);
}

void check_done(void)
{
	n_rules += n_wrong == wrong_before;
}

unsigned check_wrong(void) { return n_wrong; }

static void check_drops(struct place *at, const char *says, enum at state, int drop)
{
	for (int i = 0; i < DROP_MAX; i++)
		check(says, state, drop_name((enum drop)i), (int64_t)(at->w->h.drops.n[i] - at->drops[i]), drop != 0 && i == drop);
}

/* ---- segments ---- */

static uint32_t seq_of(const struct place *at, int32_t v)
{
	return v > EDGE / 2 ? at->edge + (uint32_t)(v - EDGE) : at->rcv + (uint32_t)v;
}

static void segment_run(const struct segment_rule *r, enum at state)
{
	struct place at;
	struct arrival in_ = r->in;
	enum at now;

	place_enter(&at, state);
	in(at.w, in_.flags, seq_of(&at, in_.seq), (uint32_t)in_.len, in_.ack == UNA ? at.una : at.snd + (uint32_t)in_.ack);
	check_reply(&at, r->says, state, &r->out);
	now = place_state(&at);
	check(r->says, state, "state", now, r->to == AT_SAME ? state : r->to);
	check(r->says, state, "error", at.p != NULL ? at.p->c.so_error : 0, r->err);
	check_drops(&at, r->says, state, r->drop);
	if (at.p != NULL && at.p->state != TCP_CLOSED && now != AT_TIME_WAIT && now == state && state != AT_SYN_SENT)
		check(r->says, state, "RCV.NXT", (int32_t)(at.p->rcv_nxt - at.w->peer_iss - at.rcv), r->took);
	check_times(&at, r->says, state, &r->left);
	check_done();
	place_leave(&at);
}

void segments_run(const struct segment_rule *rules, unsigned n)
{
	unsigned wrong = n_wrong;

	for (unsigned i = 0; i < n; i++)
		for (unsigned state = 0; state < AT_STATES; state++)
			if (rules[i].at & 1u << state)
				segment_run(&rules[i], (enum at)state);
	assert_int_equal(n_wrong - wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_closed), cmocka_unit_test(segments_listen), cmocka_unit_test(segments_syn_sent),
		cmocka_unit_test(segments_syn_received), cmocka_unit_test(segments_sequence), cmocka_unit_test(segments_flags),
		cmocka_unit_test(segments_ack), cmocka_unit_test(segments_text), cmocka_unit_test(segments_fin),
		cmocka_unit_test(segments_time_wait), cmocka_unit_test(calls_open), cmocka_unit_test(calls_send),
		cmocka_unit_test(calls_receive), cmocka_unit_test(calls_close), cmocka_unit_test(calls_abort),
		cmocka_unit_test(calls_status), cmocka_unit_test(timeouts_user), cmocka_unit_test(timeouts_retransmission),
		cmocka_unit_test(timeouts_keepalive), cmocka_unit_test(timeouts_ends),
	};
	int failed = cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);

	printf("state tests: %u state rules\n", n_rules);
	return failed;
}
