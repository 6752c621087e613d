/* capture.c: frames are remembered as they arrive, by their digest: worlds are large. */
#include "capture.h"

#include <stdlib.h>
#include <string.h>

static struct capture *capture_of(struct port *p) { return (struct capture *)p; }

/* A NIC counts the identifications of the packets that it cuts, software does not. With DF set they mean nothing (RFC 6864 4.1).
 * The header's checksum depends on them. A frame that the link has damaged may have lost one of the three marks. */
static bool id_byte(const uint8_t *b, uint16_t i)
{
	int marks = (b[12] == 0x08 && b[13] == 0x00) + (b[14] == 0x45) + ((b[20] & 0x40) != 0);

	return marks >= 2 && (i == 18 || i == 19 || i == 24 || i == 25);
}

/* FNV-1a over all segments. */
static uint64_t frame_digest(const struct rte_mbuf *m)
{
	const struct rte_mbuf *head = m;
	uint64_t h = 0xcbf29ce484222325u;

	for (; m != NULL; m = m->next) {
		const uint8_t *b = rte_pktmbuf_mtod(m, const uint8_t *);

		for (uint16_t i = 0; i < m->data_len; i++)
			h = (h ^ (m == head && id_byte(b, i) ? 0 : b[i])) * 0x100000001b3u;
	}
	return h;
}

static void remember(struct capture *c, const struct rte_mbuf *m, uint64_t now_ns)
{
	if (c->n == c->cap) {
		c->cap = c->cap != 0 ? c->cap * 2 : 1024;
		c->frame = realloc(c->frame, c->cap * sizeof(c->frame[0]));
		if (c->frame == NULL)
			abort();
	}
	c->frame[c->n++] = (struct captured){.at_ns = now_ns, .digest = frame_digest(m), .len = m->pkt_len};
}

static uint16_t capture_rx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	struct capture *c = capture_of(p);
	uint16_t got = c->inner->ops->rx(c->inner, queue, m, n, now_ns);

	for (uint16_t i = 0; i < got; i++)
		remember(c, m[i], now_ns);
	return got;
}

static uint16_t capture_tx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	struct capture *c = capture_of(p);

	for (uint16_t i = 0; i < n; i++)
		c->large_sent += (m[i]->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0;
	return c->inner->ops->tx(c->inner, queue, m, n, now_ns);
}

static const struct port_ops capture_ops = {.rx = capture_rx, .tx = capture_tx};

void capture_open(struct capture *c, struct port *inner)
{
	memset(c, 0, sizeof(*c));
	c->port = *inner;
	c->port.ops = &capture_ops;
	c->inner = inner;
}

void capture_free(struct capture *c)
{
	free(c->frame);
	c->frame = NULL;
	c->n = c->cap = 0;
}

uint32_t capture_compare(const struct capture *a, const struct capture *b)
{
	uint32_t n = a->n < b->n ? a->n : b->n;

	for (uint32_t i = 0; i < n; i++) {
		if (a->frame[i].digest != b->frame[i].digest || a->frame[i].len != b->frame[i].len ||
		    a->frame[i].at_ns != b->frame[i].at_ns)
			return i;
	}
	return a->n == b->n ? UINT32_MAX : n;
}
