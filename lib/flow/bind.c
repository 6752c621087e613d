/* bind.c: bound addresses and ports: one chain of entries per port, this stack's own before other stacks'. */
#include "flow/bind.h"

#include <errno.h>
#include <string.h>

#include <rte_branch_prediction.h>

#include "base/assert.h"

#define PORTS 65536u
#define RANDOM_PROBES 16 /* for a free port before every port is looked at in turn */

struct bind_entry {
	uint32_t next;
	flow_ref ref;
	rte_be32_t laddr_be;
	uint32_t flags;
	flow_ref owner; /* of FLOW_REMOTE: the socket at its stack */
};

static struct bind_entry *entry_at(const struct binds *b, uint32_t idx)
{
	return (struct bind_entry *)pool_at(&b->pool, idx);
}

int binds_init(struct binds *b, uint32_t max, struct addr6s *addr6s, int numa_node)
{
	int err;

	memset(b, 0, sizeof(*b));
	err = pool_init(&b->pool, max, sizeof(struct bind_entry), numa_node);
	if (err != 0)
		return err;
	err = region_map(&b->region, PORTS * sizeof(b->port_head[0]), numa_node);
	if (err != 0) {
		pool_fini(&b->pool);
		return err;
	}
	b->port_head = b->region.base;
	b->addr6s = addr6s;
	return 0;
}

void binds_fini(struct binds *b)
{
	region_unmap(&b->region);
	pool_fini(&b->pool);
	memset(b, 0, sizeof(*b));
}

#define FAMILY_4 1u
#define FAMILY_6 2u

static unsigned families(rte_be32_t laddr_be, uint32_t flags)
{
	if (laddr_be != 0)
		return flow_addr_is6(laddr_be) ? FAMILY_6 : FAMILY_4;
	return flags & BIND_V6ONLY ? FAMILY_6 : flags & BIND_IP6 ? FAMILY_4 | FAMILY_6 : FAMILY_4;
}

static uint32_t dev_of(uint32_t flags) { return flags >> BIND_DEV_SHIFT; }

static bool overlaps(const struct bind_entry *e, rte_be32_t laddr_be, uint32_t flags)
{
	if (unlikely(dev_of(e->flags) != 0 && dev_of(flags) != 0) && dev_of(e->flags) != dev_of(flags))
		return false;
	if (e->laddr_be != 0 && laddr_be != 0)
		return e->laddr_be == laddr_be;
	return (families(e->laddr_be, e->flags) & families(laddr_be, flags)) != 0;
}

static bool is_remote(const struct bind_entry *e) { return ref_kind(e->ref) == FLOW_REMOTE; }

/* A new entry at this place of a chain. */
static int enter_at(struct binds *b, uint32_t *link, flow_ref ref, rte_be32_t laddr_be, uint32_t flags)
{
	uint32_t idx = pool_get(&b->pool);

	if (idx == 0)
		return -ENOBUFS;
	*entry_at(b, idx) = (struct bind_entry){.next = *link, .ref = ref, .laddr_be = laddr_be, .flags = flags};
	*link = idx;
	addr6_hold(b->addr6s, laddr_be);
	return 0;
}

static void take_out(struct binds *b, uint32_t *link)
{
	uint32_t idx = *link;

	addr6_put(b->addr6s, entry_at(b, idx)->laddr_be);
	*link = entry_at(b, idx)->next;
	pool_put(&b->pool, idx);
}

static int enter(struct binds *b, flow_ref ref, rte_be32_t laddr_be, uint16_t port, uint32_t flags)
{
	return enter_at(b, &b->port_head[port], ref, laddr_be, flags);
}

int bind_add_twin(struct binds *b, flow_ref ref, rte_be32_t laddr_be, rte_be16_t lport_be, uint32_t flags)
{
	return enter(b, ref, laddr_be, rte_be_to_cpu_16(lport_be), flags);
}

int bind_add(struct binds *b, flow_ref ref, rte_be32_t laddr_be, rte_be16_t lport_be, uint32_t flags, bool strict)
{
	uint16_t port = rte_be_to_cpu_16(lport_be);
	const struct bind_entry *e;

	for (uint32_t idx = b->port_head[port]; idx != 0; idx = e->next) {
		e = entry_at(b, idx);
		if (!overlaps(e, laddr_be, flags))
			continue;
		if (!(e->flags & flags & BIND_REUSE) || (strict && (e->flags & BIND_RECEIVES)))
			return -EADDRINUSE;
	}
	return enter(b, ref, laddr_be, port, flags);
}

static bool port_free(const struct binds *b, rte_be32_t laddr_be, uint16_t port, uint32_t flags)
{
	const struct bind_entry *e;

	for (uint32_t idx = b->port_head[port]; idx != 0; idx = e->next) {
		e = entry_at(b, idx);
		if (overlaps(e, laddr_be, flags))
			return false;
	}
	return true;
}

bool bind_is_free(const struct binds *b, rte_be32_t laddr_be, rte_be16_t lport_be)
{
	return port_free(b, laddr_be, rte_be_to_cpu_16(lport_be), 0);
}

static bool may_choose(const struct binds *b, rte_be32_t laddr_be, uint16_t port, uint32_t flags)
{
	return bind_is_auto(b, port) && port_free(b, laddr_be, port, flags);
}

/* Bound ports are not connections: a scan at the end costs little, and only when nearly all of the range is bound. */
static int find_free(const struct binds *b, rte_be32_t laddr_be, uint16_t lo, uint16_t hi, uint32_t flags, struct prng *prng)
{
	uint32_t n = (uint32_t)hi - lo + 1, start;

	if (lo > hi)
		return -EADDRINUSE;
	for (int i = 0; i < RANDOM_PROBES; i++) {
		uint16_t port = (uint16_t)(lo + prng_below(prng, n));

		if (may_choose(b, laddr_be, port, flags))
			return port;
	}
	start = prng_below(prng, n);
	for (uint32_t i = 0; i < n; i++) {
		uint16_t port = (uint16_t)(lo + (start + i) % n);

		if (may_choose(b, laddr_be, port, flags))
			return port;
	}
	return -EADDRINUSE;
}

int bind_add_any(struct binds *b, flow_ref ref, rte_be32_t laddr_be, uint16_t lo, uint16_t hi, uint32_t flags,
		 struct prng *prng, rte_be16_t *lport_be)
{
	int port = find_free(b, laddr_be, lo, hi, flags, prng), err;

	if (port < 0)
		return port;
	err = enter(b, ref, laddr_be, (uint16_t)port, flags);
	if (err == 0)
		*lport_be = rte_cpu_to_be_16((uint16_t)port);
	return err;
}

/* The place of ref's entry in its port's chain: what points to it, or to the 0 at the end. */
static uint32_t *find_link(const struct binds *b, flow_ref ref, uint16_t port)
{
	uint32_t *link = &b->port_head[port];

	while (*link != 0 && entry_at(b, *link)->ref != ref)
		link = &entry_at(b, *link)->next;
	return link;
}

int bind_set_flags(struct binds *b, flow_ref ref, rte_be16_t lport_be, uint32_t flags)
{
	uint16_t port = rte_be_to_cpu_16(lport_be);
	uint32_t own = *find_link(b, ref, port);
	struct bind_entry *me = entry_at(b, own);
	const struct bind_entry *e;

	SPATE_ASSERT(own != 0);
	for (uint32_t idx = (flags & BIND_RECEIVES) ? b->port_head[port] : 0; idx != 0; idx = e->next) {
		e = entry_at(b, idx);
		if (e == me || !(e->flags & BIND_RECEIVES) || !overlaps(e, me->laddr_be, flags))
			continue;
		if (!(e->flags & flags & BIND_REUSE))
			return -EADDRINUSE;
	}
	me->flags = flags;
	return 0;
}

void bind_remove(struct binds *b, flow_ref ref, rte_be16_t lport_be)
{
	uint32_t *link = find_link(b, ref, rte_be_to_cpu_16(lport_be)), idx = *link;

	SPATE_ASSERT(idx != 0);
	take_out(b, link);
}

/* ---- other stacks' entries ---- */

/* The place of another stack's entry: what points to it, or to the 0 at the chain's end. */
static uint32_t *find_remote(const struct binds *b, uint16_t stack, const struct bind_note *n)
{
	uint32_t *link = &b->port_head[rte_be_to_cpu_16(n->lport_be)];
	const struct bind_entry *e;

	for (; *link != 0; link = &entry_at(b, *link)->next) {
		e = entry_at(b, *link);
		if (e->ref == ref_make(FLOW_REMOTE, stack) && e->owner == n->owner)
			break;
	}
	return link;
}

bool bind_note_addr(const struct binds *b, const struct bind_note *n, rte_be32_t *laddr_be)
{
	*laddr_be = n->laddr_be;
	if (!flow_addr_is6(n->laddr_be))
		return true;
	*laddr_be = addr6_get(b->addr6s, &n->laddr6, n->scope);
	return *laddr_be != 0;
}

static bool receives_exactly(const struct bind_entry *e) { return e->laddr_be != 0 && (e->flags & BIND_RECEIVES); }

void bind_remote_set(struct binds *b, uint16_t stack, const struct bind_note *n)
{
	uint32_t *link = find_remote(b, stack, n);
	struct bind_entry *e;
	rte_be32_t laddr_be;

	if (!bind_note_addr(b, n, &laddr_be))
		return;
	if (*link == 0 && enter_at(b, link, ref_make(FLOW_REMOTE, stack), 0, 0) != 0) {
		addr6_put(b->addr6s, laddr_be);
		return;
	}
	e = entry_at(b, *link);
	b->n_remote_exact -= receives_exactly(e);
	addr6_put(b->addr6s, e->laddr_be);
	e->owner = n->owner;
	e->laddr_be = laddr_be;
	e->flags = n->flags | (uint32_t)n->dev << BIND_DEV_SHIFT;
	b->n_remote_exact += receives_exactly(e);
}

void bind_remote_remove(struct binds *b, uint16_t stack, const struct bind_note *n)
{
	uint32_t *link = find_remote(b, stack, n), idx = *link;

	if (idx == 0)
		return;
	b->n_remote_exact -= receives_exactly(entry_at(b, idx));
	take_out(b, link);
}

/* ---- finding ---- */

/* What a receiver is to a packet, best first. */
enum rank { EXACT_OWN, EXACT_REMOTE, ANY_OWN, ANY_REMOTE, RANKS };

static enum rank rank_of(const struct bind_entry *e, uint8_t iface, rte_be32_t laddr_be)
{
	if (!(e->flags & BIND_RECEIVES) || (e->laddr_be != laddr_be && e->laddr_be != 0))
		return RANKS;
	if (unlikely(dev_of(e->flags) != 0) && iface != BIND_IFACE_ANY && dev_of(e->flags) != iface + 1u)
		return RANKS;
	if (e->laddr_be == 0 && !(families(0, e->flags) & families(laddr_be, 0)))
		return RANKS;
	return (e->laddr_be == 0 ? ANY_OWN : EXACT_OWN) + is_remote(e);
}

/* One of the n in the chain that have this rank. */
static flow_ref choose(const struct binds *b, uint32_t head, uint8_t iface, rte_be32_t laddr_be, enum rank rank, uint32_t n,
		       uint32_t hash)
{
	/* Mixed, since the hashes of one core share the bits that chose its queue. */
	uint32_t want = (uint32_t)((uint64_t)(hash * 0x9e3779b1u) * n >> 32);
	const struct bind_entry *e;

	for (uint32_t idx = head;; idx = e->next) {
		e = entry_at(b, idx);
		if (rank_of(e, iface, laddr_be) == rank && want-- == 0)
			return e->ref;
	}
}

flow_ref bind_find_by(const struct binds *b, uint8_t iface, rte_be32_t laddr_be, rte_be16_t lport_be, uint32_t hash,
		      bool own_only)
{
	uint32_t head = b->port_head[rte_be_to_cpu_16(lport_be)], n[RANKS + 1] = {0};
	const struct bind_entry *e = head != 0 ? entry_at(b, head) : NULL;

	if (likely(e != NULL && e->next == 0)) /* the usual case: nobody to choose from */
		return (is_remote(e) && own_only) || rank_of(e, iface, laddr_be) == RANKS ? 0 : e->ref;
	for (uint32_t idx = head; idx != 0; idx = e->next) {
		e = entry_at(b, idx);
		/* Others' entries come last, and there may be one per stack: look only if one can be better. */
		if (is_remote(e) && (own_only || n[EXACT_OWN] > 0 || (n[ANY_OWN] > 0 && b->n_remote_exact == 0)))
			break;
		n[rank_of(e, iface, laddr_be)]++;
	}
	for (enum rank r = EXACT_OWN; r < RANKS; r++) {
		if (n[r] > 0)
			return choose(b, head, iface, laddr_be, r, n[r], hash);
	}
	return 0;
}

flow_ref bind_each(const struct binds *b, uint8_t iface, rte_be32_t laddr_be, rte_be16_t lport_be, uint32_t *cursor)
{
	uint32_t idx = *cursor != 0 ? entry_at(b, *cursor)->next : b->port_head[rte_be_to_cpu_16(lport_be)];

	while (idx != 0 && rank_of(entry_at(b, idx), iface, laddr_be) == RANKS)
		idx = entry_at(b, idx)->next;
	*cursor = idx;
	return idx != 0 ? entry_at(b, idx)->ref : 0;
}
