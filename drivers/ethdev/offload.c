/* offload.c: which of the device's offloads are used, and in words why the others are not. */
#include <stdio.h>

#include <rte_ip.h>
#include <rte_tcp.h>

#include "drivers/ethdev/ethdev.h"

#define TCP_HDR_MAX 60

/* Each needs all of what it names. Not MBUF_FAST_FREE: TCP keeps references to what it may have to send again. */
static const struct offload {
	const char *name;
	uint64_t rx, tx;
	uint32_t ours;
	uint64_t rx_too, tx_too; /* without these it is of no use to us */
	const char *too;
} offloads[] = {
	{.name = "receive: IPv4 checksum", .rx = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM, .ours = PORT_RX_CKSUM},
	{.name = "receive: TCP checksum", .rx = RTE_ETH_RX_OFFLOAD_TCP_CKSUM, .ours = PORT_RX_CKSUM},
	{.name = "receive: UDP checksum", .rx = RTE_ETH_RX_OFFLOAD_UDP_CKSUM, .ours = PORT_RX_CKSUM},
	{.name = "receive: joining of segments (LRO)", .rx = RTE_ETH_RX_OFFLOAD_TCP_LRO, .ours = PORT_RX_LRO,
	 .rx_too = RTE_ETH_RX_OFFLOAD_SCATTER | RTE_ETH_RX_OFFLOAD_TCP_CKSUM,
	 .too = "without scattered rx and TCP checksums"},
	{.name = "receive: VLAN tags", .rx = RTE_ETH_RX_OFFLOAD_VLAN_STRIP, .ours = PORT_RX_VLAN},
	{.name = "send: IPv4 checksum", .tx = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM, .ours = PORT_TX_IP4_CKSUM},
	{.name = "send: TCP checksum", .tx = RTE_ETH_TX_OFFLOAD_TCP_CKSUM, .ours = PORT_TX_TCP_CKSUM},
	{.name = "send: UDP checksum", .tx = RTE_ETH_TX_OFFLOAD_UDP_CKSUM, .ours = PORT_TX_UDP_CKSUM},
	{.name = "send: frames of several buffers", .tx = RTE_ETH_TX_OFFLOAD_MULTI_SEGS, .ours = PORT_TX_MULTI_SEG},
	{.name = "send: cutting into segments (TSO)", .tx = RTE_ETH_TX_OFFLOAD_TCP_TSO, .ours = PORT_TX_TSO,
	 .tx_too = RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_TCP_CKSUM,
	 .too = "without frames of several buffers and TCP checksums"},
	{.name = "send: VLAN tags", .tx = RTE_ETH_TX_OFFLOAD_VLAN_INSERT, .ours = PORT_TX_VLAN},
};

/* NULL: it is used. */
static const char *why_not(const struct ethdev *e, const struct offload *o)
{
	const struct ethdev_quirk *q = ethdev_quirk_of(e->info.driver_name);
	uint64_t rx = e->info.rx_offload_capa, tx = e->info.tx_offload_capa;

	if ((rx & o->rx) != o->rx || (tx & o->tx) != o->tx)
		return "the device cannot";
	if ((q->rx_not & o->rx) != 0 || (q->tx_not & o->tx) != 0)
		return q->why_not;
	if (!e->offload && o->ours != PORT_TX_MULTI_SEG) /* no work taken off us, only a shape of frames */
		return "turned off by the setting offload";
	if ((rx & ~q->rx_not & o->rx_too) != o->rx_too || (tx & ~q->tx_not & o->tx_too) != o->tx_too)
		return o->too;
	return NULL;
}

/* 0 in the device's limits stands for "not said", their type's largest number for "any". */
static uint16_t segs_max(uint16_t limit)
{
	return limit == UINT16_MAX ? 0 : limit;
}

void ethdev_offload_choose(struct ethdev *e)
{
	const struct rte_eth_desc_lim *lim = &e->info.tx_desc_lim;
	struct port *p = &e->port;

	for (unsigned i = 0; i < RTE_DIM(offloads); i++) {
		const struct offload *o = &offloads[i];

		if (why_not(e, o) != NULL)
			continue;
		e->conf.rxmode.offloads |= o->rx | o->rx_too;
		e->conf.txmode.offloads |= o->tx | o->tx_too;
		p->offloads |= o->ours;
	}
	if (p->offloads & PORT_TX_TSO)
		p->tso_max_bytes = UINT16_MAX - sizeof(struct rte_ipv4_hdr) - TCP_HDR_MAX; /* the total length's 16 bits */
	p->tx_segs_max = segs_max(p->offloads & PORT_TX_TSO ? lim->nb_seg_max : lim->nb_mtu_seg_max);
}

void ethdev_offload_describe(const struct ethdev *e, FILE *out)
{
	fprintf(out, "Offloads\n");
	for (unsigned i = 0; i < RTE_DIM(offloads); i++) {
		const char *why = why_not(e, &offloads[i]);

		fprintf(out, "  %-36s %s%s\n", offloads[i].name, why == NULL ? "used" : "not used: ", why == NULL ? "" : why);
	}
	if (e->port.offloads & PORT_TX_TSO)
		fprintf(out, "  %-36s %u bytes of payload\n", "send: largest frame to cut", e->port.tso_max_bytes);
	if (e->port.tx_segs_max != 0)
		fprintf(out, "  %-36s %u\n", "send: buffers of one frame", e->port.tx_segs_max);
}
