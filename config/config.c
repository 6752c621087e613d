/* config.c: the settings: one table row each, with its name, help and parser. */
#include "config/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>
#include <rte_log.h>

#include "config/parse.h"
#include "config/units.h"

#define MTU_MIN 576  /* what every IPv4 host must take (RFC 791 3.1) */
#define MTU_MAX 9000
#define MBUFS_DEFAULT 32768u
#define MBUFS_MIN 2048u       /* two rings of descriptors */
#define MBUFS_MAX (1u << 26)
#define MEMORY_MIN_MB 64

typedef int (*setter)(struct spate_config *c, const char *v, struct say *say);

static int set_text(char *to, size_t size, const char *v, struct say *say)
{
	if (strlen(v) >= size)
		return say_no(say, "longer than %zu characters", size - 1);
	strcpy(to, v);
	return 0;
}

static int set_dev(struct spate_config *c, const char *v, struct say *say)
{
	int rc = v[0] == '\0' ? say_no(say, "names no device") : set_text(c->dev, sizeof(c->dev), v, say);

	if (rc == 0)
		parse_cores_follow(c);
	return rc;
}

static int set_eal(struct spate_config *c, const char *v, struct say *say)
{
	return set_text(c->eal, sizeof(c->eal), v, say);
}

static int set_ip(struct spate_config *c, const char *v, struct say *say)
{
	return parse_ranges(c->ip, &c->n_ip, v, say);
}

static int set_peer_ip(struct spate_config *c, const char *v, struct say *say)
{
	return parse_ranges(c->peer_ip, &c->n_peer_ip, v, say);
}

static int set_gw(struct spate_config *c, const char *v, struct say *say)
{
	return parse_gateways(c, v, say);
}

static int set_count(const char *v, uint64_t min, uint64_t max, uint64_t *out, struct say *say)
{
	if (!units_count(v, out))
		return say_no(say, "is not a number: write digits, with k or M for thousands and millions");
	if (*out < min || *out > max)
		return say_no(say, "must be from %llu to %llu", (unsigned long long)min, (unsigned long long)max);
	return 0;
}

static int set_max_conns(struct spate_config *c, const char *v, struct say *say)
{
	uint64_t n;
	int rc = set_count(v, 1, CONNS_MAX, &n, say);

	if (rc == 0)
		c->max_conns = (uint32_t)n;
	return rc;
}

static int set_port_range(struct spate_config *c, const char *v, struct say *say)
{
	unsigned lo, hi;
	int used = 0;

	if (!isdigit((unsigned char)v[0]) || sscanf(v, "%5u-%5u%n", &lo, &hi, &used) != 2 || v[used] != '\0')
		return say_no(say, "is not a port range: write the lowest and the highest, such as 1024-65535");
	if (lo == 0 || hi > 65535 || lo > hi)
		return say_no(say, "must rise, within 1 to 65535");
	c->port_lo = (uint16_t)lo;
	c->port_hi = (uint16_t)hi;
	return 0;
}

static int set_mtu(struct spate_config *c, const char *v, struct say *say)
{
	uint64_t n;
	int rc = set_count(v, MTU_MIN, MTU_MAX, &n, say);

	if (rc == 0)
		c->mtu = (uint16_t)n;
	return rc;
}

static int set_cores(struct spate_config *c, const char *v, struct say *say) { return parse_cores(c, v, say); }

static int set_mbufs(struct spate_config *c, const char *v, struct say *say)
{
	uint64_t n;
	int rc = set_count(v, MBUFS_MIN, MBUFS_MAX, &n, say);

	if (rc == 0)
		c->mbufs = (uint32_t)n;
	return rc;
}

static int set_memory(struct spate_config *c, const char *v, struct say *say)
{
	uint64_t n;

	if (!units_bytes(v, &n))
		return say_no(say, "is not an amount of memory: write it with M or G, such as 512M");
	if (n >> 20 < MEMORY_MIN_MB || n >> 40 != 0)
		return say_no(say, "must be from %uM to 1024G", MEMORY_MIN_MB);
	c->memory_mb = (uint32_t)(n >> 20);
	return 0;
}

static int set_huge(struct spate_config *c, const char *v, struct say *say)
{
	static const char *const words[] = {"auto", "no", "yes"};

	for (int i = 0; i < 3; i++) {
		if (strcmp(v, words[i]) == 0) {
			c->huge = i - 1;
			return 0;
		}
	}
	return say_no(say, "must be yes, no or auto");
}

static int set_gro(struct spate_config *c, const char *v, struct say *say)
{
	bool yes = strcmp(v, "yes") == 0;

	if (!yes && strcmp(v, "no") != 0)
		return say_no(say, "must be yes or no");
	c->gro = yes;
	return 0;
}

static int set_seed(struct spate_config *c, const char *v, struct say *say)
{
	char *end;

	errno = 0;
	c->seed = strtoull(v, &end, 0);
	if (!isdigit((unsigned char)v[0]) || *end != '\0' || errno != 0)
		return say_no(say, "is not a number of at most 64 bits (decimal, or hexadecimal with 0x)");
	return 0;
}

static int set_log_level(struct spate_config *c, const char *v, struct say *say)
{
	static const struct {
		const char *name;
		int level;
	} levels[] = {{"error", RTE_LOG_ERR}, {"warning", RTE_LOG_WARNING}, {"notice", RTE_LOG_NOTICE},
		      {"info", RTE_LOG_INFO}, {"debug", RTE_LOG_DEBUG}};

	for (unsigned i = 0; i < RTE_DIM(levels); i++) {
		if (strcmp(v, levels[i].name) == 0) {
			c->log_level = levels[i].level;
			return 0;
		}
	}
	return say_no(say, "must be error, warning, notice, info or debug");
}

static const struct setting {
	const char *name, *shape, *help;
	setter set;
} settings[] = {
	{"dev", "DEVICE", "sim[,loss=1%,...], eth1, xdp:eth1, tap:NAME, 0000:3b:00.0, memif:/PATH[,role=server],\n"
	 "virtio:/PATH, vhost:/PATH, pcap:IN,OUT or eal:VDEV", set_dev},
	{"ip", "ADDR[-ADDR]/LEN", "our addresses; more with commas or by repeating", set_ip},
	{"peer-ip", "ADDR[-ADDR]/LEN", "the far end's addresses (sim only)", set_peer_ip},
	{"gw", "ADDR", "gateway; more with commas or by repeating", set_gw},
	{"max-connections", "N", "sockets of one core (1048576)", set_max_conns},
	{"port-range", "LO-HI", "source ports of outgoing connections (1024-65535)", set_port_range},
	{"mtu", "BYTES", "largest IP packet (the device's)", set_mtu},
	{"cores", "N|LIST|N@LIST", "how many cores, and which CPUs: 2, or 0,1, or cpu:2-5, or 2@4-7 (1, not pinned);\n"
	 "on sim the far end takes the second half of the list", set_cores},
	{"mbufs", "N", "packet buffers of one core (32768)", set_mbufs},
	{"memory", "SIZE", "DPDK memory, such as 2G (computed)", set_memory},
	{"gro", "yes|no", "join received segments before they are handled: for bulk transfer (no)", set_gro},
	{"huge", "yes|no|auto", "huge pages (auto: when enough are free)", set_huge},
	{"eal", "ARGS", "more arguments for DPDK's EAL, with spaces between", set_eal},
	{"seed", "N", "start of all random numbers, to repeat a run (0: from the system)", set_seed},
	{"log-level", "LEVEL", "error, warning, notice, info or debug (notice)", set_log_level},
};

void config_defaults(struct spate_config *c)
{
	memset(c, 0, sizeof(*c));
	c->max_conns = CONNS_DEFAULT;
	c->port_lo = EPORT_LO_DEFAULT;
	c->port_hi = EPORT_HI_DEFAULT;
	c->cores = 1;
	c->mbufs = MBUFS_DEFAULT;
	c->huge = -1;
	c->log_level = RTE_LOG_NOTICE;
}

int config_set(struct spate_config *c, const char *name, const char *value, char *err, size_t err_len)
{
	struct say say = {.name = name, .value = value, .err = err, .err_len = err_len};

	for (unsigned i = 0; i < RTE_DIM(settings); i++) {
		if (strcmp(settings[i].name, name) == 0)
			return settings[i].set(c, value, &say);
	}
	snprintf(err, err_len, "there is no setting '%s'; the settings are:", name);
	for (unsigned i = 0; i < RTE_DIM(settings); i++) {
		size_t at = strlen(err);

		snprintf(err + at, err_len - at, "%s %s", i == 0 ? "" : ",", settings[i].name);
	}
	return -EINVAL;
}

const char *config_help(void)
{
	static char text[4096];
	size_t at = 0;

	for (unsigned i = 0; i < RTE_DIM(settings); i++) {
		const struct setting *s = &settings[i];
		const char *nl = strchr(s->help, '\n');
		int first = nl != NULL ? (int)(nl - s->help) : (int)strlen(s->help);

		at += (size_t)snprintf(text + at, sizeof(text) - at, "  --%-15s %-16s %.*s\n", s->name, s->shape, first,
				       s->help);
		if (nl != NULL)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "%36s%s\n", "", nl + 1);
	}
	return text;
}
