/* ndp.c: neighbour discovery (RFC 4861). */
#include "wire/ndp.h"

#include "wire/bytes.h"

#define NS_LEN 24 /* messages without options */
#define RS_LEN 8
#define RA_LEN 16
#define REDIRECT_LEN 40

#define NA_ROUTER 0x80
#define NA_SOLICITED 0x40
#define NA_OVERRIDE 0x20

static void prefix_take(struct ndp_opts *o, const uint8_t *b)
{
	struct ndp_prefix *p = &o->prefix[o->n_prefixes];

	if (o->n_prefixes == NDP_PREFIXES_MAX)
		return;
	p->len = b[2];
	p->onlink = b[3] & 0x80;
	p->autonomous = b[3] & 0x40;
	p->valid_s = load32(b + 4);
	p->preferred_s = load32(b + 8);
	memcpy(&p->prefix, b + 16, sizeof(p->prefix));
	o->n_prefixes++;
}

/* One option of len bytes, 8 at least. One of a wrong length is none. */
static void opt_take(struct ndp_opts *o, const uint8_t *b, uint32_t len)
{
	switch (b[0]) {
	case NDP_OPT_SLLA:
	case NDP_OPT_TLLA:
		if (len != 8 || !rte_is_valid_assigned_ether_addr((const struct rte_ether_addr *)(b + 2)))
			return; /* a group's is no station's */
		memcpy(b[0] == NDP_OPT_SLLA ? &o->slla : &o->tlla, b + 2, RTE_ETHER_ADDR_LEN);
		o->has_slla |= b[0] == NDP_OPT_SLLA;
		o->has_tlla |= b[0] == NDP_OPT_TLLA;
		return;
	case NDP_OPT_PREFIX:
		if (len == 32)
			prefix_take(o, b);
		return;
	case NDP_OPT_MTU:
		if (len == 8)
			o->mtu = load32(b + 4);
		return;
	case NDP_OPT_NONCE:
		if (len == 8)
			o->nonce = (uint64_t)load16(b + 2) << 32 | load32(b + 4);
		return;
	default:
		return;
	}
}

bool ndp_opts_parse(struct ndp_opts *o, const uint8_t *b, uint32_t len)
{
	memset(o, 0, sizeof(*o));
	while (len > 0) {
		uint32_t n = len >= 2 ? b[1] * 8u : 0;

		if (n == 0 || n > len)
			return false;
		opt_take(o, b, n);
		b += n;
		len -= n;
	}
	if ((o->has_slla && !rte_is_valid_assigned_ether_addr(&o->slla)) || (o->has_tlla && !rte_is_valid_assigned_ether_addr(&o->tlla)))
		return false;
	return true;
}

/* What every message has in common. */
static bool message_ok(const uint8_t *b, uint32_t len, uint32_t min, uint8_t hops)
{
	return len >= min && hops == NDP_HOPS && b[1] == 0;
}

static bool neigh_read(struct ndp_neigh *v, const uint8_t *b, uint32_t len)
{
	memcpy(&v->target, b + 8, sizeof(v->target));
	v->router = v->solicited = v->override = false;
	return !ip6_addr_is_multicast(&v->target) && !ip6_addr_is_none(&v->target) && !ip6_addr_is_mapped(&v->target) &&
	       ndp_opts_parse(&v->opts, b + NS_LEN, len - NS_LEN);
}

bool ndp_ns_parse(struct ndp_neigh *v, const void *msg, uint32_t len, const struct ip6_addr *src, const struct ip6_addr *dst,
		  uint8_t hops)
{
	struct ip6_addr group;

	if (!message_ok(msg, len, NS_LEN, hops) || !neigh_read(v, msg, len))
		return false;
	if (!ip6_addr_is_none(src))
		return true;
	group = ip6_addr_solicited(&v->target);
	return ip6_addr_eq(dst, &group) && !v->opts.has_slla;
}

bool ndp_na_parse(struct ndp_neigh *v, const void *msg, uint32_t len, const struct ip6_addr *dst, uint8_t hops)
{
	const uint8_t *b = msg;

	if (!message_ok(b, len, NS_LEN, hops) || !neigh_read(v, b, len))
		return false;
	v->router = b[4] & NA_ROUTER;
	v->solicited = b[4] & NA_SOLICITED;
	v->override = b[4] & NA_OVERRIDE;
	return !(v->solicited && ip6_addr_is_multicast(dst));
}

bool ndp_ra_parse(struct ndp_ra *v, const void *msg, uint32_t len, const struct ip6_addr *src, uint8_t hops)
{
	static const int8_t preference[] = {0, 1, 0, -1};
	const uint8_t *b = msg;

	if (!message_ok(b, len, RA_LEN, hops) || !ip6_addr_is_linklocal(src))
		return false;
	v->hops = b[4];
	v->managed = b[5] & 0x80;
	v->other = b[5] & 0x40;
	v->preference = preference[b[5] >> 3 & 3];
	v->lifetime_s = load16(b + 6);
	v->reachable_ms = load32(b + 8);
	v->retrans_ms = load32(b + 12);
	return ndp_opts_parse(&v->opts, b + RA_LEN, len - RA_LEN);
}

bool ndp_redirect_parse(struct ndp_redirect *v, const void *msg, uint32_t len, const struct ip6_addr *src, uint8_t hops)
{
	const uint8_t *b = msg;

	if (!message_ok(b, len, REDIRECT_LEN, hops) || !ip6_addr_is_linklocal(src))
		return false;
	memcpy(&v->target, b + 8, sizeof(v->target));
	memcpy(&v->dst, b + 24, sizeof(v->dst));
	if (ip6_addr_is_multicast(&v->dst) || ip6_addr_is_mapped(&v->dst) ||
	    (!ip6_addr_is_linklocal(&v->target) && !ip6_addr_eq(&v->target, &v->dst)))
		return false;
	return ndp_opts_parse(&v->opts, b + REDIRECT_LEN, len - REDIRECT_LEN);
}

static uint32_t mac_emit(uint8_t *b, uint8_t type, const struct rte_ether_addr *mac)
{
	if (mac == NULL)
		return 0;
	b[0] = type;
	b[1] = 1;
	memcpy(b + 2, mac, RTE_ETHER_ADDR_LEN);
	return 8;
}

uint32_t ndp_ns_emit(void *buf, const struct ip6_addr *target, const struct rte_ether_addr *mac)
{
	uint8_t *b = buf;

	icmp6_emit(b, ICMP6_NS, 0, 0);
	memcpy(b + 8, target, sizeof(*target));
	return NS_LEN + mac_emit(b + NS_LEN, NDP_OPT_SLLA, mac);
}

uint32_t ndp_probe_emit(void *buf, const struct ip6_addr *target, uint64_t nonce)
{
	uint8_t *b = (uint8_t *)buf + ndp_ns_emit(buf, target, NULL);

	b[0] = NDP_OPT_NONCE;
	b[1] = 1;
	store16(b + 2, (uint16_t)(nonce >> 32));
	store32(b + 4, (uint32_t)nonce);
	return NS_LEN + 8;
}

uint32_t ndp_na_emit(void *buf, const struct ip6_addr *target, const struct rte_ether_addr *mac, bool solicited, bool override)
{
	uint8_t *b = buf;

	icmp6_emit(b, ICMP6_NA, 0, (uint32_t)((solicited ? NA_SOLICITED : 0) | (override ? NA_OVERRIDE : 0)) << 24);
	memcpy(b + 8, target, sizeof(*target));
	return NS_LEN + mac_emit(b + NS_LEN, NDP_OPT_TLLA, mac);
}

uint32_t ndp_rs_emit(void *buf, const struct rte_ether_addr *mac)
{
	uint8_t *b = buf;

	icmp6_emit(b, ICMP6_RS, 0, 0);
	return RS_LEN + mac_emit(b + RS_LEN, NDP_OPT_SLLA, mac);
}
