/* frames_fuzz.c: whole frames, as they come off a wire, for a stack with a listener and a datagram socket. The input is
 * a sequence of frames: two bytes of length, one of flags (bit 0: complete the checksums; bit 1: in pieces of 64 bytes),
 * the bytes. */
#include <netinet/in.h>

#include "base/assert.h"
#include "input.h"
#include "live.h"
#include "wire/eth.h"
#include "wire/ip4.h"

#define FRAME_MAX 2000

static struct tcp_pcb *listener(struct live *l)
{
	struct tcp_pcb *p = tcp_new(&l->s->tcp);

	SPATE_ASSERT(tcp_bind(&l->s->tcp, p, 0, rte_cpu_to_be_16(80)) == 0 && tcp_listen(&l->s->tcp, p, 4) == 0);
	return p;
}

static struct udp_pcb *receiver(struct live *l)
{
	struct udp_pcb *u = udp_new(&l->s->udp);

	SPATE_ASSERT(udp_bind(&l->s->udp, u, 0, rte_cpu_to_be_16(53)) == 0);
	return u;
}

/* So that damage gets past the checksums: of the IPv4 header, and of what it carries. */
static void checksums_complete(uint8_t *frame, uint32_t len)
{
	struct rte_ipv4_hdr *ip = (struct rte_ipv4_hdr *)(frame + ETH_HDR_LEN);
	uint32_t hdr, total, at;
	uint8_t *l4;

	if (len < LIVE_HEADERS || load16(frame + 12) != RTE_ETHER_TYPE_IPV4)
		return;
	hdr = (frame[ETH_HDR_LEN] & 0xfu) * 4;
	total = load16(frame + ETH_HDR_LEN + 2);
	if (hdr < IP4_HDR_LEN || total < hdr || ETH_HDR_LEN + total > len)
		return;
	ip->hdr_checksum = 0;
	ip->hdr_checksum = rte_ipv4_cksum(ip);
	l4 = (uint8_t *)ip + hdr;
	at = ip->next_proto_id == IPPROTO_TCP ? 16 : ip->next_proto_id == IPPROTO_UDP ? 6 : 2;
	if (total - hdr < at + 2)
		return;
	memset(l4 + at, 0, 2);
	uint16_t sum = ip->next_proto_id == IPPROTO_ICMP ? (uint16_t)~rte_raw_cksum(l4, total - hdr)
							 : rte_ipv4_udptcp_cksum(ip, l4);
	memcpy(l4 + at, &sum, 2);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	live_eal();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct live *l = live_open();
	struct tcp_pcb *p = listener(l);
	struct udp_pcb *u = receiver(l);
	uint8_t frame[FRAME_MAX];

	while (in.left > 0) {
		uint32_t len = input_u16(&in) % FRAME_MAX;
		uint8_t flags = input_u8(&in);

		if (len > in.left)
			len = (uint32_t)in.left;
		input_bytes(&in, frame, len);
		if (flags & 1)
			checksums_complete(frame, len);
		live_frame(l, frame, len, flags & 2 ? 64 : 0);
		if (!(flags & 4))
			live_turn(l);
	}
	live_turn(l);
	udp_close(&l->s->udp, u);
	tcp_close(&l->s->tcp, p);
	live_settle(l);
	live_close(l);
	return 0;
}
