/* cork.c: bytes that become datagrams otherwise than one call, one datagram: UDP_CORK and MSG_MORE collect, UDP_SEGMENT cuts. */
#include <errno.h>
#include <string.h>

#include "udp/private.h"

#define CORK_MAX 65527u    /* a datagram's payload, of either family; sending checks which */
#define SEGMENTS_MAX 128   /* Linux UDP_MAX_SEGMENTS */
#define IOV_PIECES 64      /* of a corked datagram: packet buffers of 2 KB, and more */

struct cork_head {
	struct net_end to;
	bool has_to;
};

static void cork_drop(struct udp_pcb *p)
{
	rte_pktmbuf_free(p->cork);
	p->cork = NULL;
}

void udp_cork_drop(struct udp_pcb *p)
{
	if (p->cork != NULL)
		cork_drop(p);
}

static int cork_begin(struct udp *u, struct udp_pcb *p, const struct net_end *to)
{
	struct cork_head head = {.has_to = to != NULL};

	if (to == NULL && !(p->c.flags & CONN_IN_TABLE))
		return -EDESTADDRREQ;
	if (to != NULL)
		head.to = *to;
	p->cork = pkt_tx_alloc(u->net->tx);
	if (p->cork == NULL)
		return -ENOBUFS;
	memcpy(rte_pktmbuf_append(p->cork, sizeof(head)), &head, sizeof(head));
	return 0;
}

/* As on Linux a failure loses all that was held back. */
static int cork_add(struct udp *u, struct udp_pcb *p, const struct iovec *iov, int n, const struct net_end *to)
{
	int rc = p->cork != NULL ? 0 : cork_begin(u, p, to);

	if (rc < 0)
		return rc;
	for (int i = 0; i < n && rc == 0; i++) {
		if (iov[i].iov_len > CORK_MAX + sizeof(struct cork_head) - p->cork->pkt_len)
			rc = -EMSGSIZE;
		else
			rc = udp_append(u, p->cork, iov[i].iov_base, iov[i].iov_len);
	}
	if (rc < 0)
		cork_drop(p);
	return rc;
}

static ssize_t cork_send(struct udp *u, struct udp_pcb *p, const struct udp_ctl *ctl)
{
	struct iovec iov[IOV_PIECES];
	struct cork_head head;
	struct rte_mbuf *all = p->cork;
	ssize_t rc;
	int n = 0;

	memcpy(&head, rte_pktmbuf_mtod(all, const void *), sizeof(head));
	rte_pktmbuf_adj(all, sizeof(head));
	for (struct rte_mbuf *m = all; m != NULL && n < IOV_PIECES; m = m->next)
		iov[n++] = (struct iovec){.iov_base = rte_pktmbuf_mtod(m, void *), .iov_len = m->data_len};
	p->cork = NULL;
	rc = udp_send(u, p, iov, n, head.has_to ? &head.to : NULL, ctl);
	rte_pktmbuf_free(all);
	return rc;
}

int udp_cork_set(struct udp *u, struct udp_pcb *p, bool on)
{
	ssize_t rc = 0;

	p->corked = on;
	if (!on && p->cork != NULL)
		rc = cork_send(u, p, NULL);
	return rc < 0 ? (int)rc : 0;
}

/* The next len bytes of *iov, in out (room for IOV_PIECES); *skip: bytes of its first piece that are gone. How many pieces. */
static int cut(const struct iovec **iov, int *n, size_t *skip, size_t len, struct iovec *out)
{
	int count = 0;

	while (len > 0 && *n > 0 && count < IOV_PIECES) {
		size_t part = RTE_MIN((*iov)->iov_len - *skip, len);

		out[count++] = (struct iovec){.iov_base = (uint8_t *)(*iov)->iov_base + *skip, .iov_len = part};
		len -= part;
		*skip += part;
		if (*skip == (*iov)->iov_len) {
			(*iov)++;
			(*n)--;
			*skip = 0;
		}
	}
	return len == 0 ? count : -EMSGSIZE;
}

static ssize_t send_cut(struct udp *u, struct udp_pcb *p, const struct iovec *iov, int n, size_t len, const struct net_end *to,
			const struct udp_ctl *ctl, uint16_t segment)
{
	struct iovec piece[IOV_PIECES];
	size_t done = 0, skip = 0;

	if (len > (size_t)segment * SEGMENTS_MAX)
		return -EINVAL;
	while (done < len) {
		size_t part = RTE_MIN(len - done, (size_t)segment);
		ssize_t rc = cut(&iov, &n, &skip, part, piece);

		if (rc > 0)
			rc = udp_send(u, p, piece, (int)rc, to, ctl);
		if (rc < 0)
			return rc;
		done += part;
	}
	return (ssize_t)done;
}

ssize_t udp_send_call(struct udp *u, struct udp_pcb *p, const struct iovec *iov, int n, const struct net_end *to,
		      const struct udp_ctl *ctl, int flags)
{
	uint16_t segment = ctl != NULL && ctl->segment != 0 ? ctl->segment : p->segment;
	size_t len = 0;
	ssize_t rc;

	if (likely(segment == 0 && !p->corked && p->cork == NULL && !(flags & MSG_MORE)))
		return udp_send(u, p, iov, n, to, ctl);
	for (int i = 0; i < n; i++)
		len += iov[i].iov_len;
	if (p->corked || p->cork != NULL || flags & MSG_MORE) {
		rc = p->shut_wr ? -EPIPE : cork_add(u, p, iov, n, to);
		if (rc == 0 && !p->corked && !(flags & MSG_MORE))
			rc = cork_send(u, p, ctl);
		return rc < 0 ? rc : (ssize_t)len;
	}
	return len > segment ? send_cut(u, p, iov, n, len, to, ctl, segment) : udp_send(u, p, iov, n, to, ctl);
}
