/* fragment_test.c: fragments of datagrams and segments whose sockets live on any of several stacks: they meet at the home of
 * their addresses, and what they make goes to the home of its ports. */
#include "cores.h"

#include <arpa/inet.h>
#include <string.h>

#include "wire/cksum.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

#define CORES 4
#define BYTES 5000

static int make(void **state)
{
	(void)state;
	return cores_make(&(struct cores_config){.n = {2, CORES}});
}

static int make_one_queue(void **state)
{
	(void)state;
	return cores_make(&(struct cores_config){.n = {2, CORES}, .queues = {1, 1}, .shuffle = true});
}

static uint64_t reassembled(int end)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < cores.cfg.n[end]; i++)
		sum += cores.stack[end][i]->net.reassembled;
	return sum;
}

static void fill(uint8_t *b, uint32_t len, unsigned from)
{
	for (uint32_t i = 0; i < len; i++)
		b[i] = (uint8_t)(from + i * 7 + i / 251);
}

/* Two connected UDP sockets, the far one at its home: a large datagram there, and one back. */
static void datagram_to(unsigned core)
{
	static uint8_t sent[BYTES], got[BYTES + 1];
	uint16_t near_port = cores_port_for(FAR, core, CORES_FAR_IP, (uint16_t)(53 + core), CORES_NEAR_IP, 5000);
	unsigned near_core = cores_home(NEAR, CORES_NEAR_IP, near_port, CORES_FAR_IP, (uint16_t)(53 + core));
	int near, far;

	on(FAR, core);
	far = cores_dgram(SOCK_NONBLOCK);
	assert_int_equal(cores_bind(far, CORES_FAR_IP, (uint16_t)(53 + core)), 0);
	assert_int_equal(cores_connect(far, CORES_NEAR_IP, near_port), 0);
	on(NEAR, near_core);
	near = cores_dgram(SOCK_NONBLOCK);
	assert_int_equal(cores_bind(near, CORES_NEAR_IP, near_port), 0);
	assert_int_equal(cores_connect(near, CORES_FAR_IP, (uint16_t)(53 + core)), 0);
	fill(sent, BYTES, core);
	assert_int_equal(spate_sys_sendto(near, sent, BYTES, 0, NULL, 0), BYTES);
	cores_run_ms(20);
	on(FAR, core);
	assert_int_equal(spate_sys_recvfrom(far, got, sizeof(got), 0, NULL, NULL), BYTES);
	assert_memory_equal(got, sent, BYTES);
	assert_int_equal(spate_sys_sendto(far, sent, BYTES - 1, 0, NULL, 0), BYTES - 1);
	cores_run_ms(20);
	assert_int_equal(spate_sys_close(far), 0);
	on(NEAR, near_core);
	assert_int_equal(spate_sys_recvfrom(near, got, sizeof(got), 0, NULL, NULL), BYTES - 1);
	assert_memory_equal(got, sent, BYTES - 1);
	assert_int_equal(spate_sys_close(near), 0);
}

static void datagrams(void **state)
{
	(void)state;
	for (unsigned core = 0; core < CORES; core++)
		datagram_to(core);
	assert_int_equal(reassembled(FAR), CORES);
	assert_int_equal(reassembled(NEAR), CORES);
	assert_true(cores_rehomed(FAR, REHOME_FRAGMENT) >= CORES - 1); /* one home for the addresses, four for the ports */
}

/* A segment of the connection behind fd, with len bytes, sent in fragments of 512 bytes in the order given. */
static void inject_segment(int far_fd, unsigned core, const uint8_t *data, uint32_t len)
{
	static const uint8_t order[] = {2, 0, 0, 1}; /* and one of them twice */
	const struct tcp_pcb *p = (const struct tcp_pcb *)sock_at(&cores.env[FAR][core], far_fd);
	const struct flow_key *k = &p->c.h.key;
	const struct tcp_view v = {.sport = rte_be_to_cpu_16(k->rport_be), .dport = rte_be_to_cpu_16(k->lport_be), .seq = p->rcv_nxt,
				   .ack = p->snd_nxt, .flags = TCPF_ACK | TCPF_PSH, .wnd = 1000};
	const struct tcp_opts o = {.has_ts = true, .tsval = p->ts_recent, .tsecr = 0};
	uint8_t seg[2000], ip[20 + 512];
	uint32_t total = tcp_emit(seg, &v, &o) + len;
	uint16_t sum;

	memcpy(seg + total - len, data, len);
	sum = (uint16_t)~cksum_fold(cksum_bytes(cksum_pseudo_sum(k->raddr_be, k->laddr_be, IPPROTO_TCP, total), seg, total));
	memcpy(seg + 16, &sum, 2);
	for (unsigned i = 0; i < sizeof(order); i++) {
		uint32_t off = order[i] * 512u, part = RTE_MIN(512u, total - off);

		ip4_emit(ip, k->raddr_be, k->laddr_be, IPPROTO_TCP, (uint16_t)(20 + part), 99, 0, 64);
		store16(ip + 6, (uint16_t)(off / 8 | (off + part < total ? IP4_MF : 0)));
		store16(ip + 10, 0);
		sum = (uint16_t)~cksum_fold(cksum_bytes(0, ip, 20));
		memcpy(ip + 10, &sum, 2);
		memcpy(ip + 20, seg + off, part);
		cores_inject(NEAR, ip, (uint16_t)(20 + part));
	}
}

static void segments(void **state)
{
	static uint8_t data[1200], got[1201];
	unsigned homes = 0;

	(void)state;
	for (unsigned core = 0; core < CORES; core++) {
		int l, c, a;

		on(FAR, core);
		l = cores_listener(CORES_FAR_IP, (uint16_t)(80 + core));
		on(NEAR, 0);
		c = cores_bound(CORES_NEAR_IP, cores_port_for(FAR, core, CORES_FAR_IP, (uint16_t)(80 + core), CORES_NEAR_IP, 6000), SOCK_NONBLOCK);
		assert_int_equal(cores_connect(c, CORES_FAR_IP, (uint16_t)(80 + core)), -EINPROGRESS);
		cores_run_ms(20);
		on(FAR, core);
		a = cores_accept(l);
		assert_true(a >= 0);
		fill(data, sizeof(data), core);
		inject_segment(a, core, data, sizeof(data));
		cores_run_ms(5);
		assert_int_equal(spate_sys_recvfrom(a, got, sizeof(got), 0, NULL, NULL), sizeof(data));
		assert_memory_equal(got, data, sizeof(data));
		homes++;
		assert_int_equal(spate_sys_close(a), 0);
		assert_int_equal(spate_sys_close(l), 0);
		on(NEAR, 0);
		assert_int_equal(spate_sys_close(c), 0);
	}
	assert_int_equal(reassembled(FAR), homes);
	assert_int_equal(cores_dropped(FAR, DROP_IP4_FRAG_DUP), homes);
}

#define TEST(f, with) {#f " (" #with ")", f, with, cores_end, NULL}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(datagrams, make), TEST(datagrams, make_one_queue), TEST(segments, make), TEST(segments, make_one_queue),
	};

	return cmocka_run_group_tests(tests, cores_eal, NULL);
}
