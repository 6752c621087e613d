/* serve_http.c: the HTTP service: /N answers N bytes, anything else the default body. Requests may be pipelined and
 * split anywhere; while an answer is stuck nothing more is read. */
#include <stdio.h>
#include <string.h>

#include "serve.h"
#include "spate/socket.h"

#define READS_MAX 16
#define ANSWER_HEAD_MAX 512u
#define BODY_INLINE 16384u /* larger bodies go out straight from the pattern */
#define BODY_MAX (1ull << 40)

static void put(struct serve *s, const char *text, size_t len)
{
	memcpy(s->out + s->out_len, text, len);
	s->out_len += (uint32_t)len;
}

/* Decimal digits of v; returns how many. */
static unsigned digits(char *out, uint64_t v)
{
	char tmp[20];
	unsigned n = 0;

	do {
		tmp[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	for (unsigned i = 0; i < n; i++)
		out[i] = tmp[n - 1 - i];
	return n;
}

#define PUT(s, literal) put(s, literal, sizeof(literal) - 1)

static void put_head(struct serve *s, uint16_t status, uint64_t length, bool close)
{
	if (status == 200) {
		PUT(s, "HTTP/1.1 200 OK\r\nServer: spate\r\nContent-Type: text/plain\r\nContent-Length: ");
	} else {
		s->out_len += (uint32_t)snprintf(s->out + s->out_len, ANSWER_HEAD_MAX,
						 "HTTP/1.1 %u %s\r\nServer: spate\r\nContent-Type: text/plain\r\n"
						 "Content-Length: ", status, http_reason(status));
	}
	s->out_len += digits(s->out + s->out_len, length);
	if (close)
		PUT(s, "\r\nConnection: close\r\n\r\n");
	else
		PUT(s, "\r\nConnection: keep-alive\r\n\r\n");
}

/* An error says its name and ends the connection: what follows in the stream cannot be trusted. */
static void answer_error(struct serve *s, struct sconn *c, uint16_t status)
{
	const char *reason = http_reason(status);

	put_head(s, status, strlen(reason) + 1, true);
	put(s, reason, strlen(reason));
	PUT(s, "\n");
	s->stats.bad_requests++;
	c->closing = c->linger = true;
}

static void answer(struct serve *s, struct sconn *c)
{
	const struct http *h = &c->http;
	uint64_t length = h->flags & HTTP_SIZED ? h->target : s->cfg->body_bytes;
	bool close = !http_keepalive(h);

	s->stats.requests++;
	if (h->flags & HTTP_OVERFLOW || length > BODY_MAX) {
		answer_error(s, c, 404);
		return;
	}
	put_head(s, 200, length, close);
	c->closing = close;
	if (h->method == HTTP_HEAD)
		return;
	c->body_at = 0;
	c->body_left = length;
	if (length <= BODY_INLINE) {
		serve_body(s->out + s->out_len, (uint32_t)length);
		s->out_len += (uint32_t)length;
		c->body_left = 0;
	}
}

/* Looks at s->in until it is used up or the output is stuck. False: the connection is dead. */
static bool input(struct serve *s, struct sconn *c)
{
	uint32_t off = 0;
	enum http_event ev = HTTP_DONE;

	while (ev != HTTP_MORE && !c->closing) {
		size_t used;

		if (c->body_left > 0 || s->out_len > SERVE_BUF - ANSWER_HEAD_MAX - BODY_INLINE) {
			if (!serve_push(s, c))
				return false;
			if (serve_stuck(s, c))
				break;
		}
		ev = http_feed(&c->http, s->in + off, s->in_len - off, &used);
		off += (uint32_t)used;
		if (ev == HTTP_BAD) {
			answer_error(s, c, c->http.error);
		} else if (ev == HTTP_DONE) {
			answer(s, c);
			http_init(&c->http, HTTP_REQUEST, 0);
		} else if (ev == HTTP_TOP && c->http.flags & HTTP_EXPECT && off == s->in_len &&
			   (c->http.left > 0 || c->http.flags & HTTP_CHUNKED)) {
			PUT(s, "HTTP/1.1 100 Continue\r\n\r\n"); /* RFC 9110 10.1.1 */
		}
	}
	s->in_len -= off;
	memmove(s->in, s->in + off, s->in_len);
	return true;
}

bool serve_http(struct serve *s, struct sconn *c)
{
	for (int i = 0; i < READS_MAX; i++) {
		int n = 0;

		if (serve_stuck(s, c)) {
			if (!serve_push(s, c))
				return false;
			if (serve_stuck(s, c))
				return true;
		}
		if (c->closing) {
			if (!c->linger && s->in_len == 0)
				return false;
			serve_drain(s, c);
			return true;
		}
		if (s->in_len == 0) {
			n = serve_read(s, c);
			if (n <= 0)
				return n == 0;
		}
		if (!input(s, c) || !serve_push(s, c))
			return false;
		if (n < (int)SERVE_BUF && s->in_len == 0 && !serve_stuck(s, c) && !c->closing)
			return true;
	}
	return true;
}
