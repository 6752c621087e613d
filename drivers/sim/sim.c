/* sim.c: two ports joined by two directions: opening, closing, and the choice between perfect and impaired wire. */
#include "drivers/sim/sim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_malloc.h>

#include "base/assert.h"
#include "base/log.h"
#include "drivers/sim/sim_int.h"

#define MTU_DEFAULT 1500
#define RETA_DEFAULT 128
#define KEY_LEN 40
#define TSO_MAX (65535 - 20 - 60) /* payload of one large frame: an IPv4 packet with the longest TCP header */
#define LINK_HDR_MAX (RTE_ETHER_HDR_LEN + 4) /* with a VLAN tag */

static struct sim_port *sim_of(const struct port *p) { return (struct sim_port *)(uintptr_t)p; }

/* Nobody is at the other end: a cable without light. */
static uint16_t tx_dark(struct sim_dir *d, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	rte_pktmbuf_free_bulk(m, n);
	d->txq[queue].errors += n;
	return n;
}

static uint16_t sim_tx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	struct sim_dir *d = sim_of(p)->out;

	if (unlikely(!__atomic_load_n(&d->up, __ATOMIC_ACQUIRE)))
		return tx_dark(d, queue, m, n);
	if (unlikely(d->stage_flags != 0))
		return stage_tx(d, queue, m, n, now_ns);
	if (unlikely(d->impaired))
		return wire_tx(d, queue, m, n, now_ns);
	return line_tx(d, queue, m, n, now_ns);
}

static uint16_t sim_rx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	struct sim_dir *d = sim_of(p)->in;
	uint16_t got = line_rx(d, queue, m, n);

	if (got < n)
		got += wire_rx(d, queue, m + got, n - got, now_ns);
	if (unlikely(d->rx_offloads & PORT_RX_VLAN))
		stage_rx(m, got);
	return got;
}

static int sim_start(struct port *p, struct rte_mempool **pools)
{
	struct sim_port *sp = sim_of(p);

	for (unsigned i = 0; i < p->n_queues; i++) {
		if (rte_pktmbuf_data_room_size(pools[i]) < RTE_PKTMBUF_HEADROOM + SIM_INLINE_MAX)
			return -EINVAL;
	}
	memcpy(sp->pools, pools, p->n_queues * sizeof(pools[0]));
	__atomic_store_n(&sp->in->up, true, __ATOMIC_RELEASE);
	return 0;
}

static void sim_stats(struct port *p, struct port_stats *st)
{
	const struct sim_dir *out = sim_of(p)->out, *in = sim_of(p)->in;

	memset(st, 0, sizeof(*st));
	for (unsigned i = 0; i < out->n_tx; i++) {
		st->tx_packets += out->txq[i].packets + out->txq[i].wire_packets;
		st->tx_bytes += out->txq[i].bytes + out->txq[i].wire_bytes;
		st->tx_errors += out->txq[i].errors;
	}
	for (unsigned j = 0; j < in->n_rx; j++) {
		st->rx_packets += in->rxq[j].packets + in->rxq[j].wire_packets;
		st->rx_bytes += in->rxq[j].bytes + in->rxq[j].wire_bytes;
	}
	for (unsigned i = 0; i < in->n_tx; i++)
		st->rx_missed += in->txq[i].missed;
	st->rx_missed += in->wire.counts.overflowed;
}

static bool sim_link_up(struct port *p) { return __atomic_load_n(&sim_of(p)->out->up, __ATOMIC_ACQUIRE); }

static void sim_free(struct sim *s)
{
	for (unsigned i = 0; i < 2; i++) {
		line_fini(&s->dir[i]);
		wire_fini(&s->dir[i].wire);
	}
	rte_free(s);
}

static void sim_close(struct port *p)
{
	struct sim_port *sp = sim_of(p);
	struct sim *s = sp->sim;

	/* What was under way to this port comes from pools that may go next. */
	__atomic_store_n(&sp->in->up, false, __ATOMIC_RELEASE);
	line_drain(sp->in);
	rte_spinlock_lock(&sp->in->wire.lock);
	wire_drain(&sp->in->wire);
	rte_spinlock_unlock(&sp->in->wire.lock);
	if (--s->open == 0)
		sim_free(s);
}

static const struct port_ops sim_ops = {
	.rx = sim_rx,
	.tx = sim_tx,
	.start = sim_start,
	.stats = sim_stats,
	.link_up = sim_link_up,
	.close = sim_close,
};

static uint32_t offloads_of(const struct sim_config *cfg)
{
	uint32_t offloads = cfg->offloads & ~PORT_RX_LRO;

	if (cfg->rss == SIM_RSS_NONE)
		offloads &= ~PORT_RX_HASH;
	if (cfg->ring_packets != 0 && cfg->ring_packets < SIM_TSO_RING_MIN)
		offloads &= ~PORT_TX_TSO;
	if (offloads & PORT_TX_TSO)
		offloads |= PORT_TX_IP4_CKSUM | PORT_TX_TCP_CKSUM | PORT_TX_MULTI_SEG;
	return offloads;
}

static void key_random(uint8_t key[KEY_LEN], struct prng *prng)
{
	for (unsigned i = 0; i < KEY_LEN; i++)
		key[i] = (uint8_t)prng_u32(prng);
}

/* A NIC that does not do what it says. */
static int nic_rss_init(struct sim_port *sp, enum sim_rss how, struct prng *prng)
{
	struct rss *nic = &sp->nic_rss;
	uint8_t key[KEY_LEN];

	*nic = sp->port.rss;
	for (unsigned i = 0; how == SIM_RSS_QUEUE && i < nic->reta_size; i++)
		nic->reta[i] = (uint16_t)((nic->reta[i] + 1) % nic->n_queues);
	if (how != SIM_RSS_OTHER)
		return 0;
	key_random(key, prng);
	return rss_init(nic, key, sizeof(key), NULL, nic->reta_size, nic->n_queues);
}

static int port_init(struct sim *s, unsigned end, const struct sim_config *cfg, struct prng *prng)
{
	struct sim_port *sp = &s->end[end];
	struct port *p = &sp->port;
	uint8_t key[KEY_LEN];
	int rc;

	sp->sim = s;
	sp->out = &s->dir[end];
	sp->in = &s->dir[!end];
	p->ops = &sim_ops;
	snprintf(p->name, sizeof(p->name), "sim%u", end);
	p->mac = (struct rte_ether_addr){{0x02, 's', 'i', 'm', 0, (uint8_t)(end + 1)}};
	p->mtu = cfg->mtu != 0 ? cfg->mtu : MTU_DEFAULT;
	p->n_queues = cfg->n_queues[end];
	p->offloads = offloads_of(cfg);
	p->tso_max_bytes = TSO_MAX;
	p->numa_node = -1;
	p->rss_trusted = p->rss_trusted6 = cfg->rss != SIM_RSS_NONE;
	key_random(key, prng);
	rc = rss_init(&p->rss, key, sizeof(key), NULL, cfg->reta_size != 0 ? cfg->reta_size : RETA_DEFAULT, cfg->n_queues[end]);
	return rc != 0 ? rc : nic_rss_init(sp, cfg->rss, prng);
}

static uint64_t stage_flags_of(uint32_t offloads)
{
	return (offloads & PORT_TX_TSO ? RTE_MBUF_F_TX_TCP_SEG : 0) | (offloads & PORT_TX_VLAN ? RTE_MBUF_F_TX_VLAN : 0);
}

static uint64_t tx_flags_of(uint32_t offloads)
{
	return (offloads & PORT_TX_IP4_CKSUM ? RTE_MBUF_F_TX_IP_CKSUM : 0) |
	       (offloads & PORT_TX_TCP_CKSUM ? RTE_MBUF_F_TX_TCP_CKSUM : 0) |
	       (offloads & PORT_TX_UDP_CKSUM ? RTE_MBUF_F_TX_UDP_CKSUM : 0);
}

static int dir_init(struct sim *s, unsigned i, const struct sim_config *cfg, uint64_t seed)
{
	struct sim_dir *d = &s->dir[i];
	uint32_t offloads = s->end[i].port.offloads;
	bool lies = cfg->rss == SIM_RSS_OTHER || cfg->rss == SIM_RSS_QUEUE;
	int rc;

	d->rss = lies ? &s->end[!i].nic_rss : &s->end[!i].port.rss;
	d->pools = s->end[!i].pools;
	d->tx_flags = tx_flags_of(offloads);
	d->stage_flags = stage_flags_of(offloads);
	d->segs_max = offloads & PORT_TX_MULTI_SEG ? UINT16_MAX : 1;
	d->rx_offloads = offloads & (PORT_RX_CKSUM | PORT_RX_HASH | PORT_RX_VLAN);
	d->hashes = cfg->rss != SIM_RSS_NONE && (cfg->n_queues[!i] > 1 || offloads & PORT_RX_HASH);
	d->frame_max = s->end[i].port.mtu + LINK_HDR_MAX;
	d->n_tx = cfg->n_queues[i];
	d->n_rx = cfg->n_queues[!i];
	wire_init(&d->wire, seed, d->n_rx);
	rc = line_init(d, cfg->ring_packets != 0 ? cfg->ring_packets : SIM_RING_DEFAULT);
	return rc != 0 ? rc : wire_set_link(d, &cfg->link[i]);
}

int sim_open(const struct sim_config *cfg, struct port *ports[2])
{
	struct prng prng;
	struct sim *s;
	int rc = 0;

	if (cfg->ring_packets > 1u << 20 || (cfg->ring_packets != 0 && cfg->ring_packets < 8))
		return -EINVAL;
	s = rte_zmalloc("sim", sizeof(*s), RTE_CACHE_LINE_SIZE);
	if (s == NULL)
		return -ENOMEM;
	prng_seed(&prng, cfg->seed);
	for (unsigned i = 0; i < 2 && rc == 0; i++)
		rc = port_init(s, i, cfg, &prng);
	for (unsigned i = 0; i < 2 && rc == 0; i++)
		rc = dir_init(s, i, cfg, prng_u64(&prng));
	if (rc != 0) {
		sim_free(s);
		return rc;
	}
	s->open = 2;
	ports[0] = &s->end[0].port;
	ports[1] = &s->end[1].port;
	return 0;
}

void sim_set_link(struct port *port, int dir, const struct sim_link *link)
{
	if (wire_set_link(&sim_of(port)->sim->dir[dir], link) != 0)
		LOG_ERR("no memory for %u packets under way: the simulated link is perfect now", link->queue_packets);
}

void sim_set_reta(struct port *port, const uint16_t *reta)
{
	struct sim_port *sp = sim_of(port);

	for (unsigned i = 0; i < sp->nic_rss.reta_size; i++)
		__atomic_store_n(&sp->nic_rss.reta[i], reta[i], __ATOMIC_RELAXED);
	__atomic_store_n(&sp->in->rss, &sp->nic_rss, __ATOMIC_RELEASE);
}

uint64_t sim_next_ns(const struct port *port)
{
	struct sim_dir *d = sim_of(port)->in;

	return RTE_MIN(line_next_ns(d), wire_next_ns(&d->wire));
}

void sim_counts(const struct port *port, int dir, struct sim_counts *c)
{
	const struct sim_dir *d = &sim_of(port)->sim->dir[dir];

	*c = d->wire.counts;
	for (unsigned i = 0; i < d->n_tx; i++)
		c->sent += d->txq[i].packets;
	for (unsigned j = 0; j < d->n_rx; j++)
		c->delivered += d->rxq[j].packets;
}
