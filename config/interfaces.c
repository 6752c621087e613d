/* interfaces.c: several devices, and VLANs: what only the whole configuration shows of them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/parse.h"

bool config_iface_used(const struct spate_config *c, unsigned iface)
{
	for (unsigned i = 0; i < c->n_ip; i++)
		if (c->ip[i].iface == iface)
			return true;
	for (unsigned i = 0; i < c->n_peer_ip; i++)
		if (c->peer_ip[i].iface == iface)
			return true;
	for (unsigned i = 0; i < c->n_ip6; i++)
		if (c->ip6[i].iface == iface)
			return true;
	for (unsigned i = 0; i < c->n_peer_ip6; i++)
		if (c->peer_ip6[i].iface == iface)
			return true;
	if (c->ip6_auto && iface == 0)
		return true;
	return false;
}

static bool dev_used(const struct spate_config *c, unsigned dev)
{
	for (unsigned i = 0; i < c->n_ifaces; i++)
		if (c->iface[i].dev == dev && config_iface_used(c, i))
			return true;
	return false;
}

/* Several devices, or VLANs. */
int config_check_interfaces(const struct spate_config *c, char *err, size_t err_len)
{
	for (unsigned d = 0; c->n_more > 0 && d < config_devs(c); d++) {
		if (strncmp(config_dev(c, d), "sim", 3) == 0 && (config_dev(c, d)[3] == '\0' || config_dev(c, d)[3] == ',')) {
			snprintf(err, err_len, "sim has both its ends in this process: it cannot be one of several devices");
			return -EINVAL;
		}
		if (!dev_used(c, d)) {
			snprintf(err, err_len, "device %.64s has no address: write its --ip behind its --dev", config_dev(c, d));
			return -EINVAL;
		}
	}
	for (unsigned i = 0; i < c->n_ifaces; i++) {
		const struct config_iface *f = &c->iface[i];

		if (f->vlan_id != 0 && !config_iface_used(c, i)) {
			snprintf(err, err_len, "vlan %u has no address: write its --ip behind --vlan %u", f->vlan_id, f->vlan_id);
			return -EINVAL;
		}
		if (f->mtu != 0 && config_mtu(c, f->dev) != 0 && f->mtu > config_mtu(c, f->dev)) {
			snprintf(err, err_len, "the MTU of vlan %u is %u, more than the %u of its device", f->vlan_id, f->mtu,
				 config_mtu(c, f->dev));
			return -EINVAL;
		}
	}
	return 0;
}
