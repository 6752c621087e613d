/* out.h: building and sending segments, and the list of connections that have something to send. Private to lib/tcp. */
#ifndef TCP_OUT_H
#define TCP_OUT_H

#include "tcp/buf.h"
#include "tcp/sack_out.h"
#include "wire/tcp.h"

/* The connection has (or may have) something to send: tcp_flush() will look. */
void tcp_out_link(struct tcp *t, struct tcp_pcb *p);

static inline void tcp_out_mark(struct tcp *t, struct tcp_pcb *p)
{
	if (!(p->tflags & TF_OUT))
		tcp_out_link(t, p);
}

static inline void tcp_out_ack_now(struct tcp *t, struct tcp_pcb *p)
{
	p->tflags |= TF_ACK_NOW;
	tcp_out_mark(t, p);
}

/* What an attacker can make us send is limited (RFC 5961 section 7): by connection, as Linux does. A limit for all of them would
 * tell one who counts answers of his own whether he has guessed the tuple of another (CVE-2016-5696). */
static inline uint16_t tcp_answer_slot(const struct tcp *t) { return (uint16_t)(t->clock->now_ms / TCP_ANSWER_MS | 0x8000); }
bool tcp_out_answer_allowed(struct tcp *t, const struct tcp_pcb *p);
void tcp_out_challenge(struct tcp *t, struct tcp_pcb *p); /* a challenge ACK, if the limit allows one */

/* Sent at once, not at the flush. */
bool tcp_out_segment(struct tcp *t, struct tcp_pcb *p, uint32_t seq, uint32_t len, uint8_t flags); /* false: no mbuf */
/* len > mss bytes as one frame that the NIC cuts into segments of mss (PORT_TX_TSO). */
bool tcp_out_large(struct tcp *t, struct tcp_pcb *p, uint32_t seq, uint32_t len, uint8_t flags, uint32_t mss);
void tcp_out_syn(struct tcp *t, struct tcp_pcb *p);            /* SYN, or SYN-ACK in SYN-RECEIVED */
struct tcp_fo_option;
/* The same with a Fast Open option (or NULL) and the first text bytes of the send queue, which begins behind the SYN. False:
 * there is no room, and tcp_out_syn() will follow. */
bool tcp_out_syn_open(struct tcp *t, struct tcp_pcb *p, const struct tcp_fo_option *fo, uint32_t text);
void tcp_out_synack(struct tcp *t, struct tcp_synrcvd *sr, const struct tcp_fo_option *fo);
/* With this TSval, to where the SYN in pkt came from: no path. */
void tcp_out_synack_back(struct tcp *t, const struct tcp_synrcvd *sr, const struct net_pkt *pkt, uint32_t tsval);
bool tcp_out_ack(struct tcp *t, struct tcp_pcb *p);            /* a bare ACK; false: no mbuf */
void tcp_out_ack_at(struct tcp *t, struct tcp_pcb *p, uint32_t seq); /* a bare ACK with this sequence number */
void tcp_out_rst(struct tcp *t, struct tcp_pcb *p);
/* RST or ACK without a connection behind it, over a path index. Fills in v's ports. */
void tcp_out_bare(struct tcp *t, const struct flow_key *key, uint32_t path, struct tcp_view *v,
		  const struct tcp_opts *o, uint8_t tos);

/* Of a segment without SACK blocks: IP, TCP, timestamps. */
static inline uint32_t tcp_out_headers(const struct tcp_pcb *p, const struct path *path)
{
	return path->l3_len + TCP_HDR_LEN + (p->tflags & TF_TS ? 12u : 0u);
}

/* p->mss, or less where the path has become narrower (RFC 1191 6.1), or where SACK blocks go with the payload. */
static inline uint32_t tcp_out_mss(const struct tcp *t, const struct tcp_pcb *p)
{
	const struct path *path = path_at(&t->net->paths, p->c.h.path);
	uint32_t fit = path->pmtu - tcp_out_headers(p, path);
	const struct tcp_buf *b = tcp_buf_of(t, p);

	if (fit > p->mss)
		fit = p->mss;
	/* SACK blocks come out of the payload (RFC 6691 section 2). */
	return unlikely(b != NULL && (b->tell & BUF_SACK)) ? fit - tcp_sack_bytes(t, p, b) : fit;
}
/* One segment, whatever cwnd says: new data, else the last one in flight again (RFC 8985 7.3). False: there was no way. */
bool tcp_out_probe(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b);

/* One segment of so many bytes of new data, whatever the path is known to take. */
bool tcp_out_sized(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, uint32_t len);

/* Whether the tx queue takes another segment of those who can wait; gives the driver what is there first when it is full. */
static inline bool tcp_out_room(struct tcp *t, uint32_t path)
{
	struct pkt_tx *tx = &t->tx[path_at(&t->net->paths, path)->port];

	if (pkt_tx_room(tx) == 0)
		pkt_tx_flush(tx);
	return pkt_tx_room(tx) > 0;
}

/* What can be announced: RFC 9293 3.8.6.2.2; moves rcv_adv. As on the wire. */
uint16_t tcp_out_window(const struct tcp *t, struct tcp_pcb *p);
/* How far the right edge could be moved now, in bytes. */
uint32_t tcp_out_window_gain(const struct tcp *t, const struct tcp_pcb *p);

static inline uint32_t tcp_now_ts(const struct tcp *t, uint32_t ts_offset) { return t->clock->now_ms + ts_offset; }
static inline uint32_t tcp_data_end(const struct tcp_pcb *p, const struct tcp_buf *b)
{
	return p->snd_una + (b != NULL ? b->snd_len : 0);
}

#endif
