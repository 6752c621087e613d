/* nic.c: the command `spate nic`: what a device can do, what of it is used and why not the rest, and what to change. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mempool.h>

#include "app.h"
#include "config/config.h"
#include "drivers/drivers.h"
#include "flow/eport.h"
#include "fmt.h"
#include "nic.h"
#include "settings.h"
#include "sock/sock.h"
#include "spate/spate.h"

#define PROBE_PORT 80
#define PROBE_DEFAULT 200
#define PROBE_MAX 10000
#define KEY_HEX (2 * RSS_KEY_MAX + 1)

struct nic {
	struct settings st;
	const char *probe;     /* as written, NULL: none */
	uint64_t connections;  /* per core */
	bool json;
	uint32_t addr;
	uint16_t port;
	struct nic_seen *seen; /* by stack; NULL: did not probe */
	unsigned n_near;
};

static const char help_text[] =
	"Usage: spate nic --dev DEV [--cores N] [--ip ADDR/LEN --probe IP[:PORT]]\n\n"
	"Opens the device as spate would, and says what it can do, what of it is used and why not the rest, what RSS does, and\n"
	"what to change. With --probe every core opens connections to that address (whether it accepts or refuses them), and\n"
	"what arrives is compared with what was predicted.\n"
	"Exit code: 0 as predicted, or nothing to verify; 1 packets arrived elsewhere than predicted, or nobody answered;\n"
	"2 wrong usage.\n";

/* ---- words ---- */

static void print_homing(const struct port *p, const struct spate_config *c)
{
	struct eport_space *space = eport_space_new(&p->rss, c->port_lo, c->port_hi);
	struct eport_report r;
	char text[256];

	if (space == NULL)
		return;
	eport_space_report(space, false, &r);
	eport_report_text(&r, text, sizeof(text));
	printf("Homing\n  %u core%s: %s\n", p->rss.n_queues, p->rss.n_queues == 1 ? "" : "s", text);
	eport_space_free(space);
}

static void print_device(struct port *p, const struct spate_config *c)
{
	char mac[RTE_ETHER_ADDR_FMT_SIZE];

	rte_ether_format_addr(mac, sizeof(mac), &p->mac);
	printf("Device                   %s\n", p->name);
	printf("MAC address              %s\n", mac);
	printf("Link                     %s\n", p->ops->link_up(p) ? "up" : "down");
	printf("MTU                      %u\n", p->mtu);
	if (p->numa_node >= 0)
		printf("NUMA node                %d\n", p->numa_node);
	else
		printf("NUMA node                unknown, or only one\n");
	if (p->ops->describe != NULL)
		p->ops->describe(p, stdout);
	else
		printf("Queues                   %u asked for, %u granted\n", c->cores, p->n_queues);
	print_homing(p, c);
}

static void print_probe(const struct nic *n)
{
	printf("Probe                    %u connections from each core to %s\n", (unsigned)n->connections, n->probe);
	for (unsigned i = 0; i < n->n_near; i++) {
		const struct nic_seen *s = &n->seen[i];
		uint64_t elsewhere = s->elsewhere_rss + s->elsewhere_no_rss;

		printf("  core %-3u %llu answered, %llu silent, %llu failed%s%s; %llu packets came here, %llu of them belonged "
		       "elsewhere; %llu had a hash, %llu a wrong one\n", i, (unsigned long long)s->answered,
		       (unsigned long long)s->silent, (unsigned long long)s->failed, s->failed != 0 ? ": " : "",
		       s->failed != 0 ? strerror(s->error) : "", (unsigned long long)s->packets,
		       (unsigned long long)elsewhere, (unsigned long long)s->hash_given, (unsigned long long)s->hash_wrong);
	}
}

/* ---- the verdict ---- */

static struct nic_seen sum_of(const struct nic *n)
{
	struct nic_seen sum = { .answered = 0 };

	for (unsigned i = 0; n->seen && i < n->n_near; i++) {
		sum.answered += n->seen[i].answered;
		sum.silent += n->seen[i].silent;
		sum.failed += n->seen[i].failed;
		sum.packets += n->seen[i].packets;
		sum.checked += n->seen[i].checked;
		sum.elsewhere_rss += n->seen[i].elsewhere_rss;
		sum.elsewhere_no_rss += n->seen[i].elsewhere_no_rss;
		sum.hash_given += n->seen[i].hash_given;
		sum.hash_wrong += n->seen[i].hash_wrong;
	}
	return sum;
}

/* A word for programs, and a sentence. */
static int verdict(const struct nic *n, const struct port *p, const char **word, const char **text)
{
	struct nic_seen sum = sum_of(n);

	*word = "not probed";
	*text = "not probed: --ip ADDR/LEN --probe IP verifies it";
	if (!n->probe)
		return APP_OK;
	*word = "silent";
	*text = "nobody answered, so nothing is verified: is the address right, and on our network or behind --gw?";
	if (sum.answered == 0)
		return APP_ERRORS;
	*word = "mispredicted";
	*text = "packets arrived at other cores than key and table say: spate passes them on, which costs time; newer firmware or "
		"another PMD may help, one core always does";
	if (sum.elsewhere_rss != 0)
		return APP_ERRORS;
	*text = "the hash that comes with packets is not that of the key: spate computes it itself";
	if (sum.hash_wrong != 0)
		return APP_ERRORS;
	*word = "nothing to verify";
	*text = n->n_near == 1 ? "nothing to verify: one core gets every packet" :
		sum.elsewhere_no_rss != 0 ? "nothing was predicted, and packets were passed on to their cores" :
		"nothing was predicted, and yet every packet came to its core";
	if (!p->rss_trusted)
		return APP_OK;
	*word = "verified";
	*text = "verified: every packet came to the core that was predicted";
	return APP_OK;
}

/* ---- JSON ---- */

static const char *key_hex(const struct rss *r, char text[KEY_HEX])
{
	for (unsigned i = 0; i < r->key_len; i++)
		snprintf(text + 2 * i, 3, "%02x", r->key[i]);
	return text;
}

static void json_offloads(struct json *j, uint32_t offloads)
{
	static const char *const names[] = { "tx-ip4-checksum", "tx-tcp-checksum", "tx-udp-checksum", "tx-multi-segment",
					     "rx-checksum", "rx-hash", "tx-tso", "rx-lro", "tx-vlan", "rx-vlan" };

	json_array_open(j, "offloads");
	for (unsigned i = 0; i < RTE_DIM(names); i++)
		if (offloads & 1u << i)
			json_text(j, NULL, names[i]);
	json_array_close(j);
}

static void json_rss(struct json *j, const struct port *p)
{
	const struct rss *r = &p->rss;
	char key[KEY_HEX] = "";

	json_open(j, "homing");
	json_text(j, "whose", p->rss_trusted ? "device" : "software");
	json_text(j, "key", key_hex(r, key));
	json_number(j, "table_entries", r->reta_size);
	json_array_open(j, "entries_per_core");
	for (unsigned q = 0; q < r->n_queues; q++) {
		unsigned count = 0;

		for (unsigned i = 0; i < r->reta_size; i++)
			count += r->reta[i] == q;
		json_number(j, NULL, count);
	}
	json_array_close(j);
	json_close(j);
}

static void json_probe(struct json *j, const struct nic *n)
{
	struct nic_seen sum = sum_of(n);

	json_open(j, "probe");
	json_number(j, "connections", (double)n->connections * n->n_near);
	json_number(j, "answered", (double)sum.answered);
	json_number(j, "silent", (double)sum.silent);
	json_number(j, "failed", (double)sum.failed);
	json_number(j, "packets", (double)sum.packets);
	json_number(j, "checked", (double)sum.checked);
	json_number(j, "mispredicted", (double)sum.elsewhere_rss);
	json_number(j, "passed_on", (double)(sum.elsewhere_rss + sum.elsewhere_no_rss));
	json_number(j, "hash_given", (double)sum.hash_given);
	json_number(j, "hash_wrong", (double)sum.hash_wrong);
	json_close(j);
}

static void print_json(const struct nic *n, struct port *p, const char *word)
{
	char mac[RTE_ETHER_ADDR_FMT_SIZE];
	struct json j = { .f = stdout };

	rte_ether_format_addr(mac, sizeof(mac), &p->mac);
	json_open(&j, NULL);
	json_text(&j, "device", p->name);
	json_text(&j, "mac", mac);
	json_text(&j, "link", p->ops->link_up(p) ? "up" : "down");
	json_number(&j, "mtu", p->mtu);
	json_number(&j, "numa_node", p->numa_node);
	json_number(&j, "cores", p->rss.n_queues);
	json_offloads(&j, p->offloads);
	json_rss(&j, p);
	if (n->seen)
		json_probe(&j, n);
	json_text(&j, "verdict", word);
	json_close(&j);
	printf("\n");
}

/* ---- the run ---- */

static int report(const struct nic *n, struct port *p)
{
	const char *word, *text;
	int code = verdict(n, p, &word, &text);

	print_device(p, n->st.c);
	if (n->seen)
		print_probe(n);
	printf("Verdict                  %s\n", text);
	if (n->json)
		print_json(n, p, word);
	return code;
}

/* The device alone, without stacks: needs no addresses. */
static int run_alone(struct nic *n, char *err, size_t err_len)
{
	const struct spate_config *c = n->st.c;
	struct rte_mempool *pools[PORT_QUEUES_MAX], *pool;
	struct port *ports[2];
	unsigned n_ports = 0;
	int rc = drivers_eal_start(c, err, err_len), code = APP_OK;

	if (rc == 0)
		rc = drivers_open(c, c->cores, ports, &n_ports, err, err_len);
	if (rc != 0)
		return rc;
	pool = drivers_mbuf_pool("nic", c->mbufs * c->cores, ports[0]->numa_node);
	for (unsigned i = 0; i < c->cores; i++)
		pools[i] = pool;
	rc = pool ? 0 : -ENOMEM;
	for (unsigned i = 0; i < n_ports && rc == 0; i++) /* sim's link is up when both its ends are */
		rc = ports[i]->ops->start(ports[i], pools);
	if (rc == 0)
		code = report(n, ports[0]);
	else
		snprintf(err, err_len, "%s does not start: %s", ports[0]->name, strerror(-rc));
	for (unsigned i = 0; i < n_ports; i++)
		ports[i]->ops->close(ports[i]);
	rte_mempool_free(pool);
	drivers_eal_stop();
	return rc != 0 ? rc : code;
}

static int run_probe(struct nic *n, char *err, size_t err_len)
{
	int rc = spate_start(n->st.c, err, err_len), code = APP_OK;

	if (rc != 0)
		return rc;
	app_signals();
	n->seen = calloc(spate_stacks(), sizeof(*n->seen));
	n->n_near = n->st.c->cores;
	rc = n->seen ? nic_probe(n->addr, n->port, (unsigned)n->connections, n->n_near, n->seen) : -ENOMEM;
	if (rc == 0)
		code = report(n, sock_port(0));
	else
		snprintf(err, err_len, "cannot start a thread: %s", strerror(-rc));
	spate_stop();
	free(n->seen);
	return rc != 0 ? rc : code;
}

/* "IP" or "IP:PORT". */
static int probe_parse(struct nic *n, char *err, size_t err_len)
{
	char host[64], *colon, *end = "";
	struct in_addr a;
	unsigned long port = PROBE_PORT;

	snprintf(host, sizeof(host), "%s", n->probe);
	colon = strchr(host, ':');
	if (colon) {
		*colon = 0;
		port = strtoul(colon + 1, &end, 10);
	}
	if (inet_pton(AF_INET, host, &a) != 1 || *end != 0 || port == 0 || port > 65535 || (colon && colon[1] == 0)) {
		snprintf(err, err_len, "--probe: '%s' is not an address such as 10.0.0.1 or 10.0.0.1:80", n->probe);
		return -EINVAL;
	}
	n->addr = ntohl(a.s_addr);
	n->port = (uint16_t)port;
	return 0;
}

static int run(struct nic *n, char *err, size_t err_len)
{
	int rc = n->probe ? probe_parse(n, err, err_len) : 0;

	if (rc == 0 && n->st.c->dev[0] == 0) {
		snprintf(err, err_len, "no device is given: spate nic --dev 0000:3b:00.0");
		rc = -EINVAL;
	}
	if (rc == 0 && n->probe && settings_sim(&n->st))
		rc = settings_sim_defaults(&n->st, n->addr, 1, err, err_len);
	if (rc != 0)
		return rc;
	return n->probe ? run_probe(n, err, err_len) : run_alone(n, err, err_len);
}

int cmd_nic(int argc, char **argv)
{
	struct nic n = { .connections = PROBE_DEFAULT };
	const struct opt table[] = {
		{ "probe", OPT_TEXT, &n.probe, 0, 0, "IP[:PORT]", "whom to open connections to; needs --ip [port 80]" },
		{ "connections", OPT_COUNT, &n.connections, 1, PROBE_MAX, "N", "of each core, with --probe [200]" },
		{ "json", OPT_FLAG, &n.json, 0, 0, NULL, "one JSON object as the last line" },
	};
	char err[512] = "";
	unsigned n_args;
	int rc;

	if (settings_init(&n.st) != 0)
		return app_fail("nic", "out of memory");
	rc = opts_parse(table, RTE_DIM(table), &n.st.more, argc, argv, NULL, &n_args, 0, err, sizeof(err));
	if (rc == 1) {
		puts(help_text);
		opts_help(table, RTE_DIM(table));
		settings_help();
		rc = APP_OK;
	} else if (rc == 0) {
		rc = run(&n, err, sizeof(err));
	}
	if (rc < 0)
		rc = app_fail("nic", err);
	settings_fini(&n.st);
	return rc;
}
