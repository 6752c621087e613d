/* info_test.c: TCP_INFO, TCP_CC_INFO, TCP_CONGESTION and the limits of what is unsent and announced. */
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <sys/socket.h>

#include "tcp/ext.h"
#include "tcp/in.h"
#include "tcp/info.h"

#include "sack_world.h"

static struct tcp_info info(struct world *w, struct tcp_pcb *p)
{
	struct tcp_info i;
	uint32_t len = sizeof(i);

	assert_int_equal(tcp_getopt(w->t, p, IPPROTO_TCP, TCP_INFO, &i, &len), 0);
	assert_int_equal(len, sizeof(i));
	return i;
}

static void counters(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	struct tcp_info i = info(w, p); /* from here on it counts */

	assert_int_equal(i.tcpi_state, 1);
	assert_int_equal(i.tcpi_snd_cwnd, 10);
	assert_int_equal(i.tcpi_snd_ssthresh, 0x7fffffff);
	assert_true(i.tcpi_pacing_rate == UINT64_MAX && i.tcpi_max_pacing_rate == UINT64_MAX);
	assert_int_equal(app_send(w, p, 1, 3 * MSS), 3 * MSS);
	out_skip(w);
	after_ms(w, 30);
	i = info(w, p);
	assert_int_equal(i.tcpi_unacked, 3);
	assert_int_equal(i.tcpi_bytes_sent, 3 * MSS);
	assert_int_equal(i.tcpi_segs_out, 3);
	assert_int_equal(i.tcpi_data_segs_out, 3);
	assert_int_equal(i.tcpi_last_data_sent, 30);
	assert_int_equal(i.tcpi_busy_time, 30000);
	in(w, ACK, 1, 100, 1 + 3 * MSS);
	after_ms(w, 70); /* the ACK leaves */
	i = info(w, p);
	assert_int_equal(i.tcpi_bytes_acked, 3 * MSS);
	assert_int_equal(i.tcpi_bytes_received, 100);
	assert_int_equal(i.tcpi_segs_in, 1);
	assert_int_equal(i.tcpi_data_segs_in, 1);
	assert_int_equal(i.tcpi_segs_out, 4);
	assert_int_equal(i.tcpi_min_rtt, 30000);
	assert_int_equal(i.tcpi_delivered, 4); /* with the SYN */
	assert_int_equal(i.tcpi_delivery_rate, 3 * MSS * 1000000ull / 30000);
	assert_int_equal(i.tcpi_delivery_rate_app_limited, 1);
	assert_int_equal(i.tcpi_last_data_recv, 70);
	assert_int_equal(i.tcpi_busy_time, 30000);
	out_skip(w);
}

/* What newer kernels tell, and SO_MEMINFO. */
static void more(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	struct tcp_info_more m;
	uint32_t mem[SK_MEMINFO_VARS], len = sizeof(m);

	assert_int_equal(tcp_getopt(w->t, p, IPPROTO_TCP, TCP_INFO, &m, &len), 0);
	assert_int_equal(len, sizeof(m));
	assert_int_equal(m.info.tcpi_state, 1);
	assert_int_equal(m.rcv_wnd, p->rcv_adv - p->rcv_nxt);
	in(w, ACK, 1, 300, 1);
	assert_int_equal(app_send(w, p, 1, 200), 200);
	out_skip(w);
	len = sizeof(mem);
	assert_int_equal(tcp_getopt(w->t, p, SOL_SOCKET, SO_MEMINFO, mem, &len), 0);
	assert_int_equal(len, sizeof(mem));
	assert_int_equal(mem[SK_MEMINFO_RMEM_ALLOC], 300);
	assert_int_equal(mem[SK_MEMINFO_WMEM_QUEUED], 200);
	assert_int_equal(mem[SK_MEMINFO_RCVBUF], p->rcvbuf);
	assert_int_equal(mem[SK_MEMINFO_SNDBUF], p->sndbuf);
}

/* Asked for when all is in flight, it knows that the window is what limits: the next ACK opens it (RFC 5681 3.1). */
static void begun_in_flight(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	assert_int_equal(app_send(w, p, 1, 15 * MSS), 15 * MSS);
	assert_int_equal(out_count(w), 10);
	out_skip(w);
	assert_int_equal(info(w, p).tcpi_unacked, 10);
	in(w, ACK, 1, 0, 1 + MSS);
	assert_int_equal(p->cwnd, 11 * MSS);
	out_skip(w);
}

static void retransmissions(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	struct tcp_info i;

	info(w, p);
	assert_int_equal(app_send(w, p, 1, 100), 100);
	quiet_then_ms(w, 0);
	out_skip(w);
	quiet_then_rto(w, 1);
	out_skip(w);
	i = info(w, p);
	assert_int_equal(i.tcpi_total_retrans, 1);
	assert_int_equal(i.tcpi_bytes_retrans, 100);
	assert_int_equal(i.tcpi_retransmits, 1);
	assert_int_equal(i.tcpi_ca_state, TCP_CA_Loss);
}

/* Times by what limits the sender. */
static void limits(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	struct tcp_info i;

	info(w, p);
	in_wnd(w, ACK, 1, 0, 1, 2 * MSS);
	assert_int_equal(app_send(w, p, 1, 4 * MSS), 4 * MSS);
	assert_int_equal(out_count(w), 2);
	after_ms(w, 50);
	i = info(w, p);
	assert_int_equal(i.tcpi_rwnd_limited, 50000);
	assert_int_equal(i.tcpi_busy_time, 50000);
	assert_int_equal(i.tcpi_notsent_bytes, 2 * MSS);
	assert_int_equal(i.tcpi_snd_wnd, 2 * MSS);
	out_skip(w);
}

static void congestion(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	static const char *const names[] = TCP_CC_NAMES;
	char name[16];
	uint32_t len = sizeof(name);

	for (unsigned i = 0; i < TCP_CC_IDS; i++) {
		assert_string_equal(names[i], tcp_ccs[i]->name); /* the setting's words */
		assert_int_equal(tcp_setopt(w->t, p, IPPROTO_TCP, TCP_CONGESTION, names[i], (uint32_t)strlen(names[i])), 0);
		assert_int_equal(tcp_getopt(w->t, p, IPPROTO_TCP, TCP_CONGESTION, name, &len), 0);
		assert_int_equal(len, 16);
		assert_string_equal(name, names[i]);
	}
	assert_int_equal(tcp_setopt(w->t, p, IPPROTO_TCP, TCP_CONGESTION, "vegas", 5), -ENOENT);
	assert_int_equal(tcp_setopt(w->t, p, IPPROTO_TCP, TCP_CONGESTION, "cubic", 0), -EINVAL);
}

/* Accepted connections have their listener's. */
static void congestion_inherited(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *l = app_listen(w, 8), *p;

	assert_int_equal(tcp_setopt(w->t, l, IPPROTO_TCP, TCP_CONGESTION, "bbr", 3), 0);
	in_seg(w, &(struct seg){.flags = SYN, .wnd = w->peer_wnd});
	out(w, SYN | ACK, 0, 0, 1);
	in(w, ACK, 1, 0, 1);
	p = tcp_accept(w->t, &l->c);
	assert_non_null(p);
	assert_ptr_equal(tcp_cc_of(p), &tcp_cc_bbr);
	assert_true(p->xflags & TX_PACED);
}

static void cc_info(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	union tcp_cc_info i;
	uint32_t len = sizeof(i);

	assert_int_equal(tcp_getopt(w->t, p, IPPROTO_TCP, TCP_CC_INFO, &i, &len), 0);
	assert_int_equal(len, 0); /* Reno has nothing to say */
	tcp_setopt(w->t, p, IPPROTO_TCP, TCP_CONGESTION, "bbr", 3);
	len = sizeof(i);
	assert_int_equal(tcp_getopt(w->t, p, IPPROTO_TCP, TCP_CC_INFO, &i, &len), 0);
	assert_int_equal(len, sizeof(struct tcp_bbr_info));
	assert_int_equal(i.bbr.bbr_pacing_gain, 739);
	tcp_setopt(w->t, p, IPPROTO_TCP, TCP_CONGESTION, "dctcp", 5);
	len = sizeof(i);
	assert_int_equal(tcp_getopt(w->t, p, IPPROTO_TCP, TCP_CC_INFO, &i, &len), 0);
	assert_int_equal(len, sizeof(struct tcp_dctcp_info));
	assert_int_equal(i.dctcp.dctcp_enabled, 0); /* the peer does no ECN */
}

/* Bytes that were not sent yet are kept below the mark: EAGAIN, no EPOLLOUT. */
/* How far behind the highest delivered segment one came that was sent once: 4 behind 8. */
static void reordering(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = sack_connected(w);

	sent(w, p, 0, 10);
	assert_int_equal(info(w, p).tcpi_reordering, 3);
	in_sack(w, 1, {SEQ(7), SEQ(8)});
	assert_int_equal(info(w, p).tcpi_reordering, 3);
	in_sack(w, 1, {SEQ(3), SEQ(4)}, {SEQ(7), SEQ(8)});
	assert_int_equal(info(w, p).tcpi_reordering, 5);
	assert_int_equal(info(w, p).tcpi_reord_seen, 1);
	in_sack(w, 1, {SEQ(3), SEQ(5)}, {SEQ(7), SEQ(8)});
	assert_int_equal(info(w, p).tcpi_reordering, 5);
	out_skip(w);
}

static void notsent_lowat(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);

	app_opt(w, p, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 2 * MSS);
	assert_int_equal(app_send(w, p, 1, 14 * MSS), 14 * MSS);
	assert_int_equal(out_count(w), 10);
	assert_false(tcp_poll(w->t, p) & EPOLLOUT);
	assert_int_equal(app_send(w, p, 1, 1), -EAGAIN);
	out_skip(w);
	in(w, ACK, 1, 0, 1 + 2 * MSS);
	assert_true(tcp_poll(w->t, p) & EPOLLOUT);
	assert_int_equal(app_send(w, p, 1 + 14 * MSS, 1), 1);
	out_skip(w);
}

/* Accepted: what may leave, and the mark rounded up to frames of at most half a window. */
static void notsent_lowat_accepts(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p;

	w->peer_wnd = 30000;
	p = app_connected(w);
	app_opt(w, p, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 4000);
	assert_int_equal(app_send(w, p, 1, 60000), 20 * MSS); /* ten to send, ten in a frame: less than 15000 */
	assert_int_equal(out_count(w), 10);
	assert_int_equal(app_send(w, p, 1 + 20 * MSS, 1), -EAGAIN);
	out_skip(w);
	in(w, ACK, 1, 0, 1 + 10 * MSS); /* all of it leaves */
	assert_int_equal(app_send(w, p, 1 + 20 * MSS, 60000), 20 * MSS);
	out_skip(w);
	app_opt(w, p, IPPROTO_TCP, TCP_NOTSENT_LOWAT, -1); /* no limit but the buffer's */
	assert_int_equal(app_send(w, p, 1 + 40 * MSS, 10000), 10000);
	out_skip(w);
}

static void window_clamp(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	int v = 0;
	uint32_t len = sizeof(v);

	assert_int_equal(tcp_setopt(w->t, p, IPPROTO_TCP, TCP_WINDOW_CLAMP, &v, sizeof(v)), -EINVAL);
	app_opt(w, p, IPPROTO_TCP, TCP_WINDOW_CLAMP, 1);
	assert_int_equal(tcp_getopt(w->t, p, IPPROTO_TCP, TCP_WINDOW_CLAMP, &v, &len), 0);
	assert_int_equal(v, 1152);
	app_opt(w, p, IPPROTO_TCP, TCP_WINDOW_CLAMP, 8000);
	for (uint32_t i = 0; i < 60; i++) { /* the edge never goes back: the window shrinks as data comes */
		in(w, ACK, 1 + i * 1000, 1000, 1);
		assert_int_equal(app_recv(w, p, 1 + i * 1000, 1000), 1000);
	}
	after_ms(w, 50);
	out_skip(w);
	in(w, ACK, 60001, 1000, 1);
	quiet_then_ms(w, 40);
	out(w, ACK, 1, 0, 61001);
	assert_in_range(w->got.wnd, 1, 8000);
}

/* The ext comes with a window beyond its start, and an idle time takes both away; when there is none all goes on without. */
static void ext_life(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	uint32_t una = 1, ssthresh;

	assert_int_equal(app_send(w, p, 1, 60 * MSS), 60 * MSS);
	assert_false(p->xflags & TX_EXT);
	while (una < 1 + 60 * MSS) {
		after_ms(w, 10);
		una = w->our_iss + una == p->snd_nxt ? una : p->snd_nxt - w->our_iss;
		out_skip(w);
		in(w, ACK, 1, 0, una);
		for (int i = 0; i < 8; i++)
			host_flush(&w->h);
		if (p->snd_una == p->snd_nxt)
			break;
	}
	out_skip(w);
	assert_true(p->xflags & TX_EXT);
	assert_true(p->cwnd > 20 * MSS);
	ssthresh = p->cwnd - p->cwnd / 4;
	after_ms(w, 60000);
	assert_int_equal(app_send(w, p, 1 + 60 * MSS, 20 * MSS), 20 * MSS);
	assert_int_equal(out_count(w), 10); /* RFC 5681 4.1 */
	assert_int_equal(p->cwnd, 10 * MSS);
	assert_true(p->ssthresh >= ssthresh); /* RFC 2861 section 3 */
	assert_int_equal(w->t->exts.used, 0);
	out_skip(w);
}

static void ext_exhausted(void **state)
{
	struct world *w = *state;
	struct tcp_pcb *p = app_connected(w);
	uint32_t cap = w->t->exts.cap, rate = 1000;

	w->t->exts.cap = 1;
	assert_int_equal(info(w, p).tcpi_bytes_sent, 0);
	tcp_setopt(w->t, p, IPPROTO_TCP, TCP_CONGESTION, "bbr", 3);
	assert_int_equal(tcp_setopt(w->t, p, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof(rate)), 0);
	assert_int_equal(app_send(w, p, 1, 40 * MSS), 40 * MSS);
	assert_int_equal(out_count(w), 10);
	out_skip(w);
	in(w, ACK, 1, 0, 1 + 10 * MSS);
	assert_int_equal(p->cwnd, 20 * MSS);
	host_flush(&w->h);
	assert_int_equal(out_count(w), 20);
	out_skip(w);
	assert_int_equal(w->t->exts.used, 0);
	w->t->exts.cap = cap;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		world_test(counters), world_test(more), world_test(begun_in_flight), world_test(retransmissions), world_test(limits), world_test(congestion),
		world_test(congestion_inherited), world_test(cc_info), world_test(notsent_lowat), world_test(notsent_lowat_accepts), world_test(reordering), world_test(window_clamp),
		world_test(ext_life), world_test(ext_exhausted),
	};

	return cmocka_run_group_tests(tests, world_group_setup, world_group_teardown);
}
