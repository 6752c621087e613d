/* tx.c: one core's way out. The waiting packets are one stretch of an array, so that every flush is one call with all. */
#include "pkt/tx.h"

#include <string.h>

void pkt_tx_init(struct pkt_tx *tx, struct port *port, uint16_t queue, struct rte_mempool *pool, struct drops *drops,
		 const uint64_t *now_ns)
{
	tx->port = port;
	tx->pool = pool;
	tx->drops = drops;
	tx->now_ns = now_ns;
	tx->queue = queue;
	tx->head = 0;
	tx->n = 0;
	tx->packets = 0;
	tx->bytes = 0;
	tx->linearized = 0;
}

uint16_t pkt_tx_flush(struct pkt_tx *tx)
{
	uint16_t sent;

	if (tx->n == 0)
		return 0;
	sent = tx->port->ops->tx(tx->port, tx->queue, &tx->m[tx->head], tx->n, *tx->now_ns);
	tx->packets += sent;
	tx->n -= sent;
	tx->head = tx->n == 0 ? 0 : tx->head + sent;
	return tx->n;
}

void pkt_tx_fini(struct pkt_tx *tx)
{
	rte_pktmbuf_free_bulk(&tx->m[tx->head], tx->n);
	tx->head = 0;
	tx->n = 0;
}

/* The stretch reached the array's end: brings it back to the start, where the driver has taken some. */
static bool make_room(struct pkt_tx *tx)
{
	if (tx->n == TX_QUEUE_MAX)
		pkt_tx_flush(tx);
	if (tx->n == TX_QUEUE_MAX)
		return false;
	memmove(&tx->m[0], &tx->m[tx->head], tx->n * sizeof(tx->m[0]));
	tx->head = 0;
	return true;
}

/* A chain. False: it is gone. */
static __rte_noinline bool chain_fit(struct pkt_tx *tx, struct rte_mbuf *m)
{
	if (tx->port->offloads & PORT_TX_MULTI_SEG)
		return true;
	if (rte_pktmbuf_linearize(m) != 0) {
		drop_count(tx->drops, DROP_TX_TOO_BIG);
		rte_pktmbuf_free(m);
		return false;
	}
	tx->linearized++;
	return true;
}

void pkt_tx_push_any(struct pkt_tx *tx, struct rte_mbuf *m)
{
	if (unlikely(m->nb_segs > 1) && !chain_fit(tx, m))
		return;
	if (tx->head + tx->n == TX_QUEUE_MAX && !make_room(tx)) {
		drop_count(tx->drops, DROP_TX_FULL);
		rte_pktmbuf_free(m);
		return;
	}
	tx->bytes += rte_pktmbuf_pkt_len(m);
	tx->m[tx->head + tx->n++] = m;
}

struct rte_mbuf *pkt_tx_alloc(struct pkt_tx *tx)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(tx->pool);

	if (unlikely(m == NULL))
		drop_count(tx->drops, DROP_NO_MBUF);
	return m;
}
