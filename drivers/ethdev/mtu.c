/* mtu.c: how long frames may be: what the PMD says, what its code can do, what the kernel's interface allows. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config/config.h"
#include "drivers/ethdev/ethdev.h"

#define OVERHEAD (RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN) /* the CRC's bytes are a VLAN tag's where no CRC is delivered */

uint16_t ethdev_mtu_of_interface(const struct dev_name *d)
{
	struct ifreq ifr = {.ifr_mtu = 0};
	int s;

	if (d->kind != DEV_AF_PACKET && d->kind != DEV_XDP)
		return 0;
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return 0;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%.*s", IFNAMSIZ - 1, d->what);
	if (ioctl(s, SIOCGIFMTU, &ifr) != 0)
		ifr.ifr_mtu = 0;
	close(s);
	return (uint16_t)RTE_MIN(ifr.ifr_mtu, MTU_MAX);
}

/* The largest MTU that the PMD takes in rte_eth_dev_configure(). */
static uint32_t most_of_pmd(const struct ethdev *e)
{
	return RTE_MIN((uint32_t)e->info.max_mtu, e->info.max_rx_pktlen - OVERHEAD);
}

/* The largest MTU that works. */
static uint32_t most_of(const struct ethdev *e, const char **why)
{
	const struct ethdev_quirk *q = ethdev_quirk_of(e->info.driver_name);
	uint32_t most = q->any_mtu ? MTU_MAX : RTE_MIN(most_of_pmd(e), (uint32_t)MTU_MAX);
	bool scatters = (e->info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) != 0 || q->chains || q->whole_frames;

	*why = "";
	if (scatters || most + OVERHEAD <= RTE_MBUF_DEFAULT_DATAROOM)
		return most;
	*why = ", since it cannot spread a received frame over several buffers";
	return RTE_MBUF_DEFAULT_DATAROOM - OVERHEAD;
}

static int refuse_interface(const struct dev_name *d, uint16_t has, uint16_t wanted, char *err, size_t err_len)
{
	snprintf(err, err_len, "%s has an MTU of %u, not %u: raise it first (ip link set %s mtu %u)", d->what, has, wanted, d->what,
		 wanted);
	return -EINVAL;
}

int ethdev_mtu_choose(struct ethdev *e, const struct dev_name *d, uint16_t wanted, char *err, size_t err_len)
{
	const char *why;
	uint32_t most = most_of(e, &why);
	uint16_t has = ethdev_mtu_of_interface(d), now = has;

	if (has == 0 && rte_eth_dev_get_mtu(e->id, &now) != 0)
		now = RTE_ETHER_MTU;
	if (wanted != 0 && (wanted > most || wanted < e->info.min_mtu)) {
		snprintf(err, err_len, "%s allows an MTU from %u to %u%s, not %u", e->port.name, e->info.min_mtu, most, why,
			 wanted);
		return -EINVAL;
	}
	if (has != 0 && wanted > has)
		return refuse_interface(d, has, wanted, err, err_len);
	e->port.mtu = wanted != 0 ? wanted : (uint16_t)RTE_MIN(now, most);
	e->conf.rxmode.mtu = RTE_MIN(e->port.mtu, most_of_pmd(e));
	if (e->port.mtu + OVERHEAD > RTE_MBUF_DEFAULT_DATAROOM)
		e->conf.rxmode.offloads |= e->info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
	return 0;
}
