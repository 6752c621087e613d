/* io.c: sending and receiving datagrams. */
#include <errno.h>
#include <string.h>

#include "udp/private.h"
#include "udp/queue.h"

#define UDP_PAYLOAD_MAX 65507u  /* 65535 - IPv4 header - UDP header */
#define UDP_PAYLOAD6_MAX 65527u /* 65535 - UDP header: IPv6 does not count its own */

int udp_append(struct udp *u, struct rte_mbuf *m, const void *data, size_t len)
{
	const uint8_t *from = data;

	while (len > 0) {
		struct rte_mbuf *last = rte_pktmbuf_lastseg(m);
		uint16_t part = (uint16_t)RTE_MIN(len, (size_t)rte_pktmbuf_tailroom(last));

		if (part == 0) {
			last->next = pkt_tx_alloc(u->net->tx);
			if (last->next == NULL)
				return -ENOBUFS;
			m->nb_segs++;
			continue;
		}
		memcpy(rte_pktmbuf_append(m, part), from, part);
		from += part;
		len -= part;
	}
	return 0;
}

/* A datagram without its IP header, or NULL and *err. */
static struct rte_mbuf *datagram_new(struct udp *u, const struct iovec *iov, int n, uint32_t len, rte_be16_t lport_be,
				     rte_be16_t rport_be, int *err)
{
	struct rte_mbuf *m = pkt_tx_alloc(u->net->tx);

	*err = -ENOBUFS;
	if (m == NULL)
		return NULL;
	udp_emit(rte_pktmbuf_append(m, UDP_HDR_LEN), rte_be_to_cpu_16(lport_be), rte_be_to_cpu_16(rport_be),
		 (uint16_t)(UDP_HDR_LEN + len));
	for (int i = 0; i < n; i++) {
		*err = udp_append(u, m, iov[i].iov_base, iov[i].iov_len);
		if (*err < 0) {
			rte_pktmbuf_free(m);
			return NULL;
		}
	}
	return m;
}

/* What one datagram is sent with. */
struct sending {
	const struct iovec *iov;
	int n;
	uint32_t len;
	const struct net_end *to; /* NULL: the connected peer */
	rte_be16_t rport_be;
	rte_be32_t laddr_be;    /* 0: the socket's or the route's */
	uint8_t iface;          /* for groups */
	uint8_t via;            /* more than the socket's */
	int ttl, tos;           /* -1: the socket's */
	bool special;           /* its source is not the socket's */
};

static bool leads_to(const struct net *n, const struct path *way, const struct net_end *to)
{
	const struct addr6 *a;

	if (likely(way->l3_len == IP4_HDR_LEN))
		return ip6_addr_is_mapped(&to->addr) && way->raddr_be == ip6_addr_ip4(&to->addr);
	a = addr6_at(&n->flow->addr6s, way->raddr_be);
	return ip6_addr_eq(&a->addr, &to->addr) && (a->scope == 0 || a->scope == to->scope);
}

/* The path to send over, in *path; the reference to give back is *temporary (0: it is the socket's). A connected socket
 * keeps its peer's path, an unconnected one the path of the last datagram. */
static int send_path(struct udp *u, struct udp_pcb *p, const struct sending *s, uint32_t *path, uint32_t *temporary)
{
	uint32_t mine = p->c.h.path;
	int err = 0;

	*temporary = 0;
	*path = mine;
	if (s->to == NULL || (mine != 0 && leads_to(u->net, path_at(&u->net->paths, mine), s->to) && !s->special))
		return 0;
	*path = udp_path_get(u, p, s->laddr_be, s->iface, s->via, s->to, &err);
	if (*path == 0)
		return err;
	if (p->c.flags & CONN_IN_TABLE || s->special) {
		*temporary = *path;
	} else {
		if (mine != 0)
			net_path_put(u->net, mine);
		p->c.h.path = *path;
	}
	return 0;
}

/* How the socket wants what is too large for one packet, and DF (ip(7), IP_MTU_DISCOVER). */
static bool may_fragment(const struct udp_pcb *p)
{
	return p->pmtudisc != IP_PMTUDISC_DO && p->pmtudisc != IP_PMTUDISC_PROBE && p->pmtudisc != IP_PMTUDISC_INTERFACE;
}

static unsigned out_how(const struct udp_pcb *p)
{
	switch (p->pmtudisc) {
	case IP_PMTUDISC_DONT:
		return NET_OUT_NO_DF;
	case IP_PMTUDISC_PROBE:
		return NET_OUT_PROBE;
	case IP_PMTUDISC_INTERFACE:
	case IP_PMTUDISC_OMIT:
		return NET_OUT_NO_DF | NET_OUT_PROBE;
	default:
		return 0;
	}
}

static uint16_t mtu_of(const struct udp *u, const struct udp_pcb *p, const struct path *way)
{
	return out_how(p) & NET_OUT_PROBE ? net_path_mtu_max(u->net, way) : way->pmtu;
}

/* Larger than the path's MTU, or than what the device sends at once. */
static inline bool needs_fragments(const struct udp *u, const struct udp_pcb *p, const struct path *way, const struct rte_mbuf *m)
{
	return m->pkt_len + way->l3_len > mtu_of(u, p, way) ||
	       (m->nb_segs > 1 && !(u->net->tx[way->port].port->offloads & PORT_TX_MULTI_SEG));
}

/* Refused before it is made: the program is told what would fit. */
static int too_big(struct udp *u, struct udp_pcb *p, const struct path *way, const struct sending *s)
{
	struct udp_error e = {.origin = SO_EE_ORIGIN_LOCAL, .err = EMSGSIZE, .iface = way->iface, .info = mtu_of(u, p, way)};

	if (s->to != NULL)
		e.to = *s->to;
	else
		e.to = net_end4(way->l3_len == IP4_HDR_LEN ? way->raddr_be : 0, p->c.h.key.rport_be);
	if (s->to == NULL && way->l3_len != IP4_HDR_LEN)
		e.to.addr = *net_addr6_at(u->net, way->raddr_be);
	if (p->opts & UDP_OPT_RECVERR)
		udp_error_add(u, p, &e, NULL, 0, 0);
	return -EMSGSIZE;
}

/* The flow's own, connected or not (RFC 6437 3). */
static uint32_t send_label(const struct udp *u, const struct udp_pcb *p, const struct path *way, rte_be16_t rport_be)
{
	const struct flow_key key = {.laddr_be = way->laddr_be, .raddr_be = way->raddr_be, .lport_be = p->c.h.key.lport_be,
				     .rport_be = rport_be};

	return flow_hash6(u->flow, &key);
}

/* A neighbour that does not answer loses the datagram and is no error of send(), as on Linux; a filter is (connect-semantics
 * H20). */
static int send_ip(struct udp *u, const struct udp_pcb *p, struct path *way, struct rte_mbuf *m, uint8_t tos, uint8_t ttl,
		    uint32_t label)
{
	unsigned how = out_how(p);
	int rc;

	if (unlikely(needs_fragments(u, p, way, m)))
		rc = net_fragment(u->net, way, m, IPPROTO_UDP, tos, ttl, label);
	else if (unlikely(how != 0) && way->l3_len == IP4_HDR_LEN)
		rc = net_ip4_output_as(u->net, way, m, IPPROTO_UDP, tos, ttl, how);
	else
		rc = net_output(u->net, way, m, IPPROTO_UDP, tos, ttl, label);
	return rc == -EPERM ? rc : 0;
}

/* To many: those of this host that listen have a copy. With a TTL of 0 nobody else (RFC 1112 6.1). */
static __rte_noinline int send_to_group(struct udp *u, const struct udp_pcb *p, struct path *way, struct rte_mbuf *m,
					 const struct sending *s)
{
	bool broadcast = net_is_broadcast(u->net, way->raddr_be);
	uint8_t tos = s->tos >= 0 ? (uint8_t)s->tos : way->l3_len == IP4_HDR_LEN ? p->tos : p->tclass6;
	uint8_t ttl = s->ttl >= 0 ? (uint8_t)s->ttl : broadcast ? p->ttl : p->mc_ttl;

	if (p->opts & UDP_OPT_MC_LOOP || broadcast)
		net_group_loop(u->net, way, m, IPPROTO_UDP, tos, ttl);
	if (ttl != 0)
		return send_ip(u, p, way, m, tos, ttl, 0);
	rte_pktmbuf_free(m);
	return 0;
}

static int send_mbuf(struct udp *u, const struct udp_pcb *p, struct path *way, struct rte_mbuf *m, const struct sending *s)
{
	bool ip4 = way->l3_len == IP4_HDR_LEN;
	uint8_t tos = s->tos >= 0 ? (uint8_t)s->tos : ip4 ? p->tos : p->tclass6;
	uint8_t ttl = s->ttl >= 0 ? (uint8_t)s->ttl : ip4 ? p->ttl : p->hops6;

	return send_ip(u, p, way, m, tos, ttl, likely(ip4) ? 0 : send_label(u, p, way, s->rport_be));
}

static int send_over(struct udp *u, struct udp_pcb *p, uint32_t path, const struct sending *s)
{
	struct path *way = path_at(&u->net->paths, path);
	struct rte_mbuf *m;
	int rc = udp_autobind(u, p, way->laddr_be, way->raddr_be, s->rport_be);

	if (rc == 0 && s->len > (way->l3_len == IP4_HDR_LEN ? UDP_PAYLOAD_MAX : UDP_PAYLOAD6_MAX))
		rc = -EMSGSIZE;
	if (rc < 0)
		return rc;
	if (unlikely(!may_fragment(p) || (p->opts & UDP_OPT_DONTFRAG6 && way->l3_len != IP4_HDR_LEN)) &&
	    s->len + UDP_HDR_LEN + way->l3_len > mtu_of(u, p, way))
		return too_big(u, p, way, s);
	m = datagram_new(u, s->iov, s->n, s->len, p->c.h.key.lport_be, s->rport_be, &rc);
	if (m == NULL)
		return rc;
	rc = unlikely(net_path_is_group(way)) ? send_to_group(u, p, way, m, s) : send_mbuf(u, p, way, m, s);
	u->tx += rc == 0;
	return rc;
}

/* What the call says overrides what the socket says. */
static int sending_fill(const struct udp *u, const struct udp_pcb *p, const struct udp_ctl *ctl, struct sending *s)
{
	if (s->to != NULL) {
		s->laddr_be = udp_multicast_from(p, s->to);
		s->iface = p->mc_iface;
	}
	s->ttl = s->tos = -1;
	if (ctl == NULL)
		return 0;
	if (ctl->src_be != 0 && !net_is_ours(u->net, ctl->src_be))
		return -EINVAL;
	if (ctl->src_be != 0)
		s->laddr_be = ctl->src_be;
	if (ctl->iface != NET_IFACE_ANY)
		s->iface = ctl->iface;
	s->via = ctl->via;
	s->special = ctl->src_be != 0 || ctl->iface != NET_IFACE_ANY || ctl->via != 0;
	s->ttl = ctl->ttl;
	s->tos = ctl->tos;
	return 0;
}

ssize_t udp_send(struct udp *u, struct udp_pcb *p, const struct iovec *iov, int n, const struct net_end *to,
		 const struct udp_ctl *ctl)
{
	struct sending s = {.iov = iov, .n = n, .to = to, .rport_be = to != NULL ? to->port_be : p->c.h.key.rport_be};
	uint32_t path, temporary;
	size_t len = 0;
	int rc;

	for (int i = 0; i < n; i++) {
		if (iov[i].iov_len > UDP_PAYLOAD6_MAX - len)
			return -EMSGSIZE;
		len += iov[i].iov_len;
	}
	s.len = (uint32_t)len;
	if (to == NULL && !(p->c.flags & CONN_IN_TABLE)) { /* a port it gets all the same, as on Linux (H5) */
		rc = udp_autobind(u, p, 0, 0, 0);
		return rc < 0 ? rc : -EDESTADDRREQ;
	}
	if (to != NULL && to->port_be == 0)
		return -EINVAL;
	if (p->c.so_error != 0) {
		rc = -p->c.so_error;
		p->c.so_error = 0;
		return rc;
	}
	if (p->shut_wr)
		return -EPIPE;
	rc = sending_fill(u, p, ctl, &s);
	if (rc == 0)
		rc = send_path(u, p, &s, &path, &temporary);
	if (rc < 0)
		return rc;
	rc = send_over(u, p, path, &s);
	if (temporary != 0)
		net_path_put(u->net, temporary);
	return rc < 0 ? rc : (ssize_t)len;
}

uint32_t udp_scatter(const struct rte_mbuf *m, uint32_t off, uint32_t len, const struct iovec *iov, int n)
{
	uint32_t done = 0;

	for (int i = 0; i < n && done < len; i++) {
		uint32_t part = (uint32_t)RTE_MIN((size_t)(len - done), iov[i].iov_len);
		const void *from;

		if (part == 0)
			continue;
		from = rte_pktmbuf_read(m, off + done, part, iov[i].iov_base);
		if (from != iov[i].iov_base) /* contiguous: rte_pktmbuf_read() points into the packet */
			memcpy(iov[i].iov_base, from, part);
		done += part;
	}
	return done;
}

static void meta_fill(const struct rte_mbuf *m, struct udp_meta *meta, bool truncated)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, m->l2_len), *udp = ip + m->l3_len;

	*meta = (struct udp_meta){
		.filled = true,
		.arrival_ns = udp_arrival(m),
		.iface = (uint8_t)m->port,
		.msg_flags = truncated ? MSG_TRUNC : 0,
	};
	if (likely(ip[0] >> 4 == 4)) {
		meta->from = net_end4(load32_be(ip + 12), 0);
		meta->to = net_end4(load32_be(ip + 16), 0);
		meta->tos = ip[1];
		meta->ttl = ip[8];
	} else {
		memcpy(&meta->from.addr, ip + IP6_SRC_OFF, sizeof(meta->from.addr));
		memcpy(&meta->to.addr, ip + IP6_DST_OFF, sizeof(meta->to.addr));
		meta->from.scope = ip6_addr_is_linklocal(&meta->from.addr) ? meta->iface + 1u : 0;
		meta->to.scope = ip6_addr_is_linklocal(&meta->to.addr) ? meta->iface + 1u : 0;
		meta->tos = (uint8_t)(load16(ip) >> 4);
		meta->ttl = ip[7];
	}
	memcpy(&meta->from.port_be, udp, sizeof(meta->from.port_be));
	memcpy(&meta->to.port_be, udp + 2, sizeof(meta->to.port_be));
}

ssize_t udp_recv(struct udp *u, struct udp_pcb *p, const struct iovec *iov, int n, int flags, struct udp_meta *meta)
{
	struct rte_mbuf *m = p->head;
	uint32_t len, copied;

	(void)u;
	if (p->c.so_error != 0) {
		int err = p->c.so_error;

		p->c.so_error = 0;
		return -err;
	}
	if (m == NULL)
		return p->shut_rd ? 0 : -EAGAIN;
	len = udp_payload_len(m);
	copied = udp_scatter(m, udp_payload_off(m), len, iov, n);
	if (meta != NULL) {
		meta_fill(m, meta, copied < len);
		meta->dropped = p->dropped;
	}
	if (!(flags & MSG_PEEK))
		rte_pktmbuf_free(udp_queue_take(p));
	return flags & MSG_TRUNC ? len : copied;
}
