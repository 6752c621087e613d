/* reassemble.c: datagrams from their fragments (RFC 791, RFC 815's idea of holes kept as a sorted list). DPDK's rte_ip_frag takes
 * eight fragments (12 KB) and loses a datagram when a fragment comes twice; both are ordinary, so it is not used.
 *
 * Refused, as attacks or damage: fragments without payload, or with a length that is no multiple of 8 (but the last); first
 * ones without the whole header of TCP or of the others (RFC 1858); such that end beyond 64 KiB; such that overlap with
 * others (then the whole datagram, RFC 5722's rule). The same one twice is ignored. */
#include <netinet/in.h>
#include <string.h>

#include "net/net6.h"
#include "wire/ecn.h"
#include "wire/icmp.h"
#include "wire/tcp.h"

#define BUCKETS FRAG_DATAGRAMS_MAX
#define L4_MIN 8 /* header of UDP and ICMP */

/* One fragment: bytes [off, off + len) of the datagram's payload, which start skip bytes into m. */
struct frag_piece {
	struct rte_mbuf *m;
	uint16_t off, len, skip;
};

struct frag_datagram {
	struct ip6_addr src, dst; /* IPv4: ::ffff:a.b.c.d */
	uint32_t id;
	uint8_t proto;         /* of IPv6 not a part of what identifies a datagram (RFC 8200 4.5): 0 */
	bool ip6;
	uint8_t iface;         /* that the first to arrive came by */
	bool congested;        /* one of its fragments was marked CE */
	uint16_t chain;        /* next in the bucket, or free */
	uint16_t older, newer;
	uint16_t n;            /* pieces, sorted, without overlap */
	uint32_t got, total;   /* bytes; total 0: the last one is missing */
	uint32_t born_tick;
	struct frag_piece piece[FRAG_PIECES_MAX];
};

/* A fragment's place, from its header. */
struct frag_place {
	uint32_t id;
	uint16_t off, len;
	bool more;
};

/* What identifies a datagram. */
struct frag_key {
	struct ip6_addr src, dst;
	uint32_t id;
	uint8_t proto;
};

size_t frags_bytes(void) { return (FRAG_DATAGRAMS_MAX + 1) * sizeof(struct frag_datagram) + BUCKETS * sizeof(uint16_t); }

void frags_init(struct net *n, struct net_frags *f, uint8_t *mem)
{
	f->d = (struct frag_datagram *)mem;
	f->bucket = (uint16_t *)(mem + (FRAG_DATAGRAMS_MAX + 1) * sizeof(struct frag_datagram));
	f->fresh = 1;
	f->held_max = RTE_MIN((uint32_t)FRAG_HELD_MAX, n->tx->pool != NULL ? n->tx->pool->size / FRAG_HELD_SHARE : 0);
	f->mult = (uint32_t)(n->neigh_mult >> 32) | 1;
}

static uint32_t fold(const struct ip6_addr *a)
{
	uint32_t w[4];

	memcpy(w, a, sizeof(w));
	return w[0] * 5 ^ w[1] * 3 ^ w[2] * 7 ^ w[3];
}

static uint16_t *bucket_of(const struct net_frags *f, const struct ip6_addr *src, const struct ip6_addr *dst, uint32_t id)
{
	uint32_t to = fold(dst), x = (fold(src) ^ (to << 7 | to >> 25) ^ (id << 13 | id >> 19)) * f->mult;

	return &f->bucket[(x >> 16 ^ x) % BUCKETS];
}

static struct frag_key key_of(const struct net_pkt *pkt, uint32_t id)
{
	if (pkt->ip6)
		return (struct frag_key){.src = *net_pkt_raddr6(pkt), .dst = *net_pkt_laddr6(pkt), .id = id};
	return (struct frag_key){.src = ip6_addr_mapped(pkt->key.raddr_be), .dst = ip6_addr_mapped(pkt->key.laddr_be), .id = id,
				 .proto = pkt->proto};
}

static struct frag_datagram *datagram_find(struct net_frags *f, const struct frag_key *key)
{
	uint16_t i = *bucket_of(f, &key->src, &key->dst, key->id);

	for (; i != 0; i = f->d[i].chain) {
		struct frag_datagram *d = &f->d[i];

		if (d->id == key->id && d->proto == key->proto && ip6_addr_eq(&d->src, &key->src) && ip6_addr_eq(&d->dst, &key->dst))
			return d;
	}
	return NULL;
}

/* Forgets a datagram, whose fragments are somebody else's by now or gone. */
static void datagram_free(struct net_frags *f, struct frag_datagram *d)
{
	uint16_t idx = (uint16_t)(d - f->d), *link = bucket_of(f, &d->src, &d->dst, d->id);

	while (*link != idx)
		link = &f->d[*link].chain;
	*link = d->chain;
	if (d->older != 0)
		f->d[d->older].newer = d->newer;
	else
		f->oldest = d->newer;
	if (d->newer != 0)
		f->d[d->newer].older = d->older;
	else
		f->newest = d->older;
	d->chain = f->free;
	f->free = idx;
}

/* The same reason, of the packet's family. */
static enum drop frag_drop(bool ip6, enum drop why) { return ip6 ? why + (DROP_IP6_FRAG_BAD - DROP_IP4_FRAG_BAD) : why; }

static void datagram_drop(struct net *n, struct frag_datagram *d, enum drop why)
{
	why = frag_drop(d->ip6, why);
	for (uint16_t i = 0; i < d->n; i++) {
		n->frags.held -= d->piece[i].m->nb_segs;
		net_drop(n, d->piece[i].m, why);
	}
	datagram_free(&n->frags, d);
}

static struct frag_datagram *datagram_new(struct net *n, const struct frag_key *key, const struct net_pkt *pkt)
{
	struct net_frags *f = &n->frags;
	struct frag_datagram *d;
	uint16_t idx = f->free, *head;

	if (idx == 0 && f->fresh > FRAG_DATAGRAMS_MAX) {
		datagram_drop(n, &f->d[f->oldest], DROP_IP4_FRAG_FULL);
		idx = f->free;
	}
	d = &f->d[idx != 0 ? idx : f->fresh];
	if (idx != 0)
		f->free = d->chain;
	else
		idx = (uint16_t)f->fresh++;
	head = bucket_of(f, &key->src, &key->dst, key->id);
	*d = (struct frag_datagram){.src = key->src, .dst = key->dst, .id = key->id, .proto = key->proto, .ip6 = pkt->ip6,
				    .iface = pkt->iface, .chain = *head, .older = f->newest, .born_tick = n->clock->tick};
	*head = idx;
	if (f->newest != 0)
		f->d[f->newest].newer = idx;
	else
		f->oldest = idx;
	f->newest = idx;
	net_chores_want(n);
	return d;
}

/* The same of IPv6: what input6.c has walked over once. */
static bool place_read6(struct net *n, struct frag_place *at, const struct net_pkt *pkt)
{
	const uint8_t *hdr = rte_pktmbuf_mtod_offset(pkt->m, const uint8_t *, pkt->l4_off - IP6_FRAG_HDR_LEN);
	uint32_t before = (uint32_t)pkt->l4_off - pkt->l3_off - IP6_HDR_LEN - IP6_FRAG_HDR_LEN;

	at->id = load32(hdr + 4);
	at->off = load16(hdr + 2) & 0xfff8;
	at->len = pkt->l4_len;
	at->more = hdr[3] & 1;
	if (at->len == 0)
		return false;
	if (before + at->off + at->len <= IP6_PAYLOAD_MAX)
		return true;
	icmp6_send_error(n, pkt, ICMP6_PARAM_PROBLEM, ICMP6_PARAM_FIELD, before + IP6_HDR_LEN + 2);
	return false;
}

/* Where the fragment belongs. False: no honest sender makes such a one. */
static bool place_read(struct frag_place *at, const struct net_pkt *pkt)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(pkt->m, const uint8_t *, pkt->l3_off);
	uint32_t word = load16(ip + 6), off = (word & IP4_OFFSET_MASK) * 8, need = pkt->proto == IPPROTO_TCP ? TCP_HDR_LEN : L4_MIN;

	at->id = load16(ip + 4);
	at->off = (uint16_t)off;
	at->len = pkt->l4_len;
	at->more = word & IP4_MF;
	if (at->len == 0 || (at->more && at->len % 8 != 0))
		return false;
	if (off + at->len > (uint32_t)IP4_TOTAL_MAX - (pkt->l4_off - pkt->l3_off))
		return false;
	return off == 0 ? at->len >= need : off >= need;
}

/* Does it agree with what is known of the end? */
static bool end_fits(struct frag_datagram *d, const struct frag_place *at)
{
	uint32_t end = (uint32_t)at->off + at->len;
	const struct frag_piece *last = d->n > 0 ? &d->piece[d->n - 1] : NULL;

	if (at->more)
		return d->total == 0 || end < d->total;
	if (d->total != 0)
		return end == d->total;
	if (last != NULL && (uint32_t)last->off + last->len > end)
		return false;
	d->total = end;
	return true;
}

/* Puts it in its place. DROP_MAX, or why not. */
static enum drop piece_insert(struct frag_datagram *d, struct rte_mbuf *m, const struct frag_place *at, uint16_t skip)
{
	uint16_t i = d->n;

	while (i > 0 && d->piece[i - 1].off > at->off)
		i--;
	if (i > 0 && d->piece[i - 1].off == at->off && d->piece[i - 1].len == at->len)
		return DROP_IP4_FRAG_DUP;
	if (i > 0 && (uint32_t)d->piece[i - 1].off + d->piece[i - 1].len > at->off)
		return DROP_IP4_FRAG_BAD;
	if (i < d->n && (uint32_t)at->off + at->len > d->piece[i].off)
		return DROP_IP4_FRAG_BAD;
	if (d->n == FRAG_PIECES_MAX)
		return DROP_IP4_FRAG_FULL;
	if (!end_fits(d, at))
		return DROP_IP4_FRAG_BAD;
	memmove(&d->piece[i + 1], &d->piece[i], (d->n - i) * sizeof(d->piece[0]));
	d->piece[i] = (struct frag_piece){.m = m, .off = at->off, .len = at->len, .skip = skip};
	d->n++;
	d->got += at->len;
	return DROP_MAX;
}

/* The header of the whole: that of the first fragment, without the marks of one. */
static void whole_header(struct rte_mbuf *m, const struct net_pkt *pkt, bool congested)
{
	uint16_t hdr_len = pkt->l4_off - pkt->l3_off, sum;
	uint8_t *ip = rte_pktmbuf_mtod_offset(m, uint8_t *, pkt->l3_off);

	store16(ip + 2, (uint16_t)(hdr_len + pkt->l4_len));
	store16(ip + 6, 0);
	if (congested)
		ip[1] |= ECN_CE; /* RFC 3168 5.3 */
	store16(ip + 10, 0);
	sum = (uint16_t)~cksum_fold(cksum_bytes(0, ip, hdr_len));
	memcpy(ip + 10, &sum, sizeof(sum));
}

/* The same of IPv6: without the fragment header, over which those before it move up. What led to it leads to what followed. */
static void whole_header6(struct rte_mbuf *m, struct net_pkt *pkt, uint16_t skip, bool congested)
{
	uint8_t *b = rte_pktmbuf_mtod(m, uint8_t *), *ip = b + pkt->l3_off;
	uint16_t hdr_off = skip - IP6_FRAG_HDR_LEN - pkt->l3_off, at = IP6_NEXT_OFF;

	if (hdr_off != IP6_HDR_LEN) /* walk to the last header before it */
		for (uint16_t off = at = IP6_HDR_LEN; (off += 8 * (ip[off + 1] + 1u)) < hdr_off;)
			at = off;
	ip[at] = ip[hdr_off];
	memmove(b + IP6_FRAG_HDR_LEN, b, (size_t)(skip - IP6_FRAG_HDR_LEN));
	rte_pktmbuf_adj(m, IP6_FRAG_HDR_LEN);
	ip += IP6_FRAG_HDR_LEN;
	store16(ip + IP6_LEN_OFF, (uint16_t)(hdr_off - IP6_HDR_LEN + pkt->l4_len));
	if (congested)
		ip[1] |= ECN_CE << 4;
}

static enum net_verdict whole6(struct net *n, struct frag_datagram *d, struct net_pkt *pkt)
{
	struct rte_mbuf *m = pkt->m;
	struct ip6_view ip;

	m->ol_flags &= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	datagram_free(&n->frags, d);
	n->reassembled++;
	if (!net_gather(m, NET_HEADERS6_MAX))
		return net_drop(n, m, DROP_NO_MBUF);
	if (ip6_parse(&ip, rte_pktmbuf_mtod_offset(m, const void *, pkt->l3_off), m->pkt_len - pkt->l3_off) != IP6_OK)
		return net_drop(n, m, DROP_IP6_FRAG_BAD);
	pkt->tos = ip.tclass;
	pkt->ttl = ip.hops;
	return ip6_transport(n, pkt);
}

/* What the whole's header will say: the total length, of IPv6 the payload length (RFC 8200 4.5). */
static uint32_t whole_len(const struct frag_datagram *d, uint16_t l3_off)
{
	return d->piece[0].skip - l3_off - (d->ip6 ? IP6_HDR_LEN + IP6_FRAG_HDR_LEN : 0u) + d->total;
}

/* Takes the whole datagram out as one chain of mbufs. What a NIC said about a fragment says nothing about it. */
static enum net_verdict datagram_finish(struct net *n, struct frag_datagram *d, struct net_pkt *pkt)
{
	struct rte_mbuf *m = d->piece[0].m, *last = rte_pktmbuf_lastseg(m);
	uint16_t l3_off = eth_len(rte_pktmbuf_mtod(m, const void *));

	if (whole_len(d, l3_off) > IP4_TOTAL_MAX) { /* options or headers, which only the first one had */
		datagram_drop(n, d, DROP_IP4_FRAG_BAD);
		return NET_DONE;
	}
	n->frags.held -= m->nb_segs;
	for (uint16_t i = 1; i < d->n; i++) {
		struct rte_mbuf *next = d->piece[i].m;

		n->frags.held -= next->nb_segs;
		rte_pktmbuf_adj(next, d->piece[i].skip); /* its headers lie in one piece (net_input()) */
		last->next = next;
		last = rte_pktmbuf_lastseg(next);
		m->nb_segs += next->nb_segs;
		m->pkt_len += next->pkt_len;
	}
	pkt->m = m;
	pkt->l3_off = l3_off;
	pkt->l4_off = d->piece[0].skip;
	pkt->l4_len = (uint16_t)d->total;
	if (d->ip6) {
		whole_header6(m, pkt, d->piece[0].skip, d->congested);
		return whole6(n, d, pkt);
	}
	whole_header(m, pkt, d->congested);
	pkt->tos = rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt->l3_off)[1];
	pkt->ttl = rte_pktmbuf_mtod_offset(m, const uint8_t *, pkt->l3_off)[8];
	m->ol_flags &= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	datagram_free(&n->frags, d);
	n->reassembled++;
	return net_headers_gather(m) ? net_transport(n, pkt) : net_drop(n, m, DROP_NO_MBUF);
}

enum net_verdict net_reassemble(struct net *n, struct net_pkt *pkt)
{
	struct net_frags *f = &n->frags;
	struct frag_datagram *d;
	struct frag_place at;
	struct frag_key key;
	enum drop why;

	if (unlikely(pkt->ip6) ? !place_read6(n, &at, pkt) : !place_read(&at, pkt))
		return net_drop(n, pkt->m, frag_drop(pkt->ip6, DROP_IP4_FRAG_BAD));
	key = key_of(pkt, at.id);
	d = datagram_find(f, &key);
	if (d == NULL)
		d = datagram_new(n, &key, pkt);
	why = piece_insert(d, pkt->m, &at, pkt->l4_off);
	if (why == DROP_IP4_FRAG_DUP)
		return net_drop(n, pkt->m, frag_drop(pkt->ip6, why));
	if (why != DROP_MAX) {
		datagram_drop(n, d, why);
		return net_drop(n, pkt->m, frag_drop(pkt->ip6, why));
	}
	d->congested |= (pkt->tos & ECN_CE) == ECN_CE;
	f->held += pkt->m->nb_segs;
	if (d->total != 0 && d->got == d->total)
		return datagram_finish(n, d, pkt);
	while (f->held > f->held_max)
		datagram_drop(n, &f->d[f->oldest], DROP_IP4_FRAG_FULL);
	return NET_FRAGMENT;
}

/* Tells the sender (RFC 792), who can only be told when the first fragment is here to be quoted. */
static void tell_timeout(struct net *n, const struct frag_datagram *d)
{
	const struct frag_piece *first = &d->piece[0];
	struct net_pkt pkt = {.m = first->m, .proto = d->proto, .ip6 = d->ip6, .iface = d->iface};

	if (d->n == 0 || first->off != 0)
		return;
	pkt.l3_off = eth_len(rte_pktmbuf_mtod(first->m, const void *));
	pkt.l4_off = first->skip;
	pkt.l4_len = first->len;
	if (d->ip6) {
		pkt.key.laddr_be = number6(n, &d->dst, d->iface);
		icmp6_send_error(n, &pkt, ICMP6_TIME_EXCEEDED, ICMP6_TIME_REASSEMBLY, 0);
		return;
	}
	pkt.key = (struct flow_key){.laddr_be = ip6_addr_ip4(&d->dst), .raddr_be = ip6_addr_ip4(&d->src)};
	icmp_send_error(n, &pkt, ICMP_TIME_EXCEEDED, ICMP_TIME_REASSEMBLY);
}

void frags_expire(struct net *n)
{
	struct net_frags *f = &n->frags;
	uint16_t newer;

	for (uint16_t i = f->oldest; i != 0; i = newer) {
		struct frag_datagram *d = &f->d[i];
		uint32_t age = n->clock->tick - d->born_tick;

		if (age < ticks_from_ms(FRAG_TIMEOUT_MS))
			return;
		newer = d->newer;
		if (age < ticks_from_ms(d->ip6 ? FRAG6_TIMEOUT_MS : FRAG_TIMEOUT_MS))
			continue;
		tell_timeout(n, d);
		datagram_drop(n, d, DROP_IP4_FRAG_TIMEOUT);
	}
}

void frags_fini(struct net *n)
{
	while (n->frags.oldest != 0)
		datagram_drop(n, &n->frags.d[n->frags.oldest], DROP_IP4_FRAG_TIMEOUT);
}
