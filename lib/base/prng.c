/* prng.c: seeding of a stack's random numbers. */
#include "base/prng.h"

/* splitmix64 (Steele, Lea and Flood, 2014): spreads one word over the whole state, and never to all zeros, which
 * xoshiro256** could not leave. */
static uint64_t splitmix64(uint64_t *x)
{
	uint64_t z = *x += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

void prng_seed(struct prng *p, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		p->s[i] = splitmix64(&seed);
}
