/* pressure_test.c: what happens when queues and packet buffers run short, and what a segment without text is numbered. */
#include "world.h"

/* RFC 9293 3.10.7.4: after a retransmission timeout an ACK from SND.UNA would lie before what the peer has received; two such
 * peers would answer each other for ever. */
static void bare_ack_after_rto(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	assert_int_equal(app_send(w, p, 1, 3 * MSS), 3 * MSS);
	for (uint32_t i = 0; i < 3; i++)
		out(w, ACK, 1 + i * MSS, MSS, 1);
	quiet_then_rto(w, 1);
	out(w, ACK, 1, MSS, 1);
	in(w, ACK, (uint32_t)-100, 0, 1); /* old: answered, whatever it says */
	out(w, ACK, 1 + 3 * MSS, 0, 1);
	out_skip(w);
	in(w, ACK, 1, 0, 1 + 3 * MSS);
}

/* The same holds for a RST: only the exact number is believed (RFC 5961 3.2). */
static void reset_after_rto(void **state)
{
	const struct linger now = {.l_onoff = 1};
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	assert_int_equal(app_send(w, p, 1, 2 * MSS), 2 * MSS);
	out_skip(w);
	quiet_then_rto(w, 1);
	out(w, ACK, 1, MSS, 1);
	assert_int_equal(tcp_setopt(w->t, p, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	app_close(w, p);
	out(w, RST | ACK, 1 + 2 * MSS, 0, 1);
}

/* And of a peer that takes its window back over what is in flight. */
static void bare_ack_window_shrunk(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	assert_int_equal(app_send(w, p, 1, 3 * MSS), 3 * MSS);
	out_skip(w);
	in_wnd(w, ACK, 1, 0, 1, 2000);
	in(w, ACK, (uint32_t)-100, 0, 1);
	out(w, ACK, 2001, 0, 1);
	in(w, ACK, 1, 0, 1 + 3 * MSS);
}

static void device_fill(struct world *w)
{
	w->h.tx_stuck = true;
	while (pkt_tx_room(w->h.tx) > 0) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(world_pool());

		rte_pktmbuf_append(m, 60);
		pkt_tx_push(w->h.tx, m);
	}
}

static void device_free(struct world *w)
{
	unsigned n = TX_QUEUE_MAX - TX_RESERVED;

	w->h.tx_stuck = false;
	host_flush(&w->h);
	while (n-- > 0)
		rte_pktmbuf_free(host_sent(&w->h));
}

/* A device that takes nothing: the SYN waits instead of being lost for a second. */
static void syn_waits_for_device(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = tcp_new(w->t);

	device_fill(w);
	assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0);
	assert_true(p->tflags & TF_SYN_DUE);
	host_flush(&w->h);
	assert_true(p->tflags & TF_SYN_DUE);
	w->rport = PORT;
	w->lport = rte_be_to_cpu_16(p->c.h.key.lport_be);
	device_free(w);
	out(w, SYN, 0, 0, 0);
	assert_false(p->tflags & TF_SYN_DUE);
	assert_int_equal(w->h.drops.n[DROP_TX_FULL], 0);
}

/* ... and an attempt that is given up meanwhile sends none. */
static void syn_given_up(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = tcp_new(w->t);

	device_fill(w);
	assert_int_equal(tcp_connect(w->t, p, PEER, RTE_BE16(PORT)), 0);
	tcp_close(w->t, p);
	device_free(w);
	assert_null(host_sent(&w->h));
}

/* ACKs that a stuck device does not take wait, too: one for each segment beyond a gap (RFC 5681 4.2), and the one that is due at once. */
static void acks_wait_for_device(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	device_fill(w);
	for (uint32_t i = 1; i <= 3; i++)
		in(w, ACK, 1 + i * 100, 100, 1);
	assert_int_equal(tcp_buf_of(w->t, p)->dup_acks_due, 3);
	device_free(w);
	for (uint32_t i = 1; i <= 3; i++)
		out(w, ACK, 1, 0, 1);
	out_none(w);
	device_fill(w);
	in(w, ACK, 1, 100, 1); /* the gap is filled */
	assert_true(p->tflags & TF_ACK_NOW);
	device_free(w);
	out(w, ACK, 1, 0, 401);
	out_none(w);
	assert_int_equal(w->h.drops.n[DROP_TX_FULL], 0);
	assert_int_equal(tcp_unread(w->t, p), 400);
}

/* The places behind the room are for answers that nobody keeps. */
static void answers_have_room(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = app_listen(w, 10);

	device_fill(w);
	in_seg_held(w, &(struct seg){.flags = SYN, .wnd = 65535, .o = {.has_mss = true, .mss = MSS}});
	device_free(w);
	out(w, SYN | ACK, 0, 0, 1);
	in(w, RST, 1, 0, 0);
	tcp_close(w->t, l);
}

/* Send queues hold their share of the mbufs; then EAGAIN, and EPOLLOUT when others have given some back. */
static void send_share(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	uint32_t one = RTE_MBUF_DEFAULT_BUF_SIZE;

	w->t->snd_held_max = 1;
	assert_int_equal(app_send(w, p, 1, 5000), one);
	assert_int_equal(w->t->snd_held, 1);
	assert_int_equal(app_send(w, p, 1 + one, 100), -EAGAIN);
	assert_int_equal(tcp_poll(w->t, p) & EPOLLOUT, 0);
	out(w, ACK, 1, MSS, 1);
	in(w, ACK, 1, 0, 1 + MSS);
	out(w, ACK, 1 + MSS, one - MSS, 1);
	in(w, ACK, 1, 0, 1 + one);
	assert_int_equal(w->t->snd_held, 0);
	assert_int_equal(tcp_poll(w->t, p) & EPOLLOUT, EPOLLOUT);
	assert_int_equal(app_send(w, p, 1 + one, 100), 100);
	out(w, ACK, 1 + one, 100, 1);
	in(w, ACK, 1, 0, 101 + one);
}

/* Receive queues hold theirs: what comes beyond is not acknowledged, and taken when the application has read. */
static void receive_share(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	w->t->rcv_held_max = 2;
	in(w, ACK, 1, 1000, 1);
	in(w, ACK, 1001, 1000, 1);
	assert_int_equal(w->t->rcv_held, 2);
	out_skip(w);
	in(w, ACK, 2001, 1000, 1);
	assert_int_equal(w->h.drops.n[DROP_NO_MBUF], 1);
	assert_int_equal(p->rcv_nxt - w->peer_iss, 2001);
	assert_int_equal(app_recv(w, p, 1, 5000), 2000);
	assert_int_equal(w->t->rcv_held, 0);
	out_skip(w);
	in(w, ACK, 2001, 1000, 1);
	assert_int_equal(app_recv(w, p, 2001, 5000), 1000);
	out_skip(w);
}

/* What came out of order may take half of the share, so that what fills the gap finds room. */
static void gap_has_room(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	w->t->rcv_held_max = 4;
	in(w, ACK, 2001, 1000, 1);
	in(w, ACK, 3001, 1000, 1);
	in(w, ACK, 4001, 1000, 1);
	assert_int_equal(w->h.drops.n[DROP_TCP_OOO_FULL], 1);
	assert_int_equal(w->t->rcv_held, 2);
	out_skip(w);
	in(w, ACK, 1, 2000 - 1000, 1);
	in(w, ACK, 1001, 1000, 1);
	assert_int_equal(p->rcv_nxt - w->peer_iss, 4001);
	out_skip(w);
	assert_int_equal(app_recv(w, p, 1, 5000), 4000);
	assert_int_equal(w->t->rcv_held, 0);
	out_skip(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(bare_ack_after_rto), world_test(reset_after_rto), world_test(bare_ack_window_shrunk), world_test(syn_waits_for_device),
		world_test(syn_given_up), world_test(acks_wait_for_device), world_test(answers_have_room), world_test(send_share), world_test(receive_share),
		world_test(gap_has_room),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
