/* group.c: who is in which multicast group: the memberships of all sockets of an end, known to every stack. */
#include "net/group.h"

#include <errno.h>
#include <string.h>

#include "net/private.h"

/* What stacks tell each other of a membership: first this, then n_src sources. */
struct group_note {
	struct ip6_addr group, src;
	uint32_t owner;
	uint8_t iface, mode, n_src;
	bool is_src;
};
static_assert(sizeof(struct group_note) <= MAIL_BODY_MAX, "one note");

/* A membership as it arrives. */
struct group_stage {
	struct group_note head;
	uint8_t n;
	struct ip6_addr src[GROUP_SOURCES_MAX];
};

int groups_init(struct net *n, int numa_node)
{
	struct net_groups *g = &n->groups;
	int rc = pool_init(&g->member, GROUP_MEMBERS_MAX, sizeof(struct net_member), numa_node);

	if (rc != 0)
		return rc;
	rc = pool_init(&g->group, GROUPS_MAX, sizeof(struct net_group), numa_node);
	if (rc != 0)
		goto no_group;
	rc = region_map(&g->region, PORT_QUEUES_MAX * sizeof(struct group_stage), numa_node);
	if (rc != 0)
		goto no_stage;
	g->stage = g->region.base;
	return 0;
no_stage:
	pool_fini(&g->group);
no_group:
	pool_fini(&g->member);
	return rc;
}

void groups_fini(struct net *n)
{
	region_unmap(&n->groups.region);
	pool_fini(&n->groups.group);
	pool_fini(&n->groups.member);
}

static struct net_group *group_at(const struct net *n, uint32_t idx) { return pool_at(&n->groups.group, idx); }
static struct net_member *member_at(const struct net *n, uint32_t idx) { return pool_at(&n->groups.member, idx); }

/* ---- groups ---- */

static uint32_t bucket_of(const struct net *n, uint8_t iface, const struct ip6_addr *addr)
{
	uint32_t tail;

	memcpy(&tail, addr->b + 12, sizeof(tail));
	return ((tail ^ iface) * 0x9e3779b1u >> 16) % RTE_DIM(n->groups.bucket);
}

struct net_group *group_find(const struct net *n, uint8_t iface, const struct ip6_addr *addr)
{
	uint32_t idx = n->groups.bucket[bucket_of(n, iface, addr)];

	for (; idx != 0; idx = group_at(n, idx)->chain)
		if (group_at(n, idx)->iface == iface && ip6_addr_eq(&group_at(n, idx)->addr, addr))
			return group_at(n, idx);
	return NULL;
}

static struct net_group *group_get(struct net *n, uint8_t iface, const struct ip6_addr *addr)
{
	struct net_group *g = group_find(n, iface, addr);
	uint32_t idx, *head = &n->groups.bucket[bucket_of(n, iface, addr)];

	if (g != NULL)
		return g;
	idx = pool_get(&n->groups.group);
	if (idx == 0)
		return NULL;
	g = group_at(n, idx);
	memset(g, 0, sizeof(*g));
	g->addr = *addr;
	g->iface = iface;
	g->told.mode = GROUP_INCLUDE;
	g->chain = *head;
	*head = idx;
	return g;
}

void group_free_if_unused(struct net *n, struct net_group *g)
{
	uint32_t idx = pool_index(&n->groups.group, g), *link = &n->groups.bucket[bucket_of(n, g->iface, &g->addr)];

	if (g->members != 0 || g->change_left > 0)
		return;
	while (*link != idx)
		link = &group_at(n, *link)->chain;
	*link = g->chain;
	pool_put(&n->groups.group, idx);
}

/* ---- filters: sorted lists of addresses ---- */

static bool filter_has(const struct group_sources *f, const struct ip6_addr *a)
{
	for (uint32_t i = 0; i < f->n_src; i++)
		if (ip6_addr_eq(&f->src[i], a))
			return true;
	return false;
}

/* False: no room. */
static bool filter_insert(struct group_sources *f, const struct ip6_addr *a)
{
	uint32_t i = f->n_src;

	if (filter_has(f, a))
		return true;
	if (f->n_src == GROUP_FILTER_MAX)
		return false;
	for (; i > 0 && memcmp(&f->src[i - 1], a, sizeof(*a)) > 0; i--)
		f->src[i] = f->src[i - 1];
	f->src[i] = *a;
	f->n_src++;
	return true;
}

static void filter_delete(struct group_sources *f, const struct ip6_addr *a)
{
	uint32_t k = 0;

	for (uint32_t i = 0; i < f->n_src; i++)
		if (!ip6_addr_eq(&f->src[i], a))
			f->src[k++] = f->src[i];
	f->n_src = (uint8_t)k;
}

static bool member_has(const struct net_member *m, const struct ip6_addr *a)
{
	for (uint32_t i = 0; i < m->n_src; i++)
		if (ip6_addr_eq(&m->src[i], a))
			return true;
	return false;
}

/* Nobody must miss what he wants, so more than the filter holds means all. */
static void filter_all(struct group_sources *f)
{
	f->mode = GROUP_EXCLUDE;
	f->n_src = 0;
}

/* What all that exclude exclude. */
static void filter_exclude(struct group_sources *f, const struct net_member *m, bool first)
{
	f->mode = GROUP_EXCLUDE;
	for (uint32_t i = 0; first && i < m->n_src; i++)
		filter_insert(f, &m->src[i]); /* GROUP_SOURCES_MAX of them fit */
	for (uint32_t i = f->n_src; !first && i > 0; i--)
		if (!member_has(m, &f->src[i - 1]))
			filter_delete(f, &f->src[i - 1]);
}

static_assert(GROUP_SOURCES_MAX <= GROUP_FILTER_MAX, "one membership fits the filter");

void group_filter_of(const struct net *n, const struct net_group *g, struct group_sources *f)
{
	bool excluding = false;

	f->mode = GROUP_INCLUDE;
	f->n_src = 0;
	for (uint32_t i = g->members; i != 0; i = member_at(n, i)->next) {
		if (member_at(n, i)->mode == GROUP_EXCLUDE) {
			filter_exclude(f, member_at(n, i), !excluding);
			excluding = true;
		}
	}
	for (uint32_t i = g->members; i != 0; i = member_at(n, i)->next) {
		const struct net_member *m = member_at(n, i);

		for (uint32_t k = 0; m->mode == GROUP_INCLUDE && k < m->n_src; k++) {
			if (excluding) {
				filter_delete(f, &m->src[k]);
			} else if (!filter_insert(f, &m->src[k])) {
				filter_all(f);
				return;
			}
		}
	}
}

/* ---- memberships ---- */

/* What points to the member of this owner, or to the 0 at the end. */
static uint32_t *member_link(const struct net *n, struct net_group *g, uint16_t stack, uint32_t owner)
{
	uint32_t *link = &g->members;

	while (*link != 0 && (member_at(n, *link)->stack != stack || member_at(n, *link)->owner != owner))
		link = &member_at(n, *link)->next;
	return link;
}

static int member_write(struct net *n, struct net_group *g, uint16_t stack, uint32_t owner, enum group_mode mode,
			const struct ip6_addr *src, uint32_t n_src)
{
	uint32_t *link = member_link(n, g, stack, owner), idx = *link;
	struct net_member *m;

	if (mode == GROUP_INCLUDE && n_src == 0) {
		if (idx != 0) {
			*link = member_at(n, idx)->next;
			pool_put(&n->groups.member, idx);
		}
		return 0;
	}
	if (idx == 0) {
		idx = pool_get(&n->groups.member);
		if (idx == 0)
			return -ENOBUFS;
		*member_at(n, idx) = (struct net_member){.owner = owner, .stack = stack};
		*link = idx;
	}
	m = member_at(n, idx);
	m->mode = (uint8_t)mode;
	m->n_src = (uint8_t)n_src;
	if (n_src > 0)
		memcpy(m->src, src, n_src * sizeof(src[0]));
	return 0;
}

static int member_set(struct net *n, uint16_t stack, uint8_t iface, const struct ip6_addr *group, uint32_t owner,
		      enum group_mode mode, const struct ip6_addr *src, uint32_t n_src)
{
	struct net_group *g = group_get(n, iface, group);
	struct group_sources before;
	int rc;

	if (g == NULL)
		return -ENOBUFS;
	group_filter_of(n, g, &before);
	rc = member_write(n, g, stack, owner, mode, src, n_src);
	if (rc == 0)
		group_changed(n, g, &before);
	else
		group_free_if_unused(n, g);
	return rc;
}

static void member_tell(struct net *n, const struct group_note *head, const struct ip6_addr *src)
{
	struct group_note note = *head;

	mail_note_sure(n->flow->mail, MAIL_ALL, MAIL_GROUP, &note, sizeof(note));
	note.is_src = true;
	for (uint32_t i = 0; i < head->n_src; i++) {
		note.src = src[i];
		mail_note_sure(n->flow->mail, MAIL_ALL, MAIL_GROUP, &note, sizeof(note));
	}
}

static bool is_group(const struct ip6_addr *a)
{
	return ip6_addr_is_mapped(a) ? (a->b[12] & 0xf0) == 0xe0 : a->b[0] == 0xff;
}

int net_group_set(struct net *n, uint8_t iface, const struct ip6_addr *group, uint32_t owner, enum group_mode mode,
		  const struct ip6_addr *src, uint32_t n_src)
{
	const struct group_note head = {.group = *group, .owner = owner, .iface = iface, .mode = (uint8_t)mode, .n_src = (uint8_t)n_src};
	int rc;

	if (iface >= n->n_ifaces || !is_group(group))
		return -EINVAL;
	if (n_src > GROUP_SOURCES_MAX)
		return -ENOBUFS;
	rc = member_set(n, n->flow->self, iface, group, owner, mode, src, n_src);
	if (rc == 0 && !mail_alone(n->flow->mail))
		member_tell(n, &head, src);
	return rc;
}

void net_group_mail(struct net *n, uint16_t from, const void *body)
{
	const struct group_note *note = body;
	struct group_stage *s = &n->groups.stage[from];

	if (note->is_src && s->n < s->head.n_src) {
		s->src[s->n++] = note->src;
	} else {
		s->head = *note;
		s->n = 0;
	}
	if (s->n == s->head.n_src)
		member_set(n, from, s->head.iface, &s->head.group, s->head.owner, (enum group_mode)s->head.mode, s->src, s->n);
}

/* ---- asking ---- */

/* All hosts of the link, which nobody leaves or is asked about. */
static bool is_everybody(const struct ip6_addr *a)
{
	static const struct ip6_addr all4 = {{[10] = 0xff, 0xff, 224, 0, 0, 1}}, all6 = {{0xff, 2, [15] = 1}};

	return ip6_addr_eq(a, &all4) || ip6_addr_eq(a, &all6);
}

bool net_group_joined(const struct net *n, uint8_t iface, const struct ip6_addr *group)
{
	const struct net_group *g = group_find(n, iface, group);

	return (g != NULL && g->members != 0) || is_everybody(group);
}

int net_group_allows(const struct net *n, uint8_t iface, const struct ip6_addr *group, uint32_t owner, const struct ip6_addr *src)
{
	struct net_group *g = group_find(n, iface, group);
	uint32_t idx = g != NULL ? *member_link(n, g, n->flow->self, owner) : 0;

	return idx == 0 ? -1 : member_has(member_at(n, idx), src) == (member_at(n, idx)->mode == GROUP_INCLUDE);
}
