/* tcp_opts.c: TCP options other than the lone timestamp, in and out. */
#include "wire/tcp.h"

#define USUAL_SYN_LEN 20

/* A cookie of len bytes, or none: the wish for one. An odd or too long one is no cookie (RFC 7413 4.1.1). */
static void fastopen_take(struct tcp_opts *o, const uint8_t *cookie, uint32_t len, bool exp)
{
	if (len != 0 && (len < TCP_FO_COOKIE_MIN || len > TCP_FO_COOKIE_MAX || len % 2 != 0))
		return;
	o->has_fo = true;
	o->fo_exp = exp;
	o->fo_len = (uint8_t)len;
	o->fo = cookie;
}

/* One option of len bytes, kind and length bytes included. A wrong length makes it unknown: ignored. */
static void opt_take(struct tcp_opts *o, const uint8_t *b, uint32_t len)
{
	switch (b[0]) {
	case TCPOPT_MSS:
		if (len != 4)
			return;
		o->has_mss = true;
		o->mss = load16(b + 2);
		return;
	case TCPOPT_WSCALE:
		if (len != 3)
			return;
		o->has_wscale = true;
		o->wscale = b[2];
		return;
	case TCPOPT_SACK_OK:
		if (len == 2)
			o->sack_ok = true;
		return;
	case TCPOPT_TS:
		if (len != 10)
			return;
		o->has_ts = true;
		o->tsval = load32(b + 2);
		o->tsecr = load32(b + 6);
		return;
	case TCPOPT_UTO:
		if (len == 4)
			o->uto = load16(b + 2);
		return;
	case TCPOPT_SACK:
		if (len < 10 || len > 2 + 8 * TCP_SACK_BLOCKS_MAX || (len - 2) % 8 != 0)
			return;
		o->n_sack = (uint8_t)((len - 2) / 8);
		for (uint32_t i = 0; i < o->n_sack; i++) {
			o->sack[i].left = load32(b + 2 + 8 * i);
			o->sack[i].right = load32(b + 6 + 8 * i);
		}
		return;
	case TCPOPT_FASTOPEN:
		fastopen_take(o, b + 2, len - 2, false);
		return;
	case TCPOPT_EXPERIMENT:
		if (len >= 4 && load16(b + 2) == TCPOPT_EXP_FASTOPEN)
			fastopen_take(o, b + 4, len - 4, true);
		return;
	}
}

/* MSS, SACK permitted, timestamp, NOP, window scale: what nearly every SYN has, Linux's and ours. */
static bool is_usual_syn(const uint8_t *b)
{
	return load16(b) == (TCPOPT_MSS << 8 | 4) && load32(b + 4) == (TCPOPT_SACK_OK << 24 | 2 << 16 | TCPOPT_TS << 8 | 10) &&
	       load32(b + 16) >> 8 == (TCPOPT_NOP << 16 | TCPOPT_WSCALE << 8 | 3);
}

static void usual_syn_take(struct tcp_opts *o, const uint8_t *b)
{
	o->has_mss = o->sack_ok = o->has_ts = o->has_wscale = true;
	o->mss = load16(b + 2);
	o->tsval = load32(b + 8);
	o->tsecr = load32(b + 12);
	o->wscale = b[19];
}

void tcp_opts_parse_any(struct tcp_opts *o, const uint8_t *b, uint32_t len)
{
	if (__builtin_expect(len >= USUAL_SYN_LEN && is_usual_syn(b), 1)) {
		usual_syn_take(o, b);
		b += USUAL_SYN_LEN;
		len -= USUAL_SYN_LEN;
	}
	while (len > 0) {
		uint32_t n;

		if (b[0] == TCPOPT_EOL)
			return;
		if (b[0] == TCPOPT_NOP) {
			n = 1;
		} else {
			if (len < 2 || b[1] < 2 || b[1] > len)
				return; /* where the next one starts nobody knows (RFC 9293 MUST-7) */
			n = b[1];
			opt_take(o, b, n);
		}
		b += n;
		len -= n;
	}
}

static uint8_t *emit_sack(uint8_t *b, const struct tcp_opts *o)
{
	uint32_t n = tcp_opts_sack_fit(o);

	if (n == 0)
		return b;
	store16(b, TCPOPT_NOP << 8 | TCPOPT_NOP);
	store16(b + 2, (uint16_t)(TCPOPT_SACK << 8 | (2 + 8 * n)));
	b += 4;
	for (uint32_t i = 0; i < n; i++, b += 8) {
		store32(b, o->sack[i].left);
		store32(b + 4, o->sack[i].right);
	}
	return b;
}

/* Padded behind, as Linux does. */
static uint8_t *emit_fastopen(uint8_t *b, const struct tcp_opts *o)
{
	uint8_t *at = b + 2, len = (uint8_t)(2 + 2 * o->fo_exp + o->fo_len);

	store16(b, (uint16_t)((o->fo_exp ? TCPOPT_EXPERIMENT : TCPOPT_FASTOPEN) << 8 | len));
	if (o->fo_exp) {
		store16(at, TCPOPT_EXP_FASTOPEN);
		at += 2;
	}
	if (o->fo_len > 0)
		memcpy(at, o->fo, o->fo_len);
	for (at += o->fo_len; len % 4 != 0; len++)
		*at++ = TCPOPT_NOP;
	return at;
}

uint32_t tcp_opts_emit_any(uint8_t *b, const struct tcp_opts *o)
{
	const uint8_t *start = b;

	if (o->has_mss) {
		store32(b, TCPOPT_MSS << 24 | 4 << 16 | o->mss);
		b += 4;
	}
	if (o->has_ts) { /* SACK permitted takes the place of the two NOPs */
		store16(b, o->sack_ok ? TCPOPT_SACK_OK << 8 | 2 : TCPOPT_NOP << 8 | TCPOPT_NOP);
		store16(b + 2, TCPOPT_TS << 8 | 10);
		store32(b + 4, o->tsval);
		store32(b + 8, o->tsecr);
		b += 12;
	} else if (o->sack_ok) {
		store32(b, TCPOPT_NOP << 24 | TCPOPT_NOP << 16 | TCPOPT_SACK_OK << 8 | 2);
		b += 4;
	}
	if (o->has_wscale) {
		store32(b, TCPOPT_NOP << 24 | TCPOPT_WSCALE << 16 | 3 << 8 | o->wscale);
		b += 4;
	}
	if (o->has_fo)
		b = emit_fastopen(b, o);
	if (o->uto != 0) {
		store32(b, TCPOPT_UTO << 24 | 4 << 16 | o->uto);
		b += 4;
	}
	if (o->n_sack != 0)
		b = emit_sack(b, o);
	return (uint32_t)(b - start);
}
