/* filter.c: rules compiled into tries (rte_acl), one for each direction and family. */
#include "net/filter.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_acl.h>

#include "net/private.h"

/* What a packet is looked up by; one layout for both families, IPv4 in the first word of each address. Network order. */
struct filter_key {
	uint8_t proto;
	uint8_t spare[3];
	uint8_t src[16], dst[16];
	rte_be16_t sport_be, dport_be;
};

enum { F_PROTO, F_SRC, F_DST = F_SRC + 4, F_SPORT = F_DST + 4, F_DPORT, N_FIELDS };
enum { RULE_ALLOW = 1, RULE_DENY = 2 }; /* 0: none matched */
enum { IN4, IN6, OUT4, OUT6, N_TRIES };

RTE_ACL_RULE_DEF(filter_rule, N_FIELDS);

struct net_filter {
	uint32_t users;          /* stacks; counted down with __atomic builtins, by each once */
	struct rte_acl_ctx *trie[N_TRIES]; /* NULL: no rules */
};

/* ---- making ---- */

static void field_defs(struct rte_acl_config *cfg)
{
	static const size_t words[] = {offsetof(struct filter_key, src), offsetof(struct filter_key, dst)};

	memset(cfg, 0, sizeof(*cfg));
	cfg->num_categories = 1;
	cfg->num_fields = N_FIELDS;
	cfg->defs[F_PROTO] = (struct rte_acl_field_def){.type = RTE_ACL_FIELD_TYPE_BITMASK, .size = 1};
	for (unsigned i = 0; i < 8; i++)
		cfg->defs[F_SRC + i] = (struct rte_acl_field_def){.type = RTE_ACL_FIELD_TYPE_MASK, .size = 4,
			.field_index = (uint8_t)(F_SRC + i), .input_index = (uint8_t)(1 + i), .offset = (uint32_t)(words[i / 4] + i % 4 * 4)};
	for (unsigned i = 0; i < 2; i++) /* both ports are one word of the input */
		cfg->defs[F_SPORT + i] = (struct rte_acl_field_def){.type = RTE_ACL_FIELD_TYPE_RANGE, .size = 2, .input_index = 9,
			.field_index = (uint8_t)(F_SPORT + i), .offset = (uint32_t)(offsetof(struct filter_key, sport_be) + 2 * i)};
}

/* A prefix of so many bits, as four words. */
static void prefix_fields(struct rte_acl_field *field, const uint8_t *addr, unsigned len)
{
	for (unsigned i = 0; i < 4; i++, len -= RTE_MIN(len, 32u)) {
		field[i].value.u32 = rte_be_to_cpu_32(load32_be(addr + 4 * i));
		field[i].mask_range.u32 = RTE_MIN(len, 32u);
	}
}

static void rule_fill(struct filter_rule *r, const struct config_filter *f, unsigned index, bool ip6)
{
	unsigned skip = ip6 ? 0 : 12, cut = ip6 ? 0 : NET_PREFIX4;
	uint8_t src[16] = {0}, dst[16] = {0};

	memset(r, 0, sizeof(*r));
	memcpy(src, f->src.addr.s6_addr + skip, sizeof(src) - skip);
	memcpy(dst, f->dst.addr.s6_addr + skip, sizeof(dst) - skip);
	r->data = (struct rte_acl_rule_data){.category_mask = 1, .priority = (int32_t)(RTE_ACL_MAX_PRIORITY - index),
					     .userdata = f->allow ? RULE_ALLOW : RULE_DENY};
	r->field[F_PROTO].value.u8 = f->proto;
	r->field[F_PROTO].mask_range.u8 = f->proto != 0 ? 0xff : 0;
	prefix_fields(&r->field[F_SRC], src, f->src.len > cut ? f->src.len - cut : 0);
	prefix_fields(&r->field[F_DST], dst, f->dst.len > cut ? f->dst.len - cut : 0);
	r->field[F_SPORT].value.u16 = f->sport_lo;
	r->field[F_SPORT].mask_range.u16 = f->sport_hi;
	r->field[F_DPORT].value.u16 = f->dport_lo;
	r->field[F_DPORT].mask_range.u16 = f->dport_hi;
}

static int rules_add(struct rte_acl_ctx *ctx, const struct config_filter *rules, unsigned n, bool out, bool ip6, unsigned *added)
{
	struct filter_rule r;
	int rc = 0;

	for (unsigned i = 0; i < n && rc == 0; i++) {
		if (rules[i].out != out || !(ip6 ? rules[i].ip6 : rules[i].ip4))
			continue;
		rule_fill(&r, &rules[i], i, ip6);
		rc = rte_acl_add_rules(ctx, (const struct rte_acl_rule *)&r, 1);
		(*added)++;
	}
	return rc;
}

static int trie_new(const struct config_filter *rules, unsigned n, unsigned which, int numa_node, struct rte_acl_ctx **trie)
{
	static uint32_t made; /* names must differ */
	char name[RTE_ACL_NAMESIZE];
	struct rte_acl_param param = {.name = name, .socket_id = numa_node, .rule_size = RTE_ACL_RULE_SZ(N_FIELDS),
				      .max_rule_num = CONFIG_FILTERS_MAX};
	struct rte_acl_config cfg;
	unsigned added = 0;
	int rc;

	snprintf(name, sizeof(name), "spate_filter_%u", __atomic_add_fetch(&made, 1, __ATOMIC_RELAXED));
	*trie = rte_acl_create(&param);
	if (*trie == NULL)
		return -ENOMEM;
	field_defs(&cfg);
	rc = rules_add(*trie, rules, n, which == OUT4 || which == OUT6, which == IN6 || which == OUT6, &added);
	if (rc == 0 && added > 0)
		rc = rte_acl_build(*trie, &cfg);
	if (rc != 0 || added == 0) {
		rte_acl_free(*trie);
		*trie = NULL;
	}
	return rc;
}

static void filter_free(struct net_filter *f)
{
	for (unsigned i = 0; i < N_TRIES; i++)
		rte_acl_free(f->trie[i]);
	free(f);
}

int net_filter_new(const struct config_filter *rules, unsigned n_rules, unsigned n_stacks, int numa_node, struct net_filter **f)
{
	int rc = 0;

	*f = NULL;
	if (n_rules == 0)
		return 0;
	if (n_rules > CONFIG_FILTERS_MAX)
		return -EINVAL;
	*f = calloc(1, sizeof(**f));
	if (*f == NULL)
		return -ENOMEM;
	(*f)->users = n_stacks;
	for (unsigned i = 0; i < N_TRIES && rc == 0; i++)
		rc = trie_new(rules, n_rules, i, numa_node, &(*f)->trie[i]);
	if (rc != 0) {
		filter_free(*f);
		*f = NULL;
	}
	return rc;
}

void net_filter_put(struct net_filter *f)
{
	if (f != NULL && __atomic_sub_fetch(&f->users, 1, __ATOMIC_ACQ_REL) == 0)
		filter_free(f);
}

void net_filter_set(struct net *n, struct net_filter *f)
{
	struct net_filter *before = n->filter;

	n->filter = f;
	net_filter_put(before);
}

/* ---- asking ---- */

int net_filter_drop(struct net *n, struct rte_mbuf *m)
{
	net_drop(n, m, DROP_FILTER);
	return -EPERM;
}

static bool passes(const struct rte_acl_ctx *trie, const struct filter_key *key)
{
	const uint8_t *data = (const uint8_t *)key;
	uint32_t result = 0;

	if (trie == NULL)
		return true;
	rte_acl_classify(trie, &data, &result, 1, 1);
	return result != RULE_DENY;
}

/* Without ports there are none, and rules with ports match what has 0 only if they name it. */
static void key_ports(struct filter_key *key, uint8_t proto, const uint8_t *l4, uint32_t len)
{
	key->proto = proto;
	if ((proto != IPPROTO_TCP && proto != IPPROTO_UDP) || len < 4)
		return;
	memcpy(&key->sport_be, l4, 2);
	memcpy(&key->dport_be, l4 + 2, 2);
}

bool net_filter_in(const struct net *n, const struct net_pkt *pkt)
{
	struct filter_key key = {0};

	key_ports(&key, pkt->proto, rte_pktmbuf_mtod_offset(pkt->m, const uint8_t *, pkt->l4_off), pkt->l4_len);
	if (pkt->ip6) {
		memcpy(key.src, net_pkt_raddr6(pkt), sizeof(key.src));
		memcpy(key.dst, net_pkt_laddr6(pkt), sizeof(key.dst));
		return passes(n->filter->trie[IN6], &key);
	}
	memcpy(key.src, &pkt->key.raddr_be, sizeof(rte_be32_t));
	memcpy(key.dst, &pkt->key.laddr_be, sizeof(rte_be32_t));
	return passes(n->filter->trie[IN4], &key);
}

bool net_filter_out(const struct net *n, const struct path *p, const struct rte_mbuf *m, uint8_t proto)
{
	struct filter_key key = {0};

	key_ports(&key, proto, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);
	if (flow_addr_is6(p->raddr_be)) {
		memcpy(key.src, net_addr6_at(n, p->laddr_be), sizeof(key.src));
		memcpy(key.dst, net_addr6_at(n, p->raddr_be), sizeof(key.dst));
		return passes(n->filter->trie[OUT6], &key);
	}
	memcpy(key.src, &p->laddr_be, sizeof(rte_be32_t));
	memcpy(key.dst, &p->raddr_be, sizeof(rte_be32_t));
	return passes(n->filter->trie[OUT4], &key);
}
