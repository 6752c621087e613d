/* udp.c: the life of a UDP socket: made, bound, connected to a peer, dissolved, closed. */
#include "udp/udp.h"

#include <errno.h>

#include "base/assert.h"
#include "flow/away.h"
#include "flow/port_range.h"
#include "udp/private.h"
#include "udp/queue.h"

#define UDP_TTL 64          /* RFC 1700, and what Linux sends */
#define UDP_PORT_TRIES 1024 /* draws for a port whose answers come home; with 128 queues 1 in 3000 sockets finds none */

int udp_next_offset;

int udp_init(struct udp *u, const struct udp_config *cfg, struct flow *flow, struct net *net, struct drops *drops)
{
	static const struct rte_mbuf_dynfield next = {
		.name = "spate_udp_next",
		.size = sizeof(struct rte_mbuf *),
		.align = __alignof__(struct rte_mbuf *),
	};
	int off = rte_mbuf_dynfield_register(&next);

	if (off < 0)
		return -ENOMEM;
	udp_next_offset = off;
	*u = (struct udp){.flow = flow, .net = net, .drops = drops, .port_lo = cfg->port_lo, .port_hi = cfg->port_hi};
	off = udp_groups_init(u, cfg->numa_node);
	if (off != 0)
		return off;
	off = binds_init(&u->binds, cfg->max_binds + (mail_alone(flow->mail) ? 0 : BIND_REMOTE_MAX), &flow->addr6s, cfg->numa_node);
	if (off != 0)
		pool_fini(&u->groups);
	return off;
}

void udp_fini(struct udp *u)
{
	struct pool *slots = &u->flow->pool[FLOW_CONN];

	for (uint32_t i = 1; i < slots->fresh; i++) {
		struct conn *c = conn_at(u->flow, ref_make(FLOW_CONN, i));

		if (c->type != CONN_UDP)
			continue;
		udp_queue_drop((struct udp_pcb *)c);
		udp_errors_drop((struct udp_pcb *)c);
		udp_cork_drop((struct udp_pcb *)c);
	}
	pool_fini(&u->groups);
	binds_fini(&u->binds);
}

struct udp_pcb *udp_new(struct udp *u)
{
	struct udp_pcb *p = (struct udp_pcb *)conn_new(u->flow, CONN_UDP);

	if (p == NULL)
		return NULL;
	p->rcvbuf = UDP_RCVBUF_DEFAULT;
	p->sndbuf = UDP_RCVBUF_DEFAULT;
	p->ttl = UDP_TTL;
	p->mc_ttl = 1;
	p->mc_iface = NET_IFACE_ANY;
	p->pmtudisc = IP_PMTUDISC_WANT;
	p->opts = UDP_OPT_MC_LOOP | UDP_OPT_MC_ALL;
	return p;
}

uint32_t udp_bind_flags(const struct udp_pcb *p)
{
	bool reuse = p->c.flags & (CONN_REUSEADDR | CONN_REUSEPORT);

	return (reuse ? BIND_REUSE : 0) | conn_bind_families(&p->c) | (p->c.flags & CONN_IN_TABLE ? 0 : BIND_RECEIVES) |
	       (uint32_t)(p->via & NET_VIA_DEV) << BIND_DEV_SHIFT;
}

/* The port is entered here: the other stacks are told. When they cannot be, it is as before. */
static int port_taken(struct udp *u, struct udp_pcb *p)
{
	int rc = udp_announce(u, p);

	if (rc < 0) {
		bind_remove(&u->binds, udp_ref(u, p), p->c.h.key.lport_be);
		p->c.h.key.lport_be = 0;
		if (p->c.flags & CONN_BOUND_PORT) /* bind() named both */
			p->c.h.key.laddr_be = 0;
		p->c.flags &= (uint8_t)~(p->c.flags & CONN_BOUND_PORT ? CONN_BOUND_PORT | CONN_BOUND_ADDR : 0);
	}
	return rc;
}

/* Enters p at a free port, of its own range if it has one. */
static int bind_any(struct udp *u, struct udp_pcb *p, rte_be32_t laddr_be, uint32_t flags, rte_be16_t *lport_be)
{
	uint16_t lo = u->port_lo, hi = u->port_hi;

	port_range_clip(p->port_range, &lo, &hi);
	return bind_add_any(&u->binds, udp_ref(u, p), laddr_be, lo, hi, flags, u->flow->prng, lport_be);
}

int udp_bind(struct udp *u, struct udp_pcb *p, rte_be32_t laddr_be, rte_be16_t lport_be)
{
	rte_be16_t port_be = lport_be;
	int rc;

	if (p->c.h.key.lport_be != 0 || p->c.flags & CONN_IN_TABLE)
		return -EINVAL;
	if (laddr_be != 0 && !(p->c.more & CONN_MORE_FREEBIND) && !net_is_ours(u->net, laddr_be) && !net_is_group(u->net, laddr_be))
		return -EADDRNOTAVAIL;
	if (lport_be != 0)
		rc = bind_add(&u->binds, udp_ref(u, p), laddr_be, lport_be, udp_bind_flags(p), false);
	else
		rc = bind_any(u, p, laddr_be, udp_bind_flags(p), &port_be);
	if (rc < 0)
		return rc;
	p->c.h.key.laddr_be = laddr_be;
	p->c.h.key.lport_be = port_be;
	p->c.flags |= CONN_BOUND_PORT | (laddr_be != 0 ? CONN_BOUND_ADDR : 0);
	return port_taken(u, p);
}

/* Without BIND_REUSE: an automatic port is nobody else's. */
static uint32_t auto_flags(const struct udp_pcb *p) { return (udp_bind_flags(p) & ~BIND_REUSE) | BIND_RECEIVES; }

/* A port that RSS steers to this stack for answers from the peer. Only with several queues; false: none found. */
static bool autobind_home(struct udp *u, struct udp_pcb *p, struct flow_key *key)
{
	uint16_t lo = u->port_lo, hi = u->port_hi, port;

	port_range_clip(p->port_range, &lo, &hi);
	for (unsigned i = 0; i < UDP_PORT_TRIES; i++) {
		port = (uint16_t)(lo + prng_below(u->flow->prng, (uint32_t)hi - lo + 1));
		key->lport_be = rte_cpu_to_be_16(port);
		if (!bind_is_auto(&u->binds, port) || flow_home(u->flow, flow_hash(u->flow, key)) != u->flow->self)
			continue;
		if (bind_add(&u->binds, udp_ref(u, p), p->c.h.key.laddr_be, key->lport_be, auto_flags(p), false) == 0)
			return true;
	}
	return false;
}

/* A port for p, which has none. */
static int port_choose(struct udp *u, struct udp_pcb *p, rte_be32_t laddr_be, rte_be32_t raddr_be, rte_be16_t rport_be)
{
	struct flow_key key = {.laddr_be = laddr_be, .raddr_be = raddr_be, .rport_be = rport_be};
	int rc;

	if (u->flow->rss->n_queues < 2 || !autobind_home(u, p, &key)) {
		rc = bind_any(u, p, p->c.h.key.laddr_be, auto_flags(p), &key.lport_be);
		if (rc < 0)
			return rc == -EADDRINUSE ? -EAGAIN : rc; /* datagrams say EAGAIN */
	}
	p->c.h.key.lport_be = key.lport_be;
	return 0;
}

/* Datagrams for a socket that is not connected may land anywhere. */
int udp_autobind(struct udp *u, struct udp_pcb *p, rte_be32_t laddr_be, rte_be32_t raddr_be, rte_be16_t rport_be)
{
	int rc;

	if (p->c.h.key.lport_be != 0)
		return 0;
	rc = port_choose(u, p, laddr_be, raddr_be, rport_be);
	return rc == 0 ? port_taken(u, p) : rc;
}

/* Where p sends from when nothing else is said: what it is bound to, unless that is a group. 0: the route says. */
static rte_be32_t source_own(const struct udp *u, const struct udp_pcb *p)
{
	return p->c.flags & CONN_BOUND_ADDR && !net_is_group(u->net, p->c.h.key.laddr_be) ? p->c.h.key.laddr_be : 0;
}

static rte_be32_t source_for(const struct udp *u, rte_be32_t raddr_be, uint8_t via, int *err)
{
	uint32_t n = 0;
	const rte_be32_t *src = net_sources_via(u->net, raddr_be, via, &n);

	*err = 0;
	if (src != NULL)
		return src[0];
	*err = net_unreachable_via(u->net, raddr_be, via);
	if (*err == 0)
		*err = -EADDRNOTAVAIL;
	return 0;
}

rte_be32_t udp_multicast_from(const struct udp_pcb *p, const struct net_end *to)
{
	return ip6_addr_is_mapped(&to->addr) && IN_MULTICAST(rte_be_to_cpu_32(ip6_addr_ip4(&to->addr))) ? p->mc_laddr_be : 0;
}

static uint32_t path_get6(struct udp *u, rte_be32_t laddr_be, uint8_t iface, uint8_t via, const struct net_end *to, int *err)
{
	uint32_t n = 0, scope = to->scope == 0 && iface != NET_IFACE_ANY ? iface + 1u : to->scope;
	const rte_be32_t *src = &laddr_be;

	if (laddr_be == 0)
		src = net_sources6_via(u->net, &to->addr, scope, via, &n);
	if (src == NULL) {
		*err = net_unreachable6_via(u->net, &to->addr, scope, via);
		if (*err == 0) /* all of our addresses are tentative */
			*err = -EADDRNOTAVAIL;
		return 0;
	}
	return net_path6_get_via(u->net, src[0], &to->addr, scope, via, err);
}

uint32_t udp_path_get(struct udp *u, const struct udp_pcb *p, rte_be32_t laddr_be, uint8_t iface, uint8_t via,
		      const struct net_end *to, int *err)
{
	rte_be32_t raddr_be;

	via |= p->via;
	if (unlikely(via & NET_VIA_DEV))
		iface = net_via_iface(via);
	if (laddr_be == 0)
		laddr_be = source_own(u, p);
	if (laddr_be != 0 && !net_is_ours(u->net, laddr_be)) { /* removed since, or never ours (G7) */
		*err = p->c.more & CONN_MORE_FREEBIND ? -ENETUNREACH : -EADDRNOTAVAIL;
		return 0;
	}
	if (!ip6_addr_is_mapped(&to->addr))
		return path_get6(u, laddr_be, iface, via, to, err);
	raddr_be = ip6_addr_ip4(&to->addr);
	if (!p->broadcast && net_is_broadcast(u->net, raddr_be)) {
		*err = -EACCES;
		return 0;
	}
	if (laddr_be == 0)
		laddr_be = net_is_group(u->net, raddr_be) ? net_source_to_group(u->net, iface, raddr_be, err) :
							    source_for(u, raddr_be, via, err);
	return laddr_be != 0 ? net_path_get_via(u->net, laddr_be, raddr_be, via, err) : 0;
}

void udp_path_forget(struct udp *u, struct udp_pcb *p)
{
	if (p->c.flags & CONN_IN_TABLE || p->c.h.path == 0)
		return;
	net_path_put(u->net, p->c.h.path);
	p->c.h.path = 0;
}

int udp_mtu(const struct udp *u, const struct udp_pcb *p)
{
	return p->c.flags & CONN_IN_TABLE ? path_at(&u->net->paths, p->c.h.path)->pmtu : -ENOTCONN;
}

/* Leaves the table of connected sockets; at its home, too, unless another socket of ours has the same key. */
static void leave_table(struct udp *u, struct udp_pcb *p)
{
	struct conn *c = &p->c;

	if (!(c->flags & CONN_IN_TABLE))
		return;
	table_remove(&u->flow->udp, c->h.hash, udp_ref(u, p));
	c->flags &= (uint8_t)~CONN_IN_TABLE;
	if (flow_elsewhere(u->flow, c->h.hash) && flow_find(u->flow, &u->flow->udp, c->h.hash, &c->h.key) == 0)
		flow_release(u->flow, IPPROTO_UDP, &c->h.key, c->h.hash);
}

/* Forgets the peer; port and its entry in binds stay. */
static void leave_peer(struct udp *u, struct udp_pcb *p)
{
	struct conn *c = &p->c;

	leave_table(u, p);
	if (c->h.path != 0)
		net_path_put(u->net, c->h.path);
	c->h.path = 0;
	c->h.key.raddr_be = 0;
	c->h.key.rport_be = 0;
	if (!(c->flags & CONN_BOUND_ADDR))
		c->h.key.laddr_be = 0;
}

/* Whether p's entry in binds receives has changed. */
static void flags_changed(struct udp *u, struct udp_pcb *p)
{
	bind_set_flags(&u->binds, udp_ref(u, p), p->c.h.key.lport_be, udp_bind_flags(p));
	if (p->announced)
		udp_announce_sure(u, p);
}

/* The peer is known, and the port: into the table. The home, where it is another stack, is told first: that can fail. */
static int enter_peer(struct udp *u, struct udp_pcb *p, const struct flow_key *key, uint32_t path)
{
	uint32_t hash = flow_hash(u->flow, key);
	struct conn *c = &p->c;
	int rc = 0;

	if (flow_elsewhere(u->flow, hash))
		rc = flow_claim(u->flow, IPPROTO_UDP, key, hash, false);
	if (rc < 0)
		return rc;
	leave_peer(u, p);
	/* The table has room for every socket of the stack. Two sockets with one key are legal; one is found. */
	rc = table_insert(&u->flow->udp, hash, udp_ref(u, p));
	if (rc == 0) {
		c->h.key = *key;
		c->h.hash = hash;
		c->h.path = path;
		c->flags |= CONN_IN_TABLE;
	} else if (flow_elsewhere(u->flow, hash)) {
		flow_release(u->flow, IPPROTO_UDP, key, hash);
	}
	flags_changed(u, p); /* connected: datagrams from others are not for this socket. Losing a flag cannot conflict. */
	return rc;
}

/* A connected socket keeps its two ends, and goes there by the new way if there is one. */
static void path_anew(struct udp *u, struct udp_pcb *p)
{
	int err;
	uint32_t path = net_path_get_via(u->net, p->c.h.key.laddr_be, p->c.h.key.raddr_be, p->via, &err);

	if (path == 0)
		return;
	net_path_put(u->net, p->c.h.path);
	p->c.h.path = path;
}

int udp_via_set(struct udp *u, struct udp_pcb *p, uint8_t via)
{
	uint8_t before = p->via;
	int rc = 0;

	p->via = via;
	if (via != before && p->c.h.key.lport_be != 0)
		rc = bind_set_flags(&u->binds, udp_ref(u, p), p->c.h.key.lport_be, udp_bind_flags(p));
	if (rc < 0) {
		p->via = before;
		return rc;
	}
	if (via != before && p->announced)
		udp_announce_sure(u, p);
	if (via != before && p->c.flags & CONN_IN_TABLE)
		path_anew(u, p);
	udp_path_forget(u, p);
	return 0;
}

int udp_connect(struct udp *u, struct udp_pcb *p, const struct net_end *to)
{
	bool bound = p->c.h.key.lport_be != 0;
	struct flow_key key = {.rport_be = to->port_be};
	uint32_t path;
	int err = 0, rc = 0;

	if (to->port_be == 0 && ip6_addr_is_mapped(&to->addr) && ip6_addr_ip4(&to->addr) == 0)
		return udp_disconnect(u, p);
	path = udp_path_get(u, p, udp_multicast_from(p, to), p->mc_iface, 0, to, &err);
	if (path != 0) {
		key.laddr_be = path_at(&u->net->paths, path)->laddr_be;
		key.raddr_be = path_at(&u->net->paths, path)->raddr_be;
	}
	if (!bound) /* before the route is judged, as Linux does; nobody need know of a port that one peer alone uses */
		rc = port_choose(u, p, key.laddr_be, key.raddr_be, to->port_be);
	if (path == 0 || rc < 0)
		goto fail;
	key.lport_be = p->c.h.key.lport_be;
	rc = enter_peer(u, p, &key, path);
	if (rc == 0)
		return 0;
fail:
	if (!bound && p->c.h.key.lport_be != 0)
		udp_announce_sure(u, p); /* it keeps the port */
	if (path != 0)
		net_path_put(u->net, path);
	return rc < 0 ? rc : err;
}

bool udp_pair_shared(struct udp *u, struct udp_pcb *p)
{
	flow_ref self = udp_ref(u, p), other;
	int rc;

	table_remove(&u->flow->udp, p->c.h.hash, self);
	other = flow_find(u->flow, &u->flow->udp, p->c.h.hash, &p->c.h.key);
	rc = table_insert(&u->flow->udp, p->c.h.hash, self); /* there is room: it was there */
	SPATE_ASSERT(rc == 0);
	return other != 0;
}

int udp_disconnect(struct udp *u, struct udp_pcb *p)
{
	struct conn *c = &p->c;

	leave_peer(u, p);
	if (c->h.key.lport_be == 0)
		return 0;
	if (c->flags & CONN_BOUND_PORT) {
		flags_changed(u, p);
	} else {
		udp_announce_gone(u, p);
		bind_remove(&u->binds, udp_ref(u, p), c->h.key.lport_be);
		c->h.key.lport_be = 0;
	}
	return 0;
}

int udp_shutdown(struct udp *u, struct udp_pcb *p, int how)
{
	/* Linux remembers the directions of an unconnected socket too, and says ENOTCONN. */
	p->shut_rd |= how == SHUT_RD || how == SHUT_RDWR;
	p->shut_wr |= how == SHUT_WR || how == SHUT_RDWR;
	ready_mark(u->flow, &p->c, udp_poll(p));
	return p->c.flags & CONN_IN_TABLE ? 0 : -ENOTCONN;
}

void udp_close(struct udp *u, struct udp_pcb *p)
{
	udp_queue_drop(p);
	udp_errors_drop(p);
	udp_cork_drop(p);
	udp_groups_leave_all(u, p);
	leave_peer(u, p);
	if (p->c.h.key.lport_be != 0) {
		udp_announce_gone(u, p);
		bind_remove(&u->binds, udp_ref(u, p), p->c.h.key.lport_be);
	}
	conn_free(u->flow, &p->c);
}

uint32_t udp_poll(const struct udp_pcb *p)
{
	uint32_t ev = EPOLLOUT;

	if (p->head != NULL || p->shut_rd)
		ev |= EPOLLIN;
	if (p->shut_rd)
		ev |= EPOLLRDHUP;
	if (p->shut_rd && p->shut_wr)
		ev |= EPOLLHUP;
	if (p->c.so_error != 0 || p->err != NULL)
		ev |= EPOLLERR;
	return ev;
}

uint32_t udp_unread(const struct udp_pcb *p) { return p->head != NULL ? udp_payload_len(p->head) : 0; }
