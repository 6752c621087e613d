/* sequence_fuzz.c: sequences of packets, calls and pauses at a live stack. The input is a list of steps; a step names a socket,
 * and numbers in a segment are told as distances from that socket's state, so that most segments get past the first checks.
 * Nothing may assert, every connection keeps its invariants after every step, and in the end everything is given back. */
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "base/seq.h"
#include "input.h"
#include "live.h"
#include "tcp/life.h"
#include "wire/eth.h"
#include "wire/icmp.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

#define SOCKS 8
#define STEPS_MAX 400
#define PORT 80
#define CPORT 40000
#define CALL_MAX 4096u

struct fuzz {
	struct live *l;
	struct tcp *t;
	struct input in;
	struct tcp_pcb *sock[SOCKS], *listener;
};

static struct tcp_pcb *sock_any(struct fuzz *f) { return f->sock[input_below(&f->in, SOCKS)]; }

/* A number at, before or behind x. */
static uint32_t near(struct fuzz *f, uint32_t x)
{
	switch (input_below(&f->in, 8)) {
	case 0: return x + input_u16(&f->in);
	case 1: return x - input_u16(&f->in);
	case 2: return input_u32(&f->in);
	case 3: return x + input_u8(&f->in);
	case 4: return x - input_u8(&f->in);
	default: return x;
	}
}

/* ---- the peer ---- */

/* Options as they come, or those that the connection expects. */
static uint32_t options_make(struct fuzz *f, const struct tcp_pcb *p, uint8_t *b)
{
	struct tcp_opts o = {0};
	uint8_t what = input_u8(&f->in);
	uint32_t len;

	if (what & 0x80) {
		len = (what & 15u) % 11 * 4;
		input_bytes(&f->in, b, len);
		return len;
	}
	o.has_ts = what & 1;
	o.tsval = p != NULL ? p->ts_recent + (what >> 4 & 1) : 1;
	o.tsecr = f->l->s->clock.now_ms + (p != NULL ? p->ts_offset : 0);
	o.has_mss = o.has_wscale = what & 2;
	o.mss = (uint16_t)(536 + what * 8);
	o.wscale = what >> 4 & 7;
	o.sack_ok = what & 4;
	if (p != NULL && (what & 8)) {
		o.n_sack = (uint8_t)(1 + input_below(&f->in, 4));
		for (uint32_t i = 0; i < o.n_sack; i++) {
			o.sack[i].left = near(f, p->snd_una);
			o.sack[i].right = near(f, o.sack[i].left);
		}
	}
	return tcp_opts_emit_any(b, &o);
}

/* A half-open connection, whose handshake random numbers would hardly finish. */
static const struct tcp_synrcvd *half_open(struct fuzz *f)
{
	struct pool *pool = &f->l->s->flow.pool[FLOW_SYNRCVD];

	for (uint32_t i = 1; i < pool->fresh; i++) {
		const struct tcp_synrcvd *sr = pool_at(pool, i);

		if (wheel_armed(&sr->h.timer))
			return sr;
	}
	return NULL;
}

static void segment_numbers(struct fuzz *f, const struct tcp_pcb *p, struct tcp_view *v)
{
	const struct tcp_synrcvd *sr;

	v->sport = (uint16_t)(CPORT + input_below(&f->in, 4));
	v->dport = PORT;
	if (p != NULL && p->state != TCP_CLOSED) {
		v->sport = rte_be_to_cpu_16(p->c.h.key.rport_be);
		v->dport = rte_be_to_cpu_16(p->c.h.key.lport_be);
		v->seq = near(f, p->rcv_nxt);
		v->ack = near(f, input_u8(&f->in) & 1 ? p->snd_max : p->snd_una);
	} else if ((sr = half_open(f)) != NULL) {
		v->sport = rte_be_to_cpu_16(sr->h.key.rport_be);
		v->seq = near(f, sr->irs + 1);
		v->ack = near(f, sr->iss + 1);
	} else {
		v->seq = input_u32(&f->in);
		v->ack = near(f, 0);
	}
}

static void step_segment(struct fuzz *f)
{
	const struct tcp_pcb *p = sock_any(f);
	uint8_t frame[2048], *l4 = frame + LIVE_HEADERS, opts[TCP_OPTS_MAX];
	static const struct tcp_opts none;
	struct tcp_view v = {.flags = input_u8(&f->in)};
	uint32_t opts_len, len, how;

	if (v.flags & 0x40) /* most segments are ordinary ones */
		v.flags = TCPF_ACK | (v.flags & TCPF_PSH);
	segment_numbers(f, p, &v);
	v.wnd = input_u16(&f->in);
	v.urp = v.flags & TCPF_URG ? input_u16(&f->in) : 0;
	opts_len = options_make(f, p, opts);
	how = input_u8(&f->in);
	len = how & 1 ? input_u16(&f->in) % 1400 : 0;
	tcp_emit(l4, &v, &none);
	memcpy(l4 + TCP_HDR_LEN, opts, opts_len);
	l4[12] = (uint8_t)((TCP_HDR_LEN + opts_len) << 2);
	memset(l4 + TCP_HDR_LEN + opts_len, 'x', len);
	len = live_ip4(f->l, frame, IPPROTO_TCP, TCP_HDR_LEN + opts_len + len);
	if (how & 2) /* ECN: CE */
		frame[ETH_HDR_LEN + 1] = 3, live_ip4(f->l, frame, IPPROTO_TCP, len - LIVE_HEADERS);
	live_frame(f->l, frame, len, how & 4 ? 80 : 0);
}

/* An ICMP error about a segment of ours. */
static void step_icmp(struct fuzz *f)
{
	const struct tcp_pcb *p = sock_any(f);
	uint8_t frame[256] = {0}, *icmp = frame + LIVE_HEADERS, *ip = icmp + 8, *l4 = ip + IP4_HDR_LEN;

	if (p == NULL || p->state == TCP_CLOSED)
		return;
	icmp[0] = input_u8(&f->in) & 1 ? ICMP_UNREACH : input_u8(&f->in);
	icmp[1] = input_u8(&f->in) % 20;
	store16(icmp + 6, input_u16(&f->in));
	ip4_emit(ip, rte_cpu_to_be_32(LIVE_US), rte_cpu_to_be_32(LIVE_PEER), IPPROTO_TCP, 60, 0, 0, 64);
	memcpy(l4, &p->c.h.key.lport_be, 2);
	memcpy(l4 + 2, &p->c.h.key.rport_be, 2);
	store32(l4 + 4, near(f, p->snd_una));
	live_frame(f->l, frame, live_ip4(f->l, frame, IPPROTO_ICMP, 8 + IP4_HDR_LEN + 8), 0);
}

/* ---- the application ---- */

static void sock_put(struct fuzz *f, struct tcp_pcb *p)
{
	unsigned i = 0;

	while (i < SOCKS && f->sock[i] != NULL)
		i++;
	if (i < SOCKS)
		f->sock[i] = p;
	else
		tcp_close(f->t, p);
}

static void step_open(struct fuzz *f)
{
	uint8_t how = input_u8(&f->in);
	struct tcp_pcb *p = how & 1 ? NULL : tcp_new(f->t);

	if (f->listener != NULL && (how & 1) && (p = tcp_accept(f->t, &f->listener->c)) == NULL)
		return;
	if (p == NULL)
		return;
	if (!(how & 1) && tcp_connect(f->t, p, rte_cpu_to_be_32(LIVE_PEER), rte_cpu_to_be_16(PORT)) != 0) {
		tcp_close(f->t, p);
		return;
	}
	sock_put(f, p);
}

static void step_listener(struct fuzz *f)
{
	if (f->listener != NULL) {
		tcp_close(f->t, f->listener);
		f->listener = NULL;
		return;
	}
	f->listener = tcp_new(f->t);
	if (f->listener != NULL && (tcp_bind(f->t, f->listener, 0, rte_cpu_to_be_16(PORT)) != 0 ||
				    tcp_listen(f->t, f->listener, input_below(&f->in, 8)) != 0)) {
		tcp_close(f->t, f->listener);
		f->listener = NULL;
	}
}

static void step_option(struct fuzz *f, struct tcp_pcb *p)
{
	static const int levels[] = {IPPROTO_TCP, SOL_SOCKET, IPPROTO_IP};
	int level = levels[input_below(&f->in, 3)], name = input_u8(&f->in), v = (int)input_u32(&f->in);

	if (input_u8(&f->in) & 1)
		v &= 0xff;
	tcp_setopt(f->t, p, level, name, &v, sizeof(v));
}

static void step_call(struct fuzz *f)
{
	static uint8_t bytes[CALL_MAX];
	unsigned i = input_below(&f->in, SOCKS);
	struct tcp_pcb *p = f->sock[i];
	struct iovec iov = {.iov_base = bytes};
	uint8_t what = input_below(&f->in, 8);

	if (p == NULL)
		return;
	iov.iov_len = input_u16(&f->in) % CALL_MAX;
	switch (what) {
	case 0:
	case 1:
		tcp_send(f->t, p, &iov, 1, input_u8(&f->in) & 1 ? MSG_MORE : 0);
		break;
	case 2:
	case 3:
		tcp_recv(f->t, p, &iov, 1, input_u8(&f->in) & 1 ? MSG_PEEK : 0);
		break;
	case 4:
		tcp_shutdown(f->t, p, (int)input_below(&f->in, 3));
		break;
	case 5:
		step_option(f, p);
		break;
	case 6:
		tcp_disconnect(f->t, p);
		break;
	default:
		tcp_close(f->t, p);
		f->sock[i] = NULL;
		break;
	}
}

static void step_time(struct fuzz *f)
{
	static const uint64_t ns[] = {1000, 100000, 1000000, 40000000, 200000000, 1000000000, 10000000000, 70000000000};

	live_pass(f->l, ns[input_below(&f->in, 8)]);
}

/* ---- what must hold ---- */

/* RFC 9293 3.4, and: what is outstanding has a timer. */
static void check(const struct fuzz *f)
{
	for (unsigned i = 0; i < SOCKS; i++) {
		const struct tcp_pcb *p = f->sock[i];

		if (p == NULL || p->state < TCP_ESTABLISHED || p->state >= TCP_TIME_WAIT)
			continue;
		SPATE_ASSERT(seq_le(p->snd_una, p->snd_nxt) && seq_le(p->snd_nxt, p->snd_max));
		SPATE_ASSERT(p->snd_una == p->snd_max || wheel_armed(&p->c.h.timer) || (p->tflags & TF_OUT));
		SPATE_ASSERT(p->mss > 0 && p->cwnd > 0);
	}
}

static void step(struct fuzz *f)
{
	switch (input_below(&f->in, 12)) {
	case 0:
		step_open(f);
		break;
	case 1:
		step_icmp(f);
		break;
	case 2:
	case 3:
		step_call(f);
		break;
	case 4:
		step_time(f);
		break;
	case 5:
		if ((input_u8(&f->in) & 7) == 0)
			step_listener(f);
		break;
	default:
		step_segment(f);
		break;
	}
	live_turn(f->l);
	check(f);
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
	struct live *l = live_open();
	struct fuzz f = {.l = l, .t = &l->s->tcp, .in = {data, size}};

	step_listener(&f);
	for (unsigned i = 0; i < STEPS_MAX && f.in.left > 0; i++)
		step(&f);
	if (f.listener != NULL)
		tcp_close(f.t, f.listener);
	for (unsigned i = 0; i < SOCKS; i++)
		if (f.sock[i] != NULL)
			tcp_close(f.t, f.sock[i]);
	live_settle(l);
	live_close(l);
	return 0;
}
