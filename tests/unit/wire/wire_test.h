/* wire_test.h: what the wire tests share: buffers that end where the packet ends, and a seeded random number. */
#ifndef WIRE_TEST_H
#define WIRE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A heap copy of exactly len bytes: AddressSanitizer sees every read past the end. Free it. */
static inline uint8_t *exact(const void *data, size_t len)
{
	uint8_t *p = malloc(len + (len == 0));

	assert_non_null(p);
	memcpy(p, data, len);
	return p;
}

static inline uint32_t rnd(uint64_t *s)
{
	*s = *s * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*s >> 33);
}

static inline void rnd_fill(uint64_t *s, uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)rnd(s);
}

#endif
