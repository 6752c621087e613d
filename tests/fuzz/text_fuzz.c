/* text_fuzz.c: what people and servers write: settings, device names, URLs, HTTP messages. The first byte chooses. What is
 * refused comes with a sentence; an HTTP message means the same whole and in pieces. */
#include <stdio.h>

#include "../../apps/http.h"
#include "../../apps/url.h"
#include "base/assert.h"
#include "config/config.h"
#include "drivers/name.h"
#include "input.h"

#define TEXT_MAX 512

static void must_say(int rc, const char *err)
{
	SPATE_ASSERT(rc == 0 || err[0] != '\0');
}

/* "name=value" lines. */
static void fuzz_settings(char *text)
{
	static struct spate_config c;
	char err[256], *line, *save = NULL;

	config_defaults(&c);
	for (line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
		char *eq = strchr(line, '=');

		err[0] = '\0';
		if (eq != NULL)
			*eq = '\0';
		must_say(config_set(&c, line, eq != NULL ? eq + 1 : "", err, sizeof(err)), err);
	}
	err[0] = '\0';
	must_say(config_check(&c, err, sizeof(err)), err);
}

static void fuzz_names(const char *text)
{
	struct config_range r;
	struct dev_name d;
	char err[256] = "";
	struct url u;

	must_say(dev_name_parse(&d, text, err, sizeof(err)), err);
	err[0] = '\0';
	must_say(url_parse(text, &u, err, sizeof(err)), err);
	err[0] = '\0';
	must_say(config_parse_address(text, &r, err, sizeof(err)), err);
}

struct outcome {
	enum http_event last;
	uint32_t messages;
	uint64_t left;
	uint16_t error;
};

/* Feeds at most piece bytes at a time, message after message. */
static struct outcome feed(enum http_kind kind, const uint8_t *b, size_t len, size_t piece)
{
	struct outcome o = {HTTP_MORE, 0, 0, 0};
	struct http h;

	http_init(&h, kind, 0);
	while (len > 0 && o.last != HTTP_BAD) {
		size_t n = len < piece ? len : piece, used = 0;

		o.last = http_feed(&h, b, n, &used);
		SPATE_ASSERT(used <= n && (o.last != HTTP_MORE || used == n));
		b += used;
		len -= used;
		if (o.last == HTTP_DONE) {
			o.messages++;
			http_init(&h, kind, 0);
		}
	}
	o.left = h.left;
	o.error = o.last == HTTP_BAD ? h.error : 0;
	return o;
}

static void fuzz_http(enum http_kind kind, const uint8_t *b, size_t len)
{
	struct outcome whole = feed(kind, b, len, len), pieces = feed(kind, b, len, 1);

	SPATE_ASSERT(whole.messages == pieces.messages && whole.left == pieces.left && whole.error == pieces.error);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[TEXT_MAX + 1] = "";
	size_t n;

	if (size < 1)
		return 0;
	n = size - 1 < TEXT_MAX ? size - 1 : TEXT_MAX;
	memcpy(text, data + 1, n);
	switch (data[0] % 4) {
	case 0:
		fuzz_settings(text);
		break;
	case 1:
		fuzz_names(text);
		break;
	default:
		fuzz_http(data[0] % 4 == 2 ? HTTP_REQUEST : HTTP_RESPONSE, data + 1, size - 1);
		break;
	}
	return 0;
}
