/* queue.h: queues of packets of any length, linked through the start of the mbufs' headroom (their next field is for
 * segments). */
#ifndef PKT_QUEUE_H
#define PKT_QUEUE_H

#include <rte_mbuf.h>

#include "base/assert.h"

static inline struct rte_mbuf **mbuf_link(struct rte_mbuf *m)
{
	SPATE_ASSERT(rte_pktmbuf_headroom(m) >= sizeof(struct rte_mbuf *));
	return (struct rte_mbuf **)m->buf_addr;
}

static inline void mbuf_queue_put(struct rte_mbuf **head, struct rte_mbuf **last, struct rte_mbuf *m)
{
	*mbuf_link(m) = NULL;
	if (*head == NULL)
		*head = m;
	else
		*mbuf_link(*last) = m;
	*last = m;
}

static inline struct rte_mbuf *mbuf_queue_take(struct rte_mbuf **head)
{
	struct rte_mbuf *m = *head;

	if (m != NULL)
		*head = *mbuf_link(m);
	return m;
}

#endif
