/* http_start.c: the start line of a message: "GET /100 HTTP/1.1", "HTTP/1.1 200 OK". */
#include "http_int.h"

static const char VERSION[] = "HTTP/1.";

static enum http_state method_end(struct http *h)
{
	static const char *const name[] = { "GET", "HEAD", "POST", "PUT" };

	for (uint8_t i = 0; i < 4; i++) {
		if (word_is(h, name[i])) {
			h->method = i;
			h->word_len = 0;
			return S_TARGET_0;
		}
	}
	return bad(h, 501); /* RFC 9110 9.1 */
}

/* One byte of the request target; c is not the space that ends it. */
static enum http_state target_byte(struct http *h, uint8_t c)
{
	if (c <= ' ' || c == 127)
		return bad(h, 400);
	switch (h->state) {
	case S_TARGET_0:
		return c == '/' ? S_TARGET_NUM : S_TARGET; /* absolute form and "*": RFC 9112 3.2 */
	case S_TARGET_NUM:
		if (c >= '0' && c <= '9') {
			h->flags |= HTTP_SIZED;
			if (!push_digit(&h->target, 10, c - '0'))
				h->flags |= HTTP_OVERFLOW;
			return S_TARGET_NUM;
		}
		if (c == '?')
			return S_TARGET_QUERY;
		h->flags &= (uint16_t)~(HTTP_SIZED | HTTP_OVERFLOW);
		return S_TARGET;
	default:
		return (enum http_state)h->state;
	}
}

/* "HTTP/1." then the minor version. */
static enum http_state version_byte(struct http *h, uint8_t c)
{
	if (c == (uint8_t)VERSION[h->word_len]) {
		h->word_len++;
		return h->word_len == sizeof(VERSION) - 1 ? S_MINOR : S_VERSION;
	}
	return bad(h, h->word_len == 5 && c >= '0' && c <= '9' ? 505 : 400);
}

static enum http_state first_byte(struct http *h, uint8_t c)
{
	if (c == '\r' || c == '\n')
		return S_START; /* empty lines before a message: RFC 9112 2.2 */
	h->word_len = 0;
	if (h->kind == HTTP_RESPONSE)
		return version_byte(h, c);
	if (!is_tchar(c))
		return bad(h, 400);
	word_add(h, c);
	return S_METHOD;
}

static enum http_state status_byte(struct http *h, uint8_t c)
{
	if (c >= '0' && c <= '9' && h->word_len < 3) {
		h->status = (uint16_t)(h->status * 10 + c - '0');
		h->word_len++;
		return S_STATUS;
	}
	if (h->word_len != 3 || h->status < 100)
		return bad(h, 400);
	return c == ' ' ? S_REASON : c == '\r' ? S_START_LF : c == '\n' ? S_FIELD_0 : bad(h, 400);
}

enum http_state http_start_byte(struct http *h, uint8_t c)
{
	switch (h->state) {
	case S_START:
		return first_byte(h, c);
	case S_METHOD:
		if (c == ' ')
			return method_end(h);
		if (!is_tchar(c))
			return bad(h, 400);
		word_add(h, c);
		return S_METHOD;
	case S_TARGET_0:
	case S_TARGET:
	case S_TARGET_NUM:
	case S_TARGET_QUERY:
		return c == ' ' && h->state != S_TARGET_0 ? S_VERSION : target_byte(h, c);
	case S_VERSION:
		return version_byte(h, c);
	case S_MINOR:
		h->minor = (uint8_t)(c - '0');
		return c >= '0' && c <= '9' ? S_MINOR_END : bad(h, 400);
	case S_MINOR_END:
		h->word_len = 0;
		if (h->kind == HTTP_RESPONSE)
			return c == ' ' ? S_STATUS : bad(h, 400);
		return c == '\r' ? S_START_LF : c == '\n' ? S_FIELD_0 : bad(h, 400);
	case S_STATUS:
		return status_byte(h, c);
	case S_REASON:
		return c == '\r' ? S_START_LF : c == '\n' ? S_FIELD_0 : is_text(c) ? S_REASON : bad(h, 400);
	default: /* S_START_LF */
		return c == '\n' ? S_FIELD_0 : bad(h, 400);
	}
}
