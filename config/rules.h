/* rules.h: routes and filter rules, as settings name them. IPv4 is ::ffff:a.b.c.d here, its prefixes 96 bits longer. */
#ifndef CONFIG_RULES_H
#define CONFIG_RULES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_ROUTES_MAX 256  /* "route" may be repeated this often; programs may add more (spate_route_add()) */
#define CONFIG_FILTERS_MAX 256 /* "allow" and "deny" together */

struct config_prefix {
	struct in6_addr addr;   /* bits behind len are 0 */
	uint8_t len;
};

/* In the order of enum route_type (lib/net/net.h). */
enum config_route_type { CONFIG_ONLINK, CONFIG_GATEWAY, CONFIG_UNREACHABLE, CONFIG_PROHIBIT, CONFIG_BLACKHOLE };

/* "10.1.0.0/16 via 10.0.0.254 metric 5 src 10.0.0.7 mtu 1400", "10.2.0.0/16", "unreachable 10.9.0.0/16" */
struct config_route {
	struct config_prefix to;
	struct in6_addr gw, src; /* all 0: none */
	uint32_t metric;
	uint16_t mtu;
	uint8_t type;           /* enum config_route_type */
	uint8_t iface;          /* of the configuration */
};

/* "out tcp src 10.0.0.0/8 dst 192.0.2.0/24 port 80-90": what is not named is any. */
struct config_filter {
	bool allow, out;
	bool ip4, ip6;          /* families that it is about: both when no address is named */
	uint8_t proto;          /* 0: any */
	struct config_prefix src, dst;
	uint16_t sport_lo, sport_hi, dport_lo, dport_hi;
};

struct say;
int parse_route(struct config_route *r, const char *v, struct say *say);
int parse_filter(struct config_filter *f, bool allow, const char *v, struct say *say);

#endif
