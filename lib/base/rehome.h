/* rehome.h: counted reasons for passing a packet to another stack; the list is rehome.def. */
#ifndef BASE_REHOME_H
#define BASE_REHOME_H

#include <stdint.h>

enum rehome {
#define REHOME(name, text) REHOME_##name,
#include "base/rehome.def"
#undef REHOME
	REHOME_MAX
};

/* Counters of one stack, written by its core only. */
struct rehomes {
	uint64_t n[REHOME_MAX];
};

#endif
