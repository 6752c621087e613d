/* url.c: parsing and resolving the URL of `spate load`. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "url.h"

static int scheme_of(const char *s, struct url *u, const char **rest, char *err, size_t err_len)
{
	static const char *const name[] = { "http://", "tcp://", "udp://" };

	for (int i = 0; i < 3; i++) {
		if (strncmp(s, name[i], strlen(name[i])) == 0) {
			u->scheme = (enum url_scheme)i;
			*rest = s + strlen(name[i]);
			return 0;
		}
	}
	if (strncmp(s, "https://", 8) == 0)
		snprintf(err, err_len, "TLS is not spoken here: use http:// instead of https://");
	else
		snprintf(err, err_len, "'%s' is no URL: write http://HOST[:PORT][/PATH], tcp://HOST:PORT or udp://HOST:PORT", s);
	return -EINVAL;
}

static int port_of(const char *s, size_t n, struct url *u, char *err, size_t err_len)
{
	unsigned v = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9' || (v = v * 10 + (unsigned)(s[i] - '0')) > 65535) {
			v = 0;
			break;
		}
	}
	if (v == 0) {
		snprintf(err, err_len, "port '%.*s' is not a number from 1 to 65535", (int)n, s);
		return -EINVAL;
	}
	u->port = (uint16_t)v;
	return 0;
}

static int path_of(const char *s, struct url *u, char *err, size_t err_len)
{
	size_t n = strcspn(s, "#");
	int slash = *s != '/';

	if (n + (size_t)slash >= sizeof(u->path)) {
		snprintf(err, err_len, "the path of the URL is longer than %zu bytes", sizeof(u->path) - 1);
		return -EINVAL;
	}
	for (size_t i = 0; i < n; i++) {
		if (s[i] <= ' ' || s[i] == 127) {
			snprintf(err, err_len, "the path of the URL has a space or control character: write it as %%%02X",
				 (unsigned char)s[i]);
			return -EINVAL;
		}
	}
	snprintf(u->path, sizeof(u->path), "%s%.*s", slash ? "/" : "", (int)n, s);
	return 0;
}

int url_parse(const char *s, struct url *u, char *err, size_t err_len)
{
	const char *rest;
	size_t n, host_len;
	const char *colon;

	memset(u, 0, sizeof(*u));
	if (scheme_of(s, u, &rest, err, err_len) != 0)
		return -EINVAL;
	n = strcspn(rest, "/?#");
	colon = memchr(rest, ':', n);
	host_len = colon ? (size_t)(colon - rest) : n;
	if (rest[0] == '[') {
		snprintf(err, err_len, "IPv6 addresses are not supported in URLs: use an IPv4 address");
		return -EINVAL;
	}
	if (host_len == 0 || host_len >= sizeof(u->host) || memchr(rest, '@', n)) {
		snprintf(err, err_len, "'%s' names no host: write an IPv4 address or a name after '://'", s);
		return -EINVAL;
	}
	memcpy(u->host, rest, host_len);
	if (colon) {
		if (port_of(colon + 1, n - host_len - 1, u, err, err_len) != 0)
			return -EINVAL;
	} else if (u->scheme == URL_HTTP) {
		u->port = 80;
	} else {
		snprintf(err, err_len, "'%s' names no port: write %s:PORT", s, s);
		return -EINVAL;
	}
	if (u->scheme != URL_HTTP && rest[n] != 0 && strcmp(rest + n, "/") != 0) {
		snprintf(err, err_len, "'%s' has a path, which only http:// has", s);
		return -EINVAL;
	}
	return path_of(rest + n, u, err, err_len);
}

int url_resolve(struct url *u, char *err, size_t err_len)
{
	struct addrinfo hint = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *ai;
	struct in_addr a;
	int rc;

	if (inet_pton(AF_INET, u->host, &a) == 1) {
		u->addr = ntohl(a.s_addr);
		return 0;
	}
	rc = getaddrinfo(u->host, NULL, &hint, &ai);
	if (rc != 0) {
		snprintf(err, err_len, "no IPv4 address for '%s': %s", u->host, gai_strerror(rc));
		return -EINVAL;
	}
	u->addr = ntohl(((struct sockaddr_in *)ai->ai_addr)->sin_addr.s_addr);
	freeaddrinfo(ai);
	return 1;
}
