/* bugs_segment_test.c: one named test for each class of bug that segments have brought about in TCP stacks: what is in headers
 * and options, and where numbers point. Each bounds the memory and the answers that it may cost. */
#include "world.h"

#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/ip4.h"

/* A segment with these bytes behind the fixed header, and this in its data offset field. */
static void in_raw(struct world *w, uint8_t flags, uint32_t seq, uint8_t off_words, const uint8_t *rest, uint32_t rest_len)
{
	static const struct rte_ether_addr peer = {{2, 0, 0, 0, 0, 2}};
	const struct tcp_view v = {.sport = w->rport, .dport = w->lport, .seq = w->peer_iss + seq, .ack = w->our_iss + 1, .flags = flags,
				   .wnd = 65535};
	struct rte_mbuf *m = rte_pktmbuf_alloc(world_pool());
	uint8_t *b = rte_pktmbuf_mtod(m, uint8_t *);
	const struct tcp_opts none = {0};
	uint16_t sum;

	tcp_emit(b + 34, &v, &none);
	memcpy(b + 54, rest, rest_len);
	b[34 + 12] = (uint8_t)(off_words << 4);
	eth_emit(b, &w->h.port.mac, &peer, RTE_ETHER_TYPE_IPV4);
	ip4_emit(b + 14, PEER, US, IPPROTO_TCP, (uint16_t)(40 + rest_len), 7, 0, 64);
	rte_pktmbuf_append(m, (uint16_t)(54 + rest_len));
	sum = cksum_l4_ip4(m, 34, 20 + rest_len, PEER, US, IPPROTO_TCP);
	memcpy(b + 34 + 16, &sum, 2);
	host_frame(&w->h, m);
	host_flush(&w->h);
}

/* A SYN with these option bytes is answered like one without (RFC 9293 3.1, MUST-6, MUST-7): by one SYN-ACK that agrees on
 * nothing. */
static void syn_with_options(struct world *w, struct tcp_pcb *l, const uint8_t *opts, uint32_t len)
{
	uint8_t padded[40] = {0};
	struct tcp_pcb *p;

	w->rport++;
	w->know_iss = false;
	memcpy(padded, opts, len);
	in_raw(w, SYN, 0, (uint8_t)(5 + (len + 3) / 4), padded, (len + 3) & ~3u);
	out(w, SYN | ACK, 0, 0, 1);
	out_none(w);
	assert_false(w->got.o.has_wscale || w->got.o.has_ts || w->got.o.sack_ok || w->got.o.has_fo);
	in(w, ACK, 1, 0, 1);
	p = tcp_accept(w->t, &l->c);
	assert_non_null(p);
	assert_int_equal(p->mss, TCP_MSS_FALLBACK);
	tcp_opt_need(w->t, p)->linger_s = 0;
	app_close(w, p);
	out_skip(w);
}

#define SYN_OPTIONS(...) \
	do { \
		static const uint8_t o_[] = {__VA_ARGS__}; \
		syn_with_options(w, l, o_, sizeof(o_)); \
	} while (0)

static void option_length_0(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = app_listen(w, 8);

	SYN_OPTIONS(2, 0, 5, 180);              /* MSS */
	SYN_OPTIONS(1, 1, 3, 0, 3, 3, 7, 1);    /* scale: what follows is not read */
	SYN_OPTIONS(8, 0, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8);
	SYN_OPTIONS(77, 0, 0, 0);               /* unknown kinds likewise */
	SYN_OPTIONS(34, 0, 1, 1);
}

static void option_length_1(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = app_listen(w, 8);

	SYN_OPTIONS(2, 1, 5, 180);
	SYN_OPTIONS(4, 1, 4, 2);
	SYN_OPTIONS(1, 1, 1, 3, 1, 3, 3, 7);
	SYN_OPTIONS(254, 1, 0, 0);
}

/* Beyond the header's end, also in its last byte, and lengths that are not the option's. */
static void option_overrun(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = app_listen(w, 8);

	SYN_OPTIONS(2, 5, 5, 180);
	SYN_OPTIONS(8, 255, 1, 2, 3, 4, 5, 6);
	SYN_OPTIONS(1, 1, 1, 2);
	SYN_OPTIONS(1, 1, 1, 8);
	SYN_OPTIONS(2, 3, 5, 1);
	SYN_OPTIONS(3, 4, 7, 7);
	SYN_OPTIONS(4, 3, 1, 1);
	SYN_OPTIONS(34, 5, 1, 2, 3, 0, 0, 0);   /* a cookie of odd length */
	SYN_OPTIONS(34, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18);
	SYN_OPTIONS(254, 4, 0xf9, 0x88);
	SYN_OPTIONS(5, 40, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
		    31, 32, 33, 34, 35, 36, 37, 38); /* SACK blocks in a SYN, and more than fit */
}

/* Below 5, or behind the packet's end: the segment is gone before anybody looks at it. */
static void data_offset(void **state)
{
	static const uint8_t rest[40];
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	uint64_t bad = 0;

	for (uint8_t words = 0; words < 16; words++) {
		uint32_t have = words < 5 ? 40 : (words - 5u) * 4;

		if (words == 5)
			continue;
		in_raw(w, ACK | PSH, 1, words, rest, words < 5 ? have : have - 1);
		assert_int_equal(w->h.drops.n[DROP_TCP_BAD], ++bad);
	}
	out_none(w);
	assert_int_equal(p->rcv_nxt - w->peer_iss, 1);
	assert_int_equal(w->t->bufs.used, 0);
}

static void mss_0_or_8(void **state)
{
	static const uint16_t said[] = {0, 1, 8, 87};
	struct world *w = *state;

	for (unsigned i = 0; i < 4; i++) {
		struct tcp_pcb *p;
		unsigned n;

		w->know_iss = false;
		p = app_connect(w);
		out(w, SYN, 0, 0, 0);
		in_seg(w, &(struct seg){.flags = SYN | ACK, .ack = 1, .wnd = 65535, .o = {.has_mss = true, .mss = said[i]}});
		out(w, ACK, 1, 0, 1);
		assert_int_equal(p->mss, TCP_MSS_MIN); /* no zero to divide by, no tinygrams */
		assert_int_equal(app_send(w, p, 1, 8800), 8800);
		n = out_count(w);
		assert_true(n > 0 && n <= 8800 / TCP_MSS_MIN);
		out_skip(w);
	}
}

static void window_scale_over_14(void **state)
{
	static const uint8_t said[] = {15, 16, 31, 32, 255};
	struct world *w = *state;

	for (unsigned i = 0; i < 5; i++) {
		struct tcp_pcb *p;

		w->know_iss = false;
		p = app_connect(w);
		out(w, SYN, 0, 0, 0);
		in_seg(w, &(struct seg){.flags = SYN | ACK, .ack = 1, .wnd = 1, .o = {.has_wscale = true, .wscale = said[i]}});
		out(w, ACK, 1, 0, 1);
		in_wnd(w, ACK, 1, 0, 1, 65535);
		assert_int_equal(p->snd_wnd, 65535u << 14); /* RFC 7323 2.3 */
	}
}

static void in_urgent(struct world *w, uint8_t flags, uint32_t seq, uint32_t len, uint16_t urp)
{
	in_seg(w, &(struct seg){.flags = flags | ACK | TCPF_URG, .seq = seq, .len = len, .ack = 1, .wnd = 65535, .urp = urp});
}

/* The pointer 0, at the end, past the segment and the window: the stream stays what it was, but for the urgent byte out
 * of line. */
static void urgent_pointer(void **state)
{
	static const uint16_t at[] = {0, 10, 11, 65535};
	struct world *w = *state;

	for (unsigned i = 0; i < 4; i++) {
		struct tcp_pcb *p;
		int on = 1;

		w->know_iss = false;
		p = app_connected(w);
		assert_int_equal(tcp_setopt(w->t, p, SOL_SOCKET, SO_OOBINLINE, &on, sizeof(on)), 0);
		in_urgent(w, 0, 1, 10, at[i]);
		in(w, ACK, 11, 10, 1);
		out_skip(w);
		for (uint32_t got = 0; got < 20;) { /* reading stops at the mark */
			ssize_t n = app_recv(w, p, 1 + got, 100);

			assert_true(n > 0);
			got += (uint32_t)n;
		}
		in_urgent(w, 0, 21, 0, at[i]);   /* without text */
		in_urgent(w, FIN, 21, 0, at[i]); /* with the FIN, and behind it */
		in_urgent(w, 0, 22, 5, at[i]);
		assert_int_equal(p->state, TCP_CLOSE_WAIT);
		assert_int_equal(p->rcv_nxt - w->peer_iss, 22);
		out_skip(w);
	}
}

/* SYN-SENT, SYN-RECEIVED and LISTEN know no urgent data; a pointer there makes nothing of itself later. */
static void urgent_pointer_across_states(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connect(w);

	out(w, SYN, 0, 0, 0);
	in_urgent(w, SYN, 0, 0, 65535);
	out(w, ACK, 1, 0, 1);
	assert_int_equal(p->state, TCP_ESTABLISHED);
	in(w, ACK, 1, 10, 1);
	out_skip(w);
	assert_int_equal(app_recv(w, p, 1, 100), 10);
}

/* SACK blocks inverted, empty, wrapped, before and beyond what is in flight: nothing is taken for lost or arrived. */
static void sack_blocks(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connect(w);
	uint32_t una;

	out(w, SYN, 0, 0, 0);
	in_seg(w, &(struct seg){.flags = SYN | ACK, .ack = 1, .wnd = 65535, .o = {.has_mss = true, .mss = MSS, .sack_ok = true}});
	out(w, ACK, 1, 0, 1);
	assert_int_equal(app_send(w, p, 1, 8 * MSS), 8 * MSS);
	out_skip(w);
	una = p->snd_una;
	for (uint32_t i = 0; i < 3000; i++) {
		static const int32_t edge[] = {0, 1, -1, -70000, 8 * MSS, 8 * MSS + 1, 70000, INT32_MAX, INT32_MIN};
		uint32_t a = una + (uint32_t)edge[i % 9], b = una + (uint32_t)edge[i / 9 % 9];
		struct seg s = {.flags = ACK, .seq = 1, .ack = 1, .wnd = 65535, .o = {.n_sack = 3}};

		if (seq_lt(a, b) && seq_ge(a, una) && seq_le(b, una + 8 * MSS)) /* that one would be right */
			b = a;
		s.o.sack[0].left = a;
		s.o.sack[0].right = b;
		s.o.sack[1].left = b;
		s.o.sack[1].right = b;
		s.o.sack[2].left = una - 10 * MSS;
		s.o.sack[2].right = una - 9 * MSS;
		s.wnd = (uint16_t)(65535 - i % 2); /* a window update, no duplicate ACK */
		in_seg(w, &s);
	}
	out_none(w);
	assert_int_equal(w->t->stats.rtx_segs, 0);
	assert_int_equal(p->snd_una, una);
	in(w, ACK, 1, 0, 1 + 8 * MSS);
	assert_int_equal(tcp_unsent(w->t, p), 0);
}

/* Bytes out of order, one in each segment with a gap behind: memory is bounded, and so is what is looked at, since the place of
 * each is found by halving. */
static void out_of_order_queue(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	unsigned before = rte_mempool_in_use_count(world_pool());

	for (uint32_t i = 0; i < 4 * TCP_OOO_MAX; i++) {
		in_held(w, ACK, 3 + (i * 7919 % 30000) * 2, 1, 1);
		if (i % 64 == 0) {
			host_flush(&w->h);
			out_skip(w);
		}
	}
	host_flush(&w->h);
	out_skip(w);
	assert_true(rte_mempool_in_use_count(world_pool()) - before <= TCP_OOO_MAX);
	assert_int_equal(tcp_unread(w->t, p), 0);
	assert_int_equal(w->t->bufs.used, 1);
}

/* The same sequence number with other bytes: what was taken first stays. */
static void overlapping_text(void **state)
{
	static const uint8_t other[MSS];
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	in(w, ACK, 101, 100, 1);
	for (unsigned i = 0; i < 10; i++)
		in_seg(w, &(struct seg){.flags = ACK, .seq = 101, .len = 100, .ack = 1, .wnd = 65535, .data = other});
	in(w, ACK, 1, 100, 1);
	in_seg(w, &(struct seg){.flags = ACK, .seq = 1, .len = 200, .ack = 1, .wnd = 65535, .data = other});
	out_skip(w);
	assert_int_equal(app_recv(w, p, 1, 1000), 200); /* compared byte by byte */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(option_length_0), world_test(option_length_1), world_test(option_overrun), world_test(data_offset),
		world_test(mss_0_or_8), world_test(window_scale_over_14), world_test(urgent_pointer),
		world_test(urgent_pointer_across_states), world_test(sack_blocks), world_test(out_of_order_queue),
		world_test(overlapping_text),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
