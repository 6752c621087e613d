/* drop.c: names and explanations of the drop reasons, from the one list. */
#include "base/drop.h"

#include "base/assert.h"

static const char *const names[DROP_MAX] = {
#define DROP(name, text) [DROP_##name] = #name,
#include "base/drop.def"
#undef DROP
};

static const char *const texts[DROP_MAX] = {
#define DROP(name, text) [DROP_##name] = text,
#include "base/drop.def"
#undef DROP
};

const char *drop_name(enum drop d)
{
	SPATE_ASSERT(d < DROP_MAX);
	return names[d];
}

const char *drop_text(enum drop d)
{
	SPATE_ASSERT(d < DROP_MAX);
	return texts[d];
}
