/* frames_fuzz.c: whole frames, as they come off a wire, for a stack that listens, connects and has datagram sockets, over both families. The
 * input is the set-up (two bytes, live.h), then a sequence of frames: two bytes of length, one of flags (bit 0: complete the checksums;
 * bit 1: in pieces of 64 bytes; bit 2: no turn after it; bits 3 and 4: time that goes by), the bytes. */
#include <netinet/in.h>

#include "base/assert.h"
#include "input.h"
#include "live.h"
#include "wire/cksum.h"
#include "wire/eth.h"
#include "wire/icmp6.h"
#include "wire/ip4.h"

#define FRAME_LEN_MAX 2000
#define PORT RTE_BE16(80)
#define UDP_PORT RTE_BE16(53)

struct socks {
	struct tcp_pcb *listener, *connects[2];
	struct udp_pcb *receiver;
};

static struct socks open_all(struct live *l)
{
	static const struct ip6_addr group6 = {{0xff, 5, [15] = 7}};
	const struct ip6_addr group4 = ip6_addr_mapped(RTE_BE32(0xef010101));
	struct tcp *t = &l->s->tcp;
	struct udp *u = &l->s->udp;
	struct socks s = {tcp_new(t), {tcp_new(t), tcp_new(t)}, udp_new(u)};

	s.listener->c.more |= CONN_MORE_IP6;
	SPATE_ASSERT(tcp_bind(t, s.listener, 0, PORT) == 0 && tcp_listen(t, s.listener, 4) == 0);
	SPATE_ASSERT(tcp_connect(t, s.connects[0], live_addr(LIVE_PEER), PORT) == 0);
	SPATE_ASSERT(tcp_connect6(t, s.connects[1], live_addr6(LIVE_PEER), 0, PORT) == 0);
	s.receiver->c.more |= CONN_MORE_IP6;
	s.receiver->opts |= UDP_OPT_RECVERR;
	SPATE_ASSERT(udp_bind(u, s.receiver, 0, UDP_PORT) == 0);
	SPATE_ASSERT(udp_group_join(u, s.receiver, 0, &group4) == 0 && udp_group_join(u, s.receiver, 0, &group6) == 0);
	live_turn(l);
	return s;
}

static void close_all(struct live *l, struct socks *s)
{
	udp_close(&l->s->udp, s->receiver);
	tcp_close(&l->s->tcp, s->connects[0]);
	tcp_close(&l->s->tcp, s->connects[1]);
	tcp_close(&l->s->tcp, s->listener);
}

/* ---- so that damage gets past the checksums ---- */

static uint32_t cksum_off(uint8_t proto)
{
	return proto == IPPROTO_TCP ? 16 : proto == IPPROTO_UDP ? 6 : 2; /* ICMP, ICMPv6, IGMP */
}

static void cksum_write(uint8_t *l4, uint32_t len, uint8_t proto, uint64_t pseudo)
{
	uint32_t at = cksum_off(proto);
	uint16_t sum;

	if (len < at + 2)
		return;
	memset(l4 + at, 0, 2);
	sum = (uint16_t)~cksum_fold(cksum_bytes(pseudo, l4, len));
	memcpy(l4 + at, &sum, 2);
}

static void cksum4_complete(uint8_t *ip, uint32_t len)
{
	uint32_t hdr = (ip[0] & 0xfu) * 4, total;
	rte_be32_t src, dst;
	uint16_t sum;

	if (len < IP4_HDR_LEN || hdr < IP4_HDR_LEN || (total = load16(ip + 2)) < hdr || total > len)
		return;
	memset(ip + 10, 0, 2);
	sum = (uint16_t)~cksum_fold(cksum_bytes(0, ip, hdr));
	memcpy(ip + 10, &sum, 2);
	memcpy(&src, ip + 12, 4);
	memcpy(&dst, ip + 16, 4);
	cksum_write(ip + hdr, total - hdr, ip[9],
		    ip[9] == IPPROTO_TCP || ip[9] == IPPROTO_UDP ? cksum_pseudo_sum(src, dst, ip[9], total - hdr) : 0);
}

static void cksum6_complete(uint8_t *ip, uint32_t len)
{
	uint32_t at = IP6_HDR_LEN, end;
	uint8_t next;

	if (len < IP6_HDR_LEN || (end = IP6_HDR_LEN + load16(ip + IP6_LEN_OFF)) > len)
		return;
	next = ip[IP6_NEXT_OFF];
	while ((next == IP6_NEXT_HOP_BY_HOP || next == IP6_NEXT_ROUTING || next == IP6_NEXT_DST_OPTS || next == IP6_NEXT_FRAGMENT) &&
	       at + 8 <= end) {
		uint32_t n = next == IP6_NEXT_FRAGMENT ? 8 : (ip[at + 1] + 1u) * 8;

		next = ip[at];
		at += n;
	}
	if (at < end)
		cksum_write(ip + at, end - at, next, cksum_pseudo_sum6(ip + IP6_SRC_OFF, next, end - at));
}

static void checksums_complete(uint8_t *frame, uint32_t len)
{
	if (len < ETH_HDR_LEN)
		return;
	if (load16(frame + 12) == RTE_ETHER_TYPE_IPV4)
		cksum4_complete(frame + ETH_HDR_LEN, len - ETH_HDR_LEN);
	else if (load16(frame + 12) == RTE_ETHER_TYPE_IPV6)
		cksum6_complete(frame + ETH_HDR_LEN, len - ETH_HDR_LEN);
}

/* ---- */

/* One frame brings about a bounded number of others. */
static void turn_bounded(struct live *l)
{
	const struct net *n = &l->s->net;
	uint64_t most = l->frames_out + LIVE_ANSWERS_MAX + n->n_waiting + n->tx[NET_PORT_LOOP].n;

	live_turn(l);
	SPATE_ASSERT(l->frames_out <= most);
}

static void time_passes(struct live *l, uint8_t flags)
{
	static const uint64_t ns[] = {0, 10000000, 1000000000, 31000000000};

	if ((flags >> 3 & 3) != 0)
		live_pass(l, ns[flags >> 3 & 3]);
}

static void datagrams_read(struct live *l, struct udp_pcb *u)
{
	uint8_t b[64];
	const struct iovec iov = {.iov_base = b, .iov_len = sizeof(b)};
	struct udp_error e;
	struct udp_meta meta;
	int flags;

	while (udp_recv(&l->s->udp, u, &iov, 1, 0, &meta) != -EAGAIN)
		;
	while (udp_recv_error(&l->s->udp, u, &iov, 1, &e, &flags) != -EAGAIN)
		;
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
	struct live *l = live_open(input_u16(&in));
	struct socks socks = open_all(l);
	uint8_t frame[FRAME_LEN_MAX];

	while (in.left > 0) {
		uint32_t len = input_u16(&in) % FRAME_LEN_MAX;
		uint8_t flags = input_u8(&in);

		if (len > in.left)
			len = (uint32_t)in.left;
		input_bytes(&in, frame, len);
		if (flags & 1)
			checksums_complete(frame, len);
		live_frame(l, frame, len, flags & 2 ? 64 : 0);
		if (!(flags & 4))
			turn_bounded(l);
		time_passes(l, flags);
		live_check(l);
	}
	live_turn(l);
	datagrams_read(l, socks.receiver);
	close_all(l, &socks);
	live_settle(l);
	live_close(l);
	return 0;
}
