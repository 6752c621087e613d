/* ip4_opts.h: options of IPv4 headers (RFC 791 3.1). */
#ifndef WIRE_IP4_OPTS_H
#define WIRE_IP4_OPTS_H

#include <stdint.h>

enum ip4_opts_verdict {
	IP4_OPTS_OK,            /* may be passed over: unknown ones, too (RFC 1122 3.2.1.8) */
	IP4_OPTS_BAD,           /* a length that cannot be, or a pointer outside its option */
	IP4_OPTS_SOURCE_ROUTE,  /* loose or strict */
};

/* Walks len bytes of options. *at: where in them the one lies that the verdict is about. */
enum ip4_opts_verdict ip4_opts_check(const void *opts, uint32_t len, uint32_t *at);

#endif
