/* urgent_test.c: urgent data, both ways (RFC 9293 3.8.5, RFC 6093), with Linux's calls: MSG_OOB, SO_OOBINLINE, SIOCATMARK. */
#include "world.h"

#define URG TCPF_URG

static void in_urg(struct world *w, uint8_t flags, uint32_t seq, uint32_t len, uint16_t urp)
{
	in_seg(w, &(struct seg){.flags = flags | URG | ACK, .seq = seq, .len = len, .ack = 1, .wnd = w->peer_wnd, .urp = urp});
	out_skip(w);
}

static void oob(struct world *w, struct tcp_pcb *p, ssize_t want, uint32_t seq)
{
	uint8_t byte = 0;

	assert_int_equal(tcp_recv_urgent(w->t, p, &byte, 1, 0), want);
	if (want == 1)
		assert_int_equal(byte, world_byte(seq));
}

/* RFC 6093 section 3.1: the pointer names the byte behind the last urgent one. Nagle does not hold it. */
static void sent(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	assert_int_equal(app_send(w, p, 1, 100), 100);
	out(w, ACK, 1, 100, 1);
	assert_int_equal(w->got.urp, 0);
	assert_int_equal(app_send_flags(w, p, 101, 3, MSG_OOB), 3);
	out(w, ACK | URG, 101, 3, 1);
	assert_int_equal(w->got.urp, 3);
	in(w, ACK, 1, 0, 101);
	quiet_then_rto(w, 1);
	out(w, ACK | URG, 101, 3, 1); /* again with it */
	assert_int_equal(w->got.urp, 3);
	in(w, ACK, 1, 0, 104);
	assert_int_equal(app_send(w, p, 104, 10), 10);
	out(w, ACK, 104, 10, 1);
}

/* Every segment before the mark announces it, also one that is farther than 64 KiB, and bare ACKs while the window is closed
 * (RFC 9293 3.8.5: a zero window does not stop it). */
static void sent_far(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	p->cwnd = 10 * MSS;
	assert_int_equal(app_send_flags(w, p, 1, 70000, MSG_OOB), 70000);
	for (uint32_t i = 0; i < 10; i++) {
		out(w, ACK | URG, 1 + i * MSS, MSS, 1);
		assert_int_equal(w->got.urp, 70000 - i * MSS < 65535 ? 70000 - i * MSS : 65535);
	}
	in_wnd(w, ACK, 1, 0, 1 + 10 * MSS, 0);
	out_none(w);
	in_wnd(w, ACK, 1, 1500, 1 + 10 * MSS, 0);
	quiet_then_ms(w, 40);
	out(w, ACK | URG, 1 + 10 * MSS, 0, 1501);
	assert_int_equal(w->got.urp, 70000 - 10 * MSS);
	app_close(w, p);
	out(w, RST | ACK, 1 + 10 * MSS, 0, 1501);
}

/* The byte is apart from the stream, reading stops at its place once, and the mark is seen there. */
static void received(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	oob(w, p, -EINVAL, 0);
	assert_false(tcp_at_mark(w->t, p));
	in_urg(w, 0, 1, 10, 5); /* bytes 1 to 10, byte 5 is urgent */
	assert_int_equal(tcp_poll(w->t, p), EPOLLIN | EPOLLRDNORM | EPOLLOUT | EPOLLWRNORM | EPOLLPRI);
	assert_int_equal(tcp_unread(w->t, p), 4);
	oob(w, p, 1, 5);
	oob(w, p, -EINVAL, 0); /* read before */
	assert_int_equal(tcp_poll(w->t, p) & EPOLLPRI, 0);
	assert_int_equal(app_recv(w, p, 1, 100), 4);
	assert_true(tcp_at_mark(w->t, p));
	assert_int_equal(app_recv(w, p, 6, 100), 5);
	assert_false(tcp_at_mark(w->t, p));
	assert_int_equal(p->buf, 0);
}

/* SO_OOBINLINE: it stays in the stream; the mark is the same. */
static void received_inline(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	app_opt(w, p, SOL_SOCKET, SO_OOBINLINE, 1);
	in_urg(w, 0, 1, 10, 5);
	oob(w, p, -EINVAL, 0);
	assert_int_equal(app_recv(w, p, 1, 100), 4);
	assert_true(tcp_at_mark(w->t, p));
	assert_int_equal(tcp_unread(w->t, p), 6);
	assert_int_equal(app_recv(w, p, 5, 100), 6);
	assert_false(tcp_at_mark(w->t, p));
}

/* Not read before the stream went past it: gone. Peeking changes nothing. */
static void passed_by(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	uint8_t b[10];
	struct iovec iov = {b, sizeof(b)};

	in_urg(w, 0, 1, 10, 1); /* the first byte */
	assert_true(tcp_at_mark(w->t, p));
	assert_int_equal(tcp_recv_urgent(w->t, p, b, 1, MSG_PEEK), 1);
	assert_int_equal(tcp_recv(w->t, p, &iov, 1, MSG_PEEK), 9);
	assert_int_equal(b[0], world_byte(2));
	assert_true(tcp_at_mark(w->t, p));
	assert_int_equal(app_recv(w, p, 2, 100), 9);
	oob(w, p, -EINVAL, 0);
	/* The urgent byte alone: nothing to read, and nothing is said about it by EPOLLIN. */
	in_urg(w, 0, 11, 1, 1);
	assert_int_equal(tcp_unread(w->t, p), 0);
	assert_int_equal(tcp_poll(w->t, p) & (EPOLLIN | EPOLLPRI), EPOLLPRI);
	assert_int_equal(app_recv(w, p, 12, 100), -EAGAIN);
	oob(w, p, -EINVAL, 0);
	assert_int_equal(p->buf, 0);
}

/* Pointer 0 names the segment's own first byte; past the segment: EAGAIN until that byte is there, whatever order it comes in. */
static void pointers(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	in_urg(w, 0, 1, 10, 0);
	oob(w, p, 1, 1);
	assert_int_equal(app_recv(w, p, 2, 100), 9);
	in_urg(w, 0, 11, 0, 1000); /* without text */
	oob(w, p, -EAGAIN, 0);
	in(w, ACK, 11, 500, 1);
	oob(w, p, -EAGAIN, 0);
	in(w, ACK, 1000, 100, 1); /* beyond a gap */
	oob(w, p, 1, 1010);
	out_skip(w);
	in(w, ACK, 511, 489, 1);
	assert_int_equal(app_recv(w, p, 11, 5000), 999);
	assert_true(tcp_at_mark(w->t, p));
	assert_int_equal(app_recv(w, p, 1011, 5000), 89);
	in_urg(w, 0, 1100, 10, 65535); /* far beyond the window */
	oob(w, p, -EAGAIN, 0);
	assert_int_equal(app_recv(w, p, 1100, 5000), 10);
	out_skip(w);
}

/* RCV.UP <- max(RCV.UP, SEG.UP): an older mark is forgotten, one that is no newer does nothing, one of what was received
 * is old. */
static void newer_marks(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	in_urg(w, 0, 1, 10, 5);
	in_urg(w, 0, 11, 10, 5);
	oob(w, p, 1, 15);
	assert_int_equal(app_recv(w, p, 1, 100), 14); /* the first one is of the stream now */
	in_urg(w, 0, 21, 0, (uint16_t)-10);
	in_urg(w, 0, 21, 10, 3); /* less far than that */
	oob(w, p, -EAGAIN, 0);
	assert_int_equal(app_recv(w, p, 16, 100), 15);
	out_skip(w);
}

/* Two in a row that nobody reads: the one that was next does not slip into the stream. */
static void unread_at_mark(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	in_urg(w, 0, 1, 1, 1);
	in_urg(w, 0, 2, 1, 1);
	assert_int_equal(tcp_unread(w->t, p), 0);
	oob(w, p, 1, 2);
	in(w, ACK, 3, 5, 1);
	assert_int_equal(app_recv(w, p, 3, 10), 5);
}

/* RFC 9293 3.10.7.4, sixth step: also in FIN-WAIT-1 and 2; afterwards the mark is ignored. The FIN is no byte. */
static void across_states(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	app_shutdown(w, p, SHUT_WR);
	out(w, ACK | FIN, 1, 0, 1);
	in_urg(w, 0, 1, 5, 2);
	oob(w, p, 1, 2);
	assert_int_equal(app_recv(w, p, 1, 10), 1);
	in(w, ACK, 6, 0, 2);
	assert_int_equal(p->state, TCP_FIN_WAIT_2);
	in_urg(w, FIN, 6, 5, 5);
	assert_int_equal(p->state, TCP_CLOSED);
	oob(w, p, 1, 10);
	assert_int_equal(app_recv(w, p, 3, 100), 7);
	assert_true(tcp_at_mark(w->t, p));
	assert_int_equal(app_recv(w, p, 0, 100), 0);
}

static void ignored_after_fin(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	in(w, ACK | FIN, 1, 0, 1);
	out(w, ACK, 1, 0, 2);
	assert_int_equal(p->state, TCP_CLOSE_WAIT);
	in_urg(w, 0, 2, 0, 5);
	oob(w, p, -EINVAL, 0);
	in_urg(w, 0, 2, 0, 0);
	assert_int_equal(p->buf, 0);
}

/* Announced, and then the stream ends. */
static void never_came(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	in_urg(w, 0, 1, 0, 5);
	in(w, ACK | FIN, 1, 2, 1);
	out_skip(w);
	oob(w, p, 0, 0);
	in(w, RST, 4, 0, 1);
	assert_int_equal(p->state, TCP_CLOSED);
	oob(w, p, 0, 0);
}

/* RFC 9293 3.8.6.1 (MUST-66): with the receive window closed, URG and RST are processed all the same. */
static void closed_window(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	p->rcv_adv = p->rcv_nxt; /* as if all of it were filled */
	p->rcvbuf = 0;
	in_urg(w, 0, 1, 10, 5);
	oob(w, p, -EAGAIN, 0);
	assert_int_equal(p->rcv_nxt - w->peer_iss, 1);
	in(w, RST | ACK, 1, 10, 1);
	assert_int_equal(p->c.so_error, ECONNRESET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(sent), world_test(sent_far), world_test(received), world_test(received_inline), world_test(passed_by),
		world_test(pointers), world_test(newer_marks), world_test(unread_at_mark), world_test(across_states),
		world_test(ignored_after_fin), world_test(never_came), world_test(closed_window),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
