/* error.c: IP_RECVERR: errors about datagrams, kept with all that is known of them until recvmsg(MSG_ERRQUEUE) asks. */
#include <errno.h>
#include <string.h>

#include "pkt/queue.h"
#include "udp/private.h"

/* An entry is an mbuf that starts with the struct udp_error; behind it is what there is of the datagram's payload, as far as it
 * fits. */
void udp_error_add(struct udp *u, struct udp_pcb *p, const struct udp_error *e, const struct rte_mbuf *m, uint32_t off,
		   uint32_t len)
{
	struct rte_mbuf *entry;
	const void *from;
	uint8_t *to;

	if (p->n_err == UDP_ERRORS_MAX)
		return;
	entry = pkt_tx_alloc(u->net->tx);
	if (entry == NULL)
		return;
	memcpy(rte_pktmbuf_append(entry, sizeof(*e)), e, sizeof(*e));
	len = RTE_MIN(len, (uint32_t)rte_pktmbuf_tailroom(entry));
	if (len > 0) {
		to = (uint8_t *)rte_pktmbuf_append(entry, (uint16_t)len);
		from = rte_pktmbuf_read(m, off, len, to);
		if (from != to)
			memcpy(to, from, len);
	}
	mbuf_queue_put(&p->err, &p->err_last, entry);
	p->n_err++;
	ready_mark(u->flow, &p->c, EPOLLERR);
}

ssize_t udp_recv_error(struct udp *u, struct udp_pcb *p, const struct iovec *iov, int n, struct udp_error *e, int *msg_flags)
{
	struct rte_mbuf *m = mbuf_queue_take(&p->err);
	struct udp_error next;
	uint32_t len, copied;

	(void)u;
	if (m == NULL)
		return -EAGAIN;
	p->n_err--;
	memcpy(e, rte_pktmbuf_mtod(m, const void *), sizeof(*e));
	len = m->data_len - (uint32_t)sizeof(*e);
	copied = udp_scatter(m, sizeof(*e), len, iov, n);
	*msg_flags = MSG_ERRQUEUE | (copied < len ? MSG_TRUNC : 0);
	rte_pktmbuf_free(m);
	/* SO_ERROR is the next one's, as on Linux: of what we refused ourselves send() has told. */
	p->c.so_error = 0;
	if (p->err != NULL) {
		memcpy(&next, rte_pktmbuf_mtod(p->err, const void *), sizeof(next));
		p->c.so_error = next.origin == SO_EE_ORIGIN_LOCAL ? 0 : (uint8_t)next.err;
	}
	return copied;
}

void udp_errors_drop(struct udp_pcb *p)
{
	struct rte_mbuf *m;

	while ((m = mbuf_queue_take(&p->err)) != NULL)
		rte_pktmbuf_free(m);
	p->n_err = 0;
}
