/* options.c: what follows "sim," in a device name: loss=1%,delay=5ms,ab.rate=1G,queues=4 ... One table row per option. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/units.h"
#include "drivers/sim/sim_int.h"

#define OPTION_MAX_LEN 96

enum kind { KIND_PROB, KIND_TIME, KIND_COUNT, KIND_RSS, KIND_OFFLOAD };

/* What a value must look like. */
static const char *const kind_says[] = {
	[KIND_PROB] = "write a percentage such as 1%, or a fraction such as 0.01",
	[KIND_TIME] = "write a time with its unit, such as 5ms or 250us",
	[KIND_COUNT] = "write a whole number; k, M and G are thousands, millions and billions",
	[KIND_RSS] = "write yes, none, other (hashes and queues are wrong) or queue (only the queues are)",
	[KIND_OFFLOAD] = "write 1, 0, or some of cksum, tso and vlan with colons between, such as cksum:tso",
};

struct word {
	const char *name;
	uint64_t value;
};

static const struct word rss_words[] = {
	{"yes", SIM_RSS_YES}, {"none", SIM_RSS_NONE}, {"other", SIM_RSS_OTHER}, {"queue", SIM_RSS_QUEUE}, {NULL, 0},
};

#define OFFLOAD_BASE ((uint64_t)PORT_TX_MULTI_SEG | PORT_RX_HASH) /* with every named one */
#define OFFLOAD_CKSUM (PORT_TX_IP4_CKSUM | PORT_TX_TCP_CKSUM | PORT_TX_UDP_CKSUM | PORT_RX_CKSUM)
#define OFFLOAD_KEEP UINT64_MAX

static const struct word offload_words[] = {
	{"cksum", OFFLOAD_CKSUM}, {"tso", PORT_TX_TSO}, {"vlan", PORT_TX_VLAN | PORT_RX_VLAN}, {NULL, 0},
};

struct option {
	const char *name;
	enum kind kind;
	bool per_direction;
	uint64_t min, max;
	void (*set)(struct sim_config *c, struct sim_link *l, uint64_t v);
};

#define SETTER(name, statement) \
	static void set_##name(struct sim_config *c, struct sim_link *l, uint64_t v) \
	{ \
		(void)c; \
		(void)l; \
		statement; \
	}

SETTER(loss, l->loss = (uint32_t)v)
SETTER(duplicate, l->duplicate = (uint32_t)v)
SETTER(corrupt, l->corrupt = (uint32_t)v)
SETTER(reorder, l->reorder = (uint32_t)v)
SETTER(delay, l->delay_ns = v)
SETTER(jitter, l->jitter_ns = v)
SETTER(rate, l->rate_bps = v)
SETTER(queue, l->queue_packets = (uint32_t)v)
SETTER(queues, c->n_queues[0] = c->n_queues[1] = (uint16_t)v)
SETTER(mtu, c->mtu = (uint16_t)v)
SETTER(reta, c->reta_size = (uint16_t)v)
SETTER(ring, c->ring_packets = (uint32_t)v)
SETTER(seed, c->seed = v)
SETTER(rss, c->rss = (enum sim_rss)v)
SETTER(offload, c->offloads = v != OFFLOAD_KEEP ? (uint32_t)v : c->offloads)

#define TIME_MAX (3600ull * 1000000000)

static const struct option options[] = {
	{"loss", KIND_PROB, true, 0, 0, set_loss},
	{"duplicate", KIND_PROB, true, 0, 0, set_duplicate},
	{"corrupt", KIND_PROB, true, 0, 0, set_corrupt},
	{"reorder", KIND_PROB, true, 0, 0, set_reorder},
	{"delay", KIND_TIME, true, 0, TIME_MAX, set_delay},
	{"jitter", KIND_TIME, true, 0, TIME_MAX, set_jitter},
	{"rate", KIND_COUNT, true, 1000, 1000000000000, set_rate},
	{"queue", KIND_COUNT, true, 1, 1 << 24, set_queue},
	{"queues", KIND_COUNT, false, 1, PORT_QUEUES_MAX, set_queues},
	{"mtu", KIND_COUNT, false, 576, 9000, set_mtu},
	{"reta", KIND_COUNT, false, 1, RSS_RETA_MAX, set_reta},
	{"ring", KIND_COUNT, false, 8, 1 << 20, set_ring},
	{"seed", KIND_COUNT, false, 0, INT64_MAX, set_seed},
	{"rss", KIND_RSS, false, 0, 0, set_rss},
	{"offload", KIND_OFFLOAD, false, 0, 0, set_offload},
};

static const struct option *option_find(const char *name)
{
	for (unsigned i = 0; i < RTE_DIM(options); i++) {
		if (strcmp(options[i].name, name) == 0)
			return &options[i];
	}
	return NULL;
}

static const struct word *word_find(const struct word *words, const char *s, size_t len)
{
	for (; words->name != NULL; words++) {
		if (strlen(words->name) == len && memcmp(words->name, s, len) == 0)
			return words;
	}
	return NULL;
}

static bool rss_parse(const char *s, uint64_t *v)
{
	const struct word *w = word_find(rss_words, s, strlen(s));

	if (w != NULL)
		*v = w->value;
	return w != NULL;
}

static bool offload_parse(const char *s, uint64_t *v)
{
	*v = strcmp(s, "1") == 0 ? OFFLOAD_KEEP : 0;
	if (strcmp(s, "0") == 0 || strcmp(s, "1") == 0)
		return true;
	for (*v = OFFLOAD_BASE; ; s++) {
		size_t len = strcspn(s, ":");
		const struct word *w = word_find(offload_words, s, len);

		if (w == NULL)
			return false;
		*v |= w->value;
		s += len;
		if (*s == '\0')
			return true;
	}
}

static bool value_parse(enum kind kind, const char *s, uint64_t *v)
{
	double p;

	switch (kind) {
	case KIND_PROB:
		if (!units_prob(s, &p))
			return false;
		*v = sim_prob(p);
		return true;
	case KIND_TIME:
		return units_time_ns(s, v);
	case KIND_COUNT:
		return units_count(s, v);
	case KIND_RSS:
		return rss_parse(s, v);
	case KIND_OFFLOAD:
		return offload_parse(s, v);
	}
	return false;
}

/* One "name=value"; a name may start with "ab." (near to far end) or "ba.". */
static int option_apply(struct sim_config *c, const char *name, const char *value, char *err, size_t err_len)
{
	bool ab = strncmp(name, "ab.", 3) == 0, ba = strncmp(name, "ba.", 3) == 0;
	const struct option *o = option_find(ab || ba ? name + 3 : name);
	uint64_t v;

	if (o == NULL || ((ab || ba) && !o->per_direction)) {
		snprintf(err, err_len, "sim has no option '%s': it has loss, duplicate, corrupt, reorder, delay, jitter, "
			 "rate, queue (each also as ab.* or ba.*), queues, mtu, reta, ring, seed, rss, offload", name);
		return -EINVAL;
	}
	if (!value_parse(o->kind, value, &v)) {
		snprintf(err, err_len, "sim: %s=%s: %s", name, value, kind_says[o->kind]);
		return -EINVAL;
	}
	if ((o->kind == KIND_TIME || o->kind == KIND_COUNT) && (v < o->min || v > o->max)) {
		snprintf(err, err_len, "sim: %s=%s: must be from %llu to %llu%s", name, value,
			 (unsigned long long)o->min, (unsigned long long)o->max,
			 o->kind == KIND_TIME ? " ns" : "");
		return -EINVAL;
	}
	if (!ba)
		o->set(c, &c->link[0], v);
	if (!ab)
		o->set(c, &c->link[1], v);
	return 0;
}

int sim_parse(struct sim_config *cfg, const char *opts, char *err, size_t err_len)
{
	while (*opts != '\0') {
		size_t len = strcspn(opts, ",");
		char name[OPTION_MAX_LEN], *value;
		int rc;

		if (len >= sizeof(name)) {
			snprintf(err, err_len, "sim: option '%.20s...' is too long", opts);
			return -EINVAL;
		}
		memcpy(name, opts, len);
		name[len] = '\0';
		value = strchr(name, '=');
		if (value == NULL) {
			snprintf(err, err_len, "sim: '%s' has no value: write name=value, with commas between", name);
			return -EINVAL;
		}
		*value++ = '\0';
		rc = option_apply(cfg, name, value, err, err_len);
		if (rc != 0)
			return rc;
		opts += len + (opts[len] == ',');
	}
	return 0;
}
