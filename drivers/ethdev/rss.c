/* rss.c: setting a NIC's hash, and finding out what it really has. Key and table that read back otherwise are taken as they
 * are. What cannot be read is not trusted: then the homing function is software's own, as near as possible to what the
 * device was told, so that a device which obeys in silence still brings packets home. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/prng.h"
#include "drivers/ethdev/ethdev.h"

#define KEY_DEFAULT 40   /* what PMDs that do not name a length take: 36 bytes of an IPv6 tuple, and one window */
#define KEY_READ_MAX 256 /* some PMDs copy their key without looking at the length that they are given */
#define KEY_FILLER 0xa5  /* in the buffer before the PMD writes it */
#define KEY_TRIES 64     /* one random key in thirty is refused by key_is_good() */
#define KEY_RANK_BITS 11 /* of a port's hash: what indexes the largest table */
#define TABLE_DEFAULT 128
#define TABLE_PER_STACK 16 /* entries of software's table, so that the rounding gives no stack 7 % more than another */
#define TABLE_GROUPS (RSS_RETA_MAX / RTE_ETH_RETA_GROUP_SIZE)
#define DPORT4_BIT (10 * 8)
#define DPORT6_BIT (34 * 8)

/* TCP and UDP by addresses and ports, everything else by addresses. The types with IPv6 extension headers are left out:
 * NICs hash other addresses for them. */
static const struct {
	uint64_t type;
	const char *name;
	bool needed;
} types[] = {
	{RTE_ETH_RSS_NONFRAG_IPV4_TCP, "TCP/IPv4", true}, {RTE_ETH_RSS_NONFRAG_IPV4_UDP, "UDP/IPv4", true},
	{RTE_ETH_RSS_NONFRAG_IPV6_TCP, "TCP/IPv6", false}, {RTE_ETH_RSS_NONFRAG_IPV6_UDP, "UDP/IPv6", false},
	{RTE_ETH_RSS_IPV4, "IPv4", false}, {RTE_ETH_RSS_FRAG_IPV4, "IPv4 fragments", false},
	{RTE_ETH_RSS_NONFRAG_IPV4_OTHER, "other IPv4", false}, {RTE_ETH_RSS_IPV6, "IPv6", false},
	{RTE_ETH_RSS_FRAG_IPV6, "IPv6 fragments", false}, {RTE_ETH_RSS_NONFRAG_IPV6_OTHER, "other IPv6", false},
};

#define TYPES_IP6 (RTE_ETH_RSS_NONFRAG_IPV6_TCP | RTE_ETH_RSS_NONFRAG_IPV6_UDP)

static uint64_t types_wanted(void)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < RTE_DIM(types); i++)
		all |= types[i].type;
	return all;
}

/* The first type without which RSS is of no use to us, or NULL. */
static const char *type_missing(uint64_t granted)
{
	for (unsigned i = 0; i < RTE_DIM(types); i++) {
		if (types[i].needed && !(granted & types[i].type))
			return types[i].name;
	}
	return NULL;
}

/* ---- the key ---- */

static uint32_t window(const uint8_t *key, unsigned bit)
{
	uint64_t w = 0;

	for (unsigned i = 0; i < 5; i++)
		w = w << 8 | key[bit / 8 + i];
	return (uint32_t)(w >> (8 - bit % 8));
}

/* Do the 16 bits of a destination port reach every entry of the largest table? By elimination over GF(2). */
static bool ports_reach_all(const uint8_t *key, unsigned port_bit)
{
	uint32_t basis[KEY_RANK_BITS] = {0};
	unsigned rank = 0;

	for (unsigned i = 0; i < 16; i++) {
		uint32_t v = window(key, port_bit + i) & ((1u << KEY_RANK_BITS) - 1);

		for (unsigned b = 0; b < KEY_RANK_BITS && v != 0; b++) {
			if (!(v >> b & 1))
				continue;
			if (basis[b] == 0) {
				basis[b] = v;
				rank++;
				break;
			}
			v ^= basis[b];
		}
	}
	return rank == KEY_RANK_BITS;
}

void ethdev_rss_key(uint8_t key[RSS_KEY_MAX], uint64_t seed)
{
	struct prng prng;

	prng_seed(&prng, seed);
	for (unsigned t = 0; t < KEY_TRIES; t++) {
		for (unsigned i = 0; i < RSS_KEY_MAX; i++)
			key[i] = (uint8_t)prng_u32(&prng);
		if (ports_reach_all(key, DPORT4_BIT) && ports_reach_all(key, DPORT6_BIT))
			return;
	}
}

static uint16_t key_len_of(const struct rte_eth_dev_info *info)
{
	return info->hash_key_size >= RSS_KEY4_MIN && info->hash_key_size <= RSS_KEY_MAX ? info->hash_key_size : KEY_DEFAULT;
}

/* ---- what is asked for ---- */

static uint16_t table_default(const struct ethdev *e)
{
	uint32_t n = rte_align32pow2((uint32_t)e->n_stacks * TABLE_PER_STACK);

	return (uint16_t)RTE_MIN(RTE_MAX(n, (uint32_t)TABLE_DEFAULT), (uint32_t)RSS_RETA_MAX);
}

static void conf_clear(struct ethdev *e)
{
	e->rss.asked = false;
	e->conf.rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
	e->conf.rxmode.offloads &= ~RTE_ETH_RX_OFFLOAD_RSS_HASH;
	memset(&e->conf.rx_adv_conf, 0, sizeof(e->conf.rx_adv_conf));
}

void ethdev_rss_prepare(struct ethdev *e)
{
	struct rte_eth_rss_conf *conf = &e->conf.rx_adv_conf.rss_conf;

	conf_clear(e);
	rss_init(&e->port.rss, e->key, key_len_of(&e->info), NULL, table_default(e), e->n_stacks);
	if (e->port.n_queues == 1 || type_missing(e->info.flow_type_rss_offloads) != NULL)
		return;
	e->rss.asked = true;
	e->conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf->rss_key = e->key;
	conf->rss_key_len = (uint8_t)key_len_of(&e->info);
	conf->rss_hf = e->info.flow_type_rss_offloads & types_wanted();
	if (e->hash_can_be_real)
		e->conf.rxmode.offloads |= e->info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_RSS_HASH;
}

void ethdev_rss_give_up(struct ethdev *e, int rc)
{
	LOG_INFO("%s advertises RSS and does not take it: %s", e->port.name, rte_strerror(-rc));
	conf_clear(e);
}

/* ---- what there is ---- */

/* Reads key and hash types. */
static void key_read(struct ethdev *e)
{
	uint8_t buf[KEY_READ_MAX];
	struct rte_eth_rss_conf conf = {.rss_key = buf, .rss_key_len = (uint8_t)key_len_of(&e->info)};
	struct ethdev_rss *r = &e->rss;
	unsigned same = 0;

	memset(buf, KEY_FILLER, sizeof(buf));
	r->key_len = 0;
	r->key_rc = rte_eth_dev_rss_hash_conf_get(e->id, &conf);
	r->types = r->key_rc == 0 ? conf.rss_hf : 0;
	if (r->key_rc != 0 || conf.rss_key_len < RSS_KEY4_MIN || conf.rss_key_len > RSS_KEY_MAX)
		return;
	for (unsigned i = 0; i < conf.rss_key_len; i++)
		same += buf[i] == buf[0];
	if (same == conf.rss_key_len && (buf[0] == KEY_FILLER || buf[0] == 0)) /* not written, or not the one in use */
		return;
	memcpy(r->key, buf, conf.rss_key_len);
	r->key_len = conf.rss_key_len;
	if (r->key_len != key_len_of(&e->info) || memcmp(r->key, e->key, r->key_len) != 0)
		LOG_INFO("%s has another RSS key than it was given; the one that it has is used", e->port.name);
}

/* Writes the table round robin, and reads it back. */
static void table_settle(struct ethdev *e)
{
	struct rte_eth_rss_reta_entry64 t[TABLE_GROUPS];
	struct ethdev_rss *r = &e->rss;
	uint16_t size = e->info.reta_size;

	r->table_size = 0;
	if (size == 0 || size > RSS_RETA_MAX)
		return;
	memset(t, 0, sizeof(t));
	for (unsigned i = 0; i < size; i++) {
		t[i / RTE_ETH_RETA_GROUP_SIZE].mask |= 1ull << (i % RTE_ETH_RETA_GROUP_SIZE);
		t[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] = (uint16_t)(i % e->port.n_queues);
	}
	r->set_rc = rte_eth_dev_rss_reta_update(e->id, t, size);
	if (r->set_rc != 0)
		LOG_INFO("%s does not let its RSS table be set (%s); the one that it has is used", e->port.name,
			 rte_strerror(-r->set_rc));
	for (unsigned i = 0; i < TABLE_GROUPS; i++)
		memset(t[i].reta, 0xff, sizeof(t[i].reta));
	r->table_rc = rte_eth_dev_rss_reta_query(e->id, t, size);
	if (r->table_rc != 0)
		return;
	for (unsigned i = 0; i < size; i++)
		r->table[i] = t[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
	r->table_size = size;
}

/* How many queues have entries; 0 when the table names others than ours. */
static unsigned table_queues(const struct ethdev_rss *r, uint16_t n_queues)
{
	bool seen[PORT_QUEUES_MAX] = {false};
	unsigned n = 0;

	for (unsigned i = 0; i < r->table_size; i++) {
		if (r->table[i] >= n_queues)
			return 0;
		n += !seen[r->table[i]];
		seen[r->table[i]] = true;
	}
	return n;
}

/* Fills why_not: the first reason why packets may arrive elsewhere than key and table say. */
static void judge(struct ethdev *e, unsigned n_in_table)
{
	struct ethdev_rss *r = &e->rss;
	const char *missing = type_missing(r->types);
	uint16_t n = e->port.n_queues;
	size_t len = sizeof(r->why_not);
	char *why = r->why_not;

	why[0] = '\0';
	if (n < e->n_stacks)
		snprintf(why, len, "it has %u queue%s for %u cores", n, n == 1 ? "" : "s", e->n_stacks);
	else if (!e->hash_can_be_real)
		snprintf(why, len, "it is a virtual device, which does no RSS whatever it says");
	else if (!r->asked)
		snprintf(why, len, "it has no RSS by TCP and UDP ports");
	else if (r->key_len == 0)
		snprintf(why, len, "its key cannot be read back (%s)", r->key_rc != 0 ? rte_strerror(-r->key_rc) : "there is none");
	else if (missing != NULL)
		snprintf(why, len, "it hashes no ports of %s", missing);
	else if (r->table_size == 0)
		snprintf(why, len, "its table cannot be read back (%s)", r->table_rc != 0 ? rte_strerror(-r->table_rc) : "it has no size");
	else if (n_in_table == 0)
		snprintf(why, len, "its table names queues beyond ours");
	else if (n_in_table < n)
		snprintf(why, len, "its table reaches %u of %u queues only", n_in_table, n);
}

/* The homing function: the device's where its table is one of all stacks, else round robin, with the device's key in any case. */
static int homing_init(struct ethdev *e, unsigned n_in_table)
{
	const struct ethdev_rss *r = &e->rss;
	const uint8_t *key = r->key_len != 0 ? r->key : e->key;
	uint16_t key_len = r->key_len != 0 ? r->key_len : key_len_of(&e->info);
	uint16_t size = e->info.reta_size;

	if (r->asked && n_in_table == e->n_stacks)
		return rss_init(&e->port.rss, key, key_len, r->table, r->table_size, e->n_stacks);
	if (!r->asked || r->table_size != 0 || size < e->n_stacks || size > RSS_RETA_MAX)
		size = table_default(e);
	return rss_init(&e->port.rss, key, key_len, NULL, size, e->n_stacks);
}

void ethdev_rss_settle(struct ethdev *e)
{
	struct port *p = &e->port;
	struct ethdev_rss *r = &e->rss;
	unsigned n_in_table;

	p->rss_trusted = p->rss_trusted6 = false;
	p->offloads &= ~PORT_RX_HASH;
	if (r->asked) {
		rte_eth_dev_info_get(e->id, &e->info); /* mlx5 knows the size of its table only now */
		key_read(e);
		table_settle(e);
	}
	n_in_table = table_queues(r, p->n_queues);
	judge(e, n_in_table);
	if (homing_init(e, n_in_table) != 0) /* with our own key and table it cannot fail */
		rss_init(&p->rss, e->key, KEY_DEFAULT, NULL, table_default(e), e->n_stacks);
	p->rss_trusted = r->why_not[0] == '\0' && e->n_stacks > 1;
	p->rss_trusted6 = p->rss_trusted && r->key_len >= RSS_KEY6_MIN && (r->types & TYPES_IP6) == TYPES_IP6;
	if (e->hash_can_be_real && r->key_len != 0 && type_missing(r->types) == NULL &&
	    e->conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_RSS_HASH)
		p->offloads |= PORT_RX_HASH;
	if (!p->rss_trusted && e->n_stacks > 1)
		LOG_WARN("%s (%s): RSS cannot be relied on: %s. Packets that arrive at the wrong core are passed on in software",
			 p->name, e->info.driver_name, r->why_not);
}

/* ---- for people ---- */

static void print_types(FILE *out, uint64_t set)
{
	bool first = true;

	for (unsigned i = 0; i < RTE_DIM(types); i++) {
		if (!(set & types[i].type))
			continue;
		fprintf(out, "%s%s", first ? "" : ", ", types[i].name);
		first = false;
	}
	fprintf(out, "%s\n", first ? "none" : "");
}

static void print_key(FILE *out, const uint8_t *key, uint16_t len)
{
	for (unsigned i = 0; i < len; i++)
		fprintf(out, "%02x", key[i]);
	fprintf(out, "\n");
}

static void describe_key(const struct ethdev *e, FILE *out)
{
	const struct ethdev_rss *r = &e->rss;
	uint16_t asked = key_len_of(&e->info);

	fprintf(out, "  key asked for          ");
	print_key(out, e->key, asked);
	fprintf(out, "  key read back          ");
	if (r->key_len == 0)
		fprintf(out, "cannot be read (%s)\n", r->key_rc != 0 ? rte_strerror(-r->key_rc) : "the device gives none");
	else if (r->key_len == asked && memcmp(r->key, e->key, asked) == 0)
		fprintf(out, "the same\n");
	else
		print_key(out, r->key, r->key_len);
}

static void describe_table(const struct ethdev *e, FILE *out)
{
	const struct ethdev_rss *r = &e->rss;

	if (r->set_rc != 0)
		fprintf(out, "  table                  cannot be set (%s)\n", rte_strerror(-r->set_rc));
	if (r->table_size == 0) {
		fprintf(out, "  table                  cannot be read (%s)\n",
			r->table_rc != 0 ? rte_strerror(-r->table_rc) : "it has no size");
		return;
	}
	fprintf(out, "  table                  %u entries; per queue:", r->table_size);
	for (uint16_t q = 0; q < e->port.n_queues; q++) {
		unsigned n = 0;

		for (unsigned i = 0; i < r->table_size; i++)
			n += r->table[i] == q;
		fprintf(out, " %u", n);
	}
	fprintf(out, "\n");
}

void ethdev_rss_describe(const struct ethdev *e, FILE *out)
{
	const struct ethdev_rss *r = &e->rss;

	fprintf(out, "RSS\n");
	fprintf(out, "  hash types it can      ");
	print_types(out, e->info.flow_type_rss_offloads);
	if (r->asked) {
		fprintf(out, "  hash types asked for   ");
		print_types(out, e->conf.rx_adv_conf.rss_conf.rss_hf);
		fprintf(out, "  hash types granted     ");
		print_types(out, r->types);
		describe_key(e, out);
		describe_table(e, out);
	}
	if (e->n_stacks == 1)
		fprintf(out, "  not needed             one core gets every packet\n");
	else if (e->port.rss_trusted)
		fprintf(out, "  relied on              packets arrive at the core that key and table name%s\n",
			e->port.rss_trusted6 ? "" : "; those of IPv6 are passed on in software");
	else
		fprintf(out, "  not relied on          %s\n", r->why_not);
	fprintf(out, "  hash in packets        %s\n", e->port.offloads & PORT_RX_HASH ? "used" : "not used; it is computed in software");
}
