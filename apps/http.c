/* http.c: the incremental HTTP/1 parser: one byte at a time through the states of a message. */
#include "http_int.h"

enum field { F_OTHER, F_HOST, F_CONNECTION, F_LENGTH, F_CODING, F_EXPECT };

void http_init(struct http *h, enum http_kind kind, uint16_t flags)
{
	memset(h, 0, offsetof(struct http, word));
	h->kind = (uint8_t)kind;
	h->flags = flags;
}

bool http_idle(const struct http *h) { return h->state == S_START && h->head_bytes == 0; }

bool http_eof(const struct http *h) { return h->state == S_BODY_EOF || h->state == S_DONE; }

bool http_keepalive(const struct http *h)
{
	if (h->flags & HTTP_CLOSE || h->state == S_BODY_EOF)
		return false;
	return h->minor >= 1 || (h->flags & HTTP_KEEP);
}

static enum field field_of(const struct http *h)
{
	static const struct {
		const char *name;
		enum field field;
	} known[] = { { "host", F_HOST }, { "connection", F_CONNECTION }, { "content-length", F_LENGTH },
		      { "transfer-encoding", F_CODING }, { "expect", F_EXPECT } };

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (word_is(h, known[i].name))
			return known[i].field;
	return F_OTHER;
}

/* Content-Length; twice is accepted when both say the same (RFC 9110 8.6). */
static bool length_word(struct http *h)
{
	uint64_t v = 0;

	if (h->word_len == 0 || h->word_len > sizeof(h->word))
		return false;
	for (unsigned i = 0; i < h->word_len; i++)
		if (h->word[i] < '0' || h->word[i] > '9' || !push_digit(&v, 10, (unsigned)(h->word[i] - '0')))
			return false;
	if (h->flags & HTTP_LENGTH && v != h->left)
		return false;
	h->flags |= HTTP_LENGTH;
	h->left = v;
	return true;
}

/* A word of a field's comma-separated value is complete. */
static bool word_end(struct http *h)
{
	bool ok = true;

	while (h->word_len > 0 && h->word_len <= sizeof(h->word) && h->word[h->word_len - 1] == ' ')
		h->word_len--;
	switch (h->field) {
	case F_CONNECTION:
		if (word_is(h, "close"))
			h->flags |= HTTP_CLOSE;
		else if (word_is(h, "keep-alive"))
			h->flags |= HTTP_KEEP;
		break;
	case F_LENGTH:
		ok = length_word(h);
		break;
	case F_CODING:
		if (h->word_len == 0)
			break;
		if (h->flags & HTTP_CHUNKED) /* nothing may follow it: RFC 9112 6.1 */
			ok = false;
		h->flags |= word_is(h, "chunked") ? HTTP_CODING | HTTP_CHUNKED : HTTP_CODING;
		break;
	case F_EXPECT:
		if (word_is(h, "100-continue"))
			h->flags |= HTTP_EXPECT;
		break;
	default:
		break;
	}
	h->word_len = 0;
	return ok;
}

static enum http_state value_byte(struct http *h, uint8_t c)
{
	if (c == '\r' || c == '\n') {
		if (!word_end(h))
			return bad(h, 400);
		return c == '\r' ? S_VALUE_LF : S_FIELD_0;
	}
	if (!is_text(c))
		return bad(h, 400);
	if (h->field < F_CONNECTION)
		return S_VALUE;
	if (c == ',')
		return word_end(h) ? S_VALUE : bad(h, 400);
	if (c == '\t')
		c = ' ';
	if (c != ' ' || h->word_len > 0)
		word_add(h, lower(c));
	return S_VALUE;
}

static enum http_state name_end(struct http *h)
{
	h->field = (uint8_t)field_of(h);
	h->word_len = 0;
	if (h->field == F_HOST) {
		if (h->flags & HTTP_HOST && h->kind == HTTP_REQUEST)
			return bad(h, 400);
		h->flags |= HTTP_HOST;
	}
	return S_VALUE;
}

static enum http_state field_byte(struct http *h, uint8_t c)
{
	switch (h->state) {
	case S_FIELD_0:
		if (c == '\r')
			return S_TOP_LF;
		if (c == '\n')
			return S_TOP;
		h->word_len = 0;
		/* fall through */
	case S_FIELD:
		if (c == ':' && h->state == S_FIELD)
			return name_end(h);
		if (!is_tchar(c)) /* also obsolete folding and space before the colon: RFC 9112 5.1, 5.2 */
			return bad(h, 400);
		word_add(h, lower(c));
		return S_FIELD;
	case S_VALUE:
		return value_byte(h, c);
	case S_VALUE_LF:
		return c == '\n' ? S_FIELD_0 : bad(h, 400);
	default: /* S_TOP_LF */
		return c == '\n' ? S_TOP : bad(h, 400);
	}
}

/* The header is complete: how long is the body? RFC 9112 6.3. */
static enum http_state body_begin(struct http *h)
{
	bool response = h->kind == HTTP_RESPONSE;

	if (!response && h->minor >= 1 && !(h->flags & HTTP_HOST))
		return bad(h, 400);
	if (response && (h->flags & HTTP_NO_BODY || h->status < 200 || h->status == 204 || h->status == 304))
		return S_DONE;
	if (h->flags & HTTP_CODING) {
		if (!response && h->flags & HTTP_LENGTH)
			return bad(h, 400); /* request smuggling: RFC 9112 6.1 */
		if (h->flags & HTTP_CHUNKED)
			return S_CHUNK_0;
		return response ? S_BODY_EOF : bad(h, 501);
	}
	if (h->flags & HTTP_LENGTH)
		return h->left > 0 ? S_BODY : S_DONE;
	return response ? S_BODY_EOF : S_DONE;
}

static int hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum http_state chunk_line_end(struct http *h) { return h->left > 0 ? S_CHUNK_DATA : S_TRAILER_0; }

/* RFC 9112 7.1 */
static enum http_state chunk_byte(struct http *h, uint8_t c)
{
	int digit = hex(c);

	switch (h->state) {
	case S_CHUNK_0:
		h->left = 0;
		h->head_bytes = 0; /* from here it bounds one size line, or the trailer */
		/* fall through */
	case S_CHUNK:
		if (digit >= 0)
			return push_digit(&h->left, 16, (unsigned)digit) ? S_CHUNK : bad(h, 400);
		if (h->state == S_CHUNK_0)
			return bad(h, 400);
		/* fall through */
	case S_CHUNK_EXT:
		if (c == '\r' || c == '\n')
			return c == '\r' ? S_CHUNK_LF : chunk_line_end(h);
		if (h->state == S_CHUNK && c != ';' && c != ' ' && c != '\t')
			return bad(h, 400);
		return is_text(c) ? S_CHUNK_EXT : bad(h, 400);
	case S_CHUNK_LF:
		return c == '\n' ? chunk_line_end(h) : bad(h, 400);
	case S_CHUNK_END:
		return c == '\r' ? S_CHUNK_END_LF : c == '\n' ? S_CHUNK_0 : bad(h, 400);
	case S_CHUNK_END_LF:
		return c == '\n' ? S_CHUNK_0 : bad(h, 400);
	case S_TRAILER_0:
		if (c == '\r' || c == '\n')
			return c == '\r' ? S_TRAILER_LF : S_DONE;
		/* fall through */
	case S_TRAILER:
		return c == '\n' ? S_TRAILER_0 : c == '\r' || is_text(c) ? S_TRAILER : bad(h, 400);
	default: /* S_TRAILER_LF */
		return c == '\n' ? S_DONE : bad(h, 400);
	}
}

static enum http_state head_byte(struct http *h, uint8_t c)
{
	if (++h->head_bytes > HTTP_HEAD_MAX)
		return bad(h, 431);
	if (h->state <= S_START_LF)
		return http_start_byte(h, c);
	if (h->state <= S_TOP_LF)
		return field_byte(h, c);
	return chunk_byte(h, c);
}

/* Skips body bytes in one step; returns how many. */
static size_t body_skip(struct http *h, size_t len)
{
	size_t n = len < h->left ? len : (size_t)h->left;

	if (h->state == S_BODY_EOF)
		return len;
	h->left -= n;
	if (h->left == 0)
		h->state = h->state == S_BODY ? S_DONE : S_CHUNK_END;
	return n;
}

enum http_event http_feed(struct http *h, const void *buf, size_t len, size_t *used)
{
	const uint8_t *p = buf;

	for (size_t i = 0;;) {
		switch (h->state) {
		case S_TOP:
			h->state = (uint8_t)body_begin(h);
			*used = i;
			return h->state == S_BAD ? HTTP_BAD : HTTP_TOP;
		case S_DONE:
			*used = i;
			if (h->kind == HTTP_REQUEST || h->status >= 200 || h->status == 101)
				return HTTP_DONE;
			http_init(h, HTTP_RESPONSE, h->flags & HTTP_NO_BODY); /* interim, RFC 9110 15.2 */
			continue;
		case S_BAD:
			*used = i;
			return HTTP_BAD;
		default:
			break;
		}
		if (i == len) {
			*used = i;
			return HTTP_MORE;
		}
		if (h->state == S_BODY || h->state == S_BODY_EOF || h->state == S_CHUNK_DATA)
			i += body_skip(h, len - i);
		else
			h->state = (uint8_t)head_byte(h, p[i++]);
	}
}

const char *http_reason(uint16_t status)
{
	switch (status) {
	case 200: return "OK";
	case 400: return "Bad Request";
	case 404: return "Not Found";
	case 431: return "Request Header Fields Too Large";
	case 501: return "Not Implemented";
	case 505: return "HTTP Version Not Supported";
	default: return "Error";
	}
}
