/* io.c: sending and receiving datagrams. */
#include <errno.h>
#include <string.h>

#include "udp/private.h"
#include "udp/queue.h"

#define UDP_PAYLOAD_MAX 65507u /* 65535 - IPv4 header - UDP header */

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

/* The path to send over, in *path; the reference to give back is *temporary (0: it is the socket's). A connected socket
 * keeps its peer's path, an unconnected one the path of the last datagram. */
static int send_path(struct udp *u, struct udp_pcb *p, rte_be32_t raddr_be, uint32_t *path, uint32_t *temporary)
{
	uint32_t mine = p->c.h.path;
	int err = 0;

	*temporary = 0;
	*path = mine;
	if (mine != 0 && path_at(&u->net->paths, mine)->raddr_be == raddr_be)
		return 0;
	*path = udp_path_get(u, p, raddr_be, &err);
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
	return m->pkt_len + sizeof(struct rte_ipv4_hdr) > way->pmtu ||
	       (m->nb_segs > 1 && !(u->net->tx[way->port].port->offloads & PORT_TX_MULTI_SEG));
}

static int send_over(struct udp *u, struct udp_pcb *p, uint32_t path, const struct iovec *iov, int n, uint32_t len,
		     rte_be32_t raddr_be, rte_be16_t rport_be)
{
	struct path *way = path_at(&u->net->paths, path);
	struct rte_mbuf *m;
	int rc = udp_autobind(u, p, way->laddr_be, raddr_be, rport_be);

	if (rc < 0)
		return rc;
	m = datagram_new(u, iov, n, len, p->c.h.key.lport_be, rport_be, &rc);
	if (m == NULL)
		return rc;
	/* A neighbour that does not answer loses the datagram and is no error of send(), as on Linux. */
	if (unlikely(needs_fragments(u, way, m)))
		net_ip4_fragment(u->net, way, m, IPPROTO_UDP, p->tos, p->ttl);
	else
		net_ip4_output(u->net, way, m, IPPROTO_UDP, p->tos, p->ttl);
	u->tx++;
	return 0;
}

ssize_t udp_send(struct udp *u, struct udp_pcb *p, const struct iovec *iov, int n, const struct sockaddr_in *to)
{
	rte_be32_t raddr_be = p->c.h.key.raddr_be;
	rte_be16_t rport_be = p->c.h.key.rport_be;
	uint32_t path, temporary;
	size_t len = 0;
	int rc;

	for (int i = 0; i < n; i++) {
		if (iov[i].iov_len > UDP_PAYLOAD_MAX - len)
			return -EMSGSIZE;
		len += iov[i].iov_len;
	}
	if (to != NULL) {
		raddr_be = to->sin_addr.s_addr;
		rport_be = to->sin_port;
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
	if (raddr_be == 0 && u->net->n_addrs > 0)
		raddr_be = u->net->source_be[0]; /* as Linux sends 0.0.0.0 to itself */
	rc = send_path(u, p, raddr_be, &path, &temporary);
	if (rc < 0)
		return rc;
	rc = send_over(u, p, path, iov, n, (uint32_t)len, raddr_be, rport_be);
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

static void source_of(const struct rte_mbuf *m, struct sockaddr_in *from)
{
	const struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, const struct rte_ipv4_hdr *, m->l2_len);
	const uint8_t *udp = rte_pktmbuf_mtod_offset(m, const uint8_t *, m->l2_len + m->l3_len);

	*from = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = ip->src_addr};
	memcpy(&from->sin_port, udp, sizeof(from->sin_port));
}

ssize_t udp_recv(struct udp *u, struct udp_pcb *p, const struct iovec *iov, int n, int flags, struct sockaddr_in *from,
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
