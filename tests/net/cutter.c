/* cutter.c: what a NIC does for spate's offloads, in software and by DPDK alone: takes frames from a vhost device, completes
 * their checksums, cuts large ones into segments (rte_gso), and passes them on to the second device; the way back as it is.
 * Usage: cutter EAL_ARGUMENTS (two --vdev, the first one net_vhost with tso=1,legacy-ol-flags=1). Ends with SIGTERM and says
 * how many frames came, and how many of them were cut. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_gso.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#define BURST 32
#define SEGMENTS_MAX 64
#define MBUFS 8191
#define DESCRIPTORS 512

static volatile sig_atomic_t over;
static struct rte_mempool *direct, *indirect;
static unsigned long frames, cut;

static void on_term(int sig) { over = sig; }

static void die(const char *what)
{
	fprintf(stderr, "cutter: %s\n", what);
	exit(1);
}

static void port_start(uint16_t port)
{
	struct rte_eth_conf conf = {0};
	uint16_t n = DESCRIPTORS, m = DESCRIPTORS;

	if (rte_eth_dev_configure(port, 1, 1, &conf) != 0 || rte_eth_dev_adjust_nb_rx_tx_desc(port, &n, &m) != 0 ||
	    rte_eth_rx_queue_setup(port, 0, n, SOCKET_ID_ANY, NULL, direct) != 0 ||
	    rte_eth_tx_queue_setup(port, 0, m, SOCKET_ID_ANY, NULL) != 0 || rte_eth_dev_start(port) != 0)
		die("a device does not start");
}

/* Headers of both checksums: m is one piece. */
static void checksums(struct rte_mbuf *m)
{
	struct rte_ipv4_hdr *ip = rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, RTE_ETHER_HDR_LEN);
	struct rte_tcp_hdr *tcp = (struct rte_tcp_hdr *)((char *)ip + rte_ipv4_hdr_len(ip));

	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	tcp->cksum = 0;
	tcp->cksum = rte_ipv4_udptcp_cksum(ip, tcp);
	m->ol_flags = 0;
}

static void pass_on(uint16_t port, struct rte_mbuf **m, unsigned n)
{
	unsigned sent = 0;

	for (int tries = 0; sent < n && tries < 1000000; tries++)
		sent += rte_eth_tx_burst(port, 0, m + sent, (uint16_t)(n - sent));
	rte_pktmbuf_free_bulk(m + sent, n - sent);
}

static void pass_large(struct rte_mbuf *m)
{
	struct rte_gso_ctx ctx = {.direct_pool = direct, .indirect_pool = indirect, .gso_types = RTE_ETH_TX_OFFLOAD_TCP_TSO,
				  .gso_size = (uint16_t)(m->l2_len + m->l3_len + m->l4_len + m->tso_segsz)};
	struct rte_mbuf *seg[SEGMENTS_MAX], *whole[SEGMENTS_MAX];
	int n = rte_gso_segment(m, &ctx, seg, SEGMENTS_MAX);

	if (n < 1)
		die("rte_gso_segment() does not take a frame");
	cut++;
	for (int i = 0; i < n; i++) {
		whole[i] = rte_pktmbuf_copy(seg[i], direct, 0, UINT32_MAX);
		if (whole[i] == NULL)
			die("no mbufs");
		checksums(whole[i]);
		rte_pktmbuf_free(seg[i]);
	}
	rte_pktmbuf_free(m);
	pass_on(1, whole, (unsigned)n);
}

static void pass(struct rte_mbuf *m)
{
	frames++;
	if (m->ol_flags & RTE_MBUF_F_TX_TCP_SEG) {
		pass_large(m);
		return;
	}
	if (m->ol_flags & RTE_MBUF_F_TX_L4_MASK) {
		if (rte_pktmbuf_linearize(m) != 0)
			die("a frame that asks for a checksum is too long");
		checksums(m);
	}
	pass_on(1, &m, 1);
}

int main(int argc, char **argv)
{
	struct rte_mbuf *m[BURST];

	if (rte_eal_init(argc, argv) < 0 || rte_eth_dev_count_avail() != 2)
		die("needs two devices");
	direct = rte_pktmbuf_pool_create("direct", MBUFS, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	indirect = rte_pktmbuf_pool_create("indirect", MBUFS, 256, 0, 0, SOCKET_ID_ANY);
	if (direct == NULL || indirect == NULL)
		die("no memory");
	port_start(0);
	port_start(1);
	signal(SIGTERM, on_term);
	puts("cutter: ready");
	fflush(stdout);
	while (!over) {
		uint16_t n = rte_eth_rx_burst(0, 0, m, BURST);

		for (uint16_t i = 0; i < n; i++)
			pass(m[i]);
		n = rte_eth_rx_burst(1, 0, m, BURST);
		if (n > 0)
			pass_on(0, m, n);
	}
	printf("cutter: %lu frames, %lu of them cut\n", frames, cut);
	rte_eth_dev_stop(0);
	rte_eth_dev_stop(1);
	rte_eth_dev_close(0);
	rte_eth_dev_close(1);
	return rte_eal_cleanup() == 0 ? 0 : 1;
}
