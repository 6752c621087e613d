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

/* "[2001:db8::1]" or "[fe80::1%1]", and what follows the bracket in *colon. */
static int host6_of(const char *rest, size_t n, struct url *u, size_t *host_len, const char **colon, char *err, size_t err_len)
{
	const char *end = memchr(rest, ']', n), *zone;
	char text[INET6_ADDRSTRLEN];
	size_t len;

	if (end == NULL || (end + 1 < rest + n && end[1] != ':'))
		goto bad;
	*host_len = (size_t)(end - rest) - 1;
	*colon = end + 1 < rest + n ? end + 1 : NULL;
	zone = memchr(rest, '%', (size_t)(end - rest));
	len = zone ? (size_t)(zone - rest) - 1 : *host_len;
	if (len >= sizeof(text))
		goto bad;
	snprintf(text, sizeof(text), "%.*s", (int)len, rest + 1);
	if (inet_pton(AF_INET6, text, &u->addr6) != 1)
		goto bad;
	u->ip6 = true;
	u->scope = zone ? (uint32_t)strtoul(zone + 1, NULL, 10) : 0;
	return 0;
bad:
	snprintf(err, err_len, "'%.*s' is no IPv6 address in brackets, such as [2001:db8::1] or [fe80::1%%1]", (int)n, rest);
	return -EINVAL;
}

int url_parse(const char *s, struct url *u, char *err, size_t err_len)
{
	const char *rest, *host, *colon;
	size_t n, host_len;
	int rc;

	memset(u, 0, sizeof(*u));
	if (scheme_of(s, u, &rest, err, err_len) != 0)
		return -EINVAL;
	n = strcspn(rest, "/?#");
	if (rest[0] == '[') {
		host = rest + 1;
		rc = host6_of(rest, n, u, &host_len, &colon, err, err_len);
		if (rc != 0)
			return rc;
	} else {
		host = rest;
		colon = memchr(rest, ':', n);
		host_len = colon ? (size_t)(colon - rest) : n;
	}
	if (host_len == 0 || host_len >= sizeof(u->host) || memchr(rest, '@', n)) {
		snprintf(err, err_len, "'%s' names no host: write an IPv4 address or a name after '://'", s);
		return -EINVAL;
	}
	memcpy(u->host, host, host_len);
	if (colon) {
		if (port_of(colon + 1, (size_t)(rest + n - colon - 1), u, err, err_len) != 0)
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

	if (u->ip6)
		return 0;
	if (inet_pton(AF_INET, u->host, &a) == 1) {
		u->addr = ntohl(a.s_addr);
		return 0;
	}
	rc = getaddrinfo(u->host, NULL, &hint, &ai);
	if (rc != 0) {
		hint.ai_family = AF_INET6;
		u->ip6 = getaddrinfo(u->host, NULL, &hint, &ai) == 0;
	}
	if (rc != 0 && !u->ip6) {
		snprintf(err, err_len, "no address for '%s': %s", u->host, gai_strerror(rc));
		return -EINVAL;
	}
	if (u->ip6)
		u->addr6 = ((struct sockaddr_in6 *)ai->ai_addr)->sin6_addr;
	else
		u->addr = ntohl(((struct sockaddr_in *)ai->ai_addr)->sin_addr.s_addr);
	freeaddrinfo(ai);
	return 1;
}
