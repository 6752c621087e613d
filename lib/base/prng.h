/* prng.h: random numbers of one stack, from a seed. xoshiro256**: fast, 256 bits of state. For what an attacker must
 * not guess (ISN, timestamp offset, ports) it is seeded from getrandom() in production and mixed with siphash; tests
 * give a seed and see the same run again. */
#ifndef BASE_PRNG_H
#define BASE_PRNG_H

#include <stdint.h>

struct prng {
	uint64_t s[4];
};

void prng_seed(struct prng *p, uint64_t seed);

static inline uint64_t prng_u64(struct prng *p)
{
	uint64_t r = p->s[1] * 5, t = p->s[1] << 17;

	r = (r << 7 | r >> 57) * 9;
	p->s[2] ^= p->s[0];
	p->s[3] ^= p->s[1];
	p->s[1] ^= p->s[2];
	p->s[0] ^= p->s[3];
	p->s[2] ^= t;
	p->s[3] = p->s[3] << 45 | p->s[3] >> 19;
	return r;
}

static inline uint32_t prng_u32(struct prng *p) { return (uint32_t)(prng_u64(p) >> 32); }

/* Uniform in [0, n), n > 0 (Lemire's multiply-shift; bias below 2^-32 n). */
static inline uint32_t prng_below(struct prng *p, uint32_t n)
{
	return (uint32_t)(((uint64_t)prng_u32(p) * n) >> 32);
}

#endif
