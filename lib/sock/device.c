/* device.c: sockets that are bound to a network interface (SO_BINDTODEVICE, SO_BINDTOIFINDEX), or to what needs no gateway
 * (SO_DONTROUTE). */
#include "sock/device.h"

#include <net/if.h>
#include <string.h>

uint8_t sock_via(const struct sock_env *env, const struct conn *c)
{
	return sock_is_tcp(c) ? tcp_via_get(&env->s->tcp, (const struct tcp_pcb *)c) : ((const struct udp_pcb *)c)->via;
}

static int via_set(struct sock_env *env, struct conn *c, uint8_t via)
{
	int rc;

	if (!sock_is_tcp(c))
		return udp_via_set(&env->s->udp, sock_udp(c), via);
	rc = tcp_via_set(&env->s->tcp, (struct tcp_pcb *)c, via);
	if (rc == 0 && c->type == CONN_LISTEN)
		tcp_listener_changed(&env->s->tcp, c);
	return rc;
}

static int dev_set(struct sock_env *env, struct conn *c, uint32_t number)
{
	return via_set(env, c, (uint8_t)((sock_via(env, c) & ~NET_VIA_DEV) | number));
}

/* None is given as no name. Names end with their length or a zero. */
static int by_name(struct sock_env *env, struct conn *c, const char *val, socklen_t len)
{
	char name[sizeof(env->s->net.iface[0].name)];
	size_t n = strnlen(val, len);
	int iface;

	if (n == 0)
		return dev_set(env, c, 0);
	if (n >= sizeof(name))
		return -ENODEV;
	memcpy(name, val, n);
	name[n] = '\0';
	iface = net_iface_find(&env->s->net, name);
	return iface < 0 ? iface : dev_set(env, c, (uint32_t)iface + 1);
}

static int by_number(struct sock_env *env, struct conn *c, int number)
{
	if (number < 0)
		return -EINVAL;
	if (number > 0 && !net_iface_exists(&env->s->net, (uint32_t)number - 1))
		return -ENODEV;
	return dev_set(env, c, (uint32_t)number);
}

int sock_device_set(struct sock_env *env, struct conn *c, int name, const void *val, socklen_t len)
{
	uint8_t via = sock_via(env, c);
	int v;

	if (name == SO_BINDTODEVICE)
		return by_name(env, c, val, len);
	if (len < sizeof(v))
		return -EINVAL;
	memcpy(&v, val, sizeof(v));
	if (name == SO_BINDTOIFINDEX)
		return by_number(env, c, v);
	return via_set(env, c, (uint8_t)(v ? via | NET_VIA_ONLINK : via & ~NET_VIA_ONLINK));
}

/* Linux wants room for any name, and says nothing of a socket that is bound to none. */
static int name_out(const struct sock_env *env, uint8_t via, void *val, socklen_t *len)
{
	const char *name = via & NET_VIA_DEV ? env->s->net.iface[net_via_iface(via)].name : NULL;

	if (name == NULL) {
		*len = 0;
		return 0;
	}
	if (*len < IFNAMSIZ || *len < strlen(name) + 1)
		return -EINVAL;
	*len = (socklen_t)strlen(name) + 1;
	memcpy(val, name, *len);
	return 0;
}

/* A link-local peer ties the socket to its interface (I10). */
static uint8_t via_seen(const struct sock_env *env, const struct conn *c)
{
	uint8_t via = sock_via(env, c);
	rte_be32_t laddr_be = c->h.key.laddr_be;

	if (!(via & NET_VIA_DEV) && c->flags & CONN_IN_TABLE && laddr_be != 0 && flow_addr_is6(laddr_be))
		via |= addr6_at(&env->s->flow.addr6s, laddr_be)->scope & NET_VIA_DEV;
	return via;
}

int sock_device_get(const struct sock_env *env, const struct conn *c, int name, void *val, socklen_t *len)
{
	uint8_t via = via_seen(env, c);
	int v = name == SO_BINDTOIFINDEX ? (int)(via & NET_VIA_DEV) : (via & NET_VIA_ONLINK) != 0;

	if (name == SO_BINDTODEVICE)
		return name_out(env, via, val, len);
	*len = RTE_MIN(*len, (socklen_t)sizeof(v));
	memcpy(val, &v, *len);
	return 0;
}
