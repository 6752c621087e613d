/* rules.c: which sockets are the service's and which the kernel's. A socket is ours until its first address is named; when the
 * rules give that to the kernel, a socket of the kernel takes its place under the same numbers. */
#include <netinet/in.h>
#include <string.h>

#include "client/private.h"

#define MOVE_EPOLLS 32u /* instances of this process in which a socket without an address yet is */

/* What is compared with the rules. */
struct target {
	uint8_t family;
	uint8_t addr[16];
	uint16_t port;
};

static bool target_of(struct target *t, const struct sockaddr_storage *addr, socklen_t len)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	memset(t, 0, sizeof(*t));
	if (addr->ss_family == AF_INET && len >= sizeof(v4)) {
		memcpy(&v4, addr, sizeof(v4));
		t->family = AF_INET;
		t->port = ntohs(v4.sin_port);
		memcpy(t->addr, &v4.sin_addr, 4);
		return true;
	}
	if (addr->ss_family != AF_INET6 || len < offsetof(struct sockaddr_in6, sin6_scope_id))
		return false;
	memcpy(&v6, addr, offsetof(struct sockaddr_in6, sin6_scope_id));
	t->port = ntohs(v6.sin6_port);
	t->family = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) ? AF_INET : AF_INET6;
	if (t->family == AF_INET)
		memcpy(t->addr, &v6.sin6_addr.s6_addr[12], 4);
	else
		memcpy(t->addr, &v6.sin6_addr, 16);
	return true;
}

/* A peer "any" is this host. */
static void target_is_peer(struct target *t)
{
	static const uint8_t any[16];

	if (memcmp(t->addr, any, sizeof(any)) != 0)
		return;
	if (t->family == AF_INET)
		t->addr[0] = 127;
	t->addr[t->family == AF_INET ? 3 : 15] = 1;
}

static bool prefix_has(const uint8_t *prefix, uint8_t bits, const uint8_t *addr)
{
	uint8_t whole = bits / 8, rest = bits % 8;

	if (memcmp(prefix, addr, whole) != 0)
		return false;
	return rest == 0 || (prefix[whole] ^ addr[whole]) >> (8 - rest) == 0;
}

static bool rule_has(const struct svc_rule *r, const struct target *t)
{
	if (t->port < r->port_lo || t->port > r->port_hi)
		return false;
	return r->family == 0 || (r->family == t->family && prefix_has(r->addr, r->prefix_len, t->addr));
}

bool rule_kernel(const struct sockaddr_storage *addr, socklen_t len, bool peer)
{
	const struct svc_head *h = client.head;
	struct target t;

	if (h->n_rules == 0 || !target_of(&t, addr, len))
		return false;
	if (peer)
		target_is_peer(&t);
	for (uint32_t i = 0; i < h->n_rules && i < SVC_RULES_MAX; i++)
		if (rule_has(&h->rule[i], &t))
			return !h->rule[i].spate;
	return false;
}

/* ---- moving ---- */

static int kernel_twin(struct use *u)
{
	int fd = kernel_socket(u->file->domain, u->file->type | SOCK_CLOEXEC, u->file->protocol);

	if (fd < 0)
		return fd;
	if (atomic_load(&u->file->flags) & O_NONBLOCK)
		kernel_fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK);
	option_replay(u, fd);
	return fd;
}

static int take_number(int from, int fd)
{
	int cloexec = kernel_fcntl(fd, F_GETFD, 0);

	return dup_onto(from, fd, cloexec > 0 && cloexec & FD_CLOEXEC ? O_CLOEXEC : 0, 0);
}

int rule_move(struct use *u, int fd)
{
	uint32_t high = atomic_load(&client.proc->fd_high), n;
	struct epoll_moved moved[MOVE_EPOLLS];
	int twin = kernel_twin(u), rc;

	if (twin < 0)
		return twin;
	n = epoll_of_file(u, moved, MOVE_EPOLLS);
	rc = take_number(twin, fd);
	for (uint32_t other = 0; rc >= 0 && other < high; other++)
		if (client_entry((int)other) == u->entry)
			rc = take_number(twin, (int)other);
	kernel_close(twin);
	for (uint32_t i = 0; rc >= 0 && i < n; i++)
		epoll_move(&moved[i]);
	return rc < 0 ? rc : 0;
}

int rule_settle(struct use *u, int fd, socklen_t len, bool peer)
{
	int rc;

	if (atomic_load_explicit(&u->file->bits, memory_order_relaxed) & SVC_F_NAMED || len < sizeof(sa_family_t) ||
	    u->ch->addr.ss_family == AF_UNSPEC)
		return 0;
	if (rule_kernel(&u->ch->addr, len, peer)) {
		rc = rule_move(u, fd);
		return rc < 0 ? rc : CLIENT_KERNEL;
	}
	atomic_fetch_or(&u->file->bits, SVC_F_NAMED);
	return 0;
}
