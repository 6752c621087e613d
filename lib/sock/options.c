/* options.c: getsockopt(), setsockopt(), fcntl() and ioctl(). What every socket has is here; TCP keeps its own. */
#include <linux/sockios.h>
#include <linux/udp.h>
#include <string.h>

#include "flow/port_range.h"
#include "sock/datagram.h"
#include "sock/device.h"
#include "sock/dialect.h"
#include "sock/interface.h"
#include "sock/kernel.h"
#include "sock/option6.h"
#include "sock/plain.h"

#define NS_IN_S 1000000000ull
#define TIMEO_MAX_S (UINT64_MAX / 4 / NS_IN_S) /* longer means for ever */

/* ---- values in and out ---- */

static int int_in(const void *val, socklen_t len, int *v)
{
	if (len < sizeof(int))
		return -EINVAL;
	memcpy(v, val, sizeof(int));
	return 0;
}

static int out(const void *from, size_t size, void *val, socklen_t *len)
{
	*len = (socklen_t)RTE_MIN((size_t)*len, size);
	memcpy(val, from, *len);
	return 0;
}

static int int_out(int v, void *val, socklen_t *len) { return out(&v, sizeof(v), val, len); }

static int timeo_set(struct sock_env *env, struct conn *c, enum sock_dir dir, const void *val, socklen_t len)
{
	struct sock_side *side;
	struct timeval tv;
	uint64_t ns;

	if (len < sizeof(tv))
		return -EINVAL;
	memcpy(&tv, val, sizeof(tv));
	if (tv.tv_usec < 0 || tv.tv_usec >= 1000000)
		return -EDOM;
	if (tv.tv_sec < 0)
		ns = 1; /* Linux: such a timeout is over at once */
	else if ((uint64_t)tv.tv_sec > TIMEO_MAX_S)
		ns = 0;
	else
		ns = (uint64_t)tv.tv_sec * NS_IN_S + (uint64_t)tv.tv_usec * 1000;
	side = sock_side(env, c, ns != 0);
	if (side == NULL)
		return ns != 0 ? -ENOBUFS : 0;
	if (dir == SOCK_RCV)
		side->rcv_ns = ns;
	else
		side->snd_ns = ns;
	return 0;
}

static int timeo_get(struct sock_env *env, struct conn *c, enum sock_dir dir, void *val, socklen_t *len)
{
	const struct sock_side *side = sock_side(env, c, false);
	uint64_t ns = side == NULL ? 0 : dir == SOCK_RCV ? side->rcv_ns : side->snd_ns;
	struct timeval tv = {.tv_sec = (time_t)(ns / NS_IN_S), .tv_usec = (suseconds_t)(ns % NS_IN_S / 1000)};

	return out(&tv, sizeof(tv), val, len);
}

static void flag_set(struct conn *c, uint8_t flag, int on)
{
	c->flags = (uint8_t)(on ? c->flags | flag : c->flags & ~flag);
}

static void bit_set(struct conn *c, uint32_t bit, int on)
{
	*sock_bits(c) = on ? *sock_bits(c) | bit : *sock_bits(c) & ~bit;
}

/* ---- what datagram sockets keep here, TCP in its own options ---- */

/* Linux doubles what is asked for, and has a floor. */
static uint32_t udp_buf_size(int v)
{
	return RTE_MAX((uint32_t)RTE_MIN((uint32_t)RTE_MAX(v, 0), TCP_BUF_MAX / 2) * 2, (uint32_t)TCP_BUF_MIN);
}

static int udp_level_set(struct sock_env *env, struct udp_pcb *p, int name, int v)
{
	switch (name) {
	case UDP_CORK:
		return udp_cork_set(&env->s->udp, p, v != 0);
	case UDP_SEGMENT:
		if (v < 0 || v > UINT16_MAX)
			return -EINVAL;
		p->segment = (uint16_t)v;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int udp_set(struct sock_env *env, struct udp_pcb *p, int level, int name, const void *val, socklen_t len)
{
	int v = 0, rc = int_in(val, len, &v);

	/* IP options may be given as one byte. */
	if (level == IPPROTO_IP && len >= 1 && rc < 0) {
		v = *(const uint8_t *)val;
		rc = 0;
	}
	if (level == SOL_SOCKET && name == SO_LINGER)
		return len < sizeof(struct linger) ? -EINVAL : 0; /* nothing lingers */
	if (level == IPPROTO_UDP)
		return rc < 0 ? rc : udp_level_set(env, p, name, v);
	if (level == SOL_SOCKET && name == SO_RCVBUF && rc == 0)
		p->rcvbuf = udp_buf_size(v);
	else if (level == SOL_SOCKET && name == SO_SNDBUF && rc == 0)
		p->sndbuf = udp_buf_size(v);
	else if (level == IPPROTO_IP && name == IP_BIND_ADDRESS_NO_PORT && rc == 0)
		bit_set(&p->c, SOCK_NO_PORT, v);
	else if (level == IPPROTO_IP && name == IP_LOCAL_PORT_RANGE && rc == 0 && port_range_valid((uint32_t)v))
		p->port_range = (uint32_t)v;
	else if (level == IPPROTO_IP && name == IP_TOS && rc == 0)
		p->tos = (uint8_t)v;
	else if (level == IPPROTO_IP && name == IP_TTL && rc == 0 && v >= 1 && v <= 255)
		p->ttl = (uint8_t)v;
	else if (level == IPPROTO_IP && (name == IP_TTL || name == IP_LOCAL_PORT_RANGE))
		return -EINVAL;
	else
		return rc < 0 ? rc : -ENOPROTOOPT;
	return 0;
}

static int udp_get(const struct udp_pcb *p, int level, int name, void *val, socklen_t *len)
{
	if (level == SOL_SOCKET && name == SO_RCVBUF)
		return int_out((int)p->rcvbuf, val, len);
	if (level == SOL_SOCKET && name == SO_SNDBUF)
		return int_out((int)p->sndbuf, val, len);
	if (level == IPPROTO_UDP && name == UDP_CORK)
		return int_out(p->corked, val, len);
	if (level == IPPROTO_UDP && name == UDP_SEGMENT)
		return int_out(p->segment, val, len);
	if (level == IPPROTO_IP && name == IP_BIND_ADDRESS_NO_PORT)
		return int_out((p->sock_bits & SOCK_NO_PORT) != 0, val, len);
	if (level == IPPROTO_IP && name == IP_LOCAL_PORT_RANGE)
		return int_out((int)p->port_range, val, len);
	if (level == IPPROTO_IP && name == IP_TOS)
		return int_out(p->tos, val, len);
	if (level == IPPROTO_IP && name == IP_TTL)
		return int_out(p->ttl, val, len);
	return -ENOPROTOOPT;
}

/* ---- the calls ---- */

/* Options that is_common() knows. */
static int common_set(struct sock_env *env, struct conn *c, int name, int v)
{
	switch (name) {
	case SO_REUSEADDR:
		flag_set(c, CONN_REUSEADDR, v);
		return 0;
	case SO_REUSEPORT:
		flag_set(c, CONN_REUSEPORT, v);
		return 0;
	case SO_BROADCAST:
		bit_set(c, SOCK_BROADCAST, v);
		if (!sock_is_tcp(c)) {
			sock_udp(c)->broadcast = v != 0;
			udp_path_forget(&env->s->udp, sock_udp(c));
		}
		return 0;
	default:
		return -ENOPROTOOPT; /* SO_ERROR and the others are read only */
	}
}

/* Options of every protocol that are whole numbers and kept here. */
static bool is_common(int level, int name)
{
	return level == SOL_SOCKET && (name == SO_REUSEADDR || name == SO_REUSEPORT || name == SO_BROADCAST ||
				       name == SO_ERROR || name == SO_TYPE || name == SO_DOMAIN ||
				       name == SO_PROTOCOL || name == SO_ACCEPTCONN);
}

/* Like other options of IP it may be one byte. */
static int freebind_set(struct conn *c, const void *val, socklen_t len)
{
	int v = 0, rc = int_in(val, len, &v);

	if (rc < 0 && len == 0)
		return rc;
	if (rc < 0)
		v = *(const uint8_t *)val;
	c->more = (uint8_t)(v ? c->more | CONN_MORE_FREEBIND : c->more & ~CONN_MORE_FREEBIND);
	return 0;
}

/* Other names of the same: 64-bit times are what this machine has anyway, and there are no limits that only some may exceed. */
static int plain_name(int level, int name)
{
	if (level != SOL_SOCKET)
		return name;
	switch (name) {
	case SO_RCVTIMEO_NEW:
		return SO_RCVTIMEO;
	case SO_SNDTIMEO_NEW:
		return SO_SNDTIMEO;
	case SO_RCVBUFFORCE:
		return SO_RCVBUF;
	case SO_SNDBUFFORCE:
		return SO_SNDBUF;
	default:
		return name;
	}
}

static int dialect_set(struct sock_env *env, struct conn *c, const void *val, socklen_t len)
{
	int rc = sock_dialect_set(c, val, len);

	if (rc == 0 && c->type == CONN_LISTEN)
		tcp_listener_changed(&env->s->tcp, c);
	return rc;
}

int sock_setsockopt(int fd, int level, int name, const void *val, socklen_t len)
{
	struct sock_env *env;
	struct conn *c;
	int v, rc = sock_find(fd, &env, &c);

	if (rc < 0)
		return sock_is_kernel(fd) ? kernel_setsockopt(fd, level, name, val, len) : rc;
	if ((int)len < 0)
		return -EINVAL;
	if (val == NULL)
		return -EFAULT;
	name = plain_name(level, name);
	if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO))
		return timeo_set(env, c, name == SO_RCVTIMEO ? SOCK_RCV : SOCK_SND, val, len);
	if (sock_device_option(level, name))
		return sock_device_set(env, c, name, val, len);
	if (is_common(level, name)) {
		rc = int_in(val, len, &v);
		return rc < 0 ? rc : common_set(env, c, name, v);
	}
	rc = sock_plain_set(env, c, level, name, val, len);
	if (rc != -ENOPROTOOPT)
		return rc;
	if (level == SOL_SPATE)
		return name == SPATE_SO_DIALECT ? dialect_set(env, c, val, len) : -ENOPROTOOPT;
	if (level == IPPROTO_IPV6)
		return sock_option6_set(env, c, name, val, len);
	if (level == IPPROTO_IP && name == IP_FREEBIND)
		return freebind_set(c, val, len);
	if (level == IPPROTO_IP && name == IP_LOCAL_PORT_RANGE && len != sizeof(uint32_t))
		return -EINVAL; /* Linux: other IP options may be given as one byte, or as more than an int */
	if (!sock_is_tcp(c)) {
		rc = sock_ip_set(env, sock_udp(c), level, name, val, len);
		return rc != -ENOPROTOOPT ? rc : udp_set(env, sock_udp(c), level, name, val, len);
	}
	rc = tcp_setopt(&env->s->tcp, sock_tcp(c), level, name, val, len);
	if (c->type == CONN_LISTEN)
		tcp_listener_changed(&env->s->tcp, c);
	return rc;
}

static int common_get(struct conn *c, int name)
{
	switch (name) {
	case SO_REUSEADDR:
		return (c->flags & CONN_REUSEADDR) != 0;
	case SO_REUSEPORT:
		return (c->flags & CONN_REUSEPORT) != 0;
	case SO_BROADCAST:
		return (*sock_bits(c) & SOCK_BROADCAST) != 0;
	case SO_ERROR:
		return -sock_error_take(c);
	case SO_TYPE:
		return sock_is_tcp(c) ? SOCK_STREAM : SOCK_DGRAM;
	case SO_DOMAIN:
		return c->more & CONN_MORE_IP6 ? AF_INET6 : AF_INET;
	case SO_PROTOCOL:
		return sock_is_tcp(c) ? IPPROTO_TCP : IPPROTO_UDP;
	default: /* SO_ACCEPTCONN, see is_common() */
		return c->type == CONN_LISTEN;
	}
}

/* Of this life of the process no two sockets have the same; which stack it is on is in it. */
static int cookie_get(struct sock_env *env, struct conn *c, void *val, socklen_t *len)
{
	struct sock_side *side = sock_side(env, c, true);

	if (*len < sizeof(side->cookie))
		return -EINVAL;
	if (side == NULL)
		return -ENOBUFS;
	if (side->cookie == 0)
		side->cookie = ++env->cookies << 16 | (env->id + 1);
	return out(&side->cookie, sizeof(side->cookie), val, len);
}

/* What can only be read. */
static int told_get(struct sock_env *env, struct conn *c, int level, int name, void *val, socklen_t *len)
{
	const struct ucred nobody = {.pid = 0, .uid = (uid_t)-1, .gid = (gid_t)-1};

	if (level == SOL_SOCKET && name == SO_COOKIE)
		return cookie_get(env, c, val, len);
	if (level == SOL_SOCKET && name == SO_PEERCRED) /* as Linux says it of other than AF_UNIX */
		return out(&nobody, sizeof(nobody), val, len);
	if (level == SOL_SOCKET && name == SO_SNDLOWAT)
		return int_out(1, val, len);
	if (level == IPPROTO_IP && name == IP_OPTIONS) { /* none; servers ask, for fear of source routes */
		*len = 0;
		return 0;
	}
	return -ENOPROTOOPT;
}

int sock_getsockopt(int fd, int level, int name, void *val, socklen_t *len)
{
	struct sock_env *env;
	struct conn *c;
	int rc = sock_find_shared(fd, &env, &c), v;

	if (rc < 0)
		return sock_is_kernel(fd) ? kernel_getsockopt(fd, level, name, val, len) : rc;
	if (val == NULL || len == NULL)
		return -EFAULT;
	if ((int)*len < 0)
		return -EINVAL;
	name = plain_name(level, name);
	if (level == SOL_SOCKET && (name == SO_RCVTIMEO || name == SO_SNDTIMEO))
		return timeo_get(env, c, name == SO_RCVTIMEO ? SOCK_RCV : SOCK_SND, val, len);
	if (sock_device_option(level, name))
		return sock_device_get(env, c, name, val, len);
	if (is_common(level, name))
		return int_out(common_get(c, name), val, len);
	if (level == SOL_SPATE)
		return name == SPATE_SO_DIALECT ? int_out((int)conn_dialect(c), val, len) : -ENOPROTOOPT;
	if (level == IPPROTO_IPV6)
		return sock_option6_get(env, c, name, val, len);
	rc = sock_plain_get(env, c, level, name, &v);
	if (rc == 0)
		return int_out(v, val, len);
	rc = told_get(env, c, level, name, val, len);
	if (rc != -ENOPROTOOPT)
		return rc;
	if (level == IPPROTO_IP && name == IP_FREEBIND)
		return int_out((c->more & CONN_MORE_FREEBIND) != 0, val, len);
	if (sock_is_tcp(c))
		return tcp_getopt(&env->s->tcp, sock_tcp(c), level, name, val, len);
	rc = sock_ip_get(env, sock_udp(c), level, name, val, len);
	return rc != -ENOPROTOOPT ? rc : udp_get(sock_udp(c), level, name, val, len);
}

static void nonblock_set(struct sock_env *env, struct conn *c, int on)
{
	flag_set(c, CONN_NONBLOCK, on);
	if (c->type == CONN_LISTEN)
		tcp_listener_changed(&env->s->tcp, c);
}

int sock_fcntl(int fd, int cmd, long arg)
{
	struct sock_env *env;
	struct conn *c;
	int rc = sock_find_any(fd, &env, &c);

	if (rc < 0)
		return sock_is_kernel(fd) ? kernel_fcntl(fd, cmd, arg) : rc;
	switch (cmd) {
	case F_GETFL:
		return O_RDWR | (c->flags & CONN_NONBLOCK ? O_NONBLOCK : 0);
	case F_SETFL:
		nonblock_set(env, c, (arg & O_NONBLOCK) != 0);
		return 0;
	case F_GETFD:
		return FD_CLOEXEC;
	case F_SETFD:
		return 0;
	default:
		return -EINVAL;
	}
}

int sock_ioctl(int fd, unsigned long request, void *arg)
{
	struct sock_env *env;
	struct conn *c;
	int *v = arg;
	int rc = sock_find(fd, &env, &c);

	if (rc < 0 && sock_is_kernel(fd))
		return kernel_ioctl(fd, request, arg);
	if (rc < 0)
		return rc == -ENOTSOCK ? -ENOTTY : rc;
	if (request != FIONBIO && request != FIONREAD && request != SIOCOUTQ && request != SIOCATMARK)
		return sock_interface_ioctl(&env->s->net, request, arg);
	if (v == NULL)
		return -EFAULT;
	if (request == FIONBIO)
		nonblock_set(env, c, *v);
	else if (c->type == CONN_LISTEN)
		return -EINVAL;
	else if (request == SIOCATMARK && !sock_is_tcp(c))
		return -ENOTTY;
	else if (request == SIOCATMARK)
		*v = tcp_at_mark(&env->s->tcp, sock_tcp(c));
	else if (request == FIONREAD)
		*v = (int)(sock_is_tcp(c) ? tcp_unread(&env->s->tcp, sock_tcp(c)) : udp_unread(sock_udp(c)));
	else
		*v = sock_is_tcp(c) ? (int)tcp_unsent(&env->s->tcp, sock_tcp(c)) : 0;
	return 0;
}
