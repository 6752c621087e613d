/* change6.c: IPv6 addresses and gateways that come and go while spate runs; see change.c. What routers add is not here. */
#include <stdio.h>
#include <string.h>

#include "sock/change.h"

struct address6 {
	struct ip6_addr ip;
	uint8_t prefix_len, iface;
};

static struct {
	struct address6 addr[LOCAL_ADDRS_MAX];
	unsigned n_addrs;
} now;

static struct ip6_addr ip6_of(const struct in6_addr *a)
{
	struct ip6_addr to;

	memcpy(&to, a, sizeof(to));
	return to;
}

void sock_changes6_begin(const struct spate_config *c)
{
	now.n_addrs = 0;
	for (unsigned i = 0; i < c->n_ip6; i++) {
		for (uint32_t k = 0; k < c->ip6[i].count; k++) {
			const struct in6_addr a = config_ip6_add(&c->ip6[i].first, k);

			now.addr[now.n_addrs++] = (struct address6){.ip = ip6_of(&a), .prefix_len = c->ip6[i].prefix_len,
								    .iface = (uint8_t)sock_iface_number(c, c->ip6[i].iface)};
		}
	}
}

/* ---- with the lock held ---- */

/* A link-local address is of its interface: the same may be on another. */
static struct address6 *address_find(const struct ip6_addr *ip, int iface)
{
	for (unsigned i = 0; i < now.n_addrs; i++)
		if (ip6_addr_eq(&now.addr[i].ip, ip) && (iface < 0 || !ip6_addr_is_linklocal(ip) || now.addr[i].iface == iface))
			return &now.addr[i];
	return NULL;
}

static int address_add(const struct config_range6 *r, const char *interface)
{
	int iface = sock_change_iface(interface, 0), rc;
	const struct net_addr6_note note = {.addr = ip6_of(&r->first), .prefix_len = r->prefix_len, .iface = (uint8_t)iface};

	if (iface < 0)
		return iface;
	if (address_find(&note.addr, iface) != NULL)
		return -EEXIST;
	if (now.n_addrs == LOCAL_ADDRS_MAX - IFACES_MAX)
		return -ENOSPC;
	rc = sock_note_all(MAIL_ADDR6_ADD, &note, sizeof(note));
	if (rc == 0)
		now.addr[now.n_addrs++] = (struct address6){.ip = note.addr, .prefix_len = note.prefix_len, .iface = note.iface};
	return rc;
}

static int address_remove(const struct ip6_addr *ip)
{
	struct address6 *a = address_find(ip, -1);
	struct net_addr6_note note = {.addr = *ip};
	int rc;

	if (a == NULL)
		return -ENOENT;
	note.iface = a->iface;
	rc = sock_note_all(MAIL_ADDR6_REMOVE, &note, sizeof(note));
	if (rc == 0)
		*a = now.addr[--now.n_addrs];
	return rc;
}

static int gateway_change(const struct ip6_addr *gw, const char *interface, bool remove)
{
	int iface = sock_change_iface(interface, ip6_addr_is_linklocal(gw) ? 0 : NET_IFACE_ANY);
	const struct net_gw_note note = {.gw6 = *gw, .iface = (uint8_t)iface, .remove = remove};
	bool onlink = remove || ip6_addr_is_linklocal(gw);

	if (iface < 0)
		return iface;
	for (unsigned i = 0; i < now.n_addrs && !onlink; i++)
		onlink = (iface == NET_IFACE_ANY || now.addr[i].iface == iface) && !ip6_addr_eq(gw, &now.addr[i].ip) &&
			 ip6_addr_common(gw, &now.addr[i].ip) >= now.addr[i].prefix_len;
	return onlink ? sock_note_all(MAIL_GATEWAY, &note, sizeof(note)) : -EINVAL;
}

/* ---- the calls ---- */

int sock_address6_add(const char *address, const char *interface, char *err, size_t err_len)
{
	struct config_range6 r;
	int rc = config_parse_address6(address, &r, err, err_len);

	if (rc != 0)
		return rc;
	sock_change_lock();
	rc = address_add(&r, interface);
	sock_change_unlock();
	return sock_change_refuse(err, err_len, rc, rc == -ENODEV ? interface : address);
}

int sock_address6_remove(const char *address, char *err, size_t err_len)
{
	struct config_range6 r;
	struct ip6_addr ip;
	char plain[64];
	int rc;

	/* The length is not looked at: an address is one of ours only once. */
	snprintf(plain, sizeof(plain), "%.*s/128", (int)RTE_MIN(strcspn(address, "/"), sizeof(plain) - 8), address);
	rc = config_parse_address6(plain, &r, err, err_len);
	if (rc != 0)
		return rc;
	ip = ip6_of(&r.first);
	sock_change_lock();
	rc = address_remove(&ip);
	sock_change_unlock();
	return sock_change_refuse(err, err_len, rc, address);
}

static int gateway_call(const char *gateway, const char *interface, bool remove, char *err, size_t err_len)
{
	struct in6_addr a;
	struct ip6_addr gw;
	int rc = config_parse_gateway6(gateway, &a, err, err_len);

	if (rc != 0)
		return rc;
	gw = ip6_of(&a);
	sock_change_lock();
	rc = gateway_change(&gw, interface, remove);
	sock_change_unlock();
	if (rc == -EINVAL)
		snprintf(err, err_len, "gateway %s is on the network of none of our addresses", gateway);
	return rc == -EINVAL ? rc : sock_change_refuse(err, err_len, rc, rc == -ENODEV ? interface : gateway);
}

int sock_gateway6_add(const char *gateway, const char *interface, char *err, size_t err_len)
{
	return gateway_call(gateway, interface, false, err, err_len);
}

int sock_gateway6_remove(const char *gateway, char *err, size_t err_len)
{
	return gateway_call(gateway, NULL, true, err, err_len);
}
