/* icmp_test.c: what ICMP errors from the wire do to an attempt to connect and to connected datagram sockets, code by code and
 * dialect by dialect (F11 to F40, H13 to H16 of the connect semantics). */
#include "dialect.h"

#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#include "wire/cksum.h"

#define QUOTED 8 /* bytes of the quoted packet behind its IP header */

/* ---- frames from the far end ---- */

static void far_sends(const void *frame, uint16_t len)
{
	struct pkt_tx *tx = world.stack[FAR]->net.tx;
	struct rte_mbuf *m = pkt_tx_alloc(tx);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, len), frame, len);
	pkt_tx_push(tx, m);
	run_ms(1);
}

static uint8_t *eth_put(uint8_t *b, uint16_t type)
{
	struct rte_ether_hdr eth = {.ether_type = rte_cpu_to_be_16(type)};

	eth.dst_addr = world.stack[NEAR]->net.iface[0].mac;
	eth.src_addr = world.stack[FAR]->net.iface[0].mac;
	memcpy(b, &eth, sizeof(eth));
	return b + sizeof(eth);
}

static uint8_t *ip4_put(uint8_t *b, rte_be32_t src, rte_be32_t dst, uint8_t proto, uint16_t payload)
{
	uint8_t ip[20] = {0x45, [8] = 64, [9] = proto};
	uint16_t len = rte_cpu_to_be_16((uint16_t)(sizeof(ip) + payload)), sum;

	memcpy(ip + 2, &len, 2);
	memcpy(ip + 12, &src, 4);
	memcpy(ip + 16, &dst, 4);
	sum = (uint16_t)~cksum_fold(cksum_bytes(0, ip, sizeof(ip)));
	memcpy(ip + 10, &sum, 2);
	memcpy(b, ip, sizeof(ip));
	return b + sizeof(ip);
}

static uint8_t *ip6_put(uint8_t *b, const struct ip6_addr *src, const struct ip6_addr *dst, uint8_t proto, uint16_t payload)
{
	uint8_t ip[40] = {0x60, [4] = (uint8_t)(payload >> 8), [5] = (uint8_t)payload, [6] = proto, [7] = 64};

	memcpy(ip + 8, src, 16);
	memcpy(ip + 24, dst, 16);
	memcpy(b, ip, sizeof(ip));
	return b + sizeof(ip);
}

static uint8_t *quote_put(uint8_t *b, struct conn *c, int seq_off)
{
	uint8_t l4[QUOTED] = {0};
	uint32_t seq = rte_cpu_to_be_32(sock_is_tcp(c) ? sock_tcp(c)->snd_una + (uint32_t)seq_off : QUOTED << 16);

	memcpy(l4, &c->h.key.lport_be, 2);
	memcpy(l4 + 2, &c->h.key.rport_be, 2);
	memcpy(l4 + 4, &seq, 4);
	memcpy(b, l4, sizeof(l4));
	return b + sizeof(l4);
}

/* An error about what fd sent; seq_off: off the number that it had. */
static void icmp_about(int fd, uint8_t type, uint8_t code, uint32_t param, int seq_off)
{
	struct conn *c = sock_at(&world.env[NEAR], fd);
	uint8_t frame[200] = {0}, *icmp, *end, proto = sock_is_tcp(c) ? IPPROTO_TCP : IPPROTO_UDP;
	bool ip6 = world_family == WORLD_IP6;
	struct ip6_addr near6 = world_ip6(NEAR_IP), far6 = world_ip6(FAR_IP);
	uint16_t sum;

	param = rte_cpu_to_be_32(param);
	if (ip6)
		near6 = addr6_at(&world.stack[NEAR]->flow.addr6s, c->h.key.laddr_be)->addr;
	icmp = eth_put(frame, ip6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
	if (ip6)
		icmp = ip6_put(icmp, &far6, &near6, IPPROTO_ICMPV6, 8 + 40 + QUOTED);
	else
		icmp = ip4_put(icmp, c->h.key.raddr_be, c->h.key.laddr_be, IPPROTO_ICMP, 8 + 20 + QUOTED);
	icmp[0] = type;
	icmp[1] = code;
	memcpy(icmp + 4, &param, 4);
	if (ip6)
		end = quote_put(ip6_put(icmp + 8, &near6, &far6, proto, QUOTED), c, seq_off);
	else
		end = quote_put(ip4_put(icmp + 8, c->h.key.laddr_be, c->h.key.raddr_be, proto, QUOTED), c, seq_off);
	if (ip6) { /* with the pseudo header, which the addresses before it and two words are */
		uint32_t words[2] = {rte_cpu_to_be_32((uint32_t)(end - icmp)), rte_cpu_to_be_32(IPPROTO_ICMPV6)};

		sum = (uint16_t)~cksum_fold(cksum_bytes(cksum_bytes(0, icmp - 32, (uint32_t)(end - icmp) + 32), words, sizeof(words)));
	} else {
		sum = (uint16_t)~cksum_fold(cksum_bytes(0, icmp, (uint32_t)(end - icmp)));
	}
	memcpy(icmp + 2, &sum, 2);
	far_sends(frame, (uint16_t)(end - frame));
}

/* An attempt that the far end does not hear of, but whose neighbour is known. */
static int attempt(void)
{
	int fd = stream(SOCK_NONBLOCK);

	cut(NEAR, true);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -EINPROGRESS);
	run_ms(1);
	cut(NEAR, false);
	return fd;
}

/* ---- streams ---- */

#define SOFT 0x100 /* BSD: remembered */

static const struct {
	const char *row;
	uint8_t type, code;
	int says, bsd; /* 0: nothing */
} stream4[] = {
	{"F11", ICMP_UNREACH, 0, ENETUNREACH, EHOSTUNREACH | SOFT},
	{"F12", ICMP_UNREACH, 1, EHOSTUNREACH, EHOSTUNREACH | SOFT},
	{"F13", ICMP_UNREACH, 2, ENOPROTOOPT, ECONNREFUSED},
	{"F14", ICMP_UNREACH, 3, ECONNREFUSED, ECONNREFUSED},
	{"F15", ICMP_UNREACH, 4, 0, 0},
	{"F16", ICMP_UNREACH, 5, EOPNOTSUPP, EHOSTUNREACH | SOFT},
	{"F17", ICMP_UNREACH, 6, ENETUNREACH, EHOSTUNREACH | SOFT},
	{"F18", ICMP_UNREACH, 7, EHOSTDOWN, EHOSTUNREACH | SOFT},
	{"F19", ICMP_UNREACH, 8, ENONET, EHOSTUNREACH | SOFT},
	{"F20", ICMP_UNREACH, 9, ENETUNREACH, ECONNREFUSED},
	{"F21", ICMP_UNREACH, 10, EHOSTUNREACH, ECONNREFUSED},
	{"F22", ICMP_UNREACH, 11, ENETUNREACH, EHOSTUNREACH | SOFT},
	{"F23", ICMP_UNREACH, 12, EHOSTUNREACH, EHOSTUNREACH | SOFT},
	{"F24", ICMP_UNREACH, 13, EHOSTUNREACH, ECONNREFUSED},
	{"F24", ICMP_UNREACH, 14, EHOSTUNREACH, EHOSTUNREACH | SOFT},
	{"F24", ICMP_UNREACH, 15, EHOSTUNREACH, EHOSTUNREACH | SOFT},
	{"F25", ICMP_UNREACH, 16, 0, 0},
	{"F26", ICMP_TIME_EXCEEDED, 0, EHOSTUNREACH, EHOSTUNREACH},
	{"F27", ICMP_TIME_EXCEEDED, 1, 0, 0},
	{"F28", ICMP_PARAMPROB, 0, EPROTO, ENOPROTOOPT | SOFT},
	{"F29", ICMP_SOURCE_QUENCH, 0, 0, 0},
}, stream6[] = {
	{"F31", ICMP6_DST_UNREACH, 0, ENETUNREACH, EHOSTUNREACH | SOFT},
	{"F32", ICMP6_DST_UNREACH, 1, EACCES, ECONNREFUSED},
	{"F32", ICMP6_DST_UNREACH, 5, EACCES, 0},
	{"F32", ICMP6_DST_UNREACH, 6, EACCES, 0},
	{"F33", ICMP6_DST_UNREACH, 2, EHOSTUNREACH, EHOSTUNREACH | SOFT},
	{"F33", ICMP6_DST_UNREACH, 3, EHOSTUNREACH, EHOSTUNREACH | SOFT},
	{"F34", ICMP6_DST_UNREACH, 4, ECONNREFUSED, ECONNREFUSED},
	{"F35", ICMP6_DST_UNREACH, 7, EPROTO, 0},
	{"F36", ICMP6_PACKET_TOO_BIG, 0, 0, 0},
	{"F37", ICMP6_TIME_EXCEEDED, 0, EHOSTUNREACH, EHOSTUNREACH},
	{"F38", ICMP6_PARAM_PROB, 0, EPROTO, ENOPROTOOPT | SOFT},
	{"F38", ICMP6_PARAM_PROB, 1, EPROTO, ECONNREFUSED},
};

static void stream_row(const char *row, uint8_t type, uint8_t code, int says)
{
	int fd = attempt();
	bool ends = says != 0 && !(says & SOFT);

	print_message("%s\n", row);
	icmp_about(fd, type, code, 1300, 5); /* F30: not the SYN's number */
	assert_int_equal(poll_now(fd), 0);
	icmp_about(fd, type, code, 1300, 0);
	if (dialect == DIALECT_BSD)
		assert_int_equal(poll_now(fd), ends ? POLLIN | POLLOUT | POLLHUP : 0);
	else
		assert_int_equal(poll_now(fd), ends ? FULL_SET : 0);
	assert_int_equal(so_error(fd), ends ? says : 0);
	if (!ends) { /* the attempt goes on */
		assert_int_equal(call_connect(fd, FAR_IP, 80), -EALREADY);
		assert_int_equal(sock_tcp(sock_at(&world.env[NEAR], fd))->soft_error, says & ~SOFT);
	}
	assert_int_equal(spate_sys_close(fd), 0);
}

static void f11_to_f38_syn_sent(void **state)
{
	(void)state;
	assert_int_equal(call_connect(stream(0), FAR_IP, 99), -ECONNREFUSED); /* the neighbour is known */
	for (size_t i = 0; world_family == WORLD_IP4 && i < RTE_DIM(stream4); i++)
		stream_row(stream4[i].row, stream4[i].type, stream4[i].code, by(stream4[i].says, stream4[i].bsd, stream4[i].says));
	for (size_t i = 0; world_family == WORLD_IP6 && i < RTE_DIM(stream6); i++)
		stream_row(stream6[i].row, stream6[i].type, stream6[i].code, by(stream6[i].says, stream6[i].bsd, stream6[i].says));
}

/* F12: one message is enough, though the SYN-ACK would come later; BSD keeps waiting, and is connected. */
static void f12_before_the_synack(void **state)
{
	int fd;

	(void)state;
	far_listener(80, 0);
	assert_int_equal(call_connect(stream(0), FAR_IP, 80), 0);
	fd = attempt();
	icmp_about(fd, world_family == WORLD_IP6 ? ICMP6_DST_UNREACH : ICMP_UNREACH, world_family == WORLD_IP6 ? 3 : 1, 0, 0);
	set_blocking(fd, true);
	run_ms(1500);
	assert_int_equal(call_connect(fd, FAR_IP, 80), by(-EHOSTUNREACH, -EISCONN, -EHOSTUNREACH));
}

/* F11, BSD: after four SYNs more, a message that was there before ends the attempt. */
static void f11_soft_errors_end(void **state)
{
	bool ip6 = world_family == WORLD_IP6;
	int fd;

	(void)state;
	if (dialect != DIALECT_BSD)
		skip();
	assert_int_equal(call_connect(stream(0), FAR_IP, 99), -ECONNREFUSED);
	fd = attempt();
	icmp_about(fd, ip6 ? ICMP6_DST_UNREACH : ICMP_UNREACH, 0, 0, 0);
	cut(NEAR, true);
	run_ms(7500); /* SYNs at 1, 3, 7 s */
	icmp_about(fd, ip6 ? ICMP6_DST_UNREACH : ICMP_UNREACH, 0, 0, 0);
	assert_int_equal(so_error(fd), 0);
	assert_int_equal(poll_now(fd), 0);
	run_ms(8000); /* 15 s */
	icmp_about(fd, ip6 ? ICMP6_DST_UNREACH : ICMP_UNREACH, 0, 0, 0);
	assert_int_equal(so_error(fd), EHOSTUNREACH);
	assert_int_equal(call_connect(fd, FAR_IP, 80), -ECONNREFUSED);
}

static void f40_neighbour_silent(void **state)
{
	int fd = stream(0);
	uint64_t t0 = world.now_ns;

	(void)state;
	assert_int_equal(call_connect(fd, "10.0.0.77", 80), by(-EHOSTUNREACH, -EHOSTDOWN, -EHOSTUNREACH));
	assert_in_range(world.now_ns - t0, 2900 * MS, 3200 * MS);
}

/* ---- datagrams ---- */

static const struct {
	const char *row;
	uint8_t type, code;
	int says, bsd, asked; /* asked: IP_RECVERR */
} dgram4[] = {
	{"H13", ICMP_UNREACH, 0, 0, EHOSTUNREACH, ENETUNREACH},
	{"H13", ICMP_UNREACH, 1, 0, EHOSTUNREACH, EHOSTUNREACH},
	{"H13", ICMP_UNREACH, 5, 0, EHOSTUNREACH, EOPNOTSUPP},
	{"H13", ICMP_UNREACH, 11, 0, EHOSTUNREACH, ENETUNREACH},
	{"H13", ICMP_UNREACH, 12, 0, EHOSTUNREACH, EHOSTUNREACH},
	{"H14", ICMP_UNREACH, 2, ENOPROTOOPT, ECONNREFUSED, ENOPROTOOPT},
	{"H14", ICMP_UNREACH, 3, ECONNREFUSED, ECONNREFUSED, ECONNREFUSED},
	{"H14", ICMP_UNREACH, 4, EMSGSIZE, EMSGSIZE, EMSGSIZE},
	{"H14", ICMP_UNREACH, 6, ENETUNREACH, EHOSTUNREACH, ENETUNREACH},
	{"H14", ICMP_UNREACH, 7, EHOSTDOWN, EHOSTUNREACH, EHOSTDOWN},
	{"H14", ICMP_UNREACH, 8, ENONET, EHOSTUNREACH, ENONET},
	{"H14", ICMP_UNREACH, 9, ENETUNREACH, ECONNREFUSED, ENETUNREACH},
	{"H14", ICMP_UNREACH, 10, EHOSTUNREACH, ECONNREFUSED, EHOSTUNREACH},
	{"H14", ICMP_UNREACH, 13, EHOSTUNREACH, ECONNREFUSED, EHOSTUNREACH},
	{"H14", ICMP_UNREACH, 14, EHOSTUNREACH, EHOSTUNREACH, EHOSTUNREACH},
	{"H14", ICMP_UNREACH, 15, EHOSTUNREACH, EHOSTUNREACH, EHOSTUNREACH},
}, dgram6[] = {
	{"H16", ICMP6_DST_UNREACH, 0, 0, EHOSTUNREACH, ENETUNREACH},
	{"H16", ICMP6_DST_UNREACH, 2, 0, EHOSTUNREACH, EHOSTUNREACH},
	{"H16", ICMP6_DST_UNREACH, 3, 0, EHOSTUNREACH, EHOSTUNREACH},
	{"H16", ICMP6_DST_UNREACH, 1, EACCES, ECONNREFUSED, EACCES},
	{"H16", ICMP6_DST_UNREACH, 4, ECONNREFUSED, ECONNREFUSED, ECONNREFUSED},
	{"H16", ICMP6_DST_UNREACH, 5, EACCES, 0, EACCES},
	{"H16", ICMP6_DST_UNREACH, 6, EACCES, 0, EACCES},
	{"H16", ICMP6_DST_UNREACH, 7, EPROTO, 0, EPROTO},
};

static int connected_dgram(bool asks)
{
	int fd = dgram(SOCK_NONBLOCK), one = 1;

	assert_int_equal(call_connect(fd, FAR_IP, 53), 0);
	if (asks && world_family == WORLD_IP6)
		assert_int_equal(spate_sys_setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &one, sizeof(one)), 0);
	else if (asks)
		assert_int_equal(spate_sys_setsockopt(fd, IPPROTO_IP, IP_RECVERR, &one, sizeof(one)), 0);
	return fd;
}

static void dgram_row(const char *row, uint8_t type, uint8_t code, int says, int asked)
{
	int fd = connected_dgram(false);

	print_message("%s\n", row);
	icmp_about(fd, type, code, 1300, 0);
	if (dialect == DIALECT_BSD)
		assert_int_equal(poll_now(fd), says != 0 ? POLLIN | POLLOUT : POLLOUT); /* E11 */
	else
		assert_int_equal(poll_now(fd), says != 0 ? POLLOUT | POLLERR : POLLOUT);
	assert_int_equal(so_error(fd), says);
	assert_int_equal(so_error(fd), 0);
	assert_int_equal(spate_sys_close(fd), 0);
	fd = connected_dgram(true); /* H15 */
	icmp_about(fd, type, code, 1300, 0);
	assert_int_equal(so_error(fd), asked);
	assert_int_equal(spate_sys_close(fd), 0);
}

static void h13_to_h16_datagrams(void **state)
{
	(void)state;
	for (size_t i = 0; world_family == WORLD_IP4 && i < RTE_DIM(dgram4); i++)
		dgram_row(dgram4[i].row, dgram4[i].type, dgram4[i].code, by(dgram4[i].says, dgram4[i].bsd, dgram4[i].says),
			  dgram4[i].asked);
	for (size_t i = 0; world_family == WORLD_IP6 && i < RTE_DIM(dgram6); i++)
		dgram_row(dgram6[i].row, dgram6[i].type, dgram6[i].code, by(dgram6[i].says, dgram6[i].bsd, dgram6[i].says),
			  dgram6[i].asked);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIALECTS(f11_to_f38_syn_sent), IN_DIALECTS(f12_before_the_synack), IN_DIALECTS(f11_soft_errors_end),
		IN_DIALECTS(f40_neighbour_silent), IN_DIALECTS(h13_to_h16_datagrams),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
