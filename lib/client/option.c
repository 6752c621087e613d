/* option.c: getsockopt() and setsockopt(): timeouts are kept here, the rest is the stack's. Which options were set is remembered,
 * so that they can be set again on a socket of the kernel (rules.c). */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "client/private.h"

#define OPTION_BYTES_MAX 64u

/* In the order of their bits in svc_file.bits. */
static const struct {
	int level, name;
} replayed[] = {
	{SOL_SOCKET, SO_REUSEADDR}, {SOL_SOCKET, SO_REUSEPORT}, {SOL_SOCKET, SO_KEEPALIVE}, {SOL_SOCKET, SO_BROADCAST},
	{SOL_SOCKET, SO_SNDBUF}, {SOL_SOCKET, SO_RCVBUF}, {SOL_SOCKET, SO_LINGER}, {SOL_SOCKET, SO_OOBINLINE},
	{SOL_SOCKET, SO_BINDTODEVICE}, {IPPROTO_TCP, TCP_NODELAY}, {IPPROTO_TCP, TCP_CORK}, {IPPROTO_TCP, TCP_MAXSEG},
	{IPPROTO_TCP, TCP_KEEPIDLE}, {IPPROTO_TCP, TCP_KEEPINTVL}, {IPPROTO_TCP, TCP_KEEPCNT}, {IPPROTO_TCP, TCP_SYNCNT},
	{IPPROTO_TCP, TCP_DEFER_ACCEPT}, {IPPROTO_TCP, TCP_USER_TIMEOUT}, {IPPROTO_TCP, TCP_FASTOPEN},
	{IPPROTO_TCP, TCP_FASTOPEN_CONNECT}, {IPPROTO_TCP, TCP_CONGESTION}, {IPPROTO_IP, IP_TTL}, {IPPROTO_IP, IP_TOS},
	{IPPROTO_IP, IP_RECVERR}, {IPPROTO_IP, IP_PKTINFO}, {IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT}, {IPPROTO_IPV6, IPV6_V6ONLY},
	{IPPROTO_IPV6, IPV6_TCLASS},
};
#define N_REPLAYED (sizeof(replayed) / sizeof(replayed[0]))
static_assert(N_REPLAYED <= 28, "the bits below SVC_F_DISSOLVED");

static void remember(struct use *u, int level, int name, const void *val, socklen_t len)
{
	struct linger l;

	for (uint32_t i = 0; i < N_REPLAYED; i++)
		if (replayed[i].level == level && replayed[i].name == name)
			atomic_fetch_or(&u->file->bits, 1u << i);
	if (level != SOL_SOCKET || name != SO_LINGER || len < sizeof(l))
		return;
	memcpy(&l, val, sizeof(l));
	if (l.l_onoff && l.l_linger > 0)
		atomic_fetch_or(&u->file->bits, SVC_F_LINGERS);
	else
		atomic_fetch_and(&u->file->bits, ~SVC_F_LINGERS);
}

/* ---- timeouts ---- */

static _Atomic uint64_t *timeout_of(struct use *u, int level, int name)
{
	if (level != SOL_SOCKET)
		return NULL;
	return name == SO_RCVTIMEO ? &u->file->rcv_ns : name == SO_SNDTIMEO ? &u->file->snd_ns : NULL;
}

static int timeout_set(_Atomic uint64_t *ns, const void *val, socklen_t len)
{
	struct timeval tv;
	int rc;

	if (len < sizeof(tv))
		return -EINVAL;
	rc = copy_from(&tv, val, sizeof(tv));
	if (rc < 0)
		return rc;
	if (tv.tv_usec < 0 || tv.tv_usec >= 1000000)
		return -EDOM;
	if (tv.tv_sec < 0) /* does not wait at all: the shortest time that is not "for ever" */
		atomic_store(ns, 1);
	else if (tv.tv_sec > 1000000000)
		atomic_store(ns, 0);
	else
		atomic_store(ns, (uint64_t)tv.tv_sec * 1000000000u + (uint64_t)tv.tv_usec * 1000u);
	return 0;
}

static int value_out(const void *from, size_t have, void *val, socklen_t *len, socklen_t room)
{
	socklen_t n = room < have ? room : (socklen_t)have;

	if (copy_suspect(val, n))
		return -EFAULT;
	memcpy(val, from, n);
	*len = n;
	return 0;
}

static int timeout_get(uint64_t ns, void *val, socklen_t *len, socklen_t room)
{
	struct timeval tv = {.tv_sec = (time_t)(ns / 1000000000u), .tv_usec = (suseconds_t)(ns % 1000000000u / 1000u)};

	return value_out(&tv, sizeof(tv), val, len, room);
}

/* ---- the calls ---- */

int client_setsockopt(int fd, int level, int name, const void *val, socklen_t len)
{
	_Atomic uint64_t *timeout;
	struct use u;
	int rc = use_socket(&u, fd);

	if (rc < 0)
		return rc;
	timeout = timeout_of(&u, level, name);
	if ((int)len < 0) {
		rc = -EINVAL;
	} else if (timeout != NULL) {
		rc = timeout_set(timeout, val, len);
	} else {
		u.ch->len = len < SVC_DATA_BYTES ? len : SVC_DATA_BYTES;
		rc = copy_from(u.ch->data, val, u.ch->len);
		u.ch->a = level;
		u.ch->b = name;
		if (rc == 0)
			rc = (int)use_ask(&u, SVC_SETSOCKOPT);
		if (rc == 0)
			remember(&u, level, name, val, len);
	}
	use_close(&u);
	return rc;
}

int client_getsockopt(int fd, int level, int name, void *val, socklen_t *len)
{
	_Atomic uint64_t *timeout;
	socklen_t room;
	struct use u;
	int rc = use_socket(&u, fd);

	if (rc < 0)
		return rc;
	timeout = timeout_of(&u, level, name);
	rc = copy_from(&room, len, sizeof(room));
	if (rc == 0 && (int)room < 0)
		rc = -EINVAL;
	if (rc == 0 && timeout != NULL) {
		rc = timeout_get(atomic_load(timeout), val, len, room);
	} else if (rc == 0) {
		u.ch->a = level;
		u.ch->b = name;
		u.ch->len = room < SVC_DATA_BYTES ? room : SVC_DATA_BYTES;
		rc = (int)use_ask(&u, SVC_GETSOCKOPT);
		if (rc >= 0)
			rc = value_out(u.ch->data, u.ch->len, val, len, room);
	}
	use_close(&u);
	return rc;
}

/* ---- replaying ---- */

static void replay_timeouts(struct use *u, int fd)
{
	static const int names[2] = {SO_RCVTIMEO, SO_SNDTIMEO};

	for (int i = 0; i < 2; i++) {
		uint64_t ns = atomic_load(timeout_of(u, SOL_SOCKET, names[i]));
		struct timeval tv;
		socklen_t len;

		timeout_get(ns, &tv, &len, sizeof(tv));
		if (ns != 0)
			kernel_setsockopt(fd, SOL_SOCKET, names[i], &tv, sizeof(tv));
	}
}

void option_replay(struct use *u, int fd)
{
	uint32_t bits = atomic_load(&u->file->bits);
	struct sockaddr_storage addr = u->ch->addr;
	uint32_t addr_len = u->ch->addr_len;

	for (uint32_t i = 0; i < N_REPLAYED; i++) {
		if (!(bits & 1u << i))
			continue;
		u->ch->a = replayed[i].level;
		u->ch->b = replayed[i].name;
		u->ch->len = OPTION_BYTES_MAX;
		if (use_ask(u, SVC_GETSOCKOPT) < 0)
			continue;
		/* Sizes of buffers are told doubled. */
		if (replayed[i].level == SOL_SOCKET && (replayed[i].name == SO_SNDBUF || replayed[i].name == SO_RCVBUF)) {
			uint32_t size;

			memcpy(&size, u->ch->data, sizeof(size));
			size /= 2;
			memcpy(u->ch->data, &size, sizeof(size));
		}
		kernel_setsockopt(fd, replayed[i].level, replayed[i].name, u->ch->data, u->ch->len);
	}
	replay_timeouts(u, fd);
	u->ch->addr = addr;
	u->ch->addr_len = addr_len;
}
