/* iface.c: network interfaces: a port of the end, or one VLAN (IEEE 802.1Q) of it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/private.h"

#define VLAN_MAX 4094 /* 4095 is reserved */

int net_iface_get(struct net *n, uint8_t port, uint16_t vlan_id, uint16_t mtu)
{
	const struct port *p = port < n->n_ports ? n->tx[port].port : NULL;
	uint8_t *of;

	if (p == NULL || vlan_id > VLAN_MAX || mtu > p->mtu)
		return -EINVAL;
	of = &n->iface_of[port << 12 | vlan_id];
	if (*of != 0)
		return *of - 1;
	if (n->n_ifaces == IFACES_MAX)
		return -ENOSPC;
	n->iface[n->n_ifaces++] = (struct net_iface){
		.port = port,
		.up = true,
		.l2_len = vlan_id != 0 && !(p->offloads & PORT_TX_VLAN) ? ETH_HDR_LEN + ETH_VLAN_LEN : ETH_HDR_LEN,
		.vlan_id = vlan_id,
		.mtu = mtu != 0 ? mtu : p->mtu,
		.mac = p->mac,
	};
	*of = (uint8_t)n->n_ifaces;
	net_iface_name(n->iface[*of - 1].name, sizeof(n->iface[0].name), p->name, vlan_id);
	return *of - 1;
}

void net_iface_name(char *to, size_t size, const char *dev, uint16_t vlan_id)
{
	int len = snprintf(to, size, "%.*s", (int)RTE_MIN(strcspn(dev, ","), size - 8), dev);

	if (vlan_id != 0)
		snprintf(to + len, size - (size_t)len, ".%u", vlan_id);
}

int net_iface_find(const struct net *n, const char *name)
{
	if (strcmp(name, n->iface[NET_IFACE_LO].name) == 0)
		return NET_IFACE_LO;
	for (uint32_t i = 0; i < n->n_ifaces; i++)
		if (strcmp(name, n->iface[i].name) == 0)
			return (int)i;
	return -ENODEV;
}

void net_l2_emit(const struct net_iface *iface, struct rte_mbuf *m, const struct rte_ether_addr *dst, uint16_t type)
{
	void *b = rte_pktmbuf_mtod(m, void *);

	if (iface->l2_len != ETH_HDR_LEN) {
		eth_emit_vlan(b, dst, &iface->mac, iface->vlan_id, type);
		return;
	}
	eth_emit(b, dst, &iface->mac, type);
	if (iface->vlan_id != 0) {
		m->vlan_tci = iface->vlan_id;
		m->ol_flags |= RTE_MBUF_F_TX_VLAN;
	}
}
