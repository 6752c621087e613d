/* tso_test.c: large frames for a NIC that cuts them (TSO): when they are made, what is in them, and when segments go singly. */
#include "world.h"

#include "tcp/out.h"
#include "wire/cksum.h"
#include "wire/ip4.h"

#define LARGE (8 * MSS) /* what the NIC takes at once */

/* The NIC does sums and cuts: a plain world's out() is for what has neither. The next frame: how many bytes of text from seq. */
static void out_frame(struct world *w, uint32_t seq, uint32_t len, uint8_t flags)
{
	struct rte_mbuf *m = host_sent(&w->h);
	uint8_t got[LARGE + 100];
	struct tcp_view v = {0};
	const uint8_t *b;

	assert_non_null(m);
	b = rte_pktmbuf_read(m, 0, m->pkt_len, got);
	assert_int_equal(m->pkt_len, 14 + 20 + 20 + len);
	assert_int_equal(load16(b + 16), 40 + len);
	assert_true(tcp_parse(&v, b + 34, 20 + len));
	assert_int_equal(v.seq - w->our_iss, seq);
	assert_int_equal(v.flags & ~PSH, flags);
	assert_true(m->ol_flags & RTE_MBUF_F_TX_TCP_CKSUM || m->ol_flags & RTE_MBUF_F_TX_TCP_SEG);
	assert_int_equal((m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0, len > MSS);
	if (len > MSS) {
		assert_int_equal(m->tso_segsz, MSS);
		assert_int_equal(m->l2_len + m->l3_len + m->l4_len, 54);
	}
	for (uint32_t i = 0; i < len; i++)
		assert_int_equal(b[54 + i], world_byte(seq + i));
	rte_pktmbuf_free(m);
}

/* A connection whose device cuts frames from now on. */
static struct tcp_pcb *connected(struct world *w)
{
	struct tcp_pcb *p = app_connected(w);

	w->h.port.offloads = PORT_TX_TSO | PORT_TX_IP4_CKSUM | PORT_TX_TCP_CKSUM | PORT_TX_MULTI_SEG;
	w->h.port.tso_max_bytes = LARGE;
	return p;
}

/* What would leave as full segments leaves as one frame, up to what the NIC and the windows take; it counts as those segments. */
static void full_segments_together(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = connected(w);
	uint64_t segs = w->t->stats.segs_out;

	assert_int_equal(app_send(w, p, 1, 9 * MSS + 100), 9 * MSS + 100);
	out_frame(w, 1, 8 * MSS, ACK);
	out_frame(w, 1 + 8 * MSS, MSS + 100, ACK);
	out_none(w);
	assert_int_equal(w->t->stats.segs_out, segs + 10);
	/* Each of them can be acknowledged, and lost, alone. */
	in(w, ACK, 1, 0, 1 + 3 * MSS);
	assert_int_equal(p->snd_una - w->our_iss, 1 + 3 * MSS);
	for (int i = 0; i < 3; i++)
		in(w, ACK, 1, 0, 1 + 3 * MSS);
	out_frame(w, 1 + 3 * MSS, MSS, ACK); /* retransmissions go singly */
	in(w, ACK, 1, 0, 1 + 9 * MSS + 100);
	out_none(w);
}

/* A FIN behind the text leaves with the last frame. */
static void with_fin(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = connected(w);

	app_opt(w, p, IPPROTO_TCP, 3 /* TCP_CORK */, 1);
	assert_int_equal(app_send(w, p, 1, 3 * MSS + 10), 3 * MSS + 10);
	out_frame(w, 1, 3 * MSS, ACK);
	app_shutdown(w, p, SHUT_WR);
	out_frame(w, 1 + 3 * MSS, 10, ACK | FIN);
	in(w, ACK, 1, 0, 1 + 3 * MSS + 11);
}

/* A device with short chains, and one that takes less than two segments at once. */
static void bounds_of_the_device(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = connected(w);
	uint32_t room = w->t->seg_max;

	assert_int_equal(room / MSS, 1);
	w->h.port.tx_segs_max = 2; /* two buffers of seg_max bytes */
	assert_int_equal(app_send(w, p, 1, 4 * MSS), 4 * MSS);
	out_frame(w, 1, 2 * room / MSS * MSS, ACK);
	out_skip(w);
	in(w, ACK, 1, 0, 1 + 4 * MSS);
	w->h.port.tx_segs_max = 0;
	w->h.port.tso_max_bytes = 2 * MSS - 1;
	assert_int_equal(app_send(w, p, 1 + 4 * MSS, 2 * MSS), 2 * MSS);
	out_frame(w, 1 + 4 * MSS, MSS, ACK);
	out_frame(w, 1 + 5 * MSS, MSS, ACK);
	in(w, ACK, 1, 0, 1 + 6 * MSS);
}

static struct rte_mbuf *taken[65536];

/* Packet buffers for one segment, but not for a large frame: a segment leaves, and nothing is lost or counted twice. */
static void too_few_buffers(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = connected(w);
	uint64_t segs = w->t->stats.segs_out;
	static uint8_t text[4 * MSS];
	const struct iovec iov = {.iov_base = text, .iov_len = sizeof(text)};
	uint32_t n = 0;

	for (uint32_t i = 0; i < sizeof(text); i++)
		text[i] = world_byte(1 + i);
	assert_int_equal(tcp_send(w->t, p, &iov, 1, 0), sizeof(text));
	while ((taken[n] = rte_pktmbuf_alloc(world_pool())) != NULL)
		assert_true(++n < RTE_DIM(taken));
	rte_pktmbuf_free(taken[--n]);
	host_flush(&w->h);
	out_frame(w, 1, MSS, ACK);
	assert_int_equal(w->t->stats.segs_out, segs + 1);
	rte_pktmbuf_free_bulk(taken, n);
	host_flush(&w->h);
	out_frame(w, 1 + MSS, 3 * MSS, ACK);
	assert_int_equal(w->t->stats.segs_out, segs + 4);
	in(w, ACK, 1, 0, 1 + 4 * MSS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(full_segments_together), world_test(with_fin), world_test(bounds_of_the_device), world_test(too_few_buffers),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
