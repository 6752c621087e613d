/* conn.c: socket slots. */
#include "flow/conn.h"

#include <string.h>

#include "base/assert.h"

struct conn *conn_new(struct flow *f, enum conn_type type)
{
	uint32_t idx = pool_get(&f->pool[FLOW_CONN]);
	struct conn *c;

	if (idx == 0)
		return NULL;
	c = conn_at(f, ref_make(FLOW_CONN, idx));
	memset(c, 0, CONN_SLOT_BYTES);
	c->type = (uint8_t)type;
	return c;
}

void conn_free(struct flow *f, struct conn *c)
{
	SPATE_ASSERT(c->type != CONN_FREE);
	SPATE_ASSERT(!wheel_armed(&c->h.timer));
	SPATE_ASSERT((c->flags & (CONN_READY | CONN_IN_TABLE)) == 0);
	c->type = CONN_FREE;
	pool_put(&f->pool[FLOW_CONN], conn_ref(f, c));
}
