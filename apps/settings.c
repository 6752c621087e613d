/* settings.c: spate's settings on the command line, and defaults for `sim`. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings.h"

#define SIM_PREFIX_LEN 16  /* the network of the demo: room for every address it may need */
#define SIM_FIRST 10       /* host number of the first local address */
#define SIM_ADDRS_MIN 31   /* enough ports to open and close for a while; 10.0.0.10 to 10.0.0.40 */
#define ADDRS_MAX 1024     /* what one stack takes (LOCAL_ADDRS_MAX) */
/* A sent packet is kept until its ACK, which a peer with nothing to say may delay by 40 ms. With so many connections
 * one is rarely asked again before, and a million packets per second x 40 ms must be kept. */
#define BUFFERS_FROM 30000
#define BUFFERS "131072"
#define CONNS_ROOM 1000000 /* what --max-connections is by default, rounded down */

static const char *const setting_names[] = { "dev", "vlan", "ip", "peer-ip", "gw", "ip6", "dad", "route", "allow", "deny",
	"max-connections",
					     "port-range", "reserved-ports", "cores", "mbufs", "memory", "rcvbuf-max", "user-timeout-option",
					     "congestion", "ecn", "mtu-probing", "gro", "rx-interrupts", "huge", "offload", "eal", "syncookies", "fastopen",
					     "fastopen-key", "timestamps", "sack", "window-scaling", "slow-start-after-idle", "dialect", "seed",
					     "mtu",
					     "log-level", "config", NULL };

/* Remembers what defaults depend on. */
static void note(struct settings *s, const char *name, const char *value)
{
	if (strcmp(name, "dev") == 0)
		snprintf(s->dev, sizeof(s->dev), "%s", value);
	else if (strcmp(name, "port-range") == 0)
		snprintf(s->port_range, sizeof(s->port_range), "%s", value);
	else if (strcmp(name, "ip") == 0 && !s->ip)
		s->ip = snprintf(s->ip_text, sizeof(s->ip_text), "%s", value) > 0;
	else if (strcmp(name, "peer-ip") == 0)
		s->peer_ip = true;
	else if (strcmp(name, "mbufs") == 0)
		s->mbufs = true;
	else if (strcmp(name, "max-connections") == 0)
		s->max_conns = strtoull(value, NULL, 10);
	else if (strcmp(name, "cores") == 0)
		s->cores = strtoull(value, NULL, 10);
}

/* The same for "name = value" lines of a file that spate_config_load() has found good. */
static void note_file(struct settings *s, const char *path)
{
	FILE *f = fopen(path, "r");
	char line[512], name[64], value[400];

	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " %63[a-z-] = %399[^#\n]", name, value) == 2)
			note(s, name, value);
	fclose(f);
}

static int take(void *ctx, const char *name, const char *value, char *err, size_t err_len)
{
	struct settings *s = ctx;
	char reason[400];
	int rc, known = 0;

	for (const char *const *p = setting_names; *p; p++)
		known |= strcmp(*p, name) == 0;
	if (!known)
		return 0;
	if (!value) {
		snprintf(err, err_len, "--%s needs a value", name);
		return -EINVAL;
	}
	if (strcmp(name, "config") == 0) {
		rc = spate_config_load(s->c, value, err, err_len);
		if (rc == 0)
			note_file(s, value);
		return rc == 0 ? 1 : -EINVAL;
	}
	rc = spate_config_set(s->c, name, value, reason, sizeof(reason));
	if (rc != 0) {
		snprintf(err, err_len, "--%s", reason); /* it begins with the name */
		return -EINVAL;
	}
	note(s, name, value);
	return 1;
}

int settings_init(struct settings *s)
{
	memset(s, 0, sizeof(*s));
	s->c = spate_config_new();
	s->more = (struct opt_more){ .take = take, .ctx = s, .names = setting_names };
	return s->c ? 0 : -ENOMEM;
}

void settings_fini(struct settings *s) { spate_config_free(s->c); }

void settings_help(void)
{
	printf("  %-30s %s\n\nSettings of the stack:\n%s", "--config FILE", "settings from a file", spate_config_help());
}

bool settings_sim(const struct settings *s)
{
	return strncmp(s->dev, "sim", 3) == 0 && (s->dev[3] == 0 || s->dev[3] == ',');
}

uint32_t settings_ports(const struct settings *s)
{
	unsigned lo, hi;

	if (sscanf(s->port_range, "%u-%u", &lo, &hi) == 2 && lo <= hi && hi <= 65535)
		return hi - lo + 1;
	return 64512; /* 1024 to 65535 */
}

static void range_text(char *out, size_t len, uint32_t first, uint32_t n)
{
	uint32_t last = first + n - 1;

	snprintf(out, len, "%u.%u.%u.%u-%u.%u.%u.%u/%d", first >> 24, first >> 16 & 255, first >> 8 & 255, first & 255,
		 last >> 24, last >> 16 & 255, last >> 8 & 255, last & 255, SIM_PREFIX_LEN);
}

/* How many local addresses so many connections to one port need; 0 with a sentence: too many. */
static uint64_t sim_addresses(const struct settings *s, uint64_t conns, char *err, size_t err_len)
{
	uint32_t ports = settings_ports(s);
	uint64_t n = (conns + ports - 1) / ports;

	if (n < SIM_ADDRS_MIN)
		return SIM_ADDRS_MIN;
	if (n <= ADDRS_MAX)
		return n;
	snprintf(err, err_len, "%llu connections to one port need %llu local addresses, and a stack takes %d",
		 (unsigned long long)conns, (unsigned long long)n, ADDRS_MAX);
	return 0;
}

int settings_sim_defaults6(struct settings *s, const struct in6_addr *peer, uint64_t conns, char *err, size_t err_len)
{
	uint64_t n = sim_addresses(s, conns, err, err_len);
	struct in6_addr first = *peer, last;
	char text[128], a[INET6_ADDRSTRLEN], b[INET6_ADDRSTRLEN];

	snprintf(text, sizeof(text), "%s/64", inet_ntop(AF_INET6, peer, a, sizeof(a)));
	if (!s->peer_ip && spate_config_set(s->c, "peer-ip", text, err, err_len) != 0)
		return -EINVAL;
	if (s->ip)
		return 0;
	if (n == 0)
		return -EINVAL;
	/* The same network, and a part of it where the peer is not. */
	memset(first.s6_addr + 8, 0, 8);
	first.s6_addr[13] = peer->s6_addr[13] == 1 ? 2 : 1;
	last = first;
	last.s6_addr[14] = (uint8_t)((n - 1) >> 8);
	last.s6_addr[15] = (uint8_t)(n - 1);
	snprintf(text, sizeof(text), "%s-%s/64", inet_ntop(AF_INET6, &first, a, sizeof(a)), inet_ntop(AF_INET6, &last, b, sizeof(b)));
	return spate_config_set(s->c, "ip", text, err, err_len);
}

int settings_sim_defaults(struct settings *s, uint32_t peer, uint64_t conns, char *err, size_t err_len)
{
	uint32_t net = peer & ~((1u << (32 - SIM_PREFIX_LEN)) - 1), first = net + SIM_FIRST;
	uint64_t n = sim_addresses(s, conns, err, err_len);
	char text[64];

	if (!s->peer_ip) {
		const char *slash = strchr(s->ip_text, '/');

		snprintf(text, sizeof(text), "%u.%u.%u.%u/%d", peer >> 24, peer >> 16 & 255, peer >> 8 & 255, peer & 255,
			 slash ? atoi(slash + 1) : SIM_PREFIX_LEN);
		if (spate_config_set(s->c, "peer-ip", text, err, err_len) != 0)
			return -EINVAL;
	}
	if (s->ip)
		return 0;
	if (n == 0)
		return -EINVAL;
	if (peer >= first && peer < first + n)
		first = peer + 1 + n <= net + 65535 ? peer + 1 : peer - (uint32_t)n;
	range_text(text, sizeof(text), first, (uint32_t)n);
	return spate_config_set(s->c, "ip", text, err, err_len);
}

int settings_room(struct settings *s, uint64_t conns, char *err, size_t err_len)
{
	uint64_t cores = s->cores ? s->cores : 1, need = conns / cores + conns / 16 + 4096;
	char text[32];

	if (s->max_conns || need <= CONNS_ROOM)
		return 0;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)need);
	return spate_config_set(s->c, "max-connections", text, err, err_len);
}

int settings_buffers(struct settings *s, uint64_t conns, char *err, size_t err_len)
{
	if (s->mbufs || conns < BUFFERS_FROM)
		return 0;
	return spate_config_set(s->c, "mbufs", BUFFERS, err, err_len);
}
