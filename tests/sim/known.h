/* known.h: seeds whose worlds once showed a bug. */
#ifndef SIM_KNOWN_H
#define SIM_KNOWN_H

#include <stdint.h>

/* A change of how worlds are made gives every seed another world: the unit test is what keeps the bug away for good. */
struct known {
	uint64_t seed;
	const char *bug, *unit_test; /* test program and function */
};

extern const struct known knowns[];
extern const unsigned n_knowns;

#endif
