/* assert.h: what must hold, or the program is wrong. Never for what a peer or a user can cause. */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

#include <assert.h>

#define SPATE_ASSERT(cond) assert(cond)

#endif
