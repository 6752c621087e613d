// world.c: the addresses of the test, and names for them that are the same on every machine and for both families.
#include "rows.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct net net4 = {
	.af = AF_INET,
	.own = "10.77.0.10",
	.loop = "127.0.0.1",
	.any = "0.0.0.0",
	.peer = "10.77.0.1",
	.peer2 = "10.77.0.3",
	.wire = "10.77.0.2",
	.wire2 = "10.77.0.20",
	.far = "10.5.0.1",
	.nobody = "10.77.0.250",
	.nowhere = "10.6.0.1",
	.unreachable = "10.8.0.1",
	.prohibited = "10.9.0.1",
	.hole = "10.7.0.1",
};
const struct net net6 = {
	.af = AF_INET6,
	.own = "fd77::10",
	.loop = "::1",
	.any = "::",
	.peer = "fd77::1",
	.peer2 = "fd77::3",
	.wire = "fd77::2",
	.wire2 = "fd77::20",
	.far = "fd05::1",
	.nobody = "fd77::250",
	.nowhere = "fd06::1",
	.unreachable = "fd08::1",
	.prohibited = "fd09::1",
	.hole = "fd07::1",
};

enum { OWN_PORTS = 20000, OWN_PORTS_IP6 = 25000, OWN_PORTS_END = 30000, CHOSEN_FIRST = 32768, CHOSEN_LAST = 60999 };

struct addr at(const char *host, int port)
{
	struct addr a = {.len = sizeof(a.in)};

	if (inet_pton(AF_INET, host, &a.in.sin_addr) == 1) {
		a.in.sin_family = AF_INET;
		a.in.sin_port = htons((uint16_t)port);
		return a;
	}
	a.len = sizeof(a.in6);
	if (inet_pton(AF_INET6, host, &a.in6.sin6_addr) != 1) {
		fprintf(stderr, "rows: %s is no address\n", host);
		exit(2);
	}
	a.in6.sin6_family = AF_INET6;
	a.in6.sin6_port = htons((uint16_t)port);
	return a;
}

struct addr at_scope(const char *host, int port, const char *device)
{
	struct addr a = at(host, port);

	a.in6.sin6_scope_id = if_nametoindex(device);
	return a;
}

struct addr at_mapped(const char *host4, int port)
{
	char text[64];

	snprintf(text, sizeof(text), "::ffff:%s", host4);
	return at(text, port);
}

struct addr unspec(void)
{
	return (struct addr){.len = sizeof(struct sockaddr_in)};
}

int own_port(const struct net *n, int port)
{
	return n->af == AF_INET6 ? port + OWN_PORTS_IP6 - OWN_PORTS : port;
}

static bool name_of(const struct net *n, const void *bytes, char *text, size_t size)
{
	const struct {
		const char *host, *name;
	} known[] = {
		{n->own, "own"},   {n->loop, "loop"}, {n->any, "any"}, {n->peer, "peer"}, {n->peer2, "peer2"},
		{n->wire, "wire"}, {n->far, "far"},   {n->wire2, "wire2"}, {n->nobody, "nobody"},
	};
	size_t len = n->af == AF_INET ? 4 : 16;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		char its[16];

		inet_pton(n->af, known[i].host, its);
		if (memcmp(its, bytes, len) == 0) {
			snprintf(text, size, "%s", known[i].name);
			return true;
		}
	}
	return false;
}

static void name_ip6(const struct addr *a, char *text, size_t size)
{
	const struct in6_addr *ip = &a->in6.sin6_addr;
	struct in6_addr peer_ll;

	inet_pton(AF_INET6, "fe80::1", &peer_ll);
	if (IN6_IS_ADDR_V4MAPPED(ip)) {
		char v4[INET_ADDRSTRLEN] = "";

		if (!name_of(&net4, ip->s6_addr + 12, v4, sizeof(v4)))
			inet_ntop(AF_INET, ip->s6_addr + 12, v4, sizeof(v4));
		snprintf(text, size, "mapped-%s", v4);
	} else if (IN6_IS_ADDR_LINKLOCAL(ip)) {
		const char *scope = a->in6.sin6_scope_id == 0 ? "none"
				    : a->in6.sin6_scope_id == if_nametoindex(OUR_DEVICE) ? "device"
											  : "other";

		snprintf(text, size, "%s%%%s", memcmp(ip, &peer_ll, sizeof(*ip)) == 0 ? "peer-link" : "own-link", scope);
	} else if (!name_of(&net6, ip, text, size)) {
		inet_ntop(AF_INET6, ip, text, (socklen_t)size);
	}
}

// Ports that the system chose are "port".
static void port_text(int port, char *text, size_t size)
{
	if (port >= CHOSEN_FIRST && port <= CHOSEN_LAST)
		snprintf(text, size, "port");
	else if (port >= OWN_PORTS_IP6 && port < OWN_PORTS_END)
		snprintf(text, size, "%d", port - OWN_PORTS_IP6 + OWN_PORTS);
	else
		snprintf(text, size, "%d", port);
}

void world_name(const struct addr *a, char *text, size_t size)
{
	char host[80] = "", port[16];

	if (a->sa.sa_family == AF_INET6) {
		name_ip6(a, host, sizeof(host));
	} else if (a->sa.sa_family == AF_INET) {
		if (!name_of(&net4, &a->in.sin_addr, host, sizeof(host)))
			inet_ntop(AF_INET, &a->in.sin_addr, host, sizeof(host));
	} else {
		snprintf(text, size, "family-%d", a->sa.sa_family);
		return;
	}
	port_text(ntohs(a->in.sin_port), port, sizeof(port));
	snprintf(text, size, "%s:%s", host, port);
}
