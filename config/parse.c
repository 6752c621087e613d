/* parse.c: addresses, ranges of them, and lists of CPUs. */
#include "config/parse.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEM_MAX 128 /* a range of two IPv6 addresses */
#define CPU_MAX 4095

int say_no(struct say *say, const char *fmt, ...)
{
	va_list ap;
	int at = snprintf(say->err, say->err_len, "%s %s: ", say->name, say->value);

	if (at > 0 && (size_t)at < say->err_len) {
		va_start(ap, fmt);
		vsnprintf(say->err + at, say->err_len - (size_t)at, fmt, ap);
		va_end(ap);
	}
	return -EINVAL;
}

const char *config_ip_text(uint32_t ip, char buf[16])
{
	struct in_addr a = {.s_addr = htonl(ip)};

	return inet_ntop(AF_INET, &a, buf, 16);
}

bool config_dev_is_sim(const struct spate_config *c)
{
	return strcmp(c->dev, "sim") == 0 || strncmp(c->dev, "sim,", 4) == 0;
}

/* The next item of a comma-separated list, without blanks around it. NULL at the end. Items too long for buf are cut, and
 * then no parser takes them. */
static const char *next_item(const char **v, char buf[ITEM_MAX])
{
	const char *s = *v;
	size_t len;

	if (s == NULL)
		return NULL;
	len = strcspn(s, ",");
	*v = s[len] == ',' ? s + len + 1 : NULL;
	for (; len > 0 && isspace((unsigned char)*s); s++)
		len--;
	while (len > 0 && isspace((unsigned char)s[len - 1]))
		len--;
	snprintf(buf, ITEM_MAX, "%.*s", (int)len, s);
	return buf;
}

static bool ip_parse(const char *s, uint32_t *ip)
{
	struct in_addr a;

	if (inet_pton(AF_INET, s, &a) != 1)
		return false;
	*ip = ntohl(a.s_addr);
	return true;
}

bool config_ip_is_host(uint32_t ip) { return ip >> 24 != 0 && ip >> 24 != 127 && ip >> 28 < 14; }

static bool number_parse(const char *s, unsigned max, unsigned *v)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	*v = (unsigned)n;
	return isdigit((unsigned char)*s) && *end == '\0' && n <= max;
}

static int range_check(const struct config_range *r, struct say *say)
{
	uint32_t mask = r->prefix_len == 0 ? 0 : UINT32_MAX << (32 - r->prefix_len);
	char a[16];

	if (r->first > r->last)
		return say_no(say, "the range goes backwards");
	if (r->last - r->first >= LOCAL_ADDRS_MAX)
		return say_no(say, "the range has more than %u addresses", LOCAL_ADDRS_MAX);
	if ((r->first & mask) != (r->last & mask))
		return say_no(say, "the range does not fit into one /%u", r->prefix_len);
	if (!config_ip_is_host(r->first) || !config_ip_is_host(r->last))
		return say_no(say, "%s is no address of a host", config_ip_text(config_ip_is_host(r->first) ? r->last : r->first, a));
	if (r->prefix_len <= 30 && (r->first & ~mask) == 0)
		return say_no(say, "%s is the network's own address", config_ip_text(r->first, a));
	if (r->prefix_len <= 30 && (r->last & ~mask) == ~mask)
		return say_no(say, "%s is the network's broadcast address", config_ip_text(r->last, a));
	return 0;
}

static int range_parse(struct config_range *r, char *item, struct say *say)
{
	char *slash = strchr(item, '/'), *dash = strchr(item, '-');
	unsigned len;

	if (slash == NULL)
		return say_no(say, "'%s' has no prefix length: write it behind the address, such as 10.0.0.2/24", item);
	*slash++ = '\0';
	if (dash != NULL)
		*dash++ = '\0';
	if (!ip_parse(item, &r->first) || !ip_parse(dash != NULL ? dash : item, &r->last))
		return say_no(say, "is not an address or a range such as 10.0.0.10-10.0.0.200/16");
	if (!number_parse(slash, 32, &len) || len == 0)
		return say_no(say, "the prefix length '%s' is not from 1 to 32", slash);
	r->prefix_len = (uint8_t)len;
	return range_check(r, say);
}

int parse_ranges(struct config_range *ranges, unsigned *n, struct config_range6 *ranges6, unsigned *n6, uint8_t iface,
		 const char *v, struct say *say)
{
	char item[ITEM_MAX];
	unsigned k = *n, k6 = *n6;
	int rc;

	while (next_item(&v, item) != NULL) {
		bool ip6 = config_is_ip6(item);

		if ((ip6 ? k6 : k) == CONFIG_RANGES_MAX)
			return say_no(say, "there are more than %u of them; join neighbours to a range", CONFIG_RANGES_MAX);
		rc = ip6 ? range6_parse(&ranges6[k6], item, say) : range_parse(&ranges[k], item, say);
		if (rc != 0)
			return rc;
		if (ip6)
			ranges6[k6++].iface = iface;
		else
			ranges[k++].iface = iface;
	}
	*n = k;
	*n6 = k6;
	return 0;
}

static int gateway_parse(const char *s, uint32_t *gw, const char *what, struct say *say)
{
	if (!ip_parse(s, gw))
		return say_no(say, "is not an %s", what);
	return config_ip_is_host(*gw) ? 0 : say_no(say, "%s is no address of a host", s);
}

static int gateway6_parse(const char *s, struct in6_addr *gw, const char *what, struct say *say)
{
	return config_ip6_parse(s, gw) ? 0 : say_no(say, "is not an %s", what);
}

int parse_gateways(struct spate_config *c, const char *v, struct say *say)
{
	static const char what[] = "address such as 10.0.0.1 or 2001:db8::1";
	char item[ITEM_MAX];
	unsigned k = c->n_gw, k6 = c->n_gw6;
	int rc;

	while (next_item(&v, item) != NULL) {
		if (k == CONFIG_RANGES_MAX || k6 == CONFIG_RANGES_MAX)
			return say_no(say, "there are more than %u gateways", CONFIG_RANGES_MAX);
		rc = config_is_ip6(item) ? gateway6_parse(item, &c->gw6[k6].addr, what, say) : gateway_parse(item, &c->gw[k], what, say);
		if (rc != 0)
			return rc;
		if (config_is_ip6(item))
			c->gw6[k6++].iface = c->iface_now;
		else
			c->gw_iface[k++] = c->iface_now;
	}
	c->n_gw = k;
	c->n_gw6 = k6;
	return 0;
}

int parse_ports(struct spate_config *c, const char *v, struct say *say)
{
	unsigned k = c->n_reserved, lo, hi;
	char item[ITEM_MAX], *dash;

	while (next_item(&v, item) != NULL) {
		if (k == CONFIG_RANGES_MAX)
			return say_no(say, "there are more than %u of them; join neighbours to a range", CONFIG_RANGES_MAX);
		dash = strchr(item, '-');
		if (dash != NULL)
			*dash++ = '\0';
		if (!number_parse(item, 65535, &lo) || !number_parse(dash != NULL ? dash : item, 65535, &hi) || lo == 0 || lo > hi)
			return say_no(say, "is not a list of ports and ranges of them such as 8080,9000-9010");
		c->reserved[k++] = (struct config_ports){.lo = (uint16_t)lo, .hi = (uint16_t)hi};
	}
	c->n_reserved = k;
	return 0;
}

int config_parse_address6(const char *text, struct config_range6 *r, char *err, size_t err_len)
{
	struct say say = {.name = "address", .value = text, .err = err, .err_len = err_len};
	char item[ITEM_MAX];
	int rc;

	snprintf(item, sizeof(item), "%s", text);
	if (strchr(item, '-') != NULL || strchr(item, ',') != NULL)
		return say_no(&say, "is not one address with its prefix length, such as 2001:db8::2/64");
	rc = range6_parse(r, item, &say);
	r->iface = 0;
	return rc;
}

int config_parse_gateway6(const char *text, struct in6_addr *gw, char *err, size_t err_len)
{
	struct say say = {.name = "gateway", .value = text, .err = err, .err_len = err_len};

	return gateway6_parse(text, gw, "IPv6 address such as 2001:db8::1", &say);
}

int config_parse_address(const char *text, struct config_range *r, char *err, size_t err_len)
{
	struct say say = {.name = "address", .value = text, .err = err, .err_len = err_len};
	char item[ITEM_MAX];
	int rc;

	snprintf(item, sizeof(item), "%s", text);
	if (strchr(item, '-') != NULL || strchr(item, ',') != NULL)
		return say_no(&say, "is not one address with its prefix length, such as 10.0.0.2/24");
	rc = range_parse(r, item, &say);
	r->iface = 0;
	return rc;
}

int config_parse_gateway(const char *text, uint32_t *gw, char *err, size_t err_len)
{
	struct say say = {.name = "gateway", .value = text, .err = err, .err_len = err_len};

	return gateway_parse(text, gw, "IPv4 address such as 10.0.0.1", &say);
}

static int cpus_parse(struct spate_config *c, const char *list, struct say *say)
{
	char item[ITEM_MAX], *dash;
	unsigned n = 0, lo, hi;

	while (next_item(&list, item) != NULL) {
		dash = strchr(item, '-');
		if (dash != NULL)
			*dash++ = '\0';
		if (!number_parse(item, CPU_MAX, &lo) || !number_parse(dash != NULL ? dash : item, CPU_MAX, &hi) || lo > hi)
			return say_no(say, "is not a number of cores such as 2, nor a list of CPUs such as 0,1 or cpu:2-5");
		for (; lo <= hi; lo++) {
			if (n == PORT_QUEUES_MAX)
				return say_no(say, "lists more than %u CPUs", PORT_QUEUES_MAX);
			c->core_list[n++] = (int)lo;
		}
	}
	c->n_core_list = n;
	return 0;
}

void parse_cores_follow(struct spate_config *c)
{
	if (c->cores_from_list)
		c->cores = (uint16_t)(config_dev_is_sim(c) ? (c->n_core_list + 1) / 2 : c->n_core_list);
}

int parse_cores(struct spate_config *c, const char *v, struct say *say)
{
	const char *at = strchr(v, '@'), *list = at != NULL ? at + 1 : v;
	bool has_list = at != NULL || strpbrk(v, ",-:") != NULL;
	struct spate_config next = *c; /* taken over as a whole, or not at all */
	char count[ITEM_MAX];
	unsigned n;
	int rc = 0;

	next.n_core_list = 0;
	next.cores_from_list = has_list && at == NULL;
	if (!next.cores_from_list) {
		snprintf(count, sizeof(count), "%.*s", (int)(at != NULL ? (size_t)(at - v) : strlen(v)), v);
		if (!number_parse(count, PORT_QUEUES_MAX, &n) || n == 0)
			return say_no(say, "the number of cores must be from 1 to %u", PORT_QUEUES_MAX);
		next.cores = (uint16_t)n;
	}
	if (has_list)
		rc = cpus_parse(&next, strncmp(list, "cpu:", 4) == 0 ? list + 4 : list, say);
	if (rc != 0)
		return rc;
	parse_cores_follow(&next);
	*c = next;
	return 0;
}
