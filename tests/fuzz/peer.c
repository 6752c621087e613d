/* peer.c: see peer.h. */
#include "peer.h"

#include <netinet/in.h>

#include "wire/icmp.h"
#include "wire/icmp6.h"
#include "wire/ip4.h"
#include "wire/ndp.h"
#include "wire/tcp.h"
#include "wire/udp.h"

/* A number at, before or behind x. */
static uint32_t near(struct fuzz *f, uint32_t x)
{
	switch (input_below(&f->in, 16)) {
	case 0: return x + input_u16(&f->in);
	case 1: return x - input_u16(&f->in);
	case 2: return input_u32(&f->in);
	case 3:
	case 4: return x + input_u8(&f->in);
	case 5: return x - input_u8(&f->in);
	default: return x;
	}
}

/* ---- whom it talks to ---- */

/* A connection as its peer sees it: whole, half-open or in TIME-WAIT. */
struct target {
	struct flow_key key;
	uint32_t rcv_nxt, snd_una, snd_nxt, ts_recent, ts_offset;
	uint16_t mss;
	bool ts;
};

static bool target_pcb(const struct tcp_pcb *p, struct target *g)
{
	if (p == NULL || p->c.type != CONN_TCP || !(p->c.flags & CONN_IN_TABLE))
		return false;
	*g = (struct target){p->c.h.key, p->rcv_nxt, p->snd_una, p->snd_nxt, p->ts_recent, p->ts_offset, p->mss,
			     p->state > TCP_SYN_SENT && (p->tflags & TF_TS)};
	return true;
}

/* Any that there is, also those whose sockets are closed. */
static bool target_conn(struct fuzz *f, struct target *g)
{
	const struct pool *pool = &f->l->s->flow.pool[FLOW_CONN];
	uint8_t i = input_u8(&f->in);

	return pool->fresh > 1 && target_pcb(pool_at(pool, 1 + i % (pool->fresh - 1)), g);
}

static bool target_half_open(struct fuzz *f, struct target *g)
{
	const struct pool *pool = &f->l->s->flow.pool[FLOW_SYNRCVD];

	for (uint32_t i = 1; i < pool->fresh; i++) {
		const struct tcp_synrcvd *sr = pool_at(pool, i);

		if (!wheel_armed(&sr->h.timer))
			continue;
		*g = (struct target){sr->h.key, sr->irs + 1, sr->iss, sr->iss + 1, sr->ts_recent, sr->ts_offset, sr->peer_mss, sr->ts};
		return true;
	}
	return false;
}

static bool target_timewait(struct fuzz *f, struct target *g)
{
	const struct tcp_timewait *tw;

	if (f->t->tw_head == 0)
		return false;
	tw = pool_at(&f->l->s->flow.pool[FLOW_TIMEWAIT], input_u8(&f->in) & 1 ? f->t->tw_head : f->t->tw_tail);
	*g = (struct target){tw->h.key, tw->rcv_nxt, tw->snd_nxt, tw->snd_nxt, tw->ts_recent, tw->ts_offset, 0, tw->ts};
	return true;
}

static bool target_any(struct fuzz *f, struct target *g)
{
	uint32_t which = input_below(&f->in, 16);

	if (which < SOCKS)
		return target_pcb(f->sock[which], g);
	return which < 12 ? target_conn(f, g) : which < 14 ? target_half_open(f, g) : target_timewait(f, g);
}

/* How the packet travels: family, hop limit, ECN, extension headers, fragments, mbufs. */
static struct live_ip route(struct fuzz *f, uint8_t proto, bool ip6, enum live_host from)
{
	uint8_t how = input_u8(&f->in);
	struct live_ip ip = {.from = from, .ip6 = ip6, .proto = proto, .hops = 64, .tos = how & 3};

	if (how & 0x80) { /* most are ordinary */
		ip.exts = how >> 2 & 3;
		ip.split = how & 0x10 ? 80 : 0;
		ip.backwards = how & 0x20;
		ip.piece = how & 0x40 ? input_u8(&f->in) * 8 : 0;
		ip.hops = input_u8(&f->in);
	}
	return ip;
}

/* ---- segments ---- */

/* Blocks of what is in flight, and others. */
static void blocks_make(struct fuzz *f, const struct target *p, struct tcp_opts *o)
{
	o->n_sack = (uint8_t)(1 + input_below(&f->in, 4));
	for (uint32_t i = 0; i < o->n_sack; i++) {
		uint32_t flight = p->snd_nxt - p->snd_una;

		o->sack[i].left = flight != 0 ? p->snd_una + input_u16(&f->in) % flight : near(f, p->snd_una);
		o->sack[i].right = near(f, o->sack[i].left + (p->mss != 0 ? p->mss : 1));
	}
}

/* A Fast Open cookie: the one that the stack gave, or another. */
static void cookie_make(struct fuzz *f, uint8_t what, struct tcp_opts *o, uint8_t *room)
{
	const struct sent_syn *sa = &f->l->sent.synack;

	o->has_fo = true;
	o->fo = room;
	o->fo_exp = what & 1;
	if (what & 2)
		return;
	if (sa->fo_len != 0 && !(what & 4)) {
		o->fo_len = sa->fo_len;
		memcpy(room, sa->fo, sa->fo_len);
	} else {
		o->fo_len = 8;
		input_bytes(&f->in, room, 8);
	}
}

/* Options as they come, or those that the connection expects; returns their length. */
static uint32_t options_make(struct fuzz *f, const struct target *p, uint8_t flags, uint8_t *b)
{
	uint8_t what = input_u8(&f->in), cookie[TCP_FO_COOKIE_MAX];
	struct tcp_opts o = {0};
	uint32_t len;

	if ((what & 0xf0) == 0xf0) {
		len = (what & 15u) % 11 * 4;
		input_bytes(&f->in, b, len);
		return len;
	}
	o.has_ts = (p != NULL && p->ts) ^ (what & 1);
	o.tsval = p != NULL ? p->ts_recent + (what >> 5 & 1) : 1;
	o.tsecr = f->l->s->clock.now_ms + (p != NULL ? p->ts_offset : 0);
	if (flags & TCPF_SYN) {
		o.has_mss = what & 2;
		o.mss = (uint16_t)(input_u8(&f->in) * 8);
		o.has_wscale = what & 4;
		o.wscale = what >> 4 & 15;
		o.sack_ok = what & 8;
		if (what & 64)
			cookie_make(f, input_u8(&f->in), &o, cookie);
	} else if (p != NULL && (what & 8)) {
		blocks_make(f, p, &o);
	} else if (what & 4) {
		o.uto = input_u16(&f->in);
	}
	if (tcp_opts_plain(&o)) {
		uint8_t whole[TCP_HDR_LEN + TCP_OPTS_MAX];

		len = tcp_emit(whole, &(struct tcp_view){0}, &o) - TCP_HDR_LEN;
		memcpy(b, whole + TCP_HDR_LEN, len);
		return len;
	}
	return tcp_emit_len(&o) > TCP_HDR_LEN + TCP_OPTS_MAX ? 0 : tcp_opts_emit_any(b, &o);
}

static uint8_t flags_make(struct fuzz *f)
{
	static const uint8_t usual[] = {
		TCPF_ACK, TCPF_ACK, TCPF_ACK, TCPF_ACK, TCPF_ACK, TCPF_ACK, TCPF_ACK | TCPF_PSH, TCPF_ACK | TCPF_FIN, TCPF_SYN, TCPF_SYN,
		TCPF_SYN | TCPF_ACK, TCPF_RST, TCPF_RST | TCPF_ACK, TCPF_ACK | TCPF_ECE, TCPF_ACK | TCPF_CWR,
		TCPF_SYN | TCPF_ECE | TCPF_CWR, TCPF_ACK | TCPF_URG,
	};
	uint8_t v = input_u8(&f->in);

	return v < 0xe0 ? usual[v % sizeof(usual)] : input_u8(&f->in);
}

/* Makes a segment of header v, options and len bytes of the stream, and sends it. */
static void segment_send(struct fuzz *f, const struct live_ip *ip, const struct tcp_view *v, const uint8_t *opts, uint32_t opts_len,
			 uint32_t len)
{
	static const struct tcp_opts none;
	uint8_t l4[LIVE_L4_MAX];

	tcp_emit(l4, v, &none);
	memcpy(l4 + TCP_HDR_LEN, opts, opts_len);
	l4[12] = (uint8_t)((TCP_HDR_LEN + opts_len) << 2);
	sent_fill(l4 + TCP_HDR_LEN + opts_len, len, v->seq + !!(v->flags & TCPF_SYN));
	f->urgent |= v->flags & TCPF_URG;
	live_packet(f->l, ip, l4, TCP_HDR_LEN + opts_len + len);
}

static enum live_host host_of(const struct live *l, rte_be32_t addr_be)
{
	for (unsigned i = 0; i < LIVE_HOSTS; i++)
		if (flow_addr_is6(addr_be) ? ip6_addr_eq(net_addr6_at(&l->s->net, addr_be), live_addr6(i)) : live_addr(i) == addr_be)
			return i;
	return LIVE_PEER;
}

/* Where it stands, from how: nearly or (bit 3) exactly as it should be. */
static void numbers_make(struct fuzz *f, const struct target *g, uint8_t how, struct tcp_view *v)
{
	uint32_t ack = how & 2 ? g->snd_nxt : g->snd_una;

	v->sport = rte_be_to_cpu_16(g->key.rport_be);
	v->dport = rte_be_to_cpu_16(g->key.lport_be);
	v->seq = how & 8 ? g->rcv_nxt : near(f, g->rcv_nxt);
	v->ack = how & 8 ? ack : near(f, ack);
}

void peer_segment(struct fuzz *f)
{
	struct target g;
	bool known = target_any(f, &g);
	struct tcp_view v = {.flags = flags_make(f)};
	uint8_t how, opts[TCP_OPTS_MAX];
	struct live_ip ip = {0};
	uint32_t opts_len;

	v.wnd = input_u16(&f->in); /* by itself: the order within an initializer is the compiler's */
	how = input_u8(&f->in);
	if (known) {
		numbers_make(f, &g, how, &v);
		ip = route(f, IPPROTO_TCP, flow_addr_is6(g.key.raddr_be), host_of(f->l, g.key.raddr_be));
	} else {
		v.sport = (uint16_t)(CPORT + (how >> 4 & 3));
		v.dport = PORT;
		v.seq = near(f, 0xfffffff0);
		v.ack = near(f, 0);
		ip = route(f, IPPROTO_TCP, how & 4, how >> 6 == 3 ? LIVE_FAR : how >> 6 == 2 ? LIVE_OTHER : LIVE_PEER);
	}
	v.urp = v.flags & TCPF_URG ? input_u16(&f->in) : 0;
	opts_len = options_make(f, known ? &g : NULL, v.flags, opts);
	segment_send(f, &ip, &v, opts, opts_len, how & 1 ? input_u16(&f->in) % 1360 : 0);
}

static enum live_host host_at(const struct ip6_addr *a)
{
	for (unsigned i = 0; i < LIVE_HOSTS; i++) {
		const struct ip6_addr mapped = ip6_addr_mapped(live_addr(i));

		if (ip6_addr_eq(a, live_addr6(i)) || ip6_addr_eq(a, &mapped))
			return i;
	}
	return LIVE_PEER;
}

void peer_handshake(struct fuzz *f)
{
	uint8_t how = input_u8(&f->in), opts[TCP_OPTS_MAX + TCP_HDR_LEN] = {0};
	const struct sent_syn *syn = how & 1 ? &f->l->sent.syn : &f->l->sent.synack;
	struct tcp_view v = {.sport = syn->peer, .dport = syn->us, .wnd = input_u16(&f->in), .ack = syn->seq + 1, .flags = TCPF_ACK};
	struct tcp_opts o = {.has_ts = syn->has_ts, .tsecr = syn->tsval, .tsval = 1};
	uint32_t len = how & 2 ? input_u16(&f->in) % 1360 : 0;
	uint8_t cookie[8] = {1, 2, 3, 4, 5, 6, 7, 8};
	struct live_ip ip;

	if (!syn->seen)
		return;
	if (how & 1) {
		v.flags |= TCPF_SYN | (how & 4 ? TCPF_ECE : 0);
		v.seq = near(f, 0xffffff00);
		v.ack = near(f, syn->seq + 1 + (how & 8 ? syn->len : 0));
		o.has_mss = o.has_wscale = how & 16;
		o.mss = 1400;
		o.wscale = how >> 5;
		o.sack_ok = syn->sack_ok;
		if (how & 32)
			o.has_fo = true, o.fo_len = sizeof(cookie), o.fo = cookie;
	} else {
		v.seq = near(f, syn->ack);
	}
	ip = route(f, IPPROTO_TCP, syn->ip6, host_at(&syn->to));
	segment_send(f, &ip, &v, opts + TCP_HDR_LEN, tcp_emit(opts, &v, &o) - TCP_HDR_LEN, len);
}

/* ---- errors ---- */

/* The start of a packet of ours to the peer, as an error quotes it. */
static uint32_t quote(bool ip6, uint8_t proto, enum live_host to, const void *ports, uint32_t seq, uint8_t *b)
{
	uint32_t hdr = ip6 ? IP6_HDR_LEN : IP4_HDR_LEN;

	if (ip6)
		ip6_emit(b, &live_us6, live_addr6(to), proto, 60, 64);
	else
		ip4_emit(b, rte_cpu_to_be_32(LIVE_US), live_addr(to), proto, 80, 0, 0, 64);
	memcpy(b + hdr, ports, 4);
	store32(b + hdr + 4, seq);
	return hdr + 8;
}

void peer_icmp(struct fuzz *f)
{
	struct target g;
	bool tcp = target_any(f, &g);
	uint8_t msg[ICMP_HDR_LEN + IP6_HDR_LEN + 8] = {0}, how = input_u8(&f->in);
	uint16_t ports[2], mtu = input_u16(&f->in);
	struct live_ip ip;
	uint32_t len;
	bool ip6;

	if (!tcp && f->udp == NULL)
		return;
	if (!tcp)
		g.key = f->udp->c.h.key;
	ip6 = flow_addr_is6(g.key.raddr_be);
	ports[0] = g.key.lport_be;
	ports[1] = g.key.rport_be;
	if (ip6)
		icmp6_emit(msg, how & 1 ? ICMP6_TOO_BIG : 1 + (how >> 1 & 3), how >> 3 & 7, mtu);
	else
		icmp_emit(msg, how & 1 ? ICMP_UNREACH : how >> 1 & 15, how & 1 ? (how >> 1) % 17 : how >> 5, mtu);
	len = quote(ip6, tcp ? IPPROTO_TCP : IPPROTO_UDP, host_of(f->l, g.key.raddr_be), ports, tcp ? near(f, g.snd_una) : 0,
		    msg + ICMP_HDR_LEN);
	ip = route(f, ip6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, ip6, LIVE_PEER);
	live_packet(f->l, &ip, msg, ICMP_HDR_LEN + len);
}

/* ---- the rest ---- */

void peer_datagram(struct fuzz *f)
{
	uint8_t how = input_u8(&f->in), l4[LIVE_L4_MAX] = {0};
	struct live_ip ip = route(f, IPPROTO_UDP, how & 1, how & 2 ? LIVE_OTHER : LIVE_PEER);
	uint16_t len = input_u16(&f->in) % (LIVE_L4_MAX - UDP_HDR_LEN);
	uint16_t to = f->udp != NULL && !(how & 4) ? rte_be_to_cpu_16(f->udp->c.h.key.lport_be) : UDP_PORT;

	udp_emit(l4, PORT, to, (uint16_t)(how & 8 ? input_u16(&f->in) : UDP_HDR_LEN + len));
	live_packet(f->l, &ip, l4, UDP_HDR_LEN + len);
}

void peer_neighbour(struct fuzz *f)
{
	static const struct rte_ether_addr mac = {{2, 0, 0, 0, 0, 9}};
	uint8_t how = input_u8(&f->in), msg[64 + NDP_MSG_MAX] = {0};
	struct live_ip ip = {.from = how & 1 ? LIVE_OTHER : LIVE_PEER, .ip6 = true, .proto = IPPROTO_ICMPV6, .hops = NDP_HOPS};
	const struct ip6_addr *target = how & 2 ? &live_us6 : live_addr6(ip.from);
	uint32_t len;

	switch (how >> 2 & 3) {
	case 0:
		len = ndp_ns_emit(msg, target, how & 16 ? &mac : NULL);
		break;
	case 1:
		len = ndp_na_emit(msg, target, how & 16 ? &mac : NULL, how & 32, how & 64);
		break;
	case 2: /* any message of ICMPv6, whole */
		len = 8 + input_below(&f->in, 56);
		input_bytes(&f->in, msg, len);
		break;
	default: /* a redirect of the far host */
		icmp6_emit(msg, ICMP6_REDIRECT, 0, 0);
		memcpy(msg + 8, live_addr6(how & 16 ? LIVE_OTHER : LIVE_FAR), 16);
		memcpy(msg + 24, live_addr6(LIVE_FAR), 16);
		len = 40;
		break;
	}
	live_packet(f->l, &ip, msg, len);
}
