/* url.h: what `spate load` is asked to talk to. */
#ifndef APPS_URL_H
#define APPS_URL_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum url_scheme { URL_HTTP, URL_TCP, URL_UDP };

struct url {
	enum url_scheme scheme;
	char host[256];
	uint16_t port;
	char path[1024]; /* with query, "/" when the URL has none */
	uint32_t addr;   /* host order; url_resolve() */
	bool ip6;        /* it has an IPv6 address instead: */
	struct in6_addr addr6;
	uint32_t scope;  /* of a link-local one: number of the network interface, from 1 on */
};

/* http://host[:port][/path], tcp://host:port, udp://host:port; an IPv6 address in brackets: [2001:db8::1], [fe80::1%1]. 0, or
 * -EINVAL with a sentence in err. */
int url_parse(const char *s, struct url *u, char *err, size_t err_len);
/* Finds the address of u->host: of a name an IPv4 one if it has one. 0, 1 when a name had to be looked up, or -EINVAL with a
 * sentence in err. */
int url_resolve(struct url *u, char *err, size_t err_len);

#endif
