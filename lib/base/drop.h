/* drop.h: counted reasons for dropping a packet; the list is drop.def. */
#ifndef BASE_DROP_H
#define BASE_DROP_H

#include <stdint.h>

enum drop {
#define DROP(name, text) DROP_##name,
#include "base/drop.def"
#undef DROP
	DROP_MAX
};

/* Counters of one stack, written by its core only. */
struct drops {
	uint64_t n[DROP_MAX];
};

const char *drop_name(enum drop d); /* "TCP_SEQ" */
const char *drop_text(enum drop d); /* for people */

static inline void drop_count(struct drops *d, enum drop why) { d->n[why]++; }

#endif
