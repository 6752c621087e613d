/* in.h: one received segment on its way through RFC 9293 section 3.10.7. Private to lib/tcp. */
#ifndef TCP_IN_H
#define TCP_IN_H

#include "tcp/buf.h"
#include "tcp/life.h"
#include "wire/tcp.h"

struct tcp_seg {
	struct rte_mbuf *m;         /* NULL once somebody took it */
	const struct net_pkt *pkt;
	uint32_t seq, ack;
	uint32_t len;               /* payload that is left of it */
	uint32_t off;               /* where it starts in m */
	uint32_t up;                /* SEG.UP: where the urgent pointer urp points, for segments with URG */
	uint16_t wnd, urp;          /* as on the wire */
	uint8_t flags;
	struct tcp_opts o;
};

/* Segments for what the table found. None of them frees s->m. The int ones: FLOW_DONE, or the number of the stack whose segment
 * it is; then nothing has been done with it. */
void tcp_in_pcb(struct tcp *t, struct tcp_pcb *p, struct tcp_seg *s);         /* synchronized states, SYN-RECEIVED */
void tcp_in_synsent(struct tcp *t, struct tcp_pcb *p, struct tcp_seg *s);
int tcp_in_synrcvd(struct tcp *t, struct tcp_synrcvd *sr, struct tcp_seg *s);
int tcp_in_timewait(struct tcp *t, struct tcp_timewait *tw, struct tcp_seg *s);
int tcp_in_unknown(struct tcp *t, struct tcp_seg *s);                         /* LISTEN and CLOSED */
/* At the home of a segment for no connection here: FLOW_DONE, or the stack whose listener it is for. */
int tcp_in_elsewhere(const struct tcp *t, const struct tcp_seg *s);

/* Steps that several of them share. The bool ones: false when the segment is finished with (p may be gone). */
bool tcp_in_ack(struct tcp *t, struct tcp_pcb *p, struct tcp_seg *s);         /* step 5 */
bool tcp_in_text(struct tcp *t, struct tcp_pcb *p, struct tcp_seg *s);        /* step 7 */
/* Text of a SYN that crossed ours, and the end of its waiting: s is the segment that ended the handshake. */
void tcp_in_text_early(struct tcp *t, struct tcp_pcb *p, struct tcp_seg *s);
void tcp_in_text_due(struct tcp *t, struct tcp_pcb *p, struct tcp_seg *s);
void tcp_in_fin(struct tcp *t, struct tcp_pcb *p, const struct tcp_seg *s);   /* step 8 */
void tcp_in_established(struct tcp *t, struct tcp_pcb *p, const struct tcp_seg *s); /* our SYN is acknowledged */
uint32_t tcp_seg_joined(const struct tcp_seg *s); /* how many segments the peer sent that arrived as this one, with text */
void tcp_in_drop(struct tcp *t, struct tcp_seg *s, enum drop why);            /* counts and frees */
void tcp_in_reset(struct tcp *t, const struct tcp_seg *s, uint32_t path);     /* the RST of 3.10.7.1 */

/* A SYN for this listener; iss: 0, or what the ISN must be at least (after TIME-WAIT). */
void tcp_in_syn(struct tcp *t, struct tcp_listener *l, struct tcp_seg *s, uint32_t iss);
/* Ours for what comes by iface (BIND_IFACE_ANY); NULL: none. */
struct tcp_listener *tcp_listener_for(const struct tcp *t, uint8_t iface, const struct flow_key *key, uint32_t hash);

/* What the SYN says, and the listener with these options offers, into sr, of which the rest is zero. */
void tcp_synrcvd_fill(const struct tcp *t, const struct tcp_pcb *opts, const struct tcp_seg *s, struct tcp_synrcvd *sr);
void tcp_synrcvd_timeout(struct tcp *t, struct tcp_synrcvd *sr);

/* RFC 7323 5.3: the segment's timestamp is older than ts_recent. */
static inline bool tcp_paws_old(const struct tcp_seg *s, uint32_t ts_recent) { return (int32_t)(s->o.tsval - ts_recent) < 0; }

/* TCP_NOTSENT_LOWAT: fewer bytes than that wait to leave. */
static inline bool tcp_lowat_allows(const struct tcp *t, const struct tcp_pcb *p, const struct tcp_buf *b)
{
	uint32_t lowat;

	if (likely(p->opts == 0))
		return true;
	lowat = tcp_opt(t, p)->notsent_lowat;
	return lowat == 0 || b == NULL || p->snd_una + b->snd_len - p->snd_nxt < lowat;
}

static inline bool tcp_writable(const struct tcp *t, const struct tcp_pcb *p, const struct tcp_buf *b)
{
	uint32_t queued = b != NULL ? b->snd_len : 0;

	/* as Linux sk_stream_is_writeable() */
	return queued < p->sndbuf && p->sndbuf - queued >= queued / 2 && tcp_lowat_allows(t, p, b);
}

#endif
