/* quirks.c: where a PMD of DPDK 22.11 is not what it says, or what it says is not what helps. One row each, with the reason. */
#include <string.h>

#include <rte_common.h>

#include "drivers/ethdev/ethdev.h"

#define TX_L4 (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM)
#define RX_L4 (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)

static const struct ethdev_quirk quirks[] = {
	{
		.driver = "net_tap",
		.rx_not = RX_L4,
		.tx_not = TX_L4 | RTE_ETH_TX_OFFLOAD_TCP_TSO,
		.why_not = "the PMD does it in software, with a copy; ours needs none",
	},
	{
		.driver = "net_af_packet",
		.any_mtu = true, /* it says 1518; its ring's frames have the length that name.c gives them */
		.whole_frames = true, /* it copies into one mbuf, and refuses pools whose mbufs are smaller than the ring's frames */
	},
	{
		.driver = "net_ixgbe",
		.rx_not = RTE_ETH_RX_OFFLOAD_TCP_LRO,
		.why_not = "the PMD receives without vector instructions then, which costs small packets more than it saves large ones",
	},
	{
		.driver = "mlx5",
		.rx_not = RTE_ETH_RX_OFFLOAD_TCP_LRO,
		.why_not = "the PMD receives without vector instructions then, which costs small packets more than it saves large ones",
	},
	{
		.driver = "net_memif",
		.stops_in_thread = true, /* it frees its shared memory when it is stopped, and in EAL's interrupt thread when the
					  * other side goes, with no lock between the two: at the same time, twice */
	},
	{.driver = "net_pcap", .chains = true},
	{.driver = "net_vhost", .chains = true},
	{.driver = "net_null", .chains = true},
};

const struct ethdev_quirk *ethdev_quirk_of(const char *driver)
{
	static const struct ethdev_quirk none;

	for (unsigned i = 0; i < RTE_DIM(quirks); i++) {
		if (strncmp(driver, quirks[i].driver, strlen(quirks[i].driver)) == 0)
			return &quirks[i];
	}
	return &none;
}
