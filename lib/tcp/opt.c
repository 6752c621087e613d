/* opt.c: socket options of TCP, with Linux's ranges, errors and answers (tcp(7), socket(7), ip(7)). */
#include <errno.h>
#include <netinet/in.h>
#include <linux/inet_diag.h> /* union tcp_cc_info */
#include <linux/sock_diag.h> /* SK_MEMINFO_* */
#include <linux/tcp.h> /* not <netinet/tcp.h>: its names of states are ours too */
#include <sys/socket.h>

#include "flow/port_range.h"
#include "tcp/autotune.h"
#include "tcp/buf.h"
#include "tcp/cc.h"
#include "tcp/dialect.h"
#include "tcp/fastopen.h"
#include "tcp/in.h"
#include "tcp/info.h"
#include "tcp/life.h"
#include "tcp/out.h"
#include "tcp/pace.h"
#include "tcp/rtx.h"
#include "tcp/timers.h"
#include "tcp/uto.h"

#define KEEP_S_MAX 32767 /* Linux MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL */
#define KEEPCNT_MAX 127
#define SYNCNT_MAX 127
#define CLAMP_MIN 1152 /* half of Linux's SOCK_MIN_RCVBUF */
#define KEEPINIT 128 /* FreeBSD's TCP_KEEPINIT, which Linux does not have */
#define LINGER2_S_MAX 120 /* Linux TCP_FIN_TIMEOUT_MAX: beyond it, none */

const struct tcp_optext tcp_optext_defaults = {
	.keepidle_s = TCP_KEEP_IDLE_S,
	.keepintvl_s = TCP_KEEP_INTVL_S,
	.keepcnt = TCP_KEEP_PROBES,
	.syncnt = TCP_SYN_RETRIES,
	.ttl = TCP_TTL_DEFAULT,
	.linger_s = -1,
	.pmtudisc = IP_PMTUDISC_WANT,
};

struct tcp_optext *tcp_opt_need(struct tcp *t, struct tcp_pcb *p)
{
	struct tcp_optext *x;

	if (p->opts != 0)
		return pool_at(&t->optexts, p->opts);
	p->opts = pool_get(&t->optexts); /* as many as there are connections */
	x = pool_at(&t->optexts, p->opts);
	*x = tcp_optext_defaults;
	return x;
}

void tcp_opt_free(struct tcp *t, struct tcp_pcb *p)
{
	if (p->opts != 0) {
		tcp_fo_free(t, pool_at(&t->optexts, p->opts));
		pool_put(&t->optexts, p->opts);
	}
	p->opts = 0;
}

static int flag_set(struct tcp_pcb *p, uint32_t flag, bool on)
{
	p->tflags = on ? p->tflags | flag : p->tflags & ~flag;
	return 0;
}

static void opt_flag_set(struct tcp *t, struct tcp_pcb *p, uint16_t flag, bool on)
{
	struct tcp_optext *x = tcp_opt_need(t, p);

	x->flags = (uint16_t)(on ? x->flags | flag : x->flags & ~flag);
}

/* What was held back may go now. */
static int push(struct tcp *t, struct tcp_pcb *p)
{
	if (p->c.type == CONN_TCP && p->buf != 0)
		tcp_out_mark(t, p);
	return 0;
}

/* ---- IPPROTO_TCP ---- */

static int keep_set(struct tcp *t, struct tcp_pcb *p, int name, int v)
{
	struct tcp_optext *x;

	if (v < 1 || v > (name == TCP_KEEPCNT ? KEEPCNT_MAX : KEEP_S_MAX))
		return -EINVAL;
	x = tcp_opt_need(t, p);
	if (name == TCP_KEEPIDLE)
		x->keepidle_s = (uint16_t)v;
	else if (name == TCP_KEEPINTVL)
		x->keepintvl_s = (uint16_t)v;
	else
		x->keepcnt = (uint8_t)v;
	if (name == TCP_KEEPIDLE && p->c.type == CONN_TCP)
		tcp_timer_keepalive(t, p);
	return 0;
}

/* As Linux: it lasts until the connection answers requests again, and an even value acknowledges once. */
static int quickack_set(struct tcp *t, struct tcp_pcb *p, int v)
{
	flag_set(p, TF_PINGPONG, (v & 1) == 0);
	if (v != 0 && p->c.type == CONN_TCP && (p->tflags & TF_ACK_DELAY))
		tcp_out_ack_now(t, p);
	return 0;
}

/* What may be written now may be more than before. */
static int wake_writer(struct tcp *t, struct tcp_pcb *p)
{
	if (p->c.type == CONN_TCP && TCP_IN(p->state, ST(ESTABLISHED) | ST(CLOSE_WAIT)) && tcp_writable(t, p, tcp_buf_of(t, p)))
		ready_mark(t->flow, &p->c, EPOLLOUT);
	return 0;
}

static int tcp_level_set(struct tcp *t, struct tcp_pcb *p, int name, int v)
{
	switch (name) {
	case TCP_NODELAY: /* sends what TCP_CORK and MSG_MORE hold back, once, as on Linux */
		flag_set(p, TF_NODELAY, v != 0);
		if (v != 0 && p->c.type == CONN_TCP && p->buf != 0 && seq_lt(p->snd_nxt, tcp_data_end(p, tcp_buf_of(t, p))))
			p->tflags |= TF_FORCE;
		return push(t, p);
	case TCP_CORK:
		flag_set(p, TF_CORK, v != 0);
		return push(t, p);
	case TCP_QUICKACK:
		return quickack_set(t, p, v);
	case TCP_KEEPIDLE:
	case TCP_KEEPINTVL:
	case TCP_KEEPCNT:
		return keep_set(t, p, name, v);
	case TCP_SYNCNT:
		if (v < 1 || v > SYNCNT_MAX)
			return -EINVAL;
		tcp_opt_need(t, p)->syncnt = (uint8_t)v;
		return 0;
	case KEEPINIT:
		if (v < 1 || v > KEEP_S_MAX)
			return -EINVAL;
		tcp_opt_need(t, p)->keepinit_s = (uint16_t)v;
		return 0;
	case TCP_USER_TIMEOUT:
		if (v < 0)
			return -EINVAL;
		tcp_opt_need(t, p)->user_timeout_ms = (uint32_t)v;
		opt_flag_set(t, p, OPT_UTO_OWN, v != 0);
		if (TCP_IN(p->state, TCP_SYNCHRONIZED))
			tcp_uto_tell(t, p);
		return 0;
	case TCP_MAXSEG:
		if (v != 0 && (v < TCP_MSS_MIN || v > INT16_MAX))
			return -EINVAL;
		tcp_opt_need(t, p)->maxseg = (uint16_t)v;
		return 0;
	case TCP_DEFER_ACCEPT:
		tcp_opt_need(t, p)->defer_accept = tcp_defer_repeats(v);
		return 0;
	case TCP_FASTOPEN:
	case TCP_FASTOPEN_CONNECT:
	case TCP_FASTOPEN_NO_COOKIE:
		return tcp_fo_setopt(t, p, name, v);
	case TCP_NOTSENT_LOWAT:
		tcp_opt_need(t, p)->notsent_lowat = (uint32_t)v;
		return wake_writer(t, p);
	case TCP_WINDOW_CLAMP:
		if (v == 0 && p->state != TCP_CLOSED)
			return -EINVAL;
		tcp_opt_need(t, p)->window_clamp = v == 0 ? 0 : v > CLAMP_MIN ? (uint32_t)v : CLAMP_MIN;
		return 0;
	case TCP_LINGER2:
		tcp_opt_need(t, p)->linger2_s = v < 0 || v > LINGER2_S_MAX ? -1 : v;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int maxseg_get(const struct tcp *t, const struct tcp_pcb *p)
{
	uint16_t own = tcp_opt(t, p)->maxseg;

	if (TCP_IN(p->state, ST(CLOSED) | ST(LISTEN)))
		return own != 0 ? own : TCP_MSS_FALLBACK;
	return p->mss;
}

static int tcp_level_get(const struct tcp *t, const struct tcp_pcb *p, int name, int *v)
{
	const struct tcp_optext *x = tcp_opt(t, p);

	switch (name) {
	case TCP_NODELAY: *v = !!(p->tflags & TF_NODELAY); return 0;
	case TCP_CORK: *v = !!(p->tflags & TF_CORK); return 0;
	case TCP_QUICKACK: *v = !(p->tflags & TF_PINGPONG); return 0;
	case TCP_KEEPIDLE: *v = x->keepidle_s; return 0;
	case TCP_KEEPINTVL: *v = x->keepintvl_s; return 0;
	case TCP_KEEPCNT: *v = x->keepcnt; return 0;
	case TCP_SYNCNT: *v = x->syncnt; return 0;
	case TCP_USER_TIMEOUT: *v = (int)x->user_timeout_ms; return 0;
	case TCP_MAXSEG: *v = maxseg_get(t, p); return 0;
	case KEEPINIT: *v = x->keepinit_s != 0 ? x->keepinit_s : (int)(tcp_dialect_of(p)->connect_ms / 1000); return 0;
	case TCP_DEFER_ACCEPT: *v = tcp_defer_seconds(x->defer_accept); return 0;
	case TCP_FASTOPEN:
	case TCP_FASTOPEN_CONNECT:
	case TCP_FASTOPEN_NO_COOKIE: return tcp_fo_getopt(t, p, name, v);
	case TCP_NOTSENT_LOWAT: *v = (int)x->notsent_lowat; return 0;
	case TCP_WINDOW_CLAMP: *v = (int)x->window_clamp; return 0;
	case TCP_LINGER2: *v = x->linger2_s == 0 ? TCP_FINWAIT2_MS / 1000 : x->linger2_s; return 0;
	default: return -ENOPROTOOPT;
	}
}

/* ---- SOL_SOCKET ---- */

/* Linux doubles what is asked for, and says so when asked back. */
static uint32_t bufsize(int v)
{
	uint32_t n = v < 0 ? 0 : (uint32_t)v;

	if (n > TCP_BUF_MAX / 2)
		return TCP_BUF_MAX;
	return 2 * n > TCP_BUF_MIN ? 2 * n : TCP_BUF_MIN;
}

static int linger_set(struct tcp *t, struct tcp_pcb *p, const void *val, uint32_t len)
{
	struct linger l;

	if (len < sizeof(l))
		return -EINVAL;
	memcpy(&l, val, sizeof(l));
	tcp_opt_need(t, p)->linger_s = !l.l_onoff ? -1 : l.l_linger < 0 ? INT32_MAX : l.l_linger;
	return 0;
}

/* Linux: 0 is 1, a negative one is as much as fits, which is half the buffer; a buffer that may grow does so to hold it twice. */
static int rcvlowat_set(struct tcp *t, struct tcp_pcb *p, int v)
{
	bool grows = tcp_rcvbuf_tuned(t, p);
	uint32_t most = (grows ? tcp_rcvbuf_most(t, p) : p->rcvbuf) / 2, lowat = v < 0 ? INT32_MAX : v == 0 ? 1 : (uint32_t)v;

	lowat = lowat < most ? lowat : most;
	tcp_opt_need(t, p)->rcvlowat = lowat;
	if (grows && p->rcvbuf < 2 * lowat)
		p->rcvbuf = 2 * lowat;
	if (p->c.type == CONN_TCP && tcp_unread(t, p) > 0) /* it may be enough now */
		ready_mark(t->flow, &p->c, EPOLLIN);
	return 0;
}

static int socket_level_set(struct tcp *t, struct tcp_pcb *p, int name, int v)
{
	switch (name) {
	case SO_SNDBUF:
		p->sndbuf = bufsize(v);
		return 0;
	case SO_RCVBUF:
		p->rcvbuf = bufsize(v);
		opt_flag_set(t, p, OPT_RCVBUF_LOCK, true);
		return 0;
	case SO_RCVLOWAT:
		return rcvlowat_set(t, p, v);
	case SO_OOBINLINE:
		opt_flag_set(t, p, OPT_OOBINLINE, v != 0);
		return 0;
	case SO_KEEPALIVE:
		flag_set(p, TF_KEEPALIVE, v != 0);
		if (v != 0 && p->c.type == CONN_TCP)
			tcp_timer_keepalive(t, p);
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int socket_level_get(const struct tcp *t, const struct tcp_pcb *p, int name, int *v)
{
	switch (name) {
	case SO_SNDBUF: *v = (int)p->sndbuf; return 0;
	case SO_RCVBUF: *v = (int)p->rcvbuf; return 0;
	case SO_KEEPALIVE: *v = !!(p->tflags & TF_KEEPALIVE); return 0;
	case SO_RCVLOWAT: *v = (int)tcp_rcvlowat(t, p); return 0;
	case SO_OOBINLINE: *v = !!(tcp_opt(t, p)->flags & OPT_OOBINLINE); return 0;
	default: return -ENOPROTOOPT;
	}
}

/* ---- IPPROTO_IP ---- */

static int ip_level_set(struct tcp *t, struct tcp_pcb *p, int name, int v)
{
	switch (name) {
	case IP_TOS:
		tcp_opt_need(t, p)->tos = (uint8_t)v & 0xfc; /* the two ECN bits are TCP's */
		return 0;
	case IP_TTL:
		if (v != -1 && (v < 1 || v > 255))
			return -EINVAL;
		tcp_opt_need(t, p)->ttl = v == -1 ? TCP_TTL_DEFAULT : (uint8_t)v;
		return 0;
	case IP_MINTTL: /* RFC 5082: what has come further is not from the neighbour that it should be */
		if (v < 0 || v > 255)
			return -EINVAL;
		tcp_opt_need(t, p)->min_ttl = (uint8_t)v;
		p->xflags = v != 0 ? p->xflags | TX_MIN_TTL : p->xflags & ~TX_MIN_TTL;
		return 0;
	case IP_MTU_DISCOVER:
		if (v < IP_PMTUDISC_DONT || v > IP_PMTUDISC_OMIT)
			return -EINVAL;
		tcp_opt_need(t, p)->pmtudisc = (uint8_t)v;
		return 0;
	case IP_BIND_ADDRESS_NO_PORT:
		return flag_set(p, TF_BIND_NO_PORT, v != 0);
	case IP_LOCAL_PORT_RANGE:
		if (!port_range_valid((uint32_t)v))
			return -EINVAL;
		tcp_opt_need(t, p)->port_range = (uint32_t)v;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int ip_level_get(const struct tcp *t, const struct tcp_pcb *p, int name, int *v)
{
	switch (name) {
	case IP_TOS: *v = tcp_opt(t, p)->tos; return 0;
	case IP_TTL: *v = tcp_opt(t, p)->ttl; return 0;
	case IP_MINTTL: *v = tcp_opt(t, p)->min_ttl; return 0;
	case IP_MTU_DISCOVER: *v = tcp_opt(t, p)->pmtudisc; return 0;
	case IP_BIND_ADDRESS_NO_PORT: *v = !!(p->tflags & TF_BIND_NO_PORT); return 0;
	case IP_LOCAL_PORT_RANGE: *v = (int)tcp_opt(t, p)->port_range; return 0;
	case IP_MTU:
		if (p->c.h.path == 0)
			return -ENOTCONN;
		*v = path_at(&t->net->paths, p->c.h.path)->pmtu;
		return 0;
	default: return -ENOPROTOOPT;
	}
}

/* ---- IPPROTO_IPV6 ---- */

static int ip6_level_set(struct tcp *t, struct tcp_pcb *p, int name, int v)
{
	if ((name == IPV6_TCLASS || name == IPV6_UNICAST_HOPS) && (v < -1 || v > 255))
		return -EINVAL;
	switch (name) {
	case IPV6_TCLASS:
		tcp_opt_need(t, p)->tclass6 = v == -1 ? 0 : (uint8_t)v & 0xfc; /* the two ECN bits are TCP's */
		return 0;
	case IPV6_UNICAST_HOPS:
		if (v == 0)
			return -EINVAL;
		tcp_opt_need(t, p)->hops6 = v == -1 ? 0 : (uint8_t)v;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int ip6_level_get(const struct tcp *t, const struct tcp_pcb *p, int name, int *v)
{
	const struct tcp_optext *x = tcp_opt(t, p);
	const struct path *path = p->c.h.path != 0 ? path_at(&t->net->paths, p->c.h.path) : NULL;

	switch (name) {
	case IPV6_TCLASS:
		*v = x->tclass6;
		return 0;
	case IPV6_UNICAST_HOPS:
		*v = x->hops6 != 0 ? x->hops6 : path != NULL && path->hop_limit != 0 ? path->hop_limit : TCP_TTL_DEFAULT;
		return 0;
	case IPV6_MTU:
		if (path == NULL)
			return -ENOTCONN;
		*v = path->pmtu;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

/* ---- all levels ---- */

/* An int, or where IP allows it a byte. */
static int value_read(int level, const void *val, uint32_t len, int *v)
{
	if (len >= sizeof(*v)) {
		memcpy(v, val, sizeof(*v));
		return 0;
	}
	if (level != IPPROTO_IP || len < 1)
		return -EINVAL;
	*v = *(const uint8_t *)val;
	return 0;
}

/* Copies what fits, as getsockopt() does. */
static int value_write(const void *from, uint32_t size, void *val, uint32_t *len)
{
	if (*len > size)
		*len = size;
	memcpy(val, from, *len);
	return 0;
}

/* ---- options with values of their own ---- */

static int congestion_set(struct tcp *t, struct tcp_pcb *p, const void *val, uint32_t len)
{
	int id = len < 1 ? -EINVAL : tcp_cc_find(val, len);

	if (id < 0)
		return id;
	tcp_cc_set(t, p, (enum tcp_cc_id)id);
	return 0;
}

/* Bytes per second in 32 bits, or in 64 as in an unsigned long; all bits set: no limit. */
static int max_pacing_set(struct tcp *t, struct tcp_pcb *p, const void *val, uint32_t len)
{
	uint64_t rate;
	uint32_t low;

	if (len < sizeof(low))
		return -EINVAL;
	memcpy(&low, val, sizeof(low));
	rate = low != UINT32_MAX ? low : 0;
	if (len >= sizeof(rate)) {
		memcpy(&rate, val, sizeof(rate));
		rate = rate != UINT64_MAX ? rate : 0;
	}
	tcp_opt_need(t, p)->max_pacing = rate;
	if (p->c.type == CONN_TCP && (p->xflags & TX_EXT))
		tcp_pace_attach(t, p);
	else if (p->c.type == CONN_TCP && rate != 0)
		tcp_ext_need(t, p);
	return 0;
}

static int max_pacing_get(const struct tcp *t, const struct tcp_pcb *p, void *val, uint32_t *len)
{
	uint64_t rate = tcp_opt(t, p)->max_pacing;
	uint32_t low;

	if (rate == 0)
		rate = UINT64_MAX;
	low = rate < UINT32_MAX ? (uint32_t)rate : UINT32_MAX;
	return *len >= sizeof(rate) ? value_write(&rate, sizeof(rate), val, len) : value_write(&low, sizeof(low), val, len);
}

int tcp_setopt(struct tcp *t, struct tcp_pcb *p, int level, int name, const void *val, uint32_t len)
{
	int v, err;

	if (level == SOL_SOCKET && name == SO_LINGER)
		return linger_set(t, p, val, len);
	if (level == SOL_SOCKET && name == SO_MAX_PACING_RATE)
		return max_pacing_set(t, p, val, len);
	if (level == IPPROTO_TCP && name == TCP_CONGESTION)
		return congestion_set(t, p, val, len);
	if (level == IPPROTO_TCP && name == TCP_FASTOPEN_KEY)
		return tcp_fo_key_set(t, p, val, len);
	err = value_read(level, val, len, &v);
	if (err != 0)
		return err;
	switch (level) {
	case IPPROTO_TCP: return tcp_level_set(t, p, name, v);
	case SOL_SOCKET: return socket_level_set(t, p, name, v);
	case IPPROTO_IP: return ip_level_set(t, p, name, v);
	case IPPROTO_IPV6: return ip6_level_set(t, p, name, v);
	default: return -ENOPROTOOPT;
	}
}

/* SO_MEMINFO: bytes of the stream, where Linux counts what its buffers take. */
static int meminfo_get(const struct tcp *t, const struct tcp_pcb *p, void *val, uint32_t *len)
{
	const uint32_t info[SK_MEMINFO_VARS] = {
		[SK_MEMINFO_RMEM_ALLOC] = tcp_unread(t, p),
		[SK_MEMINFO_RCVBUF] = p->rcvbuf,
		[SK_MEMINFO_SNDBUF] = p->sndbuf,
		[SK_MEMINFO_WMEM_QUEUED] = tcp_unsent(t, p),
	};

	return value_write(info, sizeof(info), val, len);
}

int tcp_getopt(struct tcp *t, struct tcp_pcb *p, int level, int name, void *val, uint32_t *len)
{
	int v, err;

	if (level == SOL_SOCKET && name == SO_LINGER) {
		int32_t s = tcp_opt(t, p)->linger_s;
		struct linger l = {.l_onoff = s >= 0, .l_linger = s >= 0 ? s : 0};

		return value_write(&l, sizeof(l), val, len);
	}
	if (level == SOL_SOCKET && name == SO_MAX_PACING_RATE)
		return max_pacing_get(t, p, val, len);
	if (level == SOL_SOCKET && name == SO_MEMINFO)
		return meminfo_get(t, p, val, len);
	if (level == IPPROTO_TCP && name == TCP_INFO) {
		struct tcp_info_more info;

		tcp_info_more(t, p, &info);
		return value_write(&info, sizeof(info), val, len);
	}
	if (level == IPPROTO_TCP && name == TCP_CC_INFO) {
		union tcp_cc_info info;
		uint32_t size = tcp_cc_info_get(t, p, &info);

		return value_write(&info, size, val, len);
	}
	if (level == IPPROTO_TCP && name == TCP_FASTOPEN_KEY) {
		uint8_t keys[2 * sizeof(struct siphash_key)];
		uint32_t size = tcp_fo_key_get(t, p, keys);

		return value_write(keys, size, val, len);
	}
	if (level == IPPROTO_TCP && name == TCP_CONGESTION) {
		char cc_name[16] = ""; /* TCP_CA_NAME_MAX */

		memcpy(cc_name, tcp_cc_of(p)->name, strlen(tcp_cc_of(p)->name));
		return value_write(cc_name, sizeof(cc_name), val, len);
	}
	err = level == IPPROTO_TCP ? tcp_level_get(t, p, name, &v) :
	      level == SOL_SOCKET ? socket_level_get(t, p, name, &v) :
	      level == IPPROTO_IP ? ip_level_get(t, p, name, &v) :
	      level == IPPROTO_IPV6 ? ip6_level_get(t, p, name, &v) : -ENOPROTOOPT;
	return err != 0 ? err : value_write(&v, sizeof(v), val, len);
}
