/* check.c: what only the whole configuration shows. */
#include <errno.h>
#include <stdio.h>

#include "config/parse.h"

static uint32_t prefix_mask(uint8_t len) { return len == 0 ? 0 : UINT32_MAX << (32 - len); }

static bool on_prefix(const struct config_range *r, uint32_t ip)
{
	return ((r->first ^ ip) & prefix_mask(r->prefix_len)) == 0;
}

static uint32_t count(const struct config_range *r, unsigned n)
{
	uint32_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += r[i].last - r[i].first + 1;
	return sum;
}

/* The first range of b that shares an address with a range of a. */
static const struct config_range *overlap(const struct config_range *a, unsigned n_a, const struct config_range *b,
					  unsigned n_b)
{
	for (unsigned i = 0; i < n_a; i++) {
		for (unsigned j = a == b ? i + 1 : 0; j < n_b; j++) {
			if (a[i].first <= b[j].last && b[j].first <= a[i].last)
				return &b[j];
		}
	}
	return NULL;
}

static int no(char *err, size_t err_len, const char *text)
{
	snprintf(err, err_len, "%s", text);
	return -EINVAL;
}

static int check_addresses(const struct spate_config *c, char *err, size_t err_len)
{
	const struct config_range *twice = overlap(c->ip, c->n_ip, c->ip, c->n_ip);
	char a[16];

	if (count(c->ip, c->n_ip) > LOCAL_ADDRS_MAX || count(c->peer_ip, c->n_peer_ip) > LOCAL_ADDRS_MAX) {
		snprintf(err, err_len, "one end has more than %u addresses", LOCAL_ADDRS_MAX);
		return -EINVAL;
	}
	if (twice == NULL)
		twice = overlap(c->peer_ip, c->n_peer_ip, c->peer_ip, c->n_peer_ip);
	if (twice != NULL) {
		snprintf(err, err_len, "the range that starts at %s overlaps another one", config_ip_text(twice->first, a));
		return -EINVAL;
	}
	twice = overlap(c->ip, c->n_ip, c->peer_ip, c->n_peer_ip);
	if (twice != NULL) {
		snprintf(err, err_len, "ip and peer-ip share addresses: see the peer's range that starts at %s",
			 config_ip_text(twice->first, a));
		return -EINVAL;
	}
	return 0;
}

static int check_gateways(const struct spate_config *c, char *err, size_t err_len)
{
	for (unsigned i = 0; i < c->n_gw; i++) {
		bool found = false;
		char a[16];

		for (unsigned j = 0; j < c->n_ip && !found; j++)
			found = on_prefix(&c->ip[j], c->gw[i]);
		if (!found) {
			snprintf(err, err_len, "gateway %s is on the network of none of our addresses: check the prefix lengths",
				 config_ip_text(c->gw[i], a));
			return -EINVAL;
		}
	}
	return 0;
}

static bool is_reserved(const struct spate_config *c, uint32_t port)
{
	for (unsigned i = 0; i < c->n_reserved; i++) {
		if (port >= c->reserved[i].lo && port <= c->reserved[i].hi)
			return true;
	}
	return false;
}

static int check_ports(const struct spate_config *c, char *err, size_t err_len)
{
	for (uint32_t port = c->port_lo; port <= c->port_hi; port++) {
		if (!is_reserved(c, port))
			return 0;
	}
	return no(err, err_len, "reserved-ports leave nothing of port-range");
}

/* Two stacks of one end on one CPU would only wait for each other. (Those of two ends may share: sim's.) */
static int check_cores(const struct spate_config *c, char *err, size_t err_len)
{
	if (c->n_core_list != 0 && c->n_core_list < c->cores) {
		snprintf(err, err_len, "%u cores are asked for, but the list names %u CPUs", c->cores, c->n_core_list);
		return -EINVAL;
	}
	for (unsigned i = 0; i < c->n_core_list; i++) {
		for (unsigned j = i + 1; j < c->n_core_list && j / c->cores == i / c->cores; j++) {
			if (c->core_list[i] == c->core_list[j]) {
				snprintf(err, err_len, "cores lists CPU %d twice", c->core_list[i]);
				return -EINVAL;
			}
		}
	}
	return 0;
}

int config_check(const struct spate_config *c, char *err, size_t err_len)
{
	bool sim = config_dev_is_sim(c);
	int rc;

	if (c->dev[0] == '\0')
		return no(err, err_len, "no device is given: use --dev, for example --dev sim or --dev eth1");
	if (c->n_ip == 0 && c->n_ip6 == 0 && !c->ip6_auto)
		return no(err, err_len, "no address is given: use --ip, for example --ip 10.0.0.2/24");
	rc = config_check_interfaces(c, err, err_len);
	if (rc != 0)
		return rc;
	if (sim && c->n_peer_ip == 0 && c->n_peer_ip6 == 0)
		return no(err, err_len, "sim has two ends: give the far one an address with --peer-ip, in the same network");
	if (!sim && (c->n_peer_ip != 0 || c->n_peer_ip6 != 0))
		return no(err, err_len, "peer-ip is for --dev sim only: other devices have their peer outside");
	rc = check_cores(c, err, err_len);
	if (rc == 0)
		rc = check_ports(c, err, err_len);
	if (rc == 0)
		rc = check_addresses(c, err, err_len);
	if (rc == 0)
		rc = check_gateways(c, err, err_len);
	return rc != 0 ? rc : config_check6(c, err, err_len);
}
