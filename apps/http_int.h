/* http_int.h: what the parts of the HTTP parser share: its states, and the word that it gathers. */
#ifndef APPS_HTTP_INT_H
#define APPS_HTTP_INT_H

#include <string.h>

#include "http.h"

/* In the order of a message; http.c compares them. */
enum http_state {
	S_START, S_METHOD, S_TARGET_0, S_TARGET, S_TARGET_NUM, S_TARGET_QUERY, S_VERSION, S_MINOR, S_MINOR_END, S_STATUS,
	S_REASON, S_START_LF, /* start line */
	S_FIELD_0, S_FIELD, S_VALUE, S_VALUE_LF, S_TOP_LF, /* header fields */
	S_TOP,
	S_BODY, S_BODY_EOF,
	S_CHUNK_0, S_CHUNK, S_CHUNK_EXT, S_CHUNK_LF, S_CHUNK_DATA, S_CHUNK_END, S_CHUNK_END_LF, S_TRAILER_0, S_TRAILER,
	S_TRAILER_LF,
	S_DONE, S_BAD,
};

static inline enum http_state bad(struct http *h, uint16_t status)
{
	h->error = status;
	return S_BAD;
}

/* RFC 9110 5.6.2 */
static inline bool is_tchar(uint8_t c)
{
	static const uint32_t set[8] = { 0, 0x03ff6cfa, 0xc7fffffe, 0x57ffffff, 0, 0, 0, 0 };

	return set[c >> 5] >> (c & 31) & 1;
}

static inline bool is_text(uint8_t c) { return c >= ' ' ? c != 127 : c == '\t'; }

static inline void word_add(struct http *h, uint8_t c)
{
	if (h->word_len < sizeof(h->word))
		h->word[h->word_len] = (char)c;
	if (h->word_len <= sizeof(h->word))
		h->word_len++;
}

static inline bool word_is(const struct http *h, const char *s)
{
	size_t n = strlen(s);

	return h->word_len == n && memcmp(h->word, s, n) == 0;
}

static inline uint8_t lower(uint8_t c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; }

/* *v = *v * base + digit, or false when that does not fit. */
static inline bool push_digit(uint64_t *v, unsigned base, unsigned digit)
{
	return !__builtin_mul_overflow(*v, (uint64_t)base, v) && !__builtin_add_overflow(*v, (uint64_t)digit, v);
}

/* http_start.c: one byte of the start line: the next state. */
enum http_state http_start_byte(struct http *h, uint8_t c);

#endif
