/* udp.c: the life of a UDP socket: made, bound, connected to a peer, dissolved, closed. */
#include "udp/udp.h"

#include <errno.h>

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
	return binds_init(&u->binds, cfg->max_binds, cfg->numa_node);
}

void udp_fini(struct udp *u)
{
	struct pool *slots = &u->flow->pool[FLOW_CONN];

	for (uint32_t i = 1; i < slots->fresh; i++) {
		struct conn *c = conn_at(u->flow, ref_make(FLOW_CONN, i));

		if (c->type == CONN_UDP)
			udp_queue_drop((struct udp_pcb *)c);
	}
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
	return p;
}

static uint32_t bind_flags(const struct udp_pcb *p)
{
	bool reuse = p->c.flags & (CONN_REUSEADDR | CONN_REUSEPORT);

	return (reuse ? BIND_REUSE : 0) | (p->c.flags & CONN_IN_TABLE ? 0 : BIND_RECEIVES);
}

int udp_bind(struct udp *u, struct udp_pcb *p, rte_be32_t laddr_be, rte_be16_t lport_be)
{
	rte_be16_t port_be = lport_be;
	int rc;

	if (p->c.h.key.lport_be != 0 || p->c.flags & CONN_IN_TABLE)
		return -EINVAL;
	if (laddr_be != 0 && !net_is_local(u->net, laddr_be))
		return -EADDRNOTAVAIL;
	if (lport_be != 0)
		rc = bind_add(&u->binds, udp_ref(u, p), laddr_be, lport_be, bind_flags(p), false);
	else
		rc = bind_add_any(&u->binds, udp_ref(u, p), laddr_be, u->port_lo, u->port_hi, bind_flags(p),
				  u->flow->prng, &port_be);
	if (rc < 0)
		return rc;
	p->c.h.key.laddr_be = laddr_be;
	p->c.h.key.lport_be = port_be;
	p->c.flags |= CONN_BOUND_PORT | (laddr_be != 0 ? CONN_BOUND_ADDR : 0);
	return 0;
}

/* A port that RSS steers to this stack for answers from the peer. Only with several queues; false: none found. */
static bool autobind_home(struct udp *u, struct udp_pcb *p, struct flow_key *key)
{
	uint32_t span = (uint32_t)u->port_hi - u->port_lo + 1;

	for (unsigned i = 0; i < UDP_PORT_TRIES; i++) {
		key->lport_be = rte_cpu_to_be_16((uint16_t)(u->port_lo + prng_below(u->flow->prng, span)));
		if (flow_home(u->flow, flow_hash(u->flow, key)) != u->flow->self)
			continue;
		/* Without BIND_REUSE: an automatic port is nobody else's. */
		if (bind_add(&u->binds, udp_ref(u, p), p->c.h.key.laddr_be, key->lport_be, BIND_RECEIVES, false) == 0)
			return true;
	}
	return false;
}

int udp_autobind(struct udp *u, struct udp_pcb *p, rte_be32_t laddr_be, rte_be32_t raddr_be, rte_be16_t rport_be)
{
	struct flow_key key = {.laddr_be = laddr_be, .raddr_be = raddr_be, .rport_be = rport_be};
	int rc;

	if (p->c.h.key.lport_be != 0)
		return 0;
	if (u->flow->rss->n_queues < 2 || !autobind_home(u, p, &key)) {
		rc = bind_add_any(&u->binds, udp_ref(u, p), p->c.h.key.laddr_be, u->port_lo, u->port_hi, BIND_RECEIVES,
				  u->flow->prng, &key.lport_be);
		if (rc < 0)
			return rc == -EADDRINUSE ? -EAGAIN : rc; /* datagrams say EAGAIN */
	}
	p->c.h.key.lport_be = key.lport_be;
	return 0;
}

/* True for the broadcast address of a network that we are on, and for that of all. */
static bool is_broadcast(const struct net *net, rte_be32_t raddr_be)
{
	uint32_t raddr = rte_be_to_cpu_32(raddr_be);

	for (uint32_t i = 0; i < net->n_routes; i++) {
		const struct net_route *r = &net->route[i];

		if (r->type == ROUTE_ONLINK && r->prefix_len < 31 && raddr == (r->prefix | UINT32_MAX >> r->prefix_len))
			return true;
	}
	return raddr == UINT32_MAX;
}

uint32_t udp_path_get(struct udp *u, const struct udp_pcb *p, rte_be32_t raddr_be, int *err)
{
	rte_be32_t laddr_be = p->c.flags & CONN_BOUND_ADDR ? p->c.h.key.laddr_be : 0;

	if (laddr_be != 0 && !net_is_local(u->net, laddr_be)) { /* removed since */
		*err = -EADDRNOTAVAIL;
		return 0;
	}
	if (!p->broadcast && is_broadcast(u->net, raddr_be)) {
		*err = -EACCES;
		return 0;
	}
	if (laddr_be == 0) {
		uint32_t n = 0;
		const rte_be32_t *src = net_sources(u->net, raddr_be, &n);

		if (src == NULL || n == 0) {
			*err = -ENETUNREACH;
			return 0;
		}
		laddr_be = net_is_local(u->net, raddr_be) ? raddr_be : src[0];
	}
	return net_path_get(u->net, laddr_be, raddr_be, err);
}

/* Leaves the table of connected sockets and forgets the peer; port and its entry in binds stay. */
static void leave_peer(struct udp *u, struct udp_pcb *p)
{
	struct conn *c = &p->c;

	if (c->flags & CONN_IN_TABLE) {
		table_remove(&u->flow->udp, c->h.hash, udp_ref(u, p));
		c->flags &= (uint8_t)~CONN_IN_TABLE;
	}
	if (c->h.path != 0)
		net_path_put(u->net, c->h.path);
	c->h.path = 0;
	c->h.key.raddr_be = 0;
	c->h.key.rport_be = 0;
	if (!(c->flags & CONN_BOUND_ADDR))
		c->h.key.laddr_be = 0;
}

int udp_connect(struct udp *u, struct udp_pcb *p, rte_be32_t raddr_be, rte_be16_t rport_be)
{
	struct conn *c = &p->c;
	struct flow_key key;
	uint32_t path;
	int err = 0, rc;

	if (raddr_be == 0 && rport_be == 0)
		return udp_disconnect(u, p);
	path = udp_path_get(u, p, raddr_be, &err);
	key = (struct flow_key){.raddr_be = raddr_be, .rport_be = rport_be};
	key.laddr_be = path != 0 ? path_at(&u->net->paths, path)->laddr_be : 0;
	rc = udp_autobind(u, p, key.laddr_be, raddr_be, rport_be); /* before the route is judged, as Linux does */
	if (path == 0)
		return rc < 0 ? rc : err;
	if (rc < 0)
		goto put_path;
	key.lport_be = c->h.key.lport_be;
	leave_peer(u, p);
	/* The table has room for every socket of the stack. Two sockets with one key are legal; one is found. */
	rc = table_insert(&u->flow->udp, flow_hash(u->flow, &key), udp_ref(u, p));
	if (rc < 0)
		goto restore;
	c->h.key = key;
	c->h.hash = flow_hash(u->flow, &key);
	c->h.path = path;
	c->flags |= CONN_IN_TABLE;
	/* From now on datagrams from others are not for this socket. Losing a flag cannot conflict. */
	bind_set_flags(&u->binds, udp_ref(u, p), key.lport_be, bind_flags(p));
	return 0;
restore:
	bind_set_flags(&u->binds, udp_ref(u, p), c->h.key.lport_be, bind_flags(p));
put_path:
	net_path_put(u->net, path);
	return rc;
}

int udp_disconnect(struct udp *u, struct udp_pcb *p)
{
	struct conn *c = &p->c;

	leave_peer(u, p);
	if (c->h.key.lport_be == 0)
		return 0;
	if (c->flags & CONN_BOUND_PORT) {
		bind_set_flags(&u->binds, udp_ref(u, p), c->h.key.lport_be, bind_flags(p));
	} else {
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
	leave_peer(u, p);
	if (p->c.h.key.lport_be != 0)
		bind_remove(&u->binds, udp_ref(u, p), p->c.h.key.lport_be);
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
	if (p->c.so_error != 0)
		ev |= EPOLLERR;
	return ev;
}

uint32_t udp_unread(const struct udp_pcb *p) { return p->head != NULL ? udp_payload_len(p->head) : 0; }
