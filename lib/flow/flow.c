/* flow.c: setting up one stack's flows, and finding them. */
#include "flow/flow.h"

#include <errno.h>
#include <string.h>

#include "config/limits.h"
#include "flow/conn.h"

#define HALF_OPEN_MIN 1024 /* half-open connections that even the smallest stack can have */

/* Sizes and counts that the caller left open. */
static void complete(struct flow_config *c)
{
	uint32_t half_open = c->max_conns / TCP_SYNRCVD_DIVISOR;
	const uint32_t cap[FLOW_KINDS] = {
		[FLOW_CONN] = c->max_conns,
		[FLOW_SYNRCVD] = half_open > HALF_OPEN_MIN ? half_open : HALF_OPEN_MIN,
		[FLOW_TIMEWAIT] = c->max_conns,
		[FLOW_NEIGH] = NEIGHS_MAX,
		[FLOW_AWAY] = c->max_conns,
	};

	if (c->max_addr6s == 0)
		c->max_addr6s = PATHS_MAX + 2 * LOCAL_ADDRS_MAX;
	if (c->size_bytes[FLOW_CONN] == 0)
		c->size_bytes[FLOW_CONN] = CONN_SLOT_BYTES;
	if (!mail_alone(c->mail))
		c->size_bytes[FLOW_AWAY] = sizeof(struct flow_away);
	for (int k = 0; k < FLOW_KINDS; k++) {
		if (c->size_bytes[k] == 0) { /* nobody uses this kind */
			c->size_bytes[k] = sizeof(struct flow_head);
			c->cap[k] = 0;
		} else if (c->cap[k] == 0) {
			c->cap[k] = cap[k];
		}
	}
}

static int check(const struct flow_config *c)
{
	if (c->max_conns == 0 || c->size_bytes[FLOW_CONN] != CONN_SLOT_BYTES)
		return -EINVAL;
	for (int k = 0; k < FLOW_KINDS; k++)
		if (c->size_bytes[k] < sizeof(struct flow_head) || c->size_bytes[k] % 4 != 0 || c->cap[k] > CONNS_MAX)
			return -EINVAL;
	return 0;
}

int flow_init(struct flow *f, const struct flow_config *cfg, const struct rss *rss, const struct clock *clock,
	      struct prng *prng)
{
	struct flow_config c = *cfg;
	uint32_t all;
	int err;

	static_assert(CONNS_MAX < WHEEL_PREV_SLOT - WHEEL_LEVELS * WHEEL_SLOTS, "slot numbers are no flow_refs");
	static_assert(4ull * CONNS_MAX <= REF_INDEX_MASK, "a table of all kinds is not too large");
	memset(f, 0, sizeof(*f));
	f->rss = rss;
	f->mail = c.mail;
	f->self = c.self;
	f->clock = clock;
	f->prng = prng;
	wheel_init(&f->wheel, clock->tick);
	complete(&c);
	err = check(&c);
	if (err == 0)
		err = addr6s_init(&f->addr6s, c.max_addr6s, rss, prng, c.numa_node);
	for (int k = 0; k < FLOW_KINDS && err == 0; k++)
		err = pool_init(&f->pool[k], c.cap[k], c.size_bytes[k], c.numa_node);
	/* Buckets for the sockets; half-open and TIME-WAIT flows come on top only where connections are short. */
	all = c.cap[FLOW_CONN] + c.cap[FLOW_SYNRCVD] + c.cap[FLOW_TIMEWAIT] + c.cap[FLOW_AWAY];
	if (err == 0)
		err = table_init_expect(&f->tcp, c.cap[FLOW_CONN], all, c.numa_node);
	if (err == 0)
		err = table_init_expect(&f->udp, c.cap[FLOW_CONN], c.cap[FLOW_CONN] + c.cap[FLOW_AWAY], c.numa_node);
	if (err != 0)
		flow_fini(f);
	return err;
}

void flow_fini(struct flow *f)
{
	table_fini(&f->udp);
	table_fini(&f->tcp);
	addr6s_fini(&f->addr6s);
	for (int k = 0; k < FLOW_KINDS; k++)
		pool_fini(&f->pool[k]);
}

flow_ref flow_find(const struct flow *f, const struct table *t, uint32_t hash, const struct flow_key *key)
{
	const struct table_bucket *b = table_bucket_of(t, hash);

	for (;;) {
		for (uint32_t m = table_match(b, hash); m != 0; m &= m - 1) {
			flow_ref r = b->ref[__builtin_ctz(m)];

			if (flow_key_eq(&flow_at(f, r)->key, key))
				return r;
		}
		if (b->next == 0)
			return 0;
		b = table_next(t, b);
	}
}

void flow_prefetch(const struct flow *f, const struct table *t, uint32_t hash)
{
	const struct table_bucket *b = table_bucket_of(t, hash);
	uint32_t m = table_match(b, hash);

	if (m != 0) {
		const char *obj = (const char *)flow_at(f, b->ref[__builtin_ctz(m)]);

		rte_prefetch0(obj);
		rte_prefetch0(obj + 64); /* what every segment touches; harmless beyond a smaller object */
	} else if (b->next != 0) {
		rte_prefetch0(table_next(t, b));
	}
}
