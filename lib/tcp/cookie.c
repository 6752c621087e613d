/* cookie.c: SYN cookies. Our initial sequence number is
 *
 *   mask(tuple) + IRS + (minute << 24) + ((check(tuple, IRS, minute) + MSS index) mod 2^24)
 *
 * as D. J. Bernstein proposed and Linux does: it rises with the minutes, and to guess one of those that are believed takes
 * 2^24 / TCP_COOKIE_MSS_N tries in the right minute, and TCP_COOKIE_MINUTES / 256 of all others. With timestamps, the lowest bits
 * of the one that we send carry the options that the number has no room for; without, such connections do without them.
 *
 * All stacks of an end have the same secret and tell each other that there are cookies, so it does not matter which one
 * answered the SYN: the listener may have got or lost a twin where the ACK goes. */
#include "tcp/cookie.h"

#include "net/either.h"
#include "pkt/mail.h"
#include "tcp/out.h"
#include "wire/ip4.h"

#define TS_BITS 6           /* of our timestamp: at most 63 ms of its clock are lost */
#define TS_MASK ((1u << TS_BITS) - 1)
#define TS_WSCALE 0x0fu     /* the peer's window scale, ... */
#define TS_NO_WSCALE 0x0fu  /* ... or that it has none: 15 is no scale (RFC 7323 2.3) */
#define TS_SACK 0x10u
#define TS_ECN 0x20u

/* Common ones below each other (RFC 6691: what links leave of their MTU); the announced one is rounded down. */
static const uint16_t mss_table[TCP_COOKIE_MSS_N] = {TCP_MSS_MIN, 536, 1220, 1400, 1440, 1460, 8960};

static unsigned mss_index(uint16_t mss)
{
	unsigned i = TCP_COOKIE_MSS_N - 1;

	while (i > 0 && mss_table[i] > mss)
		i--;
	return i;
}

static uint32_t minute_now(const struct tcp *t) { return (uint32_t)(t->clock->now_us / 60000000u); }

static __rte_noinline uint32_t check6_of(const struct tcp *t, const struct net_pkt *pkt, uint32_t irs, uint32_t minute)
{
	const struct {
		struct flow_tuple6 tuple;
		uint32_t irs, minute;
	} in = {tcp_packet_tuple6(pkt), irs, minute};

	static_assert(sizeof(in) == sizeof(struct flow_tuple6) + 8, "every byte counts");
	return (uint32_t)siphash(&t->cookie_key, &in, sizeof(in)) & 0xffffff;
}

static uint32_t check_of(const struct tcp *t, const struct net_pkt *pkt, uint32_t irs, uint32_t minute)
{
	const struct {
		struct flow_key key;
		uint32_t irs, minute;
	} in = {pkt->key, irs, minute};

	static_assert(sizeof(in) == sizeof(struct flow_key) + 8, "every byte counts");
	if (unlikely(pkt->ip6))
		return check6_of(t, pkt, irs, minute);
	return (uint32_t)siphash(&t->cookie_key, &in, sizeof(in)) & 0xffffff;
}

/* ---- the SYN ---- */

static uint32_t cookie_make(const struct tcp *t, const struct net_pkt *pkt, uint32_t irs, uint32_t mask, unsigned mss)
{
	uint32_t minute = minute_now(t), check = check_of(t, pkt, irs, minute);

	return mask + irs + (minute << 24) + ((check + mss) & 0xffffff);
}

/* Our timestamp with the options in it, and not later than now: the next ones must not be less (RFC 7323 4.1). */
static uint32_t tsval_make(const struct tcp *t, const struct tcp_synrcvd *sr)
{
	uint32_t now = tcp_now_ts(t, sr->ts_offset), bits = sr->ws ? sr->wscale & 15 : TS_NO_WSCALE, val;

	bits |= (sr->sack ? TS_SACK : 0) | (sr->ecn ? TS_ECN : 0);
	val = (now & ~TS_MASK) | bits;
	return seq_gt(val, now) ? val - TS_MASK - 1 : val;
}

/* So that all believe in cookies; now and then, for they stop when they hear no more. */
static void tell(struct tcp *t)
{
	if (mail_alone(t->flow->mail) || (t->cookie_told && t->clock->now_ms - t->cookie_told_ms < TCP_COOKIE_TELL_MS))
		return;
	t->cookie_told = mail_note(t->flow->mail, MAIL_ALL, MAIL_COOKIES, "", 0) == 0;
	t->cookie_told_ms = t->clock->now_ms;
}

void tcp_cookie_elsewhere(struct tcp *t)
{
	t->cookie_elsewhere = true;
	t->cookie_ms = t->clock->now_ms;
}

void tcp_cookie_answer(struct tcp *t, const struct tcp_listener *l, const struct tcp_seg *s)
{
	struct tcp_synrcvd sr = {.h = {.key = s->pkt->key, .hash = s->pkt->hash}};
	const struct tcp_pcb *opts = (const struct tcp_pcb *)l;
	uint32_t mask;

	tcp_synrcvd_fill(t, opts, s, &sr);
	if (!sr.ts) { /* there is nowhere to write them */
		sr.ws = sr.sack = sr.ecn = false;
		sr.wscale = 0;
	}
	tcp_packet_mask(t, s->pkt, &mask, &sr.ts_offset);
	sr.iss = cookie_make(t, s->pkt, sr.irs, mask, mss_index(sr.peer_mss));
	sr.own_mss = tcp_mss_within(t->net->iface[s->pkt->iface].mtu, s->pkt->ip6 ? IP6_HDR_LEN : IP4_HDR_LEN, tcp_opt(t, opts));
	t->cookie_ms = t->clock->now_ms;
	t->stats.cookies_sent++;
	tell(t);
	tcp_out_synack_back(t, &sr, s->pkt, tsval_make(t, &sr));
}

/* ---- the ACK ---- */

/* The index of the MSS in the cookie, or -1 when it is none. */
static int cookie_read(const struct tcp *t, const struct tcp_seg *s, uint32_t mask)
{
	uint32_t irs = s->seq - 1, minute = minute_now(t), rest = s->ack - 1 - mask - irs, age, mss;

	age = (minute - (rest >> 24)) & 0xff;
	if (age >= TCP_COOKIE_MINUTES)
		return -1;
	mss = (rest - check_of(t, s->pkt, irs, minute - age)) & 0xffffff;
	return mss < TCP_COOKIE_MSS_N ? (int)mss : -1;
}

/* Only for some time after cookies were sent can there be any: else nobody needs to try numbers. */
static bool cookies_believed(const struct tcp *t, const struct tcp_seg *s)
{
	if (likely(t->stats.cookies_sent == 0 && !t->cookie_elsewhere) || (s->flags & (TCPF_SYN | TCPF_RST | TCPF_ACK)) != TCPF_ACK)
		return false;
	return t->clock->now_ms - t->cookie_ms < TCP_COOKIE_MINUTES * 60000u;
}

bool tcp_cookie_acked(const struct tcp *t, const struct tcp_seg *s)
{
	uint32_t mask, ts_offset;

	if (!cookies_believed(t, s))
		return false;
	tcp_packet_mask(t, s->pkt, &mask, &ts_offset);
	return cookie_read(t, s, mask) >= 0;
}

/* What the SYN had said, as far as it came back. */
static void restore(const struct tcp *t, const struct tcp_listener *l, const struct tcp_seg *s, unsigned mss,
		    struct tcp_synrcvd *sr)
{
	uint32_t bits = s->o.tsecr & TS_MASK;

	sr->irs = s->seq - 1;
	sr->iss = s->ack - 1;
	sr->peer_mss = mss_table[mss];
	sr->wnd = tcp_listener_window((const struct tcp_pcb *)l);
	sr->cookie = true;
	sr->ts = s->o.has_ts;
	if (!sr->ts)
		return;
	sr->ts_recent = s->o.tsval;
	sr->sack = (bits & TS_SACK) != 0;
	sr->ecn = (bits & TS_ECN) != 0;
	if ((bits & TS_WSCALE) != TS_NO_WSCALE)
		sr->wscale = (uint8_t)(tcp_wscale_for(t, (const struct tcp_pcb *)l) << 4 | (bits & TS_WSCALE));
}

bool tcp_cookie_ack(struct tcp *t, struct tcp_listener *l, struct tcp_seg *s)
{
	struct tcp_synrcvd sr = {.h = {.key = s->pkt->key, .hash = s->pkt->hash}};
	struct tcp_pcb *p;
	uint32_t mask;
	int mss, err;

	if (!cookies_believed(t, s))
		return false;
	tcp_packet_mask(t, s->pkt, &mask, &sr.ts_offset);
	mss = cookie_read(t, s, mask);
	if (mss < 0) {
		t->stats.cookies_failed++;
		return false;
	}
	restore(t, l, s, (unsigned)mss, &sr);
	sr.h.path = net_path_back_via(t->net, s->pkt, &sr.h.key, tcp_via(t, (const struct tcp_pcb *)l), &err);
	p = sr.h.path != 0 ? tcp_passive_forgotten(t, l, &sr) : NULL;
	if (p == NULL) { /* its data will be sent again, and be as good a last ACK */
		if (sr.h.path != 0)
			net_path_put(t->net, sr.h.path);
		tcp_in_drop(t, s, DROP_TCP_BACKLOG);
		return true;
	}
	t->stats.cookies_received++;
	p->snd_wl1 = s->seq - 1;
	tcp_in_established(t, p, s);
	tcp_in_pcb(t, p, s);
	return true;
}
