/* rss.c: setting a NIC's hash, and finding out what it really has. A table or key that reads back otherwise is taken as it
 * is when it is complete; when it cannot be read, nothing is trusted and the stacks re-home packets in software. */
#include <string.h>

#include "base/log.h"
#include "base/prng.h"
#include "drivers/ethdev/ethdev.h"

#define KEY_DEFAULT 40
#define RETA_DEFAULT 128
#define HASH_TYPES (RTE_ETH_RSS_IPV4 | RTE_ETH_RSS_FRAG_IPV4 | RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV4_UDP | \
		    RTE_ETH_RSS_NONFRAG_IPV4_OTHER)
#define HASH_TYPES_NEEDED (RTE_ETH_RSS_NONFRAG_IPV4_TCP)
#define RETA_GROUPS (RSS_RETA_MAX / RTE_ETH_RETA_GROUP_SIZE)

static uint16_t key_len_of(const struct rte_eth_dev_info *info)
{
	return info->hash_key_size >= 16 && info->hash_key_size <= RSS_KEY_MAX ? info->hash_key_size : KEY_DEFAULT;
}

static uint16_t reta_size_of(const struct rte_eth_dev_info *info)
{
	return info->reta_size != 0 && info->reta_size <= RSS_RETA_MAX ? info->reta_size : RETA_DEFAULT;
}

void ethdev_rss_prepare(struct ethdev *e, const struct rte_eth_dev_info *info, uint64_t seed)
{
	struct port *p = &e->port;
	struct prng prng;

	prng_seed(&prng, seed);
	for (unsigned i = 0; i < sizeof(e->key); i++)
		e->key[i] = (uint8_t)prng_u32(&prng);
	rss_init(&p->rss, e->key, key_len_of(info), NULL, reta_size_of(info), p->n_queues);
	e->rss = p->n_queues > 1 && (info->flow_type_rss_offloads & HASH_TYPES_NEEDED) != 0;
	if (!e->rss)
		return;
	e->conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	e->conf.rx_adv_conf.rss_conf = (struct rte_eth_rss_conf){
		.rss_key = e->key,
		.rss_key_len = (uint8_t)key_len_of(info),
		.rss_hf = info->flow_type_rss_offloads & HASH_TYPES,
	};
}

/* Writes the table round robin and reads it back into reta. */
static bool reta_settle(const struct ethdev *e, uint16_t size, uint16_t *reta)
{
	struct rte_eth_rss_reta_entry64 t[RETA_GROUPS];

	if (size == 0 || size > RSS_RETA_MAX)
		return false;
	memset(t, 0, sizeof(t));
	for (unsigned i = 0; i < size; i++) {
		t[i / RTE_ETH_RETA_GROUP_SIZE].mask |= 1ull << (i % RTE_ETH_RETA_GROUP_SIZE);
		t[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] = (uint16_t)(i % e->port.n_queues);
	}
	rte_eth_dev_rss_reta_update(e->id, t, size); /* where that fails, what is read back counts */
	for (unsigned i = 0; i < RETA_GROUPS; i++)
		memset(t[i].reta, 0xff, sizeof(t[i].reta));
	if (rte_eth_dev_rss_reta_query(e->id, t, size) != 0)
		return false;
	for (unsigned i = 0; i < size; i++) {
		reta[i] = t[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE];
		if (reta[i] >= e->port.n_queues)
			return false;
	}
	return true;
}

/* Reads the key and the hash types. */
static bool key_settle(const struct ethdev *e, uint16_t len, uint8_t key[RSS_KEY_MAX])
{
	struct rte_eth_rss_conf conf = {.rss_key = key, .rss_key_len = (uint8_t)len};

	memset(key, 0, RSS_KEY_MAX);
	if (rte_eth_dev_rss_hash_conf_get(e->id, &conf) != 0 || (conf.rss_hf & HASH_TYPES_NEEDED) == 0)
		return false;
	return memcmp(key, e->key, len) == 0;
}

void ethdev_rss_settle(struct ethdev *e, const struct rte_eth_dev_info *info)
{
	struct port *p = &e->port;
	uint16_t reta[RSS_RETA_MAX];
	uint8_t key[RSS_KEY_MAX];

	p->rss_trusted = false;
	p->offloads &= ~PORT_RX_HASH;
	if (p->n_queues == 1)
		return;
	if (e->rss && e->hash_can_be_real && key_settle(e, p->rss.key_len, key) &&
	    reta_settle(e, info->reta_size, reta) &&
	    rss_init(&p->rss, key, p->rss.key_len, reta, info->reta_size, p->n_queues) == 0) {
		p->rss_trusted = true;
		if (e->conf.rxmode.offloads & RTE_ETH_RX_OFFLOAD_RSS_HASH)
			p->offloads |= PORT_RX_HASH;
		return;
	}
	LOG_ONCE(INFO, "%s (%s) has no RSS that can be predicted: packets that arrive at the wrong core are passed on in software",
		 p->name, info->driver_name);
}
