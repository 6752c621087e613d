/* rules.c: routes and filter rules: of the configuration, and of programs while they run. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "net/filter.h"
#include "sock/change.h"
#include "sock/rules.h"

static_assert((int)CONFIG_ONLINK == ROUTE_ONLINK && (int)CONFIG_GATEWAY == ROUTE_GATEWAY &&
	      (int)CONFIG_UNREACHABLE == ROUTE_UNREACHABLE &&
	      (int)CONFIG_PROHIBIT == ROUTE_PROHIBIT && (int)CONFIG_BLACKHOLE == ROUTE_BLACKHOLE, "one order");

static struct ip6_addr addr_of(const struct in6_addr *a)
{
	struct ip6_addr to;

	memcpy(&to, a, sizeof(to));
	return to;
}

static struct net_route route_of(const struct config_route *r, uint8_t iface)
{
	return (struct net_route){.prefix = addr_of(&r->to.addr), .gw = addr_of(&r->gw), .src = addr_of(&r->src), .metric = r->metric,
				  .prefix_len = r->to.len, .type = r->type, .iface = iface, .mtu = r->mtu};
}

/* The interface that it is written for matters to networks on a link and link-local gateways; another gateway may be anywhere. */
static uint8_t route_iface(const struct config_route *r, int iface)
{
	const struct ip6_addr gw = addr_of(&r->gw);
	bool bound = r->type == CONFIG_ONLINK || (r->type == CONFIG_GATEWAY && ip6_addr_is_linklocal(&gw));

	return bound && iface >= 0 ? (uint8_t)iface : NET_IFACE_ANY;
}

static const char *reason(int rc)
{
	switch (rc) {
	case -ENETUNREACH:
		return "its gateway is on the network of none of our addresses";
	case -EEXIST:
		return "is there already";
	case -ENOSPC:
		return "there are too many";
	case -EINVAL:
		return "which interface is it on?";
	default:
		return strerror(-rc);
	}
}

int sock_routes_add(struct net *net, const struct spate_config *c, char *err, size_t err_len)
{
	char to[INET6_ADDRSTRLEN];

	for (unsigned i = 0; i < c->n_routes; i++) {
		const struct config_route *r = &c->route[i];
		struct net_route route = route_of(r, route_iface(r, sock_iface_number(c, r->iface)));
		int rc = net_route_add(net, &route);

		if (rc == 0)
			continue;
		snprintf(err, err_len, "route to %s: %s", inet_ntop(AF_INET6, &r->to.addr, to, sizeof(to)), reason(rc));
		return rc;
	}
	return 0;
}

/* ---- while it runs ---- */

static int route_tell(const char *text, const char *interface, bool remove, char *err, size_t err_len)
{
	struct config_route r;
	struct net_route_note note;
	int rc = config_parse_route(text, &r, err, err_len), iface;

	if (rc != 0)
		return rc;
	sock_change_lock();
	iface = sock_change_iface(interface, r.type == CONFIG_ONLINK && !remove ? 0 : NET_IFACE_ANY);
	sock_change_unlock();
	if (iface < 0)
		return sock_change_refuse(err, err_len, iface, interface);
	note = (struct net_route_note){.prefix = addr_of(&r.to.addr), .gw = addr_of(&r.gw), .src = addr_of(&r.src), .metric = r.metric,
				       .mtu = r.mtu, .prefix_len = r.to.len, .type = r.type, .iface = (uint8_t)iface, .remove = remove};
	return sock_change_refuse(err, err_len, sock_note_all(MAIL_ROUTE, &note, sizeof(note)), text);
}

int spate_route_add(const char *route, const char *interface, char *err, size_t err_len)
{
	return route_tell(route, interface, false, err, err_len);
}

int spate_route_remove(const char *route, const char *interface, char *err, size_t err_len)
{
	return route_tell(route, interface, true, err, err_len);
}

int spate_filter_set(const char *const *rules, unsigned n, char *err, size_t err_len)
{
	struct config_filter parsed[CONFIG_FILTERS_MAX];
	struct net_filter_note note;
	int rc = n > CONFIG_FILTERS_MAX ? sock_change_refuse(err, err_len, -EINVAL, "rules: more than can be") : 0;

	for (unsigned i = 0; i < n && rc == 0; i++)
		rc = config_parse_filter(rules[i], &parsed[i], err, err_len);
	if (rc != 0)
		return rc;
	if (sock_stacks_per_end() == 0)
		return sock_change_refuse(err, err_len, -ENXIO, "filter");
	rc = net_filter_new(parsed, n, sock_stacks_per_end(), -1, &note.filter);
	if (rc == 0) /* when it fails some may have it: then it is not freed */
		rc = sock_note_all(MAIL_FILTER, &note, sizeof(note));
	return sock_change_refuse(err, err_len, rc, "filter");
}
