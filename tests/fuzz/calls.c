/* calls.c: see calls.h. */
#include "calls.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "tcp/buf.h"
#include "tcp/urgent.h"

#define CALL_MAX 4096u
#define MUCH_MAX 65536u

static uint8_t bytes[MUCH_MAX];

/* ---- opening ---- */

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

/* Active: bit 1 IPv6, bit 2 Fast Open, bit 3 bound before, bit 4 refused port range, bits 5 and 6 to whom. */
static void open_active(struct fuzz *f, uint8_t how)
{
	static const enum live_host hosts[] = {LIVE_PEER, LIVE_PEER, LIVE_OTHER, LIVE_FAR};
	struct tcp_pcb *p = tcp_new(f->t);
	enum live_host to = hosts[how >> 5 & 3];
	rte_be16_t port_be = rte_cpu_to_be_16(PORT + (how >> 7));
	int rc;

	if (p == NULL)
		return;
	if (how & 4)
		tcp_fastopen_once(f->t, p, true);
	if (how & 8)
		tcp_bind(f->t, p, how & 2 ? net_local6(&f->l->s->net, &live_us6, 0) : rte_cpu_to_be_32(LIVE_US),
			 rte_cpu_to_be_16(how & 16 ? 0 : 30000));
	rc = how & 2 ? tcp_connect6(f->t, p, live_addr6(to), 0, port_be) : tcp_connect(f->t, p, live_addr(to), port_be);
	if (rc != 0)
		tcp_close(f->t, p);
	else
		sock_put(f, p);
}

void call_open(struct fuzz *f)
{
	uint8_t how = input_u8(&f->in);
	struct tcp_pcb *p;

	if (!(how & 1)) {
		open_active(f, how);
		return;
	}
	p = f->listener != NULL ? tcp_accept(f->t, &f->listener->c) : NULL;
	if (p != NULL)
		sock_put(f, p);
}

void call_listener(struct fuzz *f)
{
	static const int on = 1;
	uint8_t how;
	int qlen;

	if (f->listener != NULL) {
		tcp_close(f->t, f->listener);
		f->listener = NULL;
		return;
	}
	how = input_u8(&f->in);
	qlen = how >> 4 & 3;
	f->listener = tcp_new(f->t);
	if (f->listener == NULL)
		return;
	if (!(how & 8))
		f->listener->c.more |= CONN_MORE_IP6;
	if (how & 64)
		tcp_setopt(f->t, f->listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &on, sizeof(on));
	if (qlen != 0)
		tcp_setopt(f->t, f->listener, IPPROTO_TCP, TCP_FASTOPEN, &qlen, sizeof(qlen));
	if (tcp_bind(f->t, f->listener, 0, rte_cpu_to_be_16(PORT)) != 0 || tcp_listen(f->t, f->listener, how & 7) != 0) {
		tcp_close(f->t, f->listener);
		f->listener = NULL;
	}
}

/* ---- streams ---- */

/* The sequence number of the next byte to write. */
static uint32_t write_seq(const struct fuzz *f, const struct tcp_pcb *p)
{
	const struct tcp_buf *b = tcp_buf_of(f->t, p);
	bool syn = p->state == TCP_SYN_SENT || (p->state == TCP_SYN_RECEIVED && !(p->xflags & TX_FO_PASSIVE));

	return p->snd_una + (b != NULL ? b->snd_len : 0) + syn;
}

static void call_send(struct fuzz *f, struct tcp_pcb *p)
{
	uint8_t how = input_u8(&f->in);
	uint32_t len = input_u16(&f->in) % (how & 1 ? MUCH_MAX : CALL_MAX), cut = len / 3;
	struct iovec iov[] = {{bytes, cut}, {bytes + cut, len - cut}};

	sent_fill(bytes, len, write_seq(f, p));
	tcp_send(f->t, p, iov, 2, (how & 2 ? MSG_MORE : 0) | ((how & 0xe0) == 0xe0 ? MSG_OOB : 0));
}

/* The sequence number of the next byte to read. */
static uint32_t read_seq(const struct fuzz *f, const struct tcp_pcb *p)
{
	const struct tcp_buf *b = tcp_buf_of(f->t, p);
	bool fin = TCP_IN(p->state, ST(CLOSE_WAIT) | ST(LAST_ACK) | ST(CLOSING));

	return p->rcv_nxt - (b != NULL ? b->rcv_len : 0) - fin;
}

static void call_recv(struct fuzz *f, struct tcp_pcb *p)
{
	uint8_t how = input_u8(&f->in);
	uint32_t len = input_u16(&f->in) % (how & 1 ? MUCH_MAX : CALL_MAX), cut = len / 5, seq = read_seq(f, p);
	struct iovec iov[] = {{bytes, cut}, {bytes + cut, len - cut}};
	bool known = !f->urgent && p->state != TCP_CLOSED && !(how & 8);
	ssize_t n = tcp_recv(f->t, p, iov, 2, (how & 2 ? MSG_PEEK : 0) | (how & 8 ? MSG_TRUNC : 0));

	SPATE_ASSERT(n <= (ssize_t)len);
	for (ssize_t i = 0; known && i < n; i++)
		SPATE_ASSERT(bytes[i] == sent_byte(seq + (uint32_t)i));
	if (how & 4)
		tcp_recv_urgent(f->t, p, bytes, how >> 7, how & 0x10 ? MSG_PEEK : 0);
}

static void call_option(struct fuzz *f, struct tcp_pcb *p)
{
	static const int levels[] = {IPPROTO_TCP, SOL_SOCKET, IPPROTO_IP, IPPROTO_IPV6};
	static const char *const ccs[] = TCP_CC_NAMES;
	int level = levels[input_below(&f->in, 4)], name = input_u8(&f->in), v[8] = {(int)input_u32(&f->in)};
	uint8_t how = input_u8(&f->in), back[512];
	uint32_t len = how & 0x80 ? sizeof(v) : how & 0x40 ? how & 31 : sizeof(v[0]), back_len = sizeof(back);

	if (how & 1)
		v[0] &= 0xff;
	if (level == IPPROTO_TCP && name == TCP_USER_TIMEOUT)
		v[0] %= (int)LIVE_USER_TIMEOUT_MS;
	if (how & 2)
		tcp_setopt(f->t, p, IPPROTO_TCP, TCP_CONGESTION, ccs[how >> 2 & 3], (uint32_t)strlen(ccs[how >> 2 & 3]));
	tcp_setopt(f->t, p, level, name, v, len);
	tcp_getopt(f->t, p, level, name, back, &back_len);
	SPATE_ASSERT(back_len <= sizeof(back));
}

/* What asks only. */
static void call_ask(const struct fuzz *f, const struct tcp_pcb *p)
{
	(void)tcp_poll(f->t, p);
	(void)tcp_at_mark(f->t, p);
	(void)tcp_unsent(f->t, p);
	SPATE_ASSERT(tcp_unread(f->t, p) <= TCP_BUF_MAX);
}

void call_any(struct fuzz *f)
{
	unsigned i = input_below(&f->in, SOCKS);
	struct tcp_pcb *p = f->sock[i];

	if (p == NULL)
		return;
	call_ask(f, p);
	switch (input_below(&f->in, 12)) {
	case 0:
	case 1:
	case 2:
	case 3:
		call_send(f, p);
		break;
	case 4:
	case 5:
	case 6:
		call_recv(f, p);
		break;
	case 7:
		tcp_shutdown(f->t, p, (int)input_below(&f->in, 3));
		break;
	case 8:
	case 9:
		call_option(f, p);
		break;
	case 10:
		if (tcp_disconnect(f->t, p) == 0 && (input_u8(&f->in) & 1))
			tcp_connect(f->t, p, live_addr(LIVE_PEER), rte_cpu_to_be_16(PORT));
		break;
	default:
		tcp_close(f->t, p);
		f->sock[i] = NULL;
		break;
	}
}

/* ---- datagrams ---- */

void call_udp(struct fuzz *f)
{
	uint8_t how = input_u8(&f->in);
	uint32_t len = input_u16(&f->in) % 8000;
	struct iovec iov = {bytes, len};
	struct net_end to = how & 1 ? (struct net_end){.addr = *live_addr6(how >> 1 & 1), .port_be = rte_cpu_to_be_16(PORT)} :
				      net_end4(live_addr(how >> 1 & 1), rte_cpu_to_be_16(PORT));
	struct udp_error e;
	struct udp_meta meta;
	int flags;

	if (f->udp == NULL) {
		f->udp = udp_new(f->u);
		if (f->udp == NULL)
			return;
		f->udp->c.more |= how & 8 ? 0 : CONN_MORE_IP6;
		f->udp->opts |= how & 16 ? UDP_OPT_RECVERR : 0;
		udp_bind(f->u, f->udp, 0, rte_cpu_to_be_16(how & 32 ? 0 : UDP_PORT));
	}
	switch (how >> 4 & 7) {
	case 0:
		udp_connect(f->u, f->udp, &to);
		break;
	case 1:
		udp_recv_error(f->u, f->udp, &iov, 1, &e, &flags);
		break;
	case 2:
	case 3:
		udp_recv(f->u, f->udp, &iov, 1, how & 4 ? MSG_PEEK : 0, &meta);
		break;
	case 4:
		udp_shutdown(f->u, f->udp, how >> 2 & 1);
		break;
	case 5:
		udp_close(f->u, f->udp);
		f->udp = NULL;
		break;
	default:
		udp_send(f->u, f->udp, &iov, 1, how & 4 ? &to : NULL, NULL);
		break;
	}
}

void call_close_all(struct fuzz *f)
{
	if (f->listener != NULL)
		tcp_close(f->t, f->listener);
	if (f->udp != NULL)
		udp_close(f->u, f->udp);
	for (unsigned i = 0; i < SOCKS; i++)
		if (f->sock[i] != NULL)
			tcp_close(f->t, f->sock[i]);
}
