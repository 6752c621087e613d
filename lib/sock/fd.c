/* fd.c: a stack's environment for sockets; descriptors and what hangs on them. A descriptor is slot and stack in one
 * number: O(1) both ways, nothing is allocated for it. */
#include <rte_common.h>

#include "core/mail.h"
#include "sock/dialect.h"

_Thread_local struct sock_env *sock_cur;

static uint32_t real_turn(struct sock_env *env) { return stack_poll(env->s, sock_clock_ns()); }

int sock_env_init(struct sock_env *env, struct stack *s, uint32_t id, uint32_t n_stacks, uint32_t max_conns,
		  int numa_node)
{
	uint32_t bits = 0;
	int rc;

	while (1u << bits < n_stacks)
		bits++;
	if (id >= n_stacks || (((uint64_t)max_conns + SOCK_FD_SKIP) << bits | id) >= SOCK_KERNEL)
		return -EINVAL;
	*env = (struct sock_env){.s = s, .id = id, .id_bits = bits, .turn = real_turn};
	env->side_mask = rte_align32pow2(RTE_MAX(max_conns, 64u)) - 1;
	rc = region_map(&env->side_region, ((size_t)env->side_mask + 1) * sizeof(uint32_t), numa_node);
	if (rc < 0)
		return rc;
	env->side_head = env->side_region.base;
	rc = pool_init(&env->sides, max_conns + 1, sizeof(struct sock_side), numa_node);
	if (rc < 0)
		region_unmap(&env->side_region);
	return rc;
}

void sock_env_fini(struct sock_env *env)
{
	pool_fini(&env->sides);
	region_unmap(&env->side_region);
}

int sock_find_any(int fd, struct sock_env **env, struct conn **c)
{
	*env = sock_cur;
	if (*env == NULL)
		return -ENXIO;
	*c = sock_at(*env, fd);
	return *c != NULL ? 0 : -EBADF;
}

int sock_find(int fd, struct sock_env **env, struct conn **c)
{
	int rc = sock_find_any(fd, env, c);

	return rc == 0 && (*c)->type == CONN_EPOLL ? -ENOTSOCK : rc;
}

void sock_mail(struct sock_env *env)
{
	struct stack *s = env->s;

	if (mail_alone(&s->mail))
		return;
	/* All that was there when this began: every sender's ring may be full. */
	for (uint32_t turns = (s->mail.n + 1u) * (MAIL_RING / MAIL_PER_POLL + 1); turns > 0 && mail_poll(s) != 0; turns--)
		;
}

int sock_twin(struct sock_env *env, int fd, bool make, struct conn **c)
{
	struct stack *s = env->s;
	uint32_t id = (uint32_t)fd & ((1u << env->id_bits) - 1), stack = id - (env->id - s->self);
	flow_ref owner = ref_make(FLOW_CONN, ((uint32_t)fd >> env->id_bits) - SOCK_FD_SKIP);
	int rc;

	*c = NULL;
	if (fd < 0 || mail_alone(&s->mail) || stack >= s->mail.n || stack == s->self)
		return -EBADF;
	rc = tcp_twin(&s->tcp, (uint16_t)stack, owner, make, c);
	if (rc != -EBADF)
		return rc;
	sock_mail(env);
	return tcp_twin(&s->tcp, (uint16_t)stack, owner, make, c);
}

int sock_find_shared(int fd, struct sock_env **env, struct conn **c)
{
	int rc = sock_find(fd, env, c);

	return rc == -EBADF ? sock_twin(*env, fd, true, c) : rc;
}

static struct sock_side *side_at(const struct sock_env *env, uint32_t idx)
{
	return (struct sock_side *)pool_at(&env->sides, idx);
}

/* Where c's record is linked; there is one. Slots are spread evenly by themselves. */
static uint32_t *side_link(const struct sock_env *env, const struct conn *c)
{
	uint32_t slot = ref_index(conn_ref(&env->s->flow, c));
	uint32_t *link = &env->side_head[slot & env->side_mask];

	while (side_at(env, *link)->slot != slot)
		link = &side_at(env, *link)->next;
	return link;
}

struct sock_side *sock_side(struct sock_env *env, struct conn *c, bool make)
{
	uint32_t slot, idx, *head;

	if (*sock_bits(c) & SOCK_SIDE)
		return side_at(env, *side_link(env, c));
	if (!make)
		return NULL;
	idx = pool_get(&env->sides);
	if (idx == 0)
		return NULL;
	slot = ref_index(conn_ref(&env->s->flow, c));
	head = &env->side_head[slot & env->side_mask];
	*side_at(env, idx) = (struct sock_side){.next = *head, .slot = slot};
	*head = idx;
	*sock_bits(c) |= SOCK_SIDE;
	return side_at(env, idx);
}

void sock_side_put(struct sock_env *env, struct conn *c)
{
	uint32_t *link, idx;

	if (!(*sock_bits(c) & SOCK_SIDE))
		return;
	link = side_link(env, c);
	idx = *link;
	*link = side_at(env, idx)->next;
	pool_put(&env->sides, idx);
	*sock_bits(c) &= ~SOCK_SIDE;
}

uint32_t sock_events(struct sock_env *env, struct conn *c)
{
	uint32_t events;

	if (c->type == CONN_EPOLL)
		return sock_epoll_ready(env, c) ? EPOLLIN : 0;
	events = sock_is_tcp(c) ? tcp_poll(&env->s->tcp, sock_tcp(c)) : udp_poll(sock_udp(c));
	return sock_is_linux(c) ? events : sock_dialect_events(c, events);
}
