/* life.h: how connections begin, change state and end. Private to lib/tcp. */
#ifndef TCP_LIFE_H
#define TCP_LIFE_H

#include <netinet/in.h>

#include "tcp/tcp.h"

#define TCP_IN(state, set) ((1u << (state)) & (set))
#define ST(name) (1u << TCP_##name)
/* States in which our FIN is queued or sent and not acknowledged. */
#define TCP_FIN_DUE (ST(FIN_WAIT_1) | ST(CLOSING) | ST(LAST_ACK))
/* States in which the peer's FIN has been taken. */
#define TCP_FIN_TAKEN (ST(CLOSE_WAIT) | ST(CLOSING) | ST(LAST_ACK) | ST(TIME_WAIT))
/* States in which both sides are in step (RFC 9293 3.3.2), of a pcb. */
#define TCP_SYNCHRONIZED \
	(ST(ESTABLISHED) | ST(FIN_WAIT_1) | ST(FIN_WAIT_2) | ST(CLOSE_WAIT) | ST(CLOSING) | ST(LAST_ACK))

/* The only place where a state changes. Asserts that the step is legal. */
void tcp_state_set(struct tcp *t, struct tcp_pcb *p, enum tcp_state to);

/* Two numbers of a tuple that nobody outside can know: what ISNs are counted from, and the timestamp offset. */
/* Of a packet, whose sender may have no number here (IPv6): the same. */
void tcp_packet_mask(const struct tcp *t, const struct net_pkt *pkt, uint32_t *mask, uint32_t *ts_offset);
static inline struct flow_tuple6 tcp_packet_tuple6(const struct net_pkt *pkt)
{
	return (struct flow_tuple6){.laddr = *net_pkt_laddr6(pkt), .raddr = *net_pkt_raddr6(pkt), .lport_be = pkt->key.lport_be,
				    .rport_be = pkt->key.rport_be, .scope = net_pkt_scope6(pkt)};
}
void tcp_tuple_mask(const struct tcp *t, const struct flow_key *key, uint32_t *mask, uint32_t *ts_offset);
/* ISN (RFC 6528) and timestamp offset of a tuple. */
void tcp_isn(const struct tcp *t, const struct flow_key *key, uint32_t *isn, uint32_t *ts_offset);

/* Ends the connection: out of table, wheel, ports and path; queued output is dropped, unread input stays. An open socket
 * gets so_error (0: none) and is woken; an orphan is freed: p may be gone afterwards. */
void tcp_done(struct tcp *t, struct tcp_pcb *p, int err);
/* Of that only: out of table, ports and path. */
void tcp_leave(struct tcp *t, struct tcp_pcb *p);
/* Gives bind()'s port back. */
void tcp_unbind(struct tcp *t, struct tcp_pcb *p);
/* tcp_done() after a RST to the peer. */
void tcp_abort(struct tcp *t, struct tcp_pcb *p, int err);
/* tcp_done() with the small struct left in TIME-WAIT in its place. */
void tcp_timewait_enter(struct tcp *t, struct tcp_pcb *p);
void tcp_timewait_end(struct tcp *t, struct tcp_timewait *tw);
/* An ISN for a connection that takes over: beyond all that the old one can have sent. Not 0, which means any. */
static inline uint32_t tcp_timewait_next_iss(const struct tcp_timewait *tw)
{
	uint32_t iss = tw->snd_nxt + 65535 + 2;

	return iss != 0 ? iss : 1;
}
/* A local address of from and a port for an active open to key's remote end, of range (port_range.h) if that is not 0.
 * Fills in key and *hash, and *iss when the ISN may not be less. 0, -EADDRNOTAVAIL, -ENOBUFS. */
int tcp_port_take(struct tcp *t, const rte_be32_t *from, uint32_t n, uint32_t range, struct flow_key *key, uint32_t *hash,
		  uint32_t *iss);
/* An orphan came to FIN-WAIT-2: it does not wait for the peer for ever. False: p is gone. */
bool tcp_orphan_finwait2(struct tcp *t, struct tcp_pcb *p);
/* Frees the slot of a closed socket. */
void tcp_pcb_free(struct tcp *t, struct tcp_pcb *p);

/* The local tuple is in TIME-WAIT and wanted for a new connection: timestamps make it safe to take over at once (G19,
 * RFC 6191). False: it may not be. *iss: the least ISN. */
bool tcp_timewait_take_over(struct tcp *t, const struct flow_key *key, uint32_t hash, uint32_t *iss);
/* The tuple's home lets the attempt begin: the SYN leaves. */
void tcp_claim_granted(struct tcp *t, struct tcp_pcb *p, uint32_t iss);
/* Or it has another connection with this tuple. */
void tcp_claim_denied(struct tcp *t, struct tcp_pcb *p);

/* Sets up the parts that every new connection has, but for the window scales; the key, hash and path are set. */
void tcp_pcb_start(struct tcp *t, struct tcp_pcb *p, uint32_t iss, uint32_t ts_offset);
/* Both ends are known: mss from what the peer announced, congestion window. */
void tcp_pcb_peer(struct tcp *t, struct tcp_pcb *p, uint16_t peer_mss);
/* Makes the connected pcb for a half-open one whose handshake is complete and queues it at its listener. NULL: cannot be
 * now (counted); the half-open one stays. */
struct tcp_pcb *tcp_passive_new(struct tcp *t, struct tcp_listener *l, struct tcp_synrcvd *sr);
/* The same for one that is in no table and pool: sr was made up from a cookie, with a path, which the pcb takes. */
struct tcp_pcb *tcp_passive_forgotten(struct tcp *t, struct tcp_listener *l, const struct tcp_synrcvd *sr);
void tcp_synrcvd_end(struct tcp *t, struct tcp_synrcvd *sr);
void tcp_listener_close(struct tcp *t, struct tcp_listener *l); /* resets what is queued */

uint16_t tcp_mss_within(uint32_t mtu, uint32_t l3_len, const struct tcp_optext *x);
uint8_t tcp_wscale_for(const struct tcp *t, const struct tcp_pcb *p); /* for the largest window it may ever have, RFC 7323 2.2 */
uint16_t tcp_announced_mss(const struct tcp *t, uint32_t path, const struct tcp_optext *x);
/* The window of a listener's SYN-ACKs. */
uint16_t tcp_listener_window(const struct tcp_pcb *l);
/* Of a peer that says nothing. */
static inline uint16_t tcp_fallback_mss(const struct flow_key *key)
{
	return flow_addr_is6(key->laddr_be) ? TCP_MSS_FALLBACK6 : TCP_MSS_FALLBACK;
}

static inline struct tcp_pcb *tcp_pcb_at(const struct tcp *t, flow_ref r) { return (struct tcp_pcb *)conn_at(t->flow, r); }
static inline flow_ref tcp_pcb_ref(const struct tcp *t, const struct tcp_pcb *p) { return conn_ref(t->flow, &p->c); }
static inline struct tcp_synrcvd *tcp_synrcvd_at(const struct tcp *t, flow_ref r)
{
	return POOL_AT(&t->flow->pool[FLOW_SYNRCVD], struct tcp_synrcvd, ref_index(r));
}
static inline flow_ref tcp_synrcvd_ref(const struct tcp *t, const struct tcp_synrcvd *sr)
{
	return ref_make(FLOW_SYNRCVD, POOL_INDEX(&t->flow->pool[FLOW_SYNRCVD], sr));
}
static inline struct tcp_timewait *tcp_timewait_at(const struct tcp *t, flow_ref r)
{
	return POOL_AT(&t->flow->pool[FLOW_TIMEWAIT], struct tcp_timewait, ref_index(r));
}
static inline flow_ref tcp_timewait_ref(const struct tcp *t, const struct tcp_timewait *tw)
{
	return ref_make(FLOW_TIMEWAIT, POOL_INDEX(&t->flow->pool[FLOW_TIMEWAIT], tw));
}

/* ---- options ---- */
extern const struct tcp_optext tcp_optext_defaults;

static inline const struct tcp_optext *tcp_opt(const struct tcp *t, const struct tcp_pcb *p)
{
	return unlikely(p->opts != 0) ? POOL_AT(&t->optexts, const struct tcp_optext, p->opts) : &tcp_optext_defaults;
}
/* SO_BINDTODEVICE and SO_DONTROUTE, as NET_VIA_*. */
static inline uint8_t tcp_via(const struct tcp *t, const struct tcp_pcb *p)
{
	return (uint8_t)(tcp_opt(t, p)->flags >> OPT_VIA_SHIFT);
}
/* The flags of its entry in binds, but for BIND_RECEIVES. */
uint32_t tcp_bind_flags(const struct tcp *t, const struct tcp_pcb *p);
/* TCP_USER_TIMEOUT as it counts, 0: none. What a peer asked for (RFC 5482) holds nothing that nobody waits for any more. */
static inline uint32_t tcp_user_timeout_ms(const struct tcp *t, const struct tcp_pcb *p)
{
	const struct tcp_optext *x = tcp_opt(t, p);

	if ((p->c.flags & CONN_ORPHAN) && !(x->flags & OPT_UTO_OWN))
		return 0;
	return x->user_timeout_ms < TCP_USER_TIMEOUT_MAX_MS ? x->user_timeout_ms : TCP_USER_TIMEOUT_MAX_MS;
}
/* IP_MTU_DISCOVER says that routers may cut its packets. */
static inline bool tcp_opt_unusual_df(const struct tcp_optext *x)
{
	return x->pmtudisc == IP_PMTUDISC_DONT || x->pmtudisc >= IP_PMTUDISC_INTERFACE;
}
/* The pcb's own, made from the defaults when there is none. */
struct tcp_optext *tcp_opt_need(struct tcp *t, struct tcp_pcb *p);
void tcp_opt_free(struct tcp *t, struct tcp_pcb *p);

/* TCP_DEFER_ACCEPT: seconds as SYN-ACKs repeated meanwhile, and back (Linux secs_to_retrans()). */
uint8_t tcp_defer_repeats(int seconds);
int tcp_defer_seconds(uint8_t repeats);

#endif
