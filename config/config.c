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
#define VLAN_MAX 4094
#define MBUFS_DEFAULT 32768u
#define MBUFS_MIN 2048u       /* two rings of descriptors */
#define MBUFS_MAX (1u << 26)
#define MEMORY_MIN_MB 64
#define FASTOPEN_MAX 0x607    /* all bits that there are */

typedef int (*setter)(struct spate_config *c, const char *v, struct say *say);

static int set_text(char *to, size_t size, const char *v, struct say *say)
{
	if (strlen(v) >= size)
		return say_no(say, "longer than %zu characters", size - 1);
	strcpy(to, v);
	return 0;
}

static bool has_iface(const struct spate_config *c, unsigned dev, uint16_t vlan_id, uint8_t *at)
{
	for (unsigned i = 0; i < c->n_ifaces; i++) {
		*at = (uint8_t)i;
		if (c->iface[i].dev == dev && c->iface[i].vlan_id == vlan_id)
			return true;
	}
	return false;
}

/* What follows is for this interface, which begins here unless it was there. */
static int iface_select(struct spate_config *c, unsigned dev, uint16_t vlan_id, struct say *say)
{
	uint8_t at;

	if (!has_iface(c, dev, vlan_id, &at)) {
		if (c->n_ifaces == IFACES_MAX)
			return say_no(say, "there are more than %u network interfaces", IFACES_MAX);
		at = (uint8_t)c->n_ifaces++;
		c->iface[at] = (struct config_iface){.dev = (uint8_t)dev, .vlan_id = vlan_id};
	}
	c->iface_now = at;
	return 0;
}

static int set_dev(struct spate_config *c, const char *v, struct say *say)
{
	unsigned n = config_devs(c);
	int rc = 0;

	if (v[0] == '\0')
		return say_no(say, "names no device");
	if (c->dev[0] == '\0') {
		rc = set_text(c->dev, sizeof(c->dev), v, say);
		if (rc == 0)
			parse_cores_follow(c);
		return rc;
	}
	for (unsigned i = 0; i < n; i++)
		if (strcmp(config_dev(c, i), v) == 0)
			return iface_select(c, i, 0, say); /* more about it */
	if (n == PORTS_MAX)
		return say_no(say, "there are more than %u devices", PORTS_MAX);
	rc = set_text(c->more[n - 1].name, sizeof(c->more[0].name), v, say);
	if (rc == 0)
		rc = iface_select(c, n, 0, say);
	c->n_more += rc == 0;
	return rc;
}

static int set_eal(struct spate_config *c, const char *v, struct say *say)
{
	return set_text(c->eal, sizeof(c->eal), v, say);
}

static int set_ip(struct spate_config *c, const char *v, struct say *say)
{
	return parse_ranges(c->ip, &c->n_ip, c->ip6, &c->n_ip6, c->iface_now, v, say);
}

static int set_peer_ip(struct spate_config *c, const char *v, struct say *say)
{
	return parse_ranges(c->peer_ip, &c->n_peer_ip, c->peer_ip6, &c->n_peer_ip6, c->iface_now, v, say);
}

static int set_gw(struct spate_config *c, const char *v, struct say *say)
{
	return parse_gateways(c, v, say);
}

static int set_route(struct spate_config *c, const char *v, struct say *say)
{
	int rc;

	if (c->n_routes == CONFIG_ROUTES_MAX)
		return say_no(say, "there are more than %u routes", CONFIG_ROUTES_MAX);
	rc = parse_route(&c->route[c->n_routes], v, say);
	c->route[c->n_routes].iface = c->iface_now;
	c->n_routes += rc == 0;
	return rc;
}

static int set_filter(struct spate_config *c, bool allow, const char *v, struct say *say)
{
	int rc;

	if (c->n_filters == CONFIG_FILTERS_MAX)
		return say_no(say, "there are more than %u rules", CONFIG_FILTERS_MAX);
	rc = parse_filter(&c->filter[c->n_filters], allow, v, say);
	c->n_filters += rc == 0;
	return rc;
}

static int set_allow(struct spate_config *c, const char *v, struct say *say) { return set_filter(c, true, v, say); }

static int set_deny(struct spate_config *c, const char *v, struct say *say) { return set_filter(c, false, v, say); }

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

static int set_reserved_ports(struct spate_config *c, const char *v, struct say *say) { return parse_ports(c, v, say); }

static int set_mtu(struct spate_config *c, const char *v, struct say *say)
{
	uint64_t n;
	struct config_iface *iface = &c->iface[c->iface_now];
	int rc = set_count(v, MTU_MIN, MTU_MAX, &n, say);

	if (rc != 0)
		return rc;
	if (iface->vlan_id != 0)
		iface->mtu = (uint16_t)n;
	else if (iface->dev == 0)
		c->mtu = (uint16_t)n;
	else
		c->more[iface->dev - 1].mtu = (uint16_t)n;
	return 0;
}

static int set_vlan(struct spate_config *c, const char *v, struct say *say)
{
	uint64_t n;
	int rc = set_count(v, 1, VLAN_MAX, &n, say);

	return rc != 0 ? rc : iface_select(c, c->iface[c->iface_now].dev, (uint16_t)n, say);
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

static int set_rcvbuf_max(struct spate_config *c, const char *v, struct say *say)
{
	uint64_t n;

	if (!units_bytes(v, &n))
		return say_no(say, "is not an amount of memory: write it with K or M, such as 6M");
	if (n < TCP_BUF_MIN || n > TCP_BUF_MAX)
		return say_no(say, "must be from %uK to %uM", TCP_BUF_MIN >> 10, TCP_BUF_MAX >> 20);
	c->rcvbuf_max = (uint32_t)n;
	return 0;
}

static int set_uto(struct spate_config *c, const char *v, struct say *say)
{
	bool yes = strcmp(v, "yes") == 0;

	if (!yes && strcmp(v, "no") != 0)
		return say_no(say, "must be yes or no");
	c->uto = yes;
	return 0;
}

static int set_congestion(struct spate_config *c, const char *v, struct say *say)
{
	static const char *const names[TCP_CC_IDS] = TCP_CC_NAMES;

	for (unsigned i = 0; i < TCP_CC_IDS; i++) {
		if (strcmp(v, names[i]) == 0) {
			c->congestion = (uint8_t)i;
			return 0;
		}
	}
	return say_no(say, "must be cubic, reno, bbr or dctcp");
}

static int set_dialect(struct spate_config *c, const char *v, struct say *say)
{
	static const char *const words[] = {"linux", "bsd", "zos"};

	for (unsigned i = 0; i < RTE_DIM(words); i++) {
		if (strcmp(v, words[i]) == 0) {
			c->dialect = (uint8_t)(i + 1);
			return 0;
		}
	}
	return say_no(say, "must be linux, bsd or zos");
}

static int set_mtu_probing(struct spate_config *c, const char *v, struct say *say)
{
	bool yes = strcmp(v, "yes") == 0;

	if (!yes && strcmp(v, "no") != 0)
		return say_no(say, "must be yes or no");
	c->mtu_probing = yes;
	return 0;
}

static int set_ecn(struct spate_config *c, const char *v, struct say *say)
{
	static const char *const words[TCP_ECN_MODES] = {"no", "yes", "answer"};

	for (unsigned i = 0; i < TCP_ECN_MODES; i++) {
		if (strcmp(v, words[i]) == 0 || (v[0] == (char)('0' + i) && v[1] == '\0')) {
			c->ecn = (uint8_t)i;
			return 0;
		}
	}
	return say_no(say, "must be no, yes or answer (0, 1 or 2 as Linux's tcp_ecn)");
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

static int set_ip6(struct spate_config *c, const char *v, struct say *say)
{
	if (strcmp(v, "auto") != 0 && strcmp(v, "static") != 0)
		return say_no(say, "must be static or auto");
	c->ip6_auto = v[0] == 'a';
	return 0;
}

static int set_dad(struct spate_config *c, const char *v, struct say *say)
{
	static const char *const words[] = {"auto", "no", "yes"};

	for (int i = 0; i < 3; i++) {
		if (strcmp(v, words[i]) == 0) {
			c->dad = i - 1;
			return 0;
		}
	}
	return say_no(say, "must be yes, no or auto");
}

bool config_dad(const struct spate_config *c) { return c->dad >= 0 ? c->dad != 0 : !config_dev_is_sim(c); }

static int set_offload(struct spate_config *c, const char *v, struct say *say)
{
	if (strcmp(v, "auto") != 0 && strcmp(v, "no") != 0)
		return say_no(say, "must be auto or no");
	c->offload = v[0] == 'a';
	return 0;
}

static int set_gro(struct spate_config *c, const char *v, struct say *say)
{
	bool yes = strcmp(v, "yes") == 0;

	if (!yes && strcmp(v, "no") != 0)
		return say_no(say, "must be yes or no");
	c->gro = yes;
	return 0;
}

static int set_rx_interrupts(struct spate_config *c, const char *v, struct say *say)
{
	bool yes = strcmp(v, "yes") == 0;

	if (!yes && strcmp(v, "no") != 0)
		return say_no(say, "must be yes or no");
	c->rx_interrupts = yes;
	return 0;
}

static int set_syncookies(struct spate_config *c, const char *v, struct say *say)
{
	static const char *const words[] = {"no", "auto", "always"};

	for (uint8_t i = 0; i < RTE_DIM(words); i++) {
		if (strcmp(v, words[i]) == 0) {
			c->syncookies = i;
			return 0;
		}
	}
	return say_no(say, "must be no, auto or always");
}

static int set_fastopen(struct spate_config *c, const char *v, struct say *say)
{
	char *end;
	unsigned long n = strtoul(v, &end, 0);

	if (!isdigit((unsigned char)v[0]) || *end != '\0' || n > FASTOPEN_MAX)
		return say_no(say, "is no sum of 1 (client), 2 (server), 4, 0x200 and 0x400, as Linux's net.ipv4.tcp_fastopen");
	c->fastopen = (uint16_t)n;
	return 0;
}

/* Four numbers of 32 bits, each stored with its lowest byte first: the 16 bytes that are SipHash's key, as Linux's sysctl. */
static int set_fastopen_key(struct spate_config *c, const char *v, struct say *say)
{
	uint32_t word[4];
	int used = 0;

	if (sscanf(v, "%8x-%8x-%8x-%8x%n", &word[0], &word[1], &word[2], &word[3], &used) != 4 || v[used] != '\0')
		return say_no(say, "is no key: write four hexadecimal numbers of 32 bits with - between");
	for (unsigned i = 0; i < 2; i++)
		c->fastopen_key[i] = word[2 * i] | (uint64_t)word[2 * i + 1] << 32;
	c->fastopen_key_given = true;
	return 0;
}

static int set_with(struct spate_config *c, uint8_t bit, const char *v, struct say *say)
{
	bool yes = strcmp(v, "yes") == 0;

	if (!yes && strcmp(v, "no") != 0)
		return say_no(say, "must be yes or no");
	c->without = (uint8_t)(yes ? c->without & ~bit : c->without | bit);
	return 0;
}

static int set_timestamps(struct spate_config *c, const char *v, struct say *say)
{
	return set_with(c, TCP_NO_TIMESTAMPS, v, say);
}

static int set_sack(struct spate_config *c, const char *v, struct say *say) { return set_with(c, TCP_NO_SACK, v, say); }

static int set_window_scaling(struct spate_config *c, const char *v, struct say *say)
{
	return set_with(c, TCP_NO_WINDOW_SCALE, v, say);
}

static int set_idle_restart(struct spate_config *c, const char *v, struct say *say)
{
	return set_with(c, TCP_NO_IDLE_RESTART, v, say);
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
	 "virtio:/PATH, vhost:/PATH, pcap:IN,OUT or eal:VDEV; repeat it for several devices: ip, gw, vlan\n"
	 "and mtu are for the one before them", set_dev},
	{"vlan", "N", "a VLAN of the device (1 to 4094): ip, gw and mtu that follow are in it", set_vlan},
	{"ip", "ADDR[-ADDR]/LEN", "our addresses, IPv4 or IPv6; more with commas or by repeating", set_ip},
	{"peer-ip", "ADDR[-ADDR]/LEN", "the far end's addresses (sim only)", set_peer_ip},
	{"gw", "ADDR", "gateway; more with commas or by repeating", set_gw},
	{"ip6", "static|auto", "auto: routers are asked for IPv6 prefixes and routes, and believed (static)", set_ip6},
	{"dad", "yes|no|auto", "IPv6 addresses are used when nobody else was heard with them for a second\n"
	 "(auto: not on sim)", set_dad},
	{"route", "[TYPE] NET/LEN ...", "[via ADDR] [metric N] [src ADDR] [mtu N]: a network behind a gateway or on the link; TYPE\n"
	 "unreachable, prohibit or blackhole: one that is refused; 'default' is 0.0.0.0/0", set_route},
	{"allow", "in|out ...", "packets that may pass: [tcp|udp|icmp|icmp6] [src NET/LEN [port N-N]] [dst NET/LEN [port N-N]];\n"
	 "of allow and deny the first rule that matches counts; what none matches may pass", set_allow},
	{"deny", "in|out ...", "packets that may not, written likewise", set_deny},
	{"max-connections", "N", "sockets of one core (1048576)", set_max_conns},
	{"port-range", "LO-HI", "source ports of outgoing connections (1024-65535)", set_port_range},
	{"reserved-ports", "PORT[-PORT]", "never chosen as source ports; more with commas or by repeating", set_reserved_ports},
	{"mtu", "BYTES", "largest IP packet (the device's)", set_mtu},
	{"cores", "N|LIST|N@LIST", "how many cores, and which CPUs: 2, or 0,1, or cpu:2-5, or 2@4-7 (1, not pinned);\n"
	 "on sim the far end takes the second half of the list", set_cores},
	{"mbufs", "N", "packet buffers of one core (32768)", set_mbufs},
	{"memory", "SIZE", "DPDK memory, such as 2G (computed)", set_memory},
	{"rcvbuf-max", "SIZE", "TCP receive buffers grow up to this, unless SO_RCVBUF is set (6M)", set_rcvbuf_max},
	{"user-timeout-option", "yes|no", "tell peers TCP_USER_TIMEOUT and take theirs, RFC 5482 (no)", set_uto},
	{"congestion", "NAME", "congestion control of new sockets: cubic, reno, bbr or dctcp (cubic)", set_congestion},
	{"ecn", "no|yes|answer", "explicit congestion notification: never, asked for, or when the peer asks (answer)", set_ecn},
	{"mtu-probing", "yes|no", "smaller segments where large ones are lost again and again without an ICMP message (no)",
		set_mtu_probing},
	{"gro", "yes|no", "join received segments before they are handled: for bulk transfer (no)", set_gro},
	{"rx-interrupts", "yes|no", "a device that can is to wake stacks that sleep: spate run --idle interrupt asks for it (no)", set_rx_interrupts},
	{"huge", "yes|no|auto", "huge pages (auto: when enough are free)", set_huge},
	{"offload", "auto|no", "checksums, segmentation, VLAN tags by the device where it can (auto), or all in software", set_offload},
	{"eal", "ARGS", "more arguments for DPDK's EAL, with spaces between", set_eal},
	{"syncookies", "no|auto|always", "answer connection requests without remembering them: when there are many (auto)",
		set_syncookies},
	{"fastopen", "BITS", "TCP Fast Open as Linux's net.ipv4.tcp_fastopen: 1 client, 2 server, 4 without cookies (1)", set_fastopen},
	{"fastopen-key", "KEY", "makes the cookies of TCP Fast Open, as Linux's net.ipv4.tcp_fastopen_key: for servers that share\n"
	 "an address (drawn at start)", set_fastopen_key},
	{"timestamps", "yes|no", "TCP timestamps (yes)", set_timestamps},
	{"sack", "yes|no", "selective acknowledgements (yes)", set_sack},
	{"window-scaling", "yes|no", "TCP windows over 64 KB (yes)", set_window_scaling},
	{"slow-start-after-idle", "yes|no", "connections that paused begin with small windows again (yes)", set_idle_restart},
	{"dialect", "NAME", "whose manual the socket calls follow where systems disagree: linux, bsd or zos (SPATE_DIALECT, else\n"
	 "linux); a socket may have another", set_dialect},
	{"seed", "N", "start of all random numbers, to repeat a run (0: from the system)", set_seed},
	{"log-level", "LEVEL", "error, warning, notice, info or debug (notice)", set_log_level},
};

void config_defaults(struct spate_config *c)
{
	memset(c, 0, sizeof(*c));
	c->max_conns = CONNS_DEFAULT;
	c->port_lo = EPORT_LO_DEFAULT;
	c->port_hi = EPORT_HI_DEFAULT;
	c->n_ifaces = 1;
	c->cores = 1;
	c->mbufs = MBUFS_DEFAULT;
	c->ecn = TCP_ECN_ANSWER;
	c->rcvbuf_max = TCP_RCVBUF_MAX_DEFAULT;
	c->huge = -1;
	c->dad = -1;
	c->offload = true;
	c->syncookies = 1;
	c->fastopen = 1;
	c->log_level = RTE_LOG_NOTICE;
}

int config_set(struct spate_config *c, const char *name, const char *value, char *err, size_t err_len)
{
	struct say say = {.name = name, .value = value, .err = err, .err_len = err_len};

	for (unsigned i = 0; i < RTE_DIM(settings); i++) {
		if (strcmp(settings[i].name, name) == 0)
			return settings[i].set(c, value, &say);
	}
	snprintf(err, err_len, "there is no setting '%s': spate load --help lists them", name);
	return -EINVAL;
}

const char *config_help(void)
{
	static char text[8192];
	size_t at = 0;

	for (unsigned i = 0; i < RTE_DIM(settings); i++) {
		const struct setting *s = &settings[i];
		const char *line = s->help;

		at += (size_t)snprintf(text + at, sizeof(text) - at, "  --%-15s %-16s ", s->name, s->shape);
		while (line != NULL) {
			const char *nl = strchr(line, '\n');

			at += (size_t)snprintf(text + at, sizeof(text) - at, "%*s%.*s\n", line == s->help ? 0 : 36, "",
					       (int)strcspn(line, "\n"), line);
			line = nl != NULL ? nl + 1 : NULL;
		}
	}
	return text;
}
