/* tcp.h: TCP headers and options on the wire (RFC 9293 3.1, RFC 7323, RFC 2018). */
#ifndef WIRE_TCP_H
#define WIRE_TCP_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#include "wire/bytes.h"

#define TCP_HDR_LEN 20
#define TCP_FLAGS_OFF 13 /* of the octet of flags */
#define TCP_OPTS_MAX 40
#define TCP_SACK_BLOCKS_MAX 4
#define TCP_FO_COOKIE_MIN 4  /* RFC 7413 2 */
#define TCP_FO_COOKIE_MAX 16
#define TCP_OPT_TS_ALIGNED 12 /* NOP NOP timestamp */

#define TCPF_FIN 0x01
#define TCPF_SYN 0x02
#define TCPF_RST 0x04
#define TCPF_PSH 0x08
#define TCPF_ACK 0x10
#define TCPF_URG 0x20
#define TCPF_ECE 0x40
#define TCPF_CWR 0x80

#define TCPOPT_EOL 0
#define TCPOPT_NOP 1
#define TCPOPT_MSS 2
#define TCPOPT_WSCALE 3
#define TCPOPT_SACK_OK 4
#define TCPOPT_SACK 5
#define TCPOPT_TS 8
#define TCPOPT_UTO 28
#define TCPOPT_FASTOPEN 34      /* RFC 7413 2 */
#define TCPOPT_EXPERIMENT 254   /* RFC 6994, with ... */
#define TCPOPT_EXP_FASTOPEN 0xf989 /* ... RFC 7413's number from before it had an option of its own */
#define TCPOPT_NOP_NOP_TS 0x0101080au /* the first four bytes of RFC 7323 appendix A's layout */

/* The fixed header in host order: a checked view. */
struct tcp_view {
	uint16_t sport, dport;
	uint32_t seq, ack;
	uint16_t wnd;        /* as on the wire, not scaled */
	uint16_t urp;
	uint8_t flags;
	uint8_t hdr_len;     /* 20..60 */
};

/* What the options said. has_* is false when the option is absent or has a wrong length (then it is ignored, as RFC 9293
 * 3.1 (MUST-6, MUST-7) wants; the rest of the options is still read where its lengths allow). */
struct tcp_opts {
	uint32_t tsval, tsecr;
	uint16_t mss;
	uint16_t uto;        /* user timeout as on the wire (RFC 5482); 0: none */
	uint8_t wscale;      /* as on the wire; the caller limits it to 14 */
	uint8_t n_sack;
	bool has_mss, has_wscale, has_ts, sack_ok;
	bool has_fo, fo_exp; /* a Fast Open cookie, or (fo_len 0) the wish for one; by the experimental option */
	uint8_t fo_len;
	const uint8_t *fo;   /* in the segment */
	struct {
		uint32_t left, right;
	} sack[TCP_SACK_BLOCKS_MAX];
};

/* Parses a segment of len bytes, of which it reads the first 20. False when header or data offset do not fit. */
static inline bool tcp_parse(struct tcp_view *v, const void *seg, uint32_t len)
{
	const uint8_t *b = seg;

	if (len < TCP_HDR_LEN)
		return false;
	v->hdr_len = (b[12] >> 4) * 4;
	v->sport = load16(b);
	v->dport = load16(b + 2);
	v->seq = load32(b + 4);
	v->ack = load32(b + 8);
	v->flags = b[13];
	v->wnd = load16(b + 14);
	v->urp = load16(b + 18);
	return v->hdr_len >= TCP_HDR_LEN && v->hdr_len <= len;
}

/* Any options in any order, into o, which the caller has cleared of has_*, sack_ok and n_sack. */
void tcp_opts_parse_any(struct tcp_opts *o, const uint8_t *b, uint32_t len);

/* Parses the option bytes between header and data (hdr_len - 20 of them). Never reads past len. The layout NOP NOP
 * timestamp (RFC 7323 appendix A) is recognised first. Fields whose has_* is false, and blocks past n_sack, are not
 * set. */
static inline void tcp_opts_parse(struct tcp_opts *o, const void *opts, uint32_t len)
{
	const uint8_t *b = opts;

	o->has_mss = o->has_wscale = o->has_ts = o->sack_ok = o->has_fo = false;
	o->n_sack = 0;
	o->uto = 0;
	if (__builtin_expect(len >= TCP_OPT_TS_ALIGNED && load32(b) == TCPOPT_NOP_NOP_TS, 1)) {
		o->has_ts = true;
		o->tsval = load32(b + 4);
		o->tsecr = load32(b + 8);
		b += TCP_OPT_TS_ALIGNED;
		len -= TCP_OPT_TS_ALIGNED;
	}
	if (__builtin_expect(len > 0, 0))
		tcp_opts_parse_any(o, b, len);
}

/* Options other than a lone timestamp, at b; returns their length. */
uint32_t tcp_opts_emit_any(uint8_t *b, const struct tcp_opts *o);

/* No options but perhaps a timestamp: nearly every segment. */
static inline bool tcp_opts_plain(const struct tcp_opts *o)
{
	return !o->has_mss && !o->has_wscale && !o->sack_ok && o->n_sack == 0 && !o->has_fo && o->uto == 0;
}

/* Writes header and options at buf (checksum zero) and returns their length, a multiple of 4 (at most 60). Options go in Linux's
 * order: MSS, SACK permitted, timestamp, NOP + window scale, Fast Open, user timeout; or NOP NOP timestamp, user timeout, then
 * SACK blocks (as many as fit into 40 bytes of options). v->hdr_len is not looked at. */
static inline uint32_t tcp_emit(void *buf, const struct tcp_view *v, const struct tcp_opts *o)
{
	uint8_t *b = buf;
	uint32_t len = TCP_HDR_LEN;

	store16(b, v->sport);
	store16(b + 2, v->dport);
	store32(b + 4, v->seq);
	store32(b + 8, v->ack);
	store16(b + 14, v->wnd);
	store16(b + 16, 0);
	store16(b + 18, v->urp);
	if (__builtin_expect(tcp_opts_plain(o), 1)) {
		if (o->has_ts) {
			store32(b + 20, TCPOPT_NOP_NOP_TS);
			store32(b + 24, o->tsval);
			store32(b + 28, o->tsecr);
			len += TCP_OPT_TS_ALIGNED;
		}
	} else {
		len += tcp_opts_emit_any(b + TCP_HDR_LEN, o);
	}
	b[12] = (uint8_t)(len << 2); /* length in 32-bit words, in the upper four bits */
	b[13] = v->flags;
	return len;
}

/* SACK blocks of o that fit beside its other options. */
static inline uint32_t tcp_opts_sack_fit(const struct tcp_opts *o)
{
	uint32_t used = 4u * (o->has_mss + o->has_wscale + (o->uto != 0)) + (o->has_ts ? 12u : o->sack_ok ? 4u : 0u) + 4u;
	uint32_t fit = (TCP_OPTS_MAX - used) / 8;

	return o->n_sack < fit ? o->n_sack : fit;
}

/* The length that tcp_emit() would use for these options, header included. */
static inline uint32_t tcp_emit_len(const struct tcp_opts *o)
{
	uint32_t n = o->n_sack != 0 ? tcp_opts_sack_fit(o) : 0;

	return TCP_HDR_LEN + 4u * (o->has_mss + o->has_wscale + (o->uto != 0)) + (o->has_ts ? 12u : o->sack_ok ? 4u : 0u) +
	       (o->has_fo ? (2u + 2u * o->fo_exp + o->fo_len + 3u) & ~3u : 0u) + (n != 0 ? 4 + 8 * n : 0);
}

#endif
