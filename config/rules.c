/* rules.c: routes and filter rules in settings: words with blanks between. */
#include "config/rules.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/parse.h"

#define WORD_MAX 64

/* The next word, "" at the end. Words too long for buf are cut, and then no parser takes them. */
static char *next_word(const char **v, char buf[WORD_MAX])
{
	const char *s = *v + strspn(*v, " \t");
	size_t len = strcspn(s, " \t");

	snprintf(buf, WORD_MAX, "%.*s", (int)len, s);
	*v = s + len;
	return buf;
}

static bool number_in(const char *s, unsigned long max, unsigned long *n)
{
	char *end;

	*n = strtoul(s, &end, 10);
	return isdigit((unsigned char)*s) && *end == '\0' && *n <= max;
}

static bool addr_in(const char *s, struct in6_addr *a)
{
	struct in_addr a4;

	if (config_ip6_parse(s, a))
		return true;
	if (inet_pton(AF_INET, s, &a4) != 1)
		return false;
	*a = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
	memcpy(a->s6_addr + 12, &a4, sizeof(a4));
	return true;
}

static bool is_ip4(const struct in6_addr *a) { return IN6_IS_ADDR_V4MAPPED(a); }

static bool prefix_has_tail(const struct config_prefix *p)
{
	for (unsigned bit = p->len; bit < 128; bit++)
		if (p->addr.s6_addr[bit / 8] & 0x80 >> bit % 8)
			return true;
	return false;
}

/* "10.1.0.0/16", "2001:db8::/32", or an address for itself. */
static int prefix_in(struct config_prefix *p, char *word, struct say *say)
{
	char *slash = strchr(word, '/');
	unsigned long len;

	if (slash != NULL)
		*slash++ = '\0';
	if (!addr_in(word, &p->addr))
		return say_no(say, "'%s' is not a network such as 10.1.0.0/16 or 2001:db8::/32", word);
	if (slash != NULL && !number_in(slash, is_ip4(&p->addr) ? 32 : 128, &len))
		return say_no(say, "the prefix length '%s' is not from 0 to %u", slash, is_ip4(&p->addr) ? 32 : 128);
	p->len = (uint8_t)(slash == NULL ? 128 : len + (is_ip4(&p->addr) ? 96 : 0));
	if (prefix_has_tail(p))
		return say_no(say, "%s/%s has bits behind its prefix: write the network's own address", word, slash);
	return 0;
}

/* ---- routes ---- */

static int route_type(const char *word)
{
	static const char *const words[] = {[CONFIG_UNREACHABLE] = "unreachable", [CONFIG_PROHIBIT] = "prohibit",
					    [CONFIG_BLACKHOLE] = "blackhole"};

	for (int i = CONFIG_UNREACHABLE; i <= CONFIG_BLACKHOLE; i++)
		if (strcmp(word, words[i]) == 0)
			return i;
	return CONFIG_ONLINK;
}

static int route_addr_in(struct in6_addr *a, const char *what, const char *word, struct say *say)
{
	uint32_t ip4_be;

	if (!addr_in(word, a))
		return say_no(say, "'%s' behind %s is not an address", word, what);
	memcpy(&ip4_be, a->s6_addr + 12, sizeof(ip4_be));
	return !is_ip4(a) || config_ip_is_host(ntohl(ip4_be)) ? 0 : say_no(say, "%s is no address of a host", word);
}

static int route_option(struct config_route *r, const char *what, const char *word, struct say *say)
{
	unsigned long n;

	if (strcmp(what, "via") == 0 && r->type <= CONFIG_GATEWAY) {
		r->type = CONFIG_GATEWAY;
		return route_addr_in(&r->gw, what, word, say);
	}
	if (strcmp(what, "src") == 0)
		return route_addr_in(&r->src, what, word, say);
	if (strcmp(what, "metric") == 0 && number_in(word, UINT32_MAX, &n)) {
		r->metric = (uint32_t)n;
		return 0;
	}
	if (strcmp(what, "mtu") == 0 && number_in(word, MTU_MAX, &n) && n >= 68) {
		r->mtu = (uint16_t)n;
		return 0;
	}
	return say_no(say, "'%s %s' is not understood: write NETWORK [via GATEWAY] [metric N] [src ADDRESS] [mtu N]", what, word);
}

static bool is_none(const struct in6_addr *a) { return IN6_IS_ADDR_UNSPECIFIED(a); }

static int route_families(struct config_route *r, bool is_default, struct say *say)
{
	if (is_default && !is_none(&r->gw) && !is_ip4(&r->gw))
		r->to = (struct config_prefix){.len = 0};
	if ((!is_none(&r->gw) && is_ip4(&r->gw) != is_ip4(&r->to.addr)) || (!is_none(&r->src) && is_ip4(&r->src) != is_ip4(&r->to.addr)))
		return say_no(say, "mixes IPv4 and IPv6");
	return 0;
}

int parse_route(struct config_route *r, const char *v, struct say *say)
{
	char word[WORD_MAX], what[WORD_MAX];
	bool is_default;
	int rc;

	memset(r, 0, sizeof(*r));
	next_word(&v, word);
	r->type = (uint8_t)route_type(word);
	if (r->type != CONFIG_ONLINK)
		next_word(&v, word);
	is_default = strcmp(word, "default") == 0;
	if (is_default)
		strcpy(word, "0.0.0.0/0");
	rc = prefix_in(&r->to, word, say);
	while (rc == 0 && *next_word(&v, what) != '\0')
		rc = route_option(r, what, next_word(&v, word), say);
	return rc != 0 ? rc : route_families(r, is_default, say);
}

/* ---- filter rules ---- */

static bool ports_in(char *word, uint16_t *lo, uint16_t *hi)
{
	char *dash = strchr(word, '-');
	unsigned long a, b;

	if (dash != NULL)
		*dash++ = '\0';
	if (!number_in(word, 65535, &a) || !number_in(dash != NULL ? dash : word, 65535, &b) || a > b)
		return false;
	*lo = (uint16_t)a;
	*hi = (uint16_t)b;
	return true;
}

static bool proto_in(const char *word, uint8_t *proto)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} protos[] = {{"any", 0}, {"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"icmp", IPPROTO_ICMP}, {"icmp6", IPPROTO_ICMPV6}};

	for (size_t i = 0; i < sizeof(protos) / sizeof(protos[0]); i++) {
		if (strcmp(word, protos[i].name) == 0) {
			*proto = protos[i].proto;
			return true;
		}
	}
	return false;
}

enum side { SIDE_NONE, SIDE_SRC, SIDE_DST };

/* "src NETWORK", "dst NETWORK", and "port N[-N]" for the one before it. */
static int filter_option(struct config_filter *f, enum side *side, const char *what, char *word, struct say *say)
{
	bool is_dst = strcmp(what, "dst") == 0;
	struct config_prefix *p = is_dst ? &f->dst : &f->src;

	if (strcmp(what, "port") == 0) {
		if (*side == SIDE_NONE)
			return say_no(say, "port belongs behind src or dst: 'dst any port %s', perhaps", word);
		if (!ports_in(word, *side == SIDE_DST ? &f->dport_lo : &f->sport_lo, *side == SIDE_DST ? &f->dport_hi : &f->sport_hi))
			return say_no(say, "what is behind port is neither a port nor a range such as 80-90");
		return 0;
	}
	if (!is_dst && strcmp(what, "src") != 0)
		return say_no(say, "'%s' is not understood: write in|out [tcp|udp|icmp|icmp6|any] [src NETWORK [port N-N]] [dst NETWORK "
				   "[port N-N]]", what);
	*side = is_dst ? SIDE_DST : SIDE_SRC;
	if (strcmp(word, "any") == 0)
		return 0;
	if (prefix_in(p, word, say) != 0)
		return -EINVAL;
	if (is_ip4(&p->addr))
		f->ip6 = false;
	else
		f->ip4 = false;
	return f->ip4 || f->ip6 ? 0 : say_no(say, "mixes IPv4 and IPv6");
}

int parse_filter(struct config_filter *f, bool allow, const char *v, struct say *say)
{
	char word[WORD_MAX], what[WORD_MAX];
	enum side side = SIDE_NONE;
	int rc = 0;

	*f = (struct config_filter){.allow = allow, .ip4 = true, .ip6 = true, .sport_hi = 65535, .dport_hi = 65535};
	next_word(&v, word);
	f->out = strcmp(word, "out") == 0;
	if (!f->out && strcmp(word, "in") != 0)
		return say_no(say, "does not begin with in or out");
	next_word(&v, what);
	if (*what != '\0' && proto_in(what, &f->proto))
		next_word(&v, what);
	for (; rc == 0 && *what != '\0'; next_word(&v, what))
		rc = filter_option(f, &side, what, next_word(&v, word), say);
	return rc;
}

/* ---- for programs ---- */

int config_parse_route(const char *text, struct config_route *r, char *err, size_t err_len)
{
	struct say say = {.name = "route", .value = text, .err = err, .err_len = err_len};

	return parse_route(r, text, &say);
}

/* Begins with "allow" or "deny", which settings have as their name. */
int config_parse_filter(const char *text, struct config_filter *f, char *err, size_t err_len)
{
	struct say say = {.name = "filter", .value = text, .err = err, .err_len = err_len};
	char word[WORD_MAX];
	const char *v = text;

	next_word(&v, word);
	if (strcmp(word, "allow") != 0 && strcmp(word, "deny") != 0)
		return say_no(&say, "does not begin with allow or deny");
	return parse_filter(f, word[0] == 'a', v, &say);
}
