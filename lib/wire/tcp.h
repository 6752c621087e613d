/* tcp.h: TCP headers and options on the wire (RFC 9293 3.1, RFC 7323, RFC 2018). */
#ifndef WIRE_TCP_H
#define WIRE_TCP_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_byteorder.h>

#define TCP_HDR_LEN 20
#define TCP_OPTS_MAX 40
#define TCP_SACK_BLOCKS_MAX 4

#define TCPF_FIN 0x01
#define TCPF_SYN 0x02
#define TCPF_RST 0x04
#define TCPF_PSH 0x08
#define TCPF_ACK 0x10
#define TCPF_URG 0x20
#define TCPF_ECE 0x40
#define TCPF_CWR 0x80

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
	uint8_t wscale;      /* as on the wire; the caller limits it to 14 */
	uint8_t n_sack;
	bool has_mss, has_wscale, has_ts, sack_ok;
	struct {
		uint32_t left, right;
	} sack[TCP_SACK_BLOCKS_MAX];
};

/* Parses a segment of len bytes. False when header or data offset do not fit. */
bool tcp_parse(struct tcp_view *v, const void *seg, uint32_t len);

/* Parses the option bytes between header and data (hdr_len - 20 of them). Never reads past len. The layout NOP NOP
 * timestamp (RFC 7323 appendix A) is recognised first. */
void tcp_opts_parse(struct tcp_opts *o, const void *opts, uint32_t len);

/* Writes header and options at buf (checksum zero) and returns their length, a multiple of 4 (at most 60). Options
 * go in Linux's order: MSS, SACK permitted, timestamp, NOP + window scale; or NOP NOP timestamp, then SACK blocks. */
uint32_t tcp_emit(void *buf, const struct tcp_view *v, const struct tcp_opts *o);

/* The length that tcp_emit() would use for these options, header included. */
uint32_t tcp_emit_len(const struct tcp_opts *o);

#endif
