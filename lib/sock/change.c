/* change.c: addresses and gateways that come and go while spate runs. The stacks make the changes, each in a turn of its own;
 * here is kept what they will have then, so that mistakes are found at once. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "sock/change.h"

struct address {
	uint32_t ip; /* host order */
	uint8_t prefix_len, iface;
};

static struct {
	pthread_mutex_t lock;
	char iface[IFACES_MAX][64]; /* names, by number on the stacks */
	unsigned n_ifaces;
	struct address addr[LOCAL_ADDRS_MAX];
	unsigned n_addrs;
} now = {.lock = PTHREAD_MUTEX_INITIALIZER};

int sock_iface_number(const struct spate_config *c, unsigned i)
{
	int number = 0;

	if (!config_iface_used(c, i))
		return -ENODEV;
	for (unsigned k = 0; k < i; k++)
		number += config_iface_used(c, k);
	return number;
}

void sock_changes_begin(const struct spate_config *c)
{
	pthread_mutex_lock(&now.lock);
	now.n_ifaces = now.n_addrs = 0;
	for (unsigned i = 0; i < c->n_ifaces; i++) {
		const struct config_iface *f = &c->iface[i];

		if (config_iface_used(c, i))
			net_iface_name(now.iface[now.n_ifaces++], sizeof(now.iface[0]), config_dev(c, f->dev), f->vlan_id);
	}
	for (unsigned i = 0; i < c->n_ip; i++)
		for (uint64_t a = c->ip[i].first; a <= c->ip[i].last; a++)
			now.addr[now.n_addrs++] = (struct address){.ip = (uint32_t)a, .prefix_len = c->ip[i].prefix_len,
								   .iface = (uint8_t)sock_iface_number(c, c->ip[i].iface)};
	sock_changes6_begin(c);
	pthread_mutex_unlock(&now.lock);
}

void sock_iface_name(unsigned number, char *name, size_t size)
{
	pthread_mutex_lock(&now.lock);
	if (number < now.n_ifaces)
		snprintf(name, size, "%.*s", (int)size - 1, now.iface[number]);
	else
		snprintf(name, size, "if%u", number + 1);
	pthread_mutex_unlock(&now.lock);
}

void sock_change_lock(void) { pthread_mutex_lock(&now.lock); }
void sock_change_unlock(void) { pthread_mutex_unlock(&now.lock); }

/* ---- with the lock held ---- */

int sock_change_refuse(char *err, size_t err_len, int rc, const char *what)
{
	const char *why = rc == -ENXIO   ? "spate is not running" :
			  rc == -EAGAIN  ? "a stack does not take its mail: it is not being polled" :
			  rc == -ENOBUFS ? "no packet buffer is free" :
			  rc == -EEXIST  ? "is one of ours already" :
			  rc == -ENOENT  ? "is not one of ours" :
			  rc == -ENOSPC  ? "there are too many addresses" :
			  rc == -ENODEV  ? "there is no such network interface, or it has no address" :
					   strerror(-rc);

	if (rc != 0)
		snprintf(err, err_len, "%s: %s", what, why);
	return rc;
}

int sock_change_iface(const char *name, int otherwise)
{
	if (name == NULL)
		return otherwise;
	for (unsigned i = 0; i < now.n_ifaces; i++)
		if (strcmp(now.iface[i], name) == 0)
			return (int)i;
	return -ENODEV;
}

static struct address *address_find(uint32_t ip)
{
	for (unsigned i = 0; i < now.n_addrs; i++)
		if (now.addr[i].ip == ip)
			return &now.addr[i];
	return NULL;
}

static int address_add(const struct config_range *r, const char *interface)
{
	int iface = sock_change_iface(interface, 0), rc;
	const struct net_addr_note note = {.addr_be = rte_cpu_to_be_32(r->first), .prefix_len = r->prefix_len, .iface = (uint8_t)iface};

	if (iface < 0)
		return iface;
	if (address_find(r->first) != NULL)
		return -EEXIST;
	if (now.n_addrs == LOCAL_ADDRS_MAX)
		return -ENOSPC;
	rc = sock_note_all(MAIL_ADDR_ADD, &note, sizeof(note));
	if (rc == 0)
		now.addr[now.n_addrs++] = (struct address){.ip = r->first, .prefix_len = r->prefix_len, .iface = (uint8_t)iface};
	return rc;
}

static int address_remove(uint32_t ip)
{
	const struct net_addr_note note = {.addr_be = rte_cpu_to_be_32(ip)};
	struct address *a = address_find(ip);
	int rc;

	if (a == NULL)
		return -ENOENT;
	rc = sock_note_all(MAIL_ADDR_REMOVE, &note, sizeof(note));
	if (rc == 0)
		*a = now.addr[--now.n_addrs];
	return rc;
}

static int gateway_add(uint32_t gw, const char *interface)
{
	int iface = sock_change_iface(interface, NET_IFACE_ANY);
	const struct net_gw_note note = {.gw_be = rte_cpu_to_be_32(gw), .iface = (uint8_t)iface};
	bool onlink = false;

	if (iface < 0)
		return iface;
	for (unsigned i = 0; i < now.n_addrs && !onlink; i++)
		onlink = (iface == NET_IFACE_ANY || now.addr[i].iface == iface) && gw != now.addr[i].ip &&
			 (uint64_t)(gw ^ now.addr[i].ip) >> (32 - now.addr[i].prefix_len) == 0;
	return onlink ? sock_note_all(MAIL_GATEWAY, &note, sizeof(note)) : -EINVAL;
}

/* ---- the calls ---- */

int spate_address_add(const char *address, const char *interface, char *err, size_t err_len)
{
	struct config_range r;
	int rc;

	if (config_is_ip6(address))
		return sock_address6_add(address, interface, err, err_len);
	rc = config_parse_address(address, &r, err, err_len);
	if (rc != 0)
		return rc;
	pthread_mutex_lock(&now.lock);
	rc = address_add(&r, interface);
	pthread_mutex_unlock(&now.lock);
	return sock_change_refuse(err, err_len, rc, rc == -ENODEV ? interface : address);
}

int spate_address_remove(const char *address, char *err, size_t err_len)
{
	struct config_range r;
	char plain[64];
	int rc;

	if (config_is_ip6(address))
		return sock_address6_remove(address, err, err_len);
	/* The length is not looked at: an address is one of ours only once. */
	snprintf(plain, sizeof(plain), "%.*s/32", (int)RTE_MIN(strcspn(address, "/"), sizeof(plain) - 8), address);
	rc = config_parse_address(plain, &r, err, err_len);
	if (rc != 0)
		return rc;
	pthread_mutex_lock(&now.lock);
	rc = address_remove(r.first);
	pthread_mutex_unlock(&now.lock);
	return sock_change_refuse(err, err_len, rc, address);
}

int spate_gateway_add(const char *gateway, const char *interface, char *err, size_t err_len)
{
	uint32_t gw;
	int rc;

	if (config_is_ip6(gateway))
		return sock_gateway6_add(gateway, interface, err, err_len);
	rc = config_parse_gateway(gateway, &gw, err, err_len);
	if (rc != 0)
		return rc;
	pthread_mutex_lock(&now.lock);
	rc = gateway_add(gw, interface);
	pthread_mutex_unlock(&now.lock);
	if (rc == -EINVAL)
		snprintf(err, err_len, "gateway %s is on the network of none of our addresses", gateway);
	return rc == -EINVAL ? rc : sock_change_refuse(err, err_len, rc, rc == -ENODEV ? interface : gateway);
}

int spate_gateway_remove(const char *gateway, char *err, size_t err_len)
{
	struct net_gw_note note = {.remove = true};
	uint32_t gw;
	int rc;

	if (config_is_ip6(gateway))
		return sock_gateway6_remove(gateway, err, err_len);
	rc = config_parse_gateway(gateway, &gw, err, err_len);
	if (rc != 0)
		return rc;
	note.gw_be = rte_cpu_to_be_32(gw);
	return sock_change_refuse(err, err_len, sock_note_all(MAIL_GATEWAY, &note, sizeof(note)), gateway);
}
