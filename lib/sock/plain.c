/* plain.c: see plain.h. docs/sockets.md says of each why it has no effect. */
#include "sock/plain.h"

#include <linux/udp.h>
#include <string.h>

#define TCP 1u
#define UDP 2u
#define ANY (TCP | UDP)
#define OPT_TCP_THIN_LINEAR_TIMEOUTS 16 /* of <linux/tcp.h>, whose states are ours, too */
#define OPT_TCP_THIN_DUPACK 17

/* Numbers have a place of their own, switches a bit of one. */
enum { SWITCH = 0xff };
static const struct {
	int level, name;
	uint8_t kinds, place;
	int least, most;
} options[] = {
	{SOL_SOCKET, SO_DEBUG, ANY, SWITCH, 0, 1},
	{SOL_SOCKET, SO_NO_CHECK, ANY, SWITCH, 0, 1},
	{SOL_SOCKET, SO_BSDCOMPAT, ANY, SWITCH, 0, 1},
	{SOL_SOCKET, SO_SELECT_ERR_QUEUE, ANY, SWITCH, 0, 1},
	{SOL_SOCKET, SO_PREFER_BUSY_POLL, ANY, SWITCH, 0, 1},
	{SOL_SOCKET, SO_KEEPALIVE, UDP, SWITCH, 0, 1},
	{SOL_SOCKET, SO_OOBINLINE, UDP, SWITCH, 0, 1},
	{IPPROTO_IP, IP_RECVOPTS, ANY, SWITCH, 0, 1},
	{IPPROTO_IP, IP_RETOPTS, ANY, SWITCH, 0, 1},
	{IPPROTO_IP, IP_PKTINFO, TCP, SWITCH, 0, 1},
	{IPPROTO_IP, IP_RECVTTL, TCP, SWITCH, 0, 1},
	{IPPROTO_IP, IP_RECVTOS, TCP, SWITCH, 0, 1},
	{IPPROTO_TCP, OPT_TCP_THIN_LINEAR_TIMEOUTS, TCP, SWITCH, 0, 1},
	{IPPROTO_TCP, OPT_TCP_THIN_DUPACK, TCP, SWITCH, 0, 1},
	{IPPROTO_UDP, UDP_NO_CHECK6_TX, UDP, SWITCH, 0, 1},
	{IPPROTO_UDP, UDP_NO_CHECK6_RX, UDP, SWITCH, 0, 1},
	{IPPROTO_UDP, UDP_GRO, UDP, SWITCH, 0, 1},
	{SOL_SOCKET, SO_PRIORITY, ANY, 0, INT32_MIN, INT32_MAX},
	{SOL_SOCKET, SO_MARK, ANY, 1, INT32_MIN, INT32_MAX},
	{SOL_SOCKET, SO_BUSY_POLL, ANY, 2, 0, INT32_MAX},
	{SOL_SOCKET, SO_BUSY_POLL_BUDGET, ANY, 3, 0, UINT16_MAX},
	{SOL_SOCKET, SO_TXREHASH, ANY, 4, -1, 1},
	{SOL_SOCKET, SO_RCVLOWAT, UDP, 5, INT32_MIN, INT32_MAX},
	{SOL_SOCKET, SO_INCOMING_CPU, ANY, 6, INT32_MIN, INT32_MAX},
};

static_assert(RTE_DIM(options) <= 32, "switches are bits by their row");

static int row_of(const struct conn *c, int level, int name)
{
	uint8_t kind = c->type == CONN_UDP ? UDP : TCP;

	for (unsigned i = 0; i < RTE_DIM(options); i++)
		if (options[i].name == name && options[i].level == level && options[i].kinds & kind)
			return (int)i;
	return -ENOPROTOOPT;
}

int sock_plain_set(struct sock_env *env, struct conn *c, int level, int name, const void *val, socklen_t len)
{
	int row = row_of(c, level, name), v;
	struct sock_side *side;

	if (row < 0)
		return row;
	if (len < (level == IPPROTO_IP ? 1 : sizeof(v)))
		return -EINVAL;
	v = len < sizeof(v) ? *(const uint8_t *)val : 0;
	if (len >= sizeof(v))
		memcpy(&v, val, sizeof(v));
	if (options[row].place == SWITCH)
		v = v != 0;
	if (v < options[row].least || v > options[row].most)
		return -EINVAL;
	side = sock_side(env, c, true);
	if (side == NULL)
		return -ENOBUFS;
	if (options[row].place == SWITCH)
		side->switches = (side->switches & ~(1u << row)) | (uint32_t)v << row;
	else
		side->number[options[row].place] = v;
	return 0;
}

int sock_plain_get(struct sock_env *env, struct conn *c, int level, int name, int *v)
{
	const struct sock_side *side = sock_side(env, c, false);
	int row = row_of(c, level, name);

	if (row < 0)
		return row;
	if (side == NULL)
		*v = 0;
	else
		*v = options[row].place == SWITCH ? (int)(side->switches >> row & 1) : side->number[options[row].place];
	if (name == SO_RCVLOWAT && level == SOL_SOCKET && *v <= 0)
		*v = 1;
	return 0;
}
