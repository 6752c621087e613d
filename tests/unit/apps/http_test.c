/* http_test.c: the HTTP parser: what it accepts and refuses, the same at every split, and on garbage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../apps/http.h"

struct outcome {
	enum http_event last;
	struct http h;
	size_t used;
	unsigned tops;
};

/* Feeds text cut at the two places; stops at the end of the message. */
static struct outcome feed(enum http_kind kind, uint16_t flags, const char *text, size_t len, size_t cut1, size_t cut2)
{
	size_t end[3] = { cut1, cut2, len }, at = 0;
	struct outcome o = { .last = HTTP_MORE };

	http_init(&o.h, kind, flags);
	for (int i = 0; i < 3; i++) {
		do {
			/* Its own memory, so that reading beyond the piece is found out. */
			size_t piece = end[i] - at, used = 0;
			char *p = malloc(piece ? piece : 1);

			memcpy(p, text + at, piece);
			o.last = http_feed(&o.h, p, piece, &used);
			assert_true(used <= piece);
			free(p);
			at += used;
			o.tops += o.last == HTTP_TOP;
		} while (o.last == HTTP_TOP);
		if (o.last != HTTP_MORE)
			break;
		assert_int_equal(at, end[i]);
	}
	o.used = at;
	return o;
}

static struct outcome whole(enum http_kind kind, const char *text)
{
	size_t len = strlen(text);
	struct outcome all = feed(kind, 0, text, len, 0, 0);

	for (size_t i = 0; i <= len; i++) {
		for (size_t j = i; j <= len; j += len > 120 ? 7 : 1) {
			struct outcome o = feed(kind, 0, text, len, i, j);

			assert_int_equal(o.last, all.last);
			assert_int_equal(o.used, all.used);
			assert_int_equal(o.tops, all.tops);
			assert_int_equal(o.h.flags, all.h.flags);
			assert_int_equal(o.h.error, all.h.error);
			assert_int_equal(o.h.status, all.h.status);
			assert_int_equal(o.h.target, all.h.target);
		}
	}
	return all;
}

static void good(const char *text, uint16_t flags, bool keepalive)
{
	struct outcome o = whole(HTTP_REQUEST, text);

	assert_int_equal(o.last, HTTP_DONE);
	assert_int_equal(o.used, strlen(text));
	assert_int_equal(o.tops, 1);
	assert_int_equal(o.h.flags & flags, flags);
	assert_int_equal(http_keepalive(&o.h), keepalive);
}

static void refused(const char *text, unsigned error)
{
	struct outcome o = whole(HTTP_REQUEST, text);

	assert_int_equal(o.last, HTTP_BAD);
	assert_int_equal(o.h.error, error);
}

static void requests(void **state)
{
	(void)state;
	good("GET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_HOST, true);
	good("\r\nGET / HTTP/1.1\nHost: a\n\n", HTTP_HOST, true);
	good("HEAD /123?x HTTP/1.1\r\nhOsT:\r\nConnection: close\r\n\r\n", HTTP_SIZED | HTTP_CLOSE, false);
	good("GET / HTTP/1.0\r\n\r\n", 0, false);
	good("GET / HTTP/1.0\r\nConnection: foo , Keep-Alive \r\n\r\n", HTTP_KEEP, true);
	good("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", HTTP_LENGTH, true);
	good("POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello", HTTP_LENGTH, true);
	good("PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	     "5;a=b\r\nhello\r\nA\r\n0123456789\r\n0\r\nT: x\r\n\r\n",
	     HTTP_CHUNKED, true);
	good("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\nx", HTTP_EXPECT, true);
	good("GET http://a/7 HTTP/1.1\r\nHost: a\r\nX-Very-Long-Field-Name-That-Has-More-Than-32-Bytes: y\r\n\r\n", 0, true);
	assert_int_equal(whole(HTTP_REQUEST, "GET /4096 HTTP/1.1\r\nHost: a\r\n\r\n").h.target, 4096);
	assert_false(whole(HTTP_REQUEST, "GET /4096x HTTP/1.1\r\nHost: a\r\n\r\n").h.flags & HTTP_SIZED);
	assert_false(whole(HTTP_REQUEST, "GET /a/7 HTTP/1.1\r\nHost: a\r\n\r\n").h.flags & HTTP_SIZED);
	assert_true(whole(HTTP_REQUEST, "GET /99999999999999999999 HTTP/1.1\r\nHost: a\r\n\r\n").h.flags & HTTP_OVERFLOW);
	/* The next request is left alone. */
	assert_int_equal(whole(HTTP_REQUEST, "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /").used, 27);
}

static void broken_requests(void **state)
{
	(void)state;
	refused("GET / HTTP/1.1\r\n\r\n", 400);
	refused("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400);
	refused("G\x01T / HTTP/1.1\r\n", 400);
	refused(" GET / HTTP/1.1\r\n", 400);
	refused("GET  / HTTP/1.1\r\n", 400);
	refused("GET / HTTP/1.1 \r\n", 400);
	refused("GET / http/1.1\r\n", 400);
	refused("GET / HTTP/2.0\r\n", 505);
	refused("BREW / HTTP/1.1\r\n", 501);
	refused("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400);
	refused("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400);
	refused("GET / HTTP/1.1\r\n: a\r\n\r\n", 400);
	refused("GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", 400);
	refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400);
	refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", 400);
	refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 2\r\n\r\n", 400);
	refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400);
	refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400);
	refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400);
	refused("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501);
	refused("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", 400);
	refused("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400);
	refused("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n11111111111111111\r\n", 400);
	refused("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n", 400);
}

static void too_long(void **state)
{
	static char text[HTTP_HEAD_MAX + 64];
	struct outcome o;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "GET / HTTP/1.1\r\nX: ", 19);
	o = feed(HTTP_REQUEST, 0, text, sizeof(text), 100, 5000);
	assert_int_equal(o.last, HTTP_BAD);
	assert_int_equal(o.h.error, 431);
	memset(text, '\n', sizeof(text));
	o = feed(HTTP_REQUEST, 0, text, sizeof(text), 100, 5000);
	assert_int_equal(o.h.error, 431);
}

static void responses(void **state)
{
	struct outcome o;

	(void)state;
	o = whole(HTTP_RESPONSE, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc");
	assert_int_equal(o.last, HTTP_DONE);
	assert_int_equal(o.h.status, 200);
	assert_true(http_keepalive(&o.h));
	o = whole(HTTP_RESPONSE, "HTTP/1.1 100 Continue\r\n\r\n"
				 "HTTP/1.1 404\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	assert_int_equal(o.last, HTTP_DONE);
	assert_int_equal(o.h.status, 404);
	assert_false(http_keepalive(&o.h));
	o = whole(HTTP_RESPONSE, "HTTP/1.1 204 No Content\r\n\r\n");
	assert_int_equal(o.last, HTTP_DONE);
	o = whole(HTTP_RESPONSE, "HTTP/1.0 200 OK\r\n\r\nuntil the end");
	assert_int_equal(o.last, HTTP_MORE);
	assert_true(http_eof(&o.h));
	assert_false(http_keepalive(&o.h));
	o = whole(HTTP_RESPONSE, "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\ncut off");
	assert_int_equal(o.last, HTTP_MORE);
	assert_false(http_eof(&o.h));
	o = whole(HTTP_RESPONSE, "HTTP/1.1 20x OK\r\n\r\n");
	assert_int_equal(o.last, HTTP_BAD);
	o = feed(HTTP_RESPONSE, HTTP_NO_BODY, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", 38, 0, 20);
	assert_int_equal(o.last, HTTP_DONE);
}

/* Whatever comes, the parser ends or wants more, and the same bytes in pieces end the same. */
static void garbage(void **state)
{
	static const char *const seed[] = {
		"POST /12 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
	};
	uint64_t x = 88172645463325252ull;

	(void)state;
	for (int round = 0; round < 200000; round++) {
		char text[128];
		const char *s = seed[round & 1];
		size_t len = strlen(s);

		memcpy(text, s, len);
		for (int k = 0; k < 1 + round % 4; k++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			text[x % len] = (char)(x >> 32);
		}
		if (round % 64 == 63)
			for (size_t k = 0; k < len; k++)
				text[k] = (char)((x = x * 6364136223846793005ull + 1442695040888963407ull) >> 56);
		struct outcome a = feed((enum http_kind)(round & 1), 0, text, len, 0, 0);
		struct outcome b = feed((enum http_kind)(round & 1), 0, text, len, x % len / 2, x % len);

		assert_int_equal(a.last, b.last);
		assert_int_equal(a.used, b.used);
		assert_int_equal(a.h.error, b.h.error);
		assert_true(a.last != HTTP_BAD || a.h.error >= 400);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests),  cmocka_unit_test(broken_requests), cmocka_unit_test(too_long),
		cmocka_unit_test(responses), cmocka_unit_test(garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
