/* tcp_test.c: TCP headers and options: golden bytes, every truncation, hostile option lists, round trips. */
#include "wire_test.h"

#include "wire/tcp.h"

static const uint8_t syn_linux[40] = {
	0x9c, 0x40, 0x00, 0x50, 0x01, 0x02, 0x03, 0x04, 0, 0, 0, 0, 0xa0, 0x02, 0xfa, 0xf0, 0, 0, 0, 0,
	2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0xde, 0xad, 0xbe, 0xef, 0, 0, 0, 0, 1, 3, 3, 7};

static void golden_syn(void **state)
{
	struct tcp_view v = {.sport = 40000, .dport = 80, .seq = 0x01020304, .flags = TCPF_SYN, .wnd = 64240};
	struct tcp_opts o = {.has_mss = true, .mss = 1460, .sack_ok = true, .has_ts = true, .tsval = 0xdeadbeef,
			     .has_wscale = true, .wscale = 7}, got;
	uint8_t out[60];

	(void)state;
	assert_int_equal(tcp_emit(out, &v, &o), 40);
	assert_int_equal(tcp_emit_len(&o), 40);
	assert_memory_equal(out, syn_linux, 40);
	for (uint32_t len = 0; len <= 40; len++) {
		uint8_t *p = exact(syn_linux, len);

		assert_int_equal(tcp_parse(&v, p, len), len == 40);
		free(p);
	}
	assert_int_equal(v.sport, 40000);
	assert_int_equal(v.dport, 80);
	assert_int_equal(v.seq, 0x01020304);
	assert_int_equal(v.ack, 0);
	assert_int_equal(v.flags, TCPF_SYN);
	assert_int_equal(v.wnd, 64240);
	assert_int_equal(v.hdr_len, 40);
	tcp_opts_parse(&got, syn_linux + 20, 20);
	assert_true(got.has_mss && got.sack_ok && got.has_ts && got.has_wscale);
	assert_int_equal(got.mss, 1460);
	assert_int_equal(got.tsval, 0xdeadbeef);
	assert_int_equal(got.tsecr, 0);
	assert_int_equal(got.wscale, 7);
	assert_int_equal(got.n_sack, 0);
}

static void golden_ack_sack(void **state)
{
	static const uint8_t want[20 + 12 + 20] = {
		0, 1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0xd0, 0x10, 0, 5, 0, 0, 0, 6,
		1, 1, 8, 10, 0, 0, 0, 7, 0, 0, 0, 8, 1, 1, 5, 18, 0, 0, 0, 9, 0, 0, 0, 10, 0, 0, 0, 11, 0, 0, 0, 12};
	struct tcp_view v = {.sport = 1, .dport = 2, .seq = 3, .ack = 4, .flags = TCPF_ACK, .wnd = 5, .urp = 6};
	struct tcp_opts o = {.has_ts = true, .tsval = 7, .tsecr = 8, .n_sack = 2, .sack = {{9, 10}, {11, 12}}}, got;
	uint8_t out[60];

	(void)state;
	assert_int_equal(tcp_emit(out, &v, &o), 52);
	assert_memory_equal(out, want, 52);
	tcp_opts_parse(&got, want + 20, 32);
	assert_true(got.has_ts && got.tsval == 7 && got.tsecr == 8);
	assert_int_equal(got.n_sack, 2);
	assert_int_equal(got.sack[1].left, 11);
	assert_int_equal(got.sack[1].right, 12);
	o.n_sack = 0;
	assert_int_equal(tcp_emit(out, &v, &o), 32);
	assert_int_equal(tcp_emit_len(&o), 32);
	assert_int_equal(out[12], 0x80);
	assert_memory_equal(out + 20, want + 20, 12);
	o.has_ts = false;
	assert_int_equal(tcp_emit(out, &v, &o), 20);
	assert_int_equal(out[12], 0x50);
}

static void data_offset(void **state)
{
	uint8_t p[60];
	struct tcp_view v = {0};

	(void)state;
	memset(p, 0, sizeof(p));
	for (uint32_t off = 0; off < 16; off++) {
		p[12] = (uint8_t)(off << 4 | 0xf);
		for (uint32_t len = 0; len <= 60; len++)
			assert_int_equal(tcp_parse(&v, p, len), off >= 5 && len >= off * 4);
	}
}

/* Options, and what must come of them. */
struct opt_case {
	uint8_t len;
	uint8_t bytes[40];
	bool mss, ws, ts, sack_ok;
	uint8_t n_sack;
};

static const struct opt_case opt_cases[] = {
	{0, {0}, 0, 0, 0, 0, 0},
	{1, {2}, 0, 0, 0, 0, 0},                                          /* kind without length */
	{4, {2, 0, 5, 180}, 0, 0, 0, 0, 0},                               /* length 0: must not loop */
	{4, {2, 1, 5, 180}, 0, 0, 0, 0, 0},                               /* length 1 */
	{4, {2, 5, 5, 180}, 0, 0, 0, 0, 0},                               /* overrun by one */
	{4, {2, 255, 5, 180}, 0, 0, 0, 0, 0},                             /* overrun by a lot */
	{7, {2, 3, 5, 2, 4, 5, 180}, 1, 0, 0, 0, 0},                      /* wrong length: ignored, the next counts */
	{4, {2, 4, 5, 180}, 1, 0, 0, 0, 0},
	{5, {1, 2, 4, 5, 180}, 1, 0, 0, 0, 0},
	{5, {0, 2, 4, 5, 180}, 0, 0, 0, 0, 0},                            /* end of list */
	{8, {99, 4, 1, 2, 2, 4, 5, 180}, 1, 0, 0, 0, 0},                  /* unknown kind is stepped over */
	{6, {99, 2, 2, 4, 5, 180}, 1, 0, 0, 0, 0},
	{3, {3, 3, 14}, 0, 1, 0, 0, 0},
	{4, {3, 4, 14, 0}, 0, 0, 0, 0, 0},
	{2, {4, 2}, 0, 0, 0, 1, 0},
	{3, {4, 3, 0}, 0, 0, 0, 0, 0},
	{10, {8, 10, 0, 0, 0, 1, 0, 0, 0, 2}, 0, 0, 1, 0, 0},
	{12, {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2}, 0, 0, 1, 0, 0},
	{11, {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0}, 0, 0, 0, 0, 0},          /* the aligned form, cut */
	{14, {1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2, 4, 2}, 0, 0, 1, 1, 0}, /* and with more behind it */
	{9, {8, 9, 0, 0, 0, 1, 0, 0, 0}, 0, 0, 0, 0, 0},
	{2, {5, 2}, 0, 0, 0, 0, 0},                                       /* SACK without a block */
	{10, {5, 10, 0, 0, 0, 1, 0, 0, 0, 2}, 0, 0, 0, 0, 1},
	{12, {5, 12, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0}, 0, 0, 0, 0, 0},       /* a block and a bit */
	{34, {5, 34}, 0, 0, 0, 0, 4},
	{38, {5, 38}, 0, 0, 0, 0, 0},
	{40, {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	      1, 1, 1, 1, 2, 4, 5, 180}, 1, 0, 0, 0, 0},
};

static void option_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(opt_cases) / sizeof(opt_cases[0]); i++) {
		const struct opt_case *c = &opt_cases[i];
		uint8_t *p = exact(c->bytes, c->len);
		struct tcp_opts o;

		memset(&o, 0xff, sizeof(o.tsval));
		tcp_opts_parse(&o, p, c->len);
		if (o.has_mss != c->mss || o.has_wscale != c->ws || o.has_ts != c->ts || o.sack_ok != c->sack_ok ||
		    o.n_sack != c->n_sack)
			fail_msg("option list %zu", i);
		if (o.has_mss)
			assert_int_equal(o.mss, 1460);
		if (o.has_ts)
			assert_true(o.tsval == 1 && o.tsecr == 2);
		free(p);
	}
}

/* The usual list is recognised as a whole. Whatever byte of it is another one: it means what it means behind a NOP, where it is
 * read option by option. */
static void usual_and_nearly(void **state)
{
	uint8_t list[21] = {TCPOPT_NOP};

	(void)state;
	for (uint32_t at = 0; at < 20; at++) {
		for (uint32_t value = 0; value < 256; value++) {
			struct tcp_opts whole = {0}, each = {0};
			uint8_t *p;

			memcpy(list + 1, syn_linux + 20, 20);
			list[1 + at] = (uint8_t)value;
			p = exact(list + 1, 20);
			tcp_opts_parse(&whole, p, 20);
			free(p);
			tcp_opts_parse(&each, list, 21);
			if (whole.has_fo)
				whole.fo = each.fo; /* they lie in their lists */
			assert_memory_equal(&whole, &each, sizeof(whole));
		}
	}
}

/* Whatever is emitted, with any mix of options, comes back the same; the length is foretold and fits. */
static void round_trip(void **state)
{
	uint64_t s = 7;

	(void)state;
	for (int i = 0; i < 100000; i++) {
		struct tcp_view v = {.sport = (uint16_t)rnd(&s), .dport = (uint16_t)rnd(&s), .seq = rnd(&s),
				     .ack = rnd(&s), .flags = (uint8_t)rnd(&s), .wnd = (uint16_t)rnd(&s),
				     .urp = (uint16_t)rnd(&s)}, w;
		struct tcp_opts o = {.has_mss = rnd(&s) & 1, .mss = (uint16_t)rnd(&s), .has_wscale = rnd(&s) & 1,
				     .wscale = (uint8_t)rnd(&s), .has_ts = rnd(&s) & 1, .tsval = rnd(&s),
				     .tsecr = rnd(&s), .sack_ok = rnd(&s) & 1, .n_sack = (uint8_t)(rnd(&s) % 5)}, got;
		uint32_t len, room = 40 - 4;
		uint8_t *p;

		for (uint32_t k = 0; k < o.n_sack; k++) {
			o.sack[k].left = rnd(&s);
			o.sack[k].right = rnd(&s);
		}
		room -= 4 * o.has_mss + 4 * o.has_wscale + (o.has_ts ? 12 : 4 * o.sack_ok);
		if (o.n_sack > room / 8)
			o.n_sack = (uint8_t)(room / 8);
		len = tcp_emit_len(&o);
		assert_true(len <= 60 && len % 4 == 0);
		p = malloc(len);
		o.n_sack += (uint8_t)(o.n_sack == room / 8 && o.n_sack < 4); /* one too many is left out */
		assert_int_equal(tcp_emit_len(&o), len);
		assert_int_equal(tcp_emit(p, &v, &o), len);
		assert_true(tcp_parse(&w, p, len));
		assert_int_equal(w.hdr_len, len);
		assert_memory_equal(&v, &w, offsetof(struct tcp_view, hdr_len)); /* not the padding behind it */
		tcp_opts_parse(&got, p + 20, len - 20);
		assert_true(got.has_mss == o.has_mss && got.has_ts == o.has_ts && got.has_wscale == o.has_wscale &&
			    got.sack_ok == o.sack_ok);
		assert_int_equal(got.n_sack, o.n_sack > room / 8 ? room / 8 : o.n_sack);
		assert_true(!o.has_mss || got.mss == o.mss);
		assert_true(!o.has_wscale || got.wscale == o.wscale);
		assert_true(!o.has_ts || (got.tsval == o.tsval && got.tsecr == o.tsecr));
		assert_memory_equal(got.sack, o.sack, got.n_sack * 8u);
		free(p);
	}
}

static void random_bytes(void **state)
{
	static const uint8_t kinds[] = {0, 1, 2, 3, 4, 5, 8, 30, 254};
	uint64_t s = 3;
	uint8_t b[60];

	(void)state;
	for (int i = 0; i < 300000; i++) {
		uint32_t len = rnd(&s) % 61;
		struct tcp_view v;
		struct tcp_opts o;
		uint8_t *p;

		rnd_fill(&s, b, len);
		for (uint32_t k = 20; k < len; k += 1 + rnd(&s) % 6) { /* bytes that look like options */
			b[k] = kinds[rnd(&s) % sizeof(kinds)];
			if (k + 1 < len)
				b[k + 1] = (uint8_t)(rnd(&s) % 13);
		}
		p = exact(b, len);
		if (tcp_parse(&v, p, len)) {
			assert_true(v.hdr_len >= 20 && v.hdr_len <= len);
			tcp_opts_parse(&o, p + 20, v.hdr_len - 20u);
			assert_true(o.n_sack <= 4);
		}
		if (len >= 20) {
			tcp_opts_parse(&o, p + 20, len - 20);
			assert_true(o.n_sack <= 4);
		}
		free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_syn),   cmocka_unit_test(golden_ack_sack), cmocka_unit_test(data_offset),
		cmocka_unit_test(option_lists), cmocka_unit_test(round_trip),      cmocka_unit_test(random_bytes),
		cmocka_unit_test(usual_and_nearly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
