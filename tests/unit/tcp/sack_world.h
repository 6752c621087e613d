/* sack_world.h: a connection whose peer does SACK, 100 ms away, and what that peer says. */
#ifndef TCP_TEST_SACK_WORLD_H
#define TCP_TEST_SACK_WORLD_H

#include "flight_check.h"
#include "tcp/rtx.h"
#include "world.h"

#define RTT_MS 100
#define SEQ(i) (1 + (uint32_t)(i) * MSS) /* where our i'th full segment begins */

struct range {
	uint32_t left, right;
};

/* Active, window scale 7; SRTT is 100 ms, so the RTO is 300 ms. */
static inline struct tcp_pcb *sack_connected(struct world *w)
{
	struct tcp_pcb *p = app_connect(w);

	out(w, SYN, 0, 0, 0);
	after_ms(w, RTT_MS);
	in_seg(w, &(struct seg){.flags = SYN | ACK, .ack = 1, .wnd = 65535,
				.o = {.has_mss = true, .mss = MSS, .sack_ok = true, .has_wscale = true, .wscale = 7}});
	out(w, ACK, 1, 0, 1);
	out_none(w);
	in(w, ACK, 1, 0, 1); /* the window, scaled */
	assert_int_equal(p->srtt_us8 >> 3, RTT_MS * 1000);
	assert_int_equal(tcp_rtt_rto_us(p), 300000);
	return p;
}

/* An ACK with blocks, in terms of our stream. */
static inline void in_sack_n(struct world *w, uint32_t ack, unsigned n, const struct range *r)
{
	struct seg s = {.flags = ACK, .seq = 1, .ack = ack, .wnd = w->peer_wnd, .o = {.n_sack = (uint8_t)n}};

	for (unsigned i = 0; i < n; i++) {
		s.o.sack[i].left = w->our_iss + r[i].left;
		s.o.sack[i].right = w->our_iss + r[i].right;
	}
	in_seg(w, &s);
	for (uint32_t i = 1; i < w->h.flow.pool[FLOW_CONN].fresh; i++) {
		const struct tcp_pcb *p = tcp_pcb_at(w->t, i);

		if (p->c.type == CONN_TCP && p->state >= TCP_ESTABLISHED)
			assert_null(flight_check(w->t, p));
	}
}

#define in_sack(w, ack, ...) \
	in_sack_n(w, ack, sizeof((struct range[]){__VA_ARGS__}) / sizeof(struct range), (struct range[]){__VA_ARGS__})

/* n full segments leave in order. */
static inline void sent(struct world *w, struct tcp_pcb *p, uint32_t from, uint32_t n)
{
	assert_int_equal(app_send(w, p, SEQ(from), n * MSS), n * MSS);
	for (uint32_t i = from; i < from + n; i++)
		out(w, ACK, SEQ(i), MSS, 1);
	out_none(w);
}

static inline struct tcp_flight *flight_of(struct world *w, const struct tcp_pcb *p)
{
	return tcp_flight_of(w->t, tcp_buf_of(w->t, p));
}

#endif
