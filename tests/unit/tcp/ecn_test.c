/* ecn_test.c: explicit congestion notification, segment by segment. Section numbers are RFC 3168's where no other is named. */
#include <linux/inet_diag.h>

#include "tcp/ecn.h"
#include "tcp/ext.h"

#include "world.h"

#define ECE TCPF_ECE
#define CWR TCPF_CWR
#define TCP_CONGESTION 13

static void tos_is(const struct world *w, uint8_t tos)
{
	if ((w->got.tos & ECN_CE) != tos)
		fail_msg("codepoint %u, expected %u", w->got.tos & ECN_CE, tos);
}

/* Established from our side, with ECN. */
static struct tcp_pcb *connected(struct world *w, uint8_t synack_flags)
{
	struct tcp_pcb *p;

	w->t->ecn = TCP_ECN_ON;
	p = app_connect(w);
	out(w, SYN | ECE | CWR, 0, 0, 0); /* 6.1.1: an ECN-setup SYN ... */
	tos_is(w, 0);                     /* ... which is not ECN-capable itself */
	in_seg(w, &(struct seg){.flags = (uint8_t)(SYN | ACK | synack_flags), .ack = 1, .wnd = w->peer_wnd,
				.o = {.has_mss = true, .mss = MSS}});
	out(w, ACK, 1, 0, 1);
	tos_is(w, 0);
	return p;
}

static void asked_for(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = connected(w, ECE);

	assert_true(p->xflags & TX_ECN);
	assert_int_equal(app_send(w, p, 1, 100), 100);
	out(w, ACK, 1, 100, 1);
	tos_is(w, ECN_ECT0);
	quiet_then_rto(w, 1);
	out(w, ACK, 1, 100, 1);
	tos_is(w, 0); /* 6.1.5: a retransmission is not ECN-capable */
}

/* 6.1.1: a SYN-ACK without ECE refuses; one with both flags comes from what mirrors them. */
static void refused(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = connected(w, 0);

	assert_false(p->xflags & TX_ECN);
	assert_int_equal(app_send(w, p, 1, 100), 100);
	out(w, ACK, 1, 100, 1);
	tos_is(w, 0);
}

static void mirrored(void **state)
{
	struct world *w = *state;

	assert_false(connected(w, ECE | CWR)->xflags & TX_ECN);
}

/* 6.1.1.1: the repeated SYN asks for nothing, but the answer to the first one counts. */
static void syn_fallback(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	w->t->ecn = TCP_ECN_ON;
	p = app_connect(w);
	out(w, SYN | ECE | CWR, 0, 0, 0);
	quiet_then_ms(w, 1000);
	out(w, SYN, 0, 0, 0);
	in_seg(w, &(struct seg){.flags = SYN | ACK | ECE, .ack = 1, .wnd = w->peer_wnd});
	out(w, ACK, 1, 0, 1);
	assert_true(p->xflags & TX_ECN);
}

static void not_asked_for(void **state)
{
	struct world *w = *state;

	app_connect(w);
	out(w, SYN, 0, 0, 0); /* TCP_ECN_ANSWER */
}

/* The SYN-ACK's flags to a SYN with these, of this codepoint. */
static uint8_t answer_to(struct world *w, uint8_t syn_flags, uint8_t tos)
{
	uint8_t flags;

	in_seg(w, &(struct seg){.flags = (uint8_t)(SYN | syn_flags), .wnd = w->peer_wnd, .tos = tos});
	assert_int_equal(out_count(w), 1);
	out(w, SYN | ACK | (syn_flags == (ECE | CWR) && tos == 0 && w->t->ecn != TCP_ECN_OFF ? ECE : 0), 0, 0, 1);
	tos_is(w, 0);
	flags = w->got.flags;
	in(w, RST, 1, 0, 0);
	return flags;
}

static void answered(void **state)
{
	struct world *w = *state;

	app_listen(w, 8);
	assert_true(answer_to(w, ECE | CWR, 0) & ECE);
	assert_false(answer_to(w, ECE, 0) & ECE);
	assert_false(answer_to(w, 0, 0) & ECE);
	assert_false(answer_to(w, ECE | CWR, ECN_ECT0) & ECE); /* such a SYN is none of an honest sender */
	w->t->ecn = TCP_ECN_OFF;
	assert_false(answer_to(w, ECE | CWR, 0) & ECE);
}

static struct tcp_pcb *accepted(struct world *w)
{
	struct tcp_pcb *l = app_listen(w, 8), *p;

	in_seg(w, &(struct seg){.flags = SYN | ECE | CWR, .wnd = w->peer_wnd, .o = {.has_mss = true, .mss = MSS}});
	out(w, SYN | ACK | ECE, 0, 0, 1);
	in(w, ACK, 1, 0, 1);
	p = tcp_accept(w->t, &l->c);
	assert_non_null(p);
	assert_true(p->xflags & TX_ECN);
	p->xflags &= ~TX_QUICK_MASK; /* the first ACKs are sent at once anyway */
	return p;
}

static void in_tos(struct world *w, uint8_t flags, uint32_t seq, uint32_t len, uint8_t tos)
{
	in_seg(w, &(struct seg){.flags = flags, .seq = seq, .len = len, .ack = 1, .wnd = w->peer_wnd, .tos = tos});
}

/* 6.1.3: from CE on every ACK has ECE, data too, until CWR. */
static void ce_echoed(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = accepted(w);

	in_tos(w, ACK, 1, 100, ECN_ECT0);
	quiet_then_ms(w, 40);
	out(w, ACK, 1, 0, 101);
	in_tos(w, ACK, 101, 100, ECN_CE); /* told at once */
	out(w, ACK | ECE, 1, 0, 201);
	in_tos(w, ACK, 201, 100, ECN_ECT0);
	assert_int_equal(app_send(w, p, 1, 50), 50);
	out(w, ACK | ECE, 1, 50, 301);
	in_seg(w, &(struct seg){.flags = ACK | CWR, .seq = 301, .len = 100, .ack = 51, .wnd = w->peer_wnd, .tos = ECN_ECT0});
	out(w, ACK, 51, 0, 401);
	/* CWR of a packet that was marked itself: that mark is new */
	in_seg(w, &(struct seg){.flags = ACK | CWR, .seq = 401, .len = 100, .ack = 51, .wnd = w->peer_wnd, .tos = ECN_CE});
	out(w, ACK | ECE, 51, 0, 501);
	assert_int_equal(w->t->stats.ecn_ce, 2);
}

/* 6.1.2: half the window, once per round trip, and CWR on the next new segment alone. */
static void echo_answered(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = connected(w, ECE);
	uint32_t at = 1 + 10 * MSS;

	assert_int_equal(app_send(w, p, 1, 40 * MSS), 40 * MSS);
	for (uint32_t i = 0; i < 10; i++)
		out(w, ACK, 1 + i * MSS, MSS, 1);
	in(w, ACK | ECE, 1, 0, 1 + 2 * MSS);
	assert_int_equal(p->ssthresh, 5 * MSS);
	assert_int_equal(p->cwnd, 5 * MSS);
	out_none(w); /* eight are in flight */
	in(w, ACK | ECE, 1, 0, 1 + 6 * MSS);
	assert_int_equal(p->cwnd, 5 * MSS);
	out(w, ACK | CWR, at, MSS, 1);
	tos_is(w, ECN_ECT0);
	out_none(w);
	in(w, ACK | ECE, 1, 0, at); /* all from before, seen before CWR arrived */
	assert_int_equal(p->cwnd, 5 * MSS);
	for (uint32_t i = 1; i < 5; i++)
		out(w, ACK, at + i * MSS, MSS, 1);
	out_none(w);
	in(w, ACK | ECE, 1, 0, at + MSS); /* CWR has arrived: this is news */
	assert_int_equal(p->ssthresh, 5 * MSS / 2);
	assert_int_equal(w->t->stats.ecn_reductions, 2);
}

/* 6.1.2: a loss has made the window smaller already; and CWR says so. */
static void echo_in_recovery(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = connected(w, ECE);
	uint32_t ssthresh;

	assert_int_equal(app_send(w, p, 1, 10 * MSS), 10 * MSS);
	out_skip(w);
	for (int i = 0; i < 3; i++)
		in(w, ACK, 1, 0, 1);
	out(w, ACK, 1, MSS, 1);
	tos_is(w, 0);
	assert_true(p->tflags & TF_RECOVERY);
	assert_true(p->xflags & TX_ECN_CWR);
	ssthresh = p->ssthresh;
	in(w, ACK | ECE, 1, 0, 1);
	assert_int_equal(p->ssthresh, ssthresh);
	assert_int_equal(w->t->stats.ecn_reductions, 0);
}

/* 6.1.6 */
static void window_probe(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = connected(w, ECE);

	in_wnd(w, ACK, 1, 0, 1, 0);
	assert_int_equal(app_send(w, p, 1, 100), 100);
	quiet_then_rto(w, 1);
	out(w, ACK, 0, 0, 1);
	tos_is(w, 0);
}

/* RFC 8257 3.2: every ACK says what its own bytes were; a change is told before it. DCTCP asks whatever the setting is, and marks
 * all of its segments as ECN-capable, the SYN too (RFC 8311 4.3, as Linux). */
static void dctcp_receiver(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = tcp_new(w->t);

	assert_int_equal(tcp_setopt(w->t, p, IPPROTO_TCP, TCP_CONGESTION, "dctcp", 5), 0);
	assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0);
	host_flush(&w->h);
	out(w, SYN | ECE | CWR, 0, 0, 0);
	tos_is(w, ECN_ECT0);
	in_seg(w, &(struct seg){.flags = SYN | ACK | ECE, .ack = 1, .wnd = w->peer_wnd, .o = {.has_mss = true, .mss = MSS}});
	out(w, ACK, 1, 0, 1);
	tos_is(w, ECN_ECT0);
	p->xflags &= ~TX_QUICK_MASK;
	in_tos(w, ACK, 1, MSS, ECN_ECT0);
	out_none(w); /* delayed */
	in_tos(w, ACK, 1 + MSS, MSS, ECN_CE);
	out(w, ACK, 1, 0, 1 + MSS);           /* what is owed, unmarked ... */
	out(w, ACK | ECE, 1, 0, 1 + 2 * MSS); /* ... and the marked one at once */
	in_tos(w, ACK, 1 + 2 * MSS, MSS, ECN_CE);
	out_none(w);
	in_tos(w, ACK | CWR, 1 + 3 * MSS, MSS, ECN_CE); /* CWR does not end it */
	out(w, ACK | ECE, 1, 0, 1 + 4 * MSS);
	in_tos(w, ACK, 1 + 4 * MSS, MSS, ECN_CE);
	in_tos(w, ACK, 1 + 5 * MSS, MSS, ECN_ECT0);
	out(w, ACK | ECE, 1, 0, 1 + 5 * MSS);
	out(w, ACK, 1, 0, 1 + 6 * MSS);
	out_none(w);
}

/* TCP_CC_INFO of DCTCP, as ss(8) shows it. */
static void dctcp_told(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;
	union tcp_cc_info i;
	uint32_t len = sizeof(i);

	w->t->ecn = TCP_ECN_ON;
	p = tcp_new(w->t);
	assert_int_equal(tcp_setopt(w->t, p, IPPROTO_TCP, TCP_CONGESTION, "dctcp", 5), 0);
	assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0);
	host_flush(&w->h);
	out(w, SYN | ECE | CWR, 0, 0, 0);
	in_seg(w, &(struct seg){.flags = SYN | ACK | ECE, .ack = 1, .wnd = w->peer_wnd, .o = {.has_mss = true, .mss = MSS}});
	out(w, ACK, 1, 0, 1);
	in_seg(w, &(struct seg){.flags = ACK, .seq = 1, .ack = 1, .len = 10, .wnd = w->peer_wnd, .tos = ECN_CE});
	assert_int_equal(app_send(w, p, 1, 4 * MSS), 4 * MSS);
	out_skip(w);
	/* RFC 8257 3.3: the first ACK ends a window that was all marked, the next two are of another one. */
	in_seg(w, &(struct seg){.flags = ACK | ECE, .seq = 11, .ack = 1 + 2 * MSS, .wnd = w->peer_wnd});
	in_seg(w, &(struct seg){.flags = ACK | ECE, .seq = 11, .ack = 1 + 3 * MSS, .wnd = w->peer_wnd});
	in_seg(w, &(struct seg){.flags = ACK, .seq = 11, .ack = 1 + 3 * MSS + 500, .wnd = w->peer_wnd});
	out_skip(w);
	assert_int_equal(tcp_getopt(w->t, p, IPPROTO_TCP, 26 /* TCP_CC_INFO */, &i, &len), 0);
	assert_int_equal(len, sizeof(i.dctcp));
	assert_int_equal(i.dctcp.dctcp_enabled, 1);
	assert_int_equal(i.dctcp.dctcp_ce_state, 1);
	assert_int_equal(i.dctcp.dctcp_ab_ecn, MSS);
	assert_int_equal(i.dctcp.dctcp_ab_tot, MSS + 500);
	assert_int_equal(i.dctcp.dctcp_alpha, 1024); /* 1, as in the beginning */
	in(w, ACK, 11, 0, 1 + 4 * MSS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(asked_for), world_test(refused), world_test(mirrored), world_test(syn_fallback), world_test(not_asked_for),
		world_test(answered), world_test(ce_echoed), world_test(echo_answered), world_test(echo_in_recovery),
		world_test(window_probe), world_test(dctcp_receiver),
		world_test(dctcp_told),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
