/* parse6.c: IPv6 addresses and ranges of them in settings. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/parse.h"

static bool is_linklocal(const struct in6_addr *a) { return a->s6_addr[0] == 0xfe && (a->s6_addr[1] & 0xc0) == 0x80; }

/* Below, at or above 0, as numbers. */
static int compare(const struct in6_addr *a, const struct in6_addr *b) { return memcmp(a, b, sizeof(*a)); }

static bool same_prefix(const struct in6_addr *a, const struct in6_addr *b, unsigned len)
{
	unsigned bytes = len / 8, bits = len % 8;

	if (memcmp(a, b, bytes) != 0)
		return false;
	return bits == 0 || ((a->s6_addr[bytes] ^ b->s6_addr[bytes]) & 0xff << (8 - bits) & 0xff) == 0;
}

/* a + n; n is small. */
struct in6_addr config_ip6_add(const struct in6_addr *a, uint32_t n)
{
	struct in6_addr sum = *a;

	for (int i = 15; i >= 0 && n != 0; i--) {
		n += sum.s6_addr[i];
		sum.s6_addr[i] = (uint8_t)n;
		n >>= 8;
	}
	return sum;
}

/* How many addresses a range has; 0: more than can be. */
static uint32_t range_count(const struct in6_addr *first, const struct in6_addr *last)
{
	for (uint32_t n = 0; n < LOCAL_ADDRS_MAX; n++) {
		struct in6_addr a = config_ip6_add(first, n);

		if (compare(&a, last) == 0)
			return n + 1;
	}
	return 0;
}

static const char *text_of(const struct in6_addr *a, char buf[INET6_ADDRSTRLEN])
{
	return inet_ntop(AF_INET6, a, buf, INET6_ADDRSTRLEN);
}

bool config_ip6_parse(const char *s, struct in6_addr *a) { return inet_pton(AF_INET6, s, a) == 1; }

static int range_check(const struct in6_addr *first, const struct in6_addr *last, unsigned len, struct say *say)
{
	char a[INET6_ADDRSTRLEN];

	if (compare(first, last) > 0)
		return say_no(say, "the range goes backwards");
	if (range_count(first, last) == 0)
		return say_no(say, "the range has more than %u addresses", LOCAL_ADDRS_MAX);
	if (!same_prefix(first, last, len))
		return say_no(say, "the range does not fit into one /%u", len);
	if (first->s6_addr[0] == 0xff || IN6_IS_ADDR_UNSPECIFIED(first) || IN6_IS_ADDR_LOOPBACK(first) || IN6_IS_ADDR_V4MAPPED(first))
		return say_no(say, "%s is no address of a host", text_of(first, a));
	return 0;
}

int range6_parse(struct config_range6 *r, char *item, struct say *say)
{
	char *slash = strchr(item, '/'), *dash = strchr(item, '-'), *end;
	struct in6_addr last;
	unsigned long len;
	int rc;

	if (slash == NULL)
		return say_no(say, "'%s' has no prefix length: write it behind the address, such as 2001:db8::2/64", item);
	*slash++ = '\0';
	if (dash != NULL)
		*dash++ = '\0';
	if (!config_ip6_parse(item, &r->first) || !config_ip6_parse(dash != NULL ? dash : item, &last))
		return say_no(say, "is not an address or a range such as 2001:db8::10-2001:db8::20/64");
	len = strtoul(slash, &end, 10);
	if (*slash < '0' || *slash > '9' || *end != '\0' || len == 0 || len > 128)
		return say_no(say, "the prefix length '%s' is not from 1 to 128", slash);
	rc = range_check(&r->first, &last, (unsigned)len, say);
	if (rc != 0)
		return rc;
	r->count = range_count(&r->first, &last);
	r->prefix_len = (uint8_t)len;
	return 0;
}

/* ---- what only the whole shows ---- */

static bool overlap(const struct config_range6 *a, const struct config_range6 *b)
{
	struct in6_addr a_last = config_ip6_add(&a->first, a->count - 1), b_last = config_ip6_add(&b->first, b->count - 1);

	/* Link-local addresses are of their link. */
	if (is_linklocal(&a->first) && a->iface != b->iface)
		return false;
	return compare(&a->first, &b_last) <= 0 && compare(&b->first, &a_last) <= 0;
}

static int overlap_check(const struct config_range6 *a, unsigned n_a, const struct config_range6 *b, unsigned n_b, char *err,
			 size_t err_len)
{
	char text[INET6_ADDRSTRLEN];

	for (unsigned i = 0; i < n_a; i++) {
		for (unsigned j = a == b ? i + 1 : 0; j < n_b; j++) {
			if (overlap(&a[i], &b[j])) {
				snprintf(err, err_len, "the range that starts at %s overlaps another one", text_of(&b[j].first, text));
				return -EINVAL;
			}
		}
	}
	return 0;
}

static int count_check(const struct config_range6 *r, unsigned n, char *err, size_t err_len)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += r[i].count;
	if (sum + IFACES_MAX <= LOCAL_ADDRS_MAX) /* each interface has one of its own */
		return 0;
	snprintf(err, err_len, "one end has more than %u IPv6 addresses", LOCAL_ADDRS_MAX - IFACES_MAX);
	return -EINVAL;
}

static int gateways_check(const struct spate_config *c, char *err, size_t err_len)
{
	char text[INET6_ADDRSTRLEN];

	for (unsigned i = 0; i < c->n_gw6; i++) {
		bool found = is_linklocal(&c->gw6[i].addr);

		for (unsigned j = 0; j < c->n_ip6 && !found; j++)
			found = same_prefix(&c->ip6[j].first, &c->gw6[i].addr, c->ip6[j].prefix_len);
		if (!found) {
			snprintf(err, err_len, "gateway %s is on the network of none of our addresses: check the prefix lengths",
				 text_of(&c->gw6[i].addr, text));
			return -EINVAL;
		}
	}
	return 0;
}

int config_check6(const struct spate_config *c, char *err, size_t err_len)
{
	int rc = count_check(c->ip6, c->n_ip6, err, err_len);

	if (rc == 0)
		rc = count_check(c->peer_ip6, c->n_peer_ip6, err, err_len);
	if (rc == 0)
		rc = overlap_check(c->ip6, c->n_ip6, c->ip6, c->n_ip6, err, err_len);
	if (rc == 0)
		rc = overlap_check(c->peer_ip6, c->n_peer_ip6, c->peer_ip6, c->n_peer_ip6, err, err_len);
	if (rc == 0)
		rc = overlap_check(c->ip6, c->n_ip6, c->peer_ip6, c->n_peer_ip6, err, err_len);
	return rc != 0 ? rc : gateways_check(c, err, err_len);
}
