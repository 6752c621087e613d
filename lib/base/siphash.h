/* siphash.h: SipHash-2-4 (Aumasson and Bernstein, 2012), the keyed hash behind ISNs (RFC 6528) and timestamp offsets. */
#ifndef BASE_SIPHASH_H
#define BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct siphash_key {
	uint64_t k0, k1;
};

uint64_t siphash(const struct siphash_key *key, const void *data, size_t len);

#endif
