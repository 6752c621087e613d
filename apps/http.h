/* http.h: an incremental HTTP/1 parser for requests and responses. It keeps no bytes of its input, so a message
 * may arrive split anywhere; a waiting parser is 64 bytes. RFC 9110 and 9112. */
#ifndef APPS_HTTP_H
#define APPS_HTTP_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEAD_MAX 8192u /* bytes of start line and header fields, or of a trailer; beyond it 431 */

enum http_kind { HTTP_REQUEST, HTTP_RESPONSE };
enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PUT };

enum http_event {
	HTTP_MORE, /* all input was used and the message is not complete */
	HTTP_TOP,  /* start line and header fields are complete; come again with the rest (once per message) */
	HTTP_DONE, /* the message is complete; http_init() before the next */
	HTTP_BAD,  /* h->error is the status to answer with */
};

#define HTTP_CLOSE      (1u << 0)  /* Connection: close */
#define HTTP_KEEP       (1u << 1)  /* Connection: keep-alive */
#define HTTP_HOST       (1u << 2)
#define HTTP_LENGTH     (1u << 3)
#define HTTP_CODING     (1u << 4)  /* Transfer-Encoding is there */
#define HTTP_CHUNKED    (1u << 5)  /* ... and its last word is "chunked" */
#define HTTP_EXPECT     (1u << 6)  /* Expect: 100-continue */
#define HTTP_NO_BODY    (1u << 7)  /* set by the caller before a response to HEAD */
#define HTTP_SIZED      (1u << 8)  /* the target is /N and N is in target */
#define HTTP_OVERFLOW   (1u << 9)  /* ... with an N that does not fit */

struct http {
	uint8_t kind, state, method, minor;
	uint16_t status, error;
	uint16_t flags;
	uint8_t field, word_len;
	uint32_t head_bytes;
	uint64_t left;   /* body bytes (of this chunk) to come */
	uint64_t target; /* N of a request for /N */
	char word[32];   /* method, field name, or one word of a field's list */
};

static_assert(sizeof(struct http) == 64, "one cache line");

void http_init(struct http *h, enum http_kind kind, uint16_t flags);
/* Reads from buf; *used says how many bytes it took. */
enum http_event http_feed(struct http *h, const void *buf, size_t len, size_t *used);
/* The stream ended: true when that completes the message (a response without length), false when it is cut off. */
bool http_eof(const struct http *h);
/* Nothing of a message has arrived yet. */
bool http_idle(const struct http *h);
/* May the connection carry another message after this one? Valid from HTTP_TOP on. */
bool http_keepalive(const struct http *h);
const char *http_reason(uint16_t status); /* "Not Found" */

#endif
