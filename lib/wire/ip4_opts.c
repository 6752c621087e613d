/* ip4_opts.c: options of IPv4 headers. */
#include "wire/ip4_opts.h"

#include <stdbool.h>

#define OPT_END 0
#define OPT_NOP 1
#define OPT_RECORD_ROUTE 7
#define OPT_TIMESTAMP 68
#define OPT_LSRR 131
#define OPT_SSRR 137

/* Options with a pointer begin with type, length, pointer; it counts from 1 and may stand right behind what is filled. */
static bool pointer_bad(const uint8_t *o, uint8_t least, uint8_t head)
{
	return o[1] < head || o[2] < least || o[2] > o[1] + 1;
}

static enum ip4_opts_verdict option_check(const uint8_t *o)
{
	switch (o[0]) {
	case OPT_LSRR:
	case OPT_SSRR:
		return IP4_OPTS_SOURCE_ROUTE;
	case OPT_RECORD_ROUTE:
		return pointer_bad(o, 4, 3) ? IP4_OPTS_BAD : IP4_OPTS_OK;
	case OPT_TIMESTAMP:
		return o[1] < 4 || pointer_bad(o, 5, 4) ? IP4_OPTS_BAD : IP4_OPTS_OK;
	default:
		return IP4_OPTS_OK;
	}
}

enum ip4_opts_verdict ip4_opts_check(const void *opts, uint32_t len, uint32_t *at)
{
	const uint8_t *o = opts;
	enum ip4_opts_verdict v;

	for (*at = 0; *at < len && o[*at] != OPT_END; *at += o[*at] == OPT_NOP ? 1 : o[*at + 1]) {
		if (o[*at] == OPT_NOP)
			continue;
		if (len - *at < 2 || o[*at + 1] < 2 || o[*at + 1] > len - *at)
			return IP4_OPTS_BAD;
		v = option_check(o + *at);
		if (v != IP4_OPTS_OK)
			return v;
	}
	return IP4_OPTS_OK;
}
