/* io.c: sending and receiving datagrams. */
#include <errno.h>
#include <string.h>

#include "udp/private.h"
#include "udp/queue.h"

#define UDP_PAYLOAD_MAX 65507u /* 65535 - IPv4 header - UDP header */

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
	rte_be32_t raddr_be;
	rte_be16_t rport_be;
	rte_be32_t laddr_be;    /* 0: the socket's or the route's */
	uint8_t iface;          /* for groups */
	uint8_t ttl, tos;
	bool special;           /* its source is not the socket's */
};

/* The path to send over, in *path; the reference to give back is *temporary (0: it is the socket's). A connected socket
 * keeps its peer's path, an unconnected one the path of the last datagram. */
static int send_path(struct udp *u, struct udp_pcb *p, const struct sending *s, uint32_t *path, uint32_t *temporary)
{
	uint32_t mine = p->c.h.path;
	int err = 0;

	*temporary = 0;
	*path = mine;
	if (mine != 0 && path_at(&u->net->paths, mine)->raddr_be == s->raddr_be && !s->special)
		return 0;
	*path = udp_path_get(u, p, s->laddr_be, s->iface, s->raddr_be, &err);
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
	return m->pkt_len + sizeof(struct rte_ipv4_hdr) > mtu_of(u, p, way) ||
	       (m->nb_segs > 1 && !(u->net->tx[way->port].port->offloads & PORT_TX_MULTI_SEG));
}

/* Refused before it is made: the program is told what would fit. */
static int too_big(struct udp *u, struct udp_pcb *p, const struct path *way, const struct sending *s)
{
	const struct udp_error e = {
		.origin = SO_EE_ORIGIN_LOCAL, .err = EMSGSIZE, .iface = way->iface, .info = mtu_of(u, p, way),
		.to = {.sin_family = AF_INET, .sin_addr.s_addr = s->raddr_be, .sin_port = s->rport_be},
	};

	if (p->opts & UDP_OPT_RECVERR)
		udp_error_add(u, p, &e, NULL, 0, 0);
	return -EMSGSIZE;
}

/* A neighbour that does not answer loses the datagram and is no error of send(), as on Linux. */
static void send_mbuf(struct udp *u, const struct udp_pcb *p, struct path *way, struct rte_mbuf *m, const struct sending *s)
{
	unsigned how = out_how(p);

	if (unlikely(needs_fragments(u, p, way, m)))
		net_ip4_fragment(u->net, way, m, IPPROTO_UDP, s->tos, s->ttl);
	else if (unlikely(how != 0))
		net_ip4_output_as(u->net, way, m, IPPROTO_UDP, s->tos, s->ttl, how);
	else
		net_ip4_output(u->net, way, m, IPPROTO_UDP, s->tos, s->ttl);
}

/* To many: those of this host that listen have a copy. With a TTL of 0 nobody else (RFC 1112 6.1). */
static __rte_noinline void send_to_group(struct udp *u, const struct udp_pcb *p, struct path *way, struct rte_mbuf *m,
					 const struct sending *s)
{
	if (p->opts & UDP_OPT_MC_LOOP || net_is_broadcast(u->net, s->raddr_be))
		net_group_loop(u->net, way, m, IPPROTO_UDP, s->tos, s->ttl);
	if (s->ttl == 0)
		rte_pktmbuf_free(m);
	else
		send_mbuf(u, p, way, m, s);
}

static int send_over(struct udp *u, struct udp_pcb *p, uint32_t path, const struct sending *s)
{
	struct path *way = path_at(&u->net->paths, path);
	struct rte_mbuf *m;
	int rc = udp_autobind(u, p, way->laddr_be, s->raddr_be, s->rport_be);

	if (rc < 0)
		return rc;
	if (unlikely(!may_fragment(p)) && s->len + UDP_HDR_LEN + sizeof(struct rte_ipv4_hdr) > mtu_of(u, p, way))
		return too_big(u, p, way, s);
	m = datagram_new(u, s->iov, s->n, s->len, p->c.h.key.lport_be, s->rport_be, &rc);
	if (m == NULL)
		return rc;
	if (unlikely(net_path_is_group(way)))
		send_to_group(u, p, way, m, s);
	else
		send_mbuf(u, p, way, m, s);
	u->tx++;
	return 0;
}

/* What the call says overrides what the socket says. */
static int sending_fill(const struct udp *u, const struct udp_pcb *p, const struct udp_ctl *ctl, struct sending *s)
{
	bool multicast = (rte_be_to_cpu_32(s->raddr_be) >> 28) == 0xe;

	s->tos = p->tos;
	s->ttl = multicast ? p->mc_ttl : p->ttl;
	s->iface = multicast ? p->mc_iface : NET_IFACE_ANY;
	if (multicast)
		s->laddr_be = p->mc_laddr_be;
	if (ctl == NULL)
		return 0;
	if (ctl->src_be != 0 && !net_is_local(u->net, ctl->src_be))
		return -EINVAL;
	if (ctl->src_be != 0)
		s->laddr_be = ctl->src_be;
	if (ctl->iface != NET_IFACE_ANY)
		s->iface = ctl->iface;
	s->special = ctl->src_be != 0 || ctl->iface != NET_IFACE_ANY;
	if (ctl->ttl >= 0)
		s->ttl = (uint8_t)ctl->ttl;
	if (ctl->tos >= 0)
		s->tos = (uint8_t)ctl->tos;
	return 0;
}

static int destination(const struct udp *u, const struct udp_pcb *p, const struct sockaddr_in *to, struct sending *s)
{
	s->raddr_be = p->c.h.key.raddr_be;
	s->rport_be = p->c.h.key.rport_be;
	if (to != NULL) {
		s->raddr_be = to->sin_addr.s_addr;
		s->rport_be = to->sin_port;
		if (s->rport_be == 0)
			return -EINVAL;
	} else if (!(p->c.flags & CONN_IN_TABLE)) {
		return -EDESTADDRREQ;
	}
	if (s->raddr_be == 0 && u->net->n_addrs > 0)
		s->raddr_be = u->net->source_be[0]; /* as Linux sends 0.0.0.0 to itself */
	return 0;
}

ssize_t udp_send(struct udp *u, struct udp_pcb *p, const struct iovec *iov, int n, const struct sockaddr_in *to,
		 const struct udp_ctl *ctl)
{
	struct sending s = {.iov = iov, .n = n};
	uint32_t path, temporary;
	size_t len = 0;
	int rc;

	for (int i = 0; i < n; i++) {
		if (iov[i].iov_len > UDP_PAYLOAD_MAX - len)
			return -EMSGSIZE;
		len += iov[i].iov_len;
	}
	s.len = (uint32_t)len;
	rc = destination(u, p, to, &s);
	if (rc < 0)
		return rc;
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
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, m->l2_len);
	const uint8_t *udp = rte_pktmbuf_mtod_offset(m, const uint8_t *, m->l2_len + m->l3_len);

	*meta = (struct udp_meta){
		.from = {.sin_family = AF_INET, .sin_addr.s_addr = ip->src_addr},
		.to = {.sin_family = AF_INET, .sin_addr.s_addr = ip->dst_addr},
		.arrival_ns = udp_arrival(m),
		.ttl = ip->time_to_live,
		.tos = ip->type_of_service,
		.iface = (uint8_t)m->port,
		.msg_flags = truncated ? MSG_TRUNC : 0,
	};
	memcpy(&meta->from.sin_port, udp, sizeof(meta->from.sin_port));
	memcpy(&meta->to.sin_port, udp + 2, sizeof(meta->to.sin_port));
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
	if (meta != NULL)
		meta_fill(m, meta, copied < len);
	if (!(flags & MSG_PEEK))
		rte_pktmbuf_free(udp_queue_take(p));
	return flags & MSG_TRUNC ? len : copied;
}
