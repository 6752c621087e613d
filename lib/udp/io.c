/* io.c: sending and receiving datagrams. */
#include <errno.h>
#include <string.h>

#include "udp/private.h"
#include "udp/queue.h"

#define UDP_PAYLOAD_MAX 65507u  /* 65535 - IPv4 header - UDP header */
#define UDP_PAYLOAD6_MAX 65527u /* 65535 - UDP header: IPv6 does not count its own */

/* Appends len bytes to the packet m, with more segments where the last one is full. 0, -ENOBUFS. */
static int append(struct udp *u, struct rte_mbuf *m, const uint8_t *from, size_t len)
{
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
		*err = append(u, m, iov[i].iov_base, iov[i].iov_len);
		if (*err < 0) {
			rte_pktmbuf_free(m);
			return NULL;
		}
	}
	return m;
}

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
static int send_path(struct udp *u, struct udp_pcb *p, const struct net_end *to, uint32_t *path, uint32_t *temporary)
{
	uint32_t mine = p->c.h.path;
	int err = 0;

	*temporary = 0;
	*path = mine;
	if (mine != 0 && leads_to(u->net, path_at(&u->net->paths, mine), to))
		return 0;
	*path = udp_path_get(u, p, to, &err);
	if (*path == 0)
		return err;
	if (p->c.flags & CONN_IN_TABLE) {
		*temporary = *path;
	} else {
		if (mine != 0)
			net_path_put(u->net, mine);
		p->c.h.path = *path;
	}
	return 0;
}

/* Larger than the path's MTU, or than what the device sends at once. */
static inline bool needs_fragments(const struct udp *u, const struct path *way, const struct rte_mbuf *m)
{
	return m->pkt_len + way->l3_len > way->pmtu ||
	       (m->nb_segs > 1 && !(u->net->tx[way->port].port->offloads & PORT_TX_MULTI_SEG));
}

/* The flow's own, connected or not (RFC 6437 3). */
static uint32_t send_label(const struct udp *u, const struct udp_pcb *p, const struct path *way, rte_be16_t rport_be)
{
	const struct flow_key key = {.laddr_be = way->laddr_be, .raddr_be = way->raddr_be, .lport_be = p->c.h.key.lport_be,
				     .rport_be = rport_be};

	return flow_hash6(u->flow, &key);
}

static void send_ip(struct udp *u, struct path *way, struct rte_mbuf *m, uint8_t tos, uint8_t ttl, uint32_t label)
{
	if (unlikely(needs_fragments(u, way, m)))
		net_fragment(u->net, way, m, IPPROTO_UDP, tos, ttl, label);
	else
		net_output(u->net, way, m, IPPROTO_UDP, tos, ttl, label);
}

static int send_over(struct udp *u, struct udp_pcb *p, uint32_t path, const struct iovec *iov, int n, uint32_t len,
		     rte_be16_t rport_be)
{
	struct path *way = path_at(&u->net->paths, path);
	struct rte_mbuf *m;
	int rc = udp_autobind(u, p, way->laddr_be, way->raddr_be, rport_be);

	if (rc == 0 && len > (way->l3_len == IP4_HDR_LEN ? UDP_PAYLOAD_MAX : UDP_PAYLOAD6_MAX))
		rc = -EMSGSIZE;
	if (rc < 0)
		return rc;
	m = datagram_new(u, iov, n, len, p->c.h.key.lport_be, rport_be, &rc);
	if (m == NULL)
		return rc;
	/* A neighbour that does not answer loses the datagram and is no error of send(), as on Linux. */
	if (likely(way->l3_len == IP4_HDR_LEN))
		send_ip(u, way, m, p->tos, p->ttl, 0);
	else
		send_ip(u, way, m, p->tclass6, p->hops6, send_label(u, p, way, rport_be));
	u->tx++;
	return 0;
}

ssize_t udp_send(struct udp *u, struct udp_pcb *p, const struct iovec *iov, int n, const struct net_end *to)
{
	rte_be16_t rport_be = p->c.h.key.rport_be;
	uint32_t path, temporary;
	size_t len = 0;
	int rc;

	for (int i = 0; i < n; i++) {
		if (iov[i].iov_len > UDP_PAYLOAD6_MAX - len)
			return -EMSGSIZE;
		len += iov[i].iov_len;
	}
	if (to != NULL) {
		rport_be = to->port_be;
		if (rport_be == 0)
			return -EINVAL;
	} else if (!(p->c.flags & CONN_IN_TABLE)) {
		return -EDESTADDRREQ;
	}
	if (p->c.so_error != 0) {
		rc = -p->c.so_error;
		p->c.so_error = 0;
		return rc;
	}
	if (p->shut_wr)
		return -EPIPE;
	path = p->c.h.path;
	temporary = 0;
	rc = to != NULL ? send_path(u, p, to, &path, &temporary) : 0;
	if (rc < 0)
		return rc;
	rc = send_over(u, p, path, iov, n, (uint32_t)len, rport_be);
	if (temporary != 0)
		net_path_put(u->net, temporary);
	return rc < 0 ? rc : (ssize_t)len;
}

/* Copies up to len bytes of m from off on into iov; returns how many. */
static uint32_t scatter(const struct rte_mbuf *m, uint32_t off, uint32_t len, const struct iovec *iov, int n)
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

static void source_of(const struct rte_mbuf *m, struct net_end *from)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, m->l2_len);
	const uint8_t *udp = rte_pktmbuf_mtod_offset(m, const uint8_t *, m->l2_len + m->l3_len);

	*from = net_end4(ip->src_addr, 0);
	if (ip->version == 6) {
		memcpy(&from->addr, (const uint8_t *)ip + IP6_SRC_OFF, sizeof(from->addr));
		from->scope = ip6_addr_is_linklocal(&from->addr) ? m->tso_segsz + 1u : 0;
	}
	memcpy(&from->port_be, udp, sizeof(from->port_be));
}

ssize_t udp_recv(struct udp *u, struct udp_pcb *p, const struct iovec *iov, int n, int flags, struct net_end *from,
		 int *msg_flags)
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
	copied = scatter(m, udp_payload_off(m), len, iov, n);
	if (from != NULL)
		source_of(m, from);
	if (msg_flags != NULL)
		*msg_flags = copied < len ? MSG_TRUNC : 0;
	if (!(flags & MSG_PEEK))
		rte_pktmbuf_free(udp_queue_take(p));
	return flags & MSG_TRUNC ? len : copied;
}
