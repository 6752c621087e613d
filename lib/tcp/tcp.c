/* tcp.c: setting TCP up and taking it down. */
#include "tcp/tcp.h"

#include <errno.h>

#include "tcp/buf.h"
#include "tcp/ext.h"
#include "tcp/flight.h"
#include "tcp/flood.h"
#include "tcp/ooo.h"
#include "tcp/fastopen.h"
#include "tcp/shared.h"
#include "wire/ip4.h"
#include "wire/tcp.h"

void tcp_flow_sizes(uint32_t max_conns, struct flow_config *cfg)
{
	uint32_t half_open = max_conns / TCP_SYNRCVD_DIVISOR;

	cfg->size_bytes[FLOW_CONN] = CONN_SLOT_BYTES;
	cfg->cap[FLOW_CONN] = max_conns;
	cfg->size_bytes[FLOW_SYNRCVD] = sizeof(struct tcp_synrcvd);
	cfg->cap[FLOW_SYNRCVD] = half_open > 1024 ? half_open : 1024;
	cfg->size_bytes[FLOW_TIMEWAIT] = sizeof(struct tcp_timewait);
	cfg->cap[FLOW_TIMEWAIT] = max_conns;
}

/* Those of an end are the same at all its stacks: one may have to know what another one promised. */
static void keys_make(struct tcp *t, const struct siphash_key *given, const struct siphash_key *fastopen)
{
	static const char cookies[] = "SYN cookies", fast[] = "Fast Open";

	t->secret = *given;
	if (given->k0 == 0 && given->k1 == 0) {
		t->secret.k0 = prng_u64(t->prng);
		t->secret.k1 = prng_u64(t->prng);
	}
	t->cookie_key.k0 = siphash(&t->secret, cookies, sizeof(cookies));
	t->cookie_key.k1 = siphash(&t->secret, cookies, sizeof(cookies) - 1);
	if (fastopen != NULL) {
		t->fo_key = *fastopen;
	} else {
		t->fo_key.k0 = siphash(&t->secret, fast, sizeof(fast));
		t->fo_key.k1 = siphash(&t->secret, fast, sizeof(fast) - 1);
	}
}

int tcp_init(struct tcp *t, const struct tcp_config *cfg, struct flow *flow, struct net *net, struct pkt_tx *tx,
	     struct drops *drops, const struct clock *clock, struct prng *prng, struct eport *eport)
{
	uint32_t binds = cfg->max_conns < 1u << 20 ? cfg->max_conns : 1u << 20; /* sockets that bound a port, not all */
	uint32_t room = rte_pktmbuf_data_room_size(tx->pool) - RTE_PKTMBUF_HEADROOM - TCP_HDR_LEN - TCP_OPTS_MAX;
	uint32_t exts = cfg->max_conns / TCP_EXT_DIVISOR;
	uint32_t remote = mail_alone(flow->mail) ? 0 : BIND_REMOTE_MAX;
	int err;

	*t = (struct tcp){.flow = flow, .net = net, .tx = tx, .drops = drops, .clock = clock, .prng = prng, .eport = eport,
			  .port_lo = cfg->port_lo, .port_hi = cfg->port_hi,
			  .rcvbuf_max = cfg->rcvbuf_max != 0 ? cfg->rcvbuf_max : TCP_RCVBUF_MAX_DEFAULT,
			  .uto = cfg->uto, .congestion = cfg->congestion, .ecn = cfg->ecn,
			  .mtu_probing = cfg->mtu_probing,
			  .timewait_max = flow->pool[FLOW_TIMEWAIT].cap - 1,
			  .synrcvd_max = flow->pool[FLOW_SYNRCVD].cap - 1,
			  .cookie_from = RTE_MIN((flow->pool[FLOW_SYNRCVD].cap - 1) / TCP_COOKIE_SHARE, (uint32_t)TCP_COOKIE_FROM),
			  .syncookies = cfg->syncookies, .fastopen = cfg->fastopen,
			  .snd_held_max = tx->pool->size / TCP_SND_SHARE,
			  .rcv_held_max = tx->pool->size / TCP_RCV_SHARE,
			  .seg_max = (uint16_t)(room < UINT16_MAX ? room : UINT16_MAX)};
	t->syns_left = TCP_SYNS_PER_TURN;
	tcp_syn_turn(t);
	t->without = cfg->without;
	keys_make(t, &cfg->secret, cfg->fastopen_key);
	err = binds_init(&t->binds, binds + remote, &flow->addr6s, cfg->numa_node);
	if (err != 0)
		return err;
	err = pool_init(&t->shared, remote, sizeof(struct tcp_shared), cfg->numa_node);
	if (err != 0)
		goto no_shared;
	err = pool_init(&t->bufs, cfg->max_conns, sizeof(struct tcp_buf), cfg->numa_node);
	if (err != 0)
		goto no_bufs;
	err = pool_init(&t->optexts, cfg->max_conns, sizeof(struct tcp_optext), cfg->numa_node);
	if (err != 0)
		goto no_optexts;
	err = region_map(&t->answered, flow->pool[FLOW_CONN].cap * sizeof(uint16_t), cfg->numa_node);
	if (err != 0)
		goto no_answered;
	err = region_map(&t->syn_rows, TCP_SYN_ROWS * TCP_SYN_ROW_BYTES, cfg->numa_node);
	if (err != 0)
		goto no_syn_rows;
	err = pool_init(&t->fastopens, TCP_FO_LISTENERS, sizeof(struct tcp_fo_listen), cfg->numa_node);
	if (err != 0)
		goto no_fastopens;
	err = region_map(&t->fo_cache, TCP_FO_PEERS * sizeof(struct tcp_fo_peer), cfg->numa_node);
	if (err != 0)
		goto no_fo_cache;
	err = pool_init(&t->exts, exts > 1024 ? exts : 1024, sizeof(struct tcp_ext), cfg->numa_node);
	if (err != 0)
		goto no_exts;
	err = pool_init(&t->ooos, t->rcv_held_max, sizeof(struct tcp_ooo), cfg->numa_node); /* each holds a packet at least */
	if (err != 0)
		goto no_ooos;
	/* What is in flight is in packet buffers, but for FINs, see in_ack.c. */
	err = pool_init(&t->flights, 2 * t->snd_held_max, sizeof(struct tcp_flight), cfg->numa_node);
	if (err != 0)
		goto no_flights;
	err = pool_init(&t->chunks, t->snd_held_max, sizeof(struct tcp_chunk), cfg->numa_node);
	if (err != 0)
		goto no_chunks;
	return 0;
no_chunks:
	pool_fini(&t->flights);
no_flights:
	pool_fini(&t->ooos);
no_ooos:
	pool_fini(&t->exts);
no_exts:
	region_unmap(&t->fo_cache);
no_fo_cache:
	pool_fini(&t->fastopens);
no_fastopens:
	region_unmap(&t->syn_rows);
no_syn_rows:
	region_unmap(&t->answered);
no_answered:
	pool_fini(&t->optexts);
no_optexts:
	pool_fini(&t->bufs);
no_bufs:
	pool_fini(&t->shared);
no_shared:
	binds_fini(&t->binds);
	return err;
}

void tcp_fini(struct tcp *t)
{
	for (uint32_t i = 1; i < t->bufs.fresh; i++) {
		struct tcp_buf *b = tcp_buf_at(t, i);

		if (b->owner != 0)
			tcp_buf_clear(t, b);
	}
	pool_fini(&t->chunks);
	pool_fini(&t->flights);
	pool_fini(&t->ooos);
	pool_fini(&t->exts);
	region_unmap(&t->fo_cache);
	pool_fini(&t->fastopens);
	region_unmap(&t->syn_rows);
	region_unmap(&t->answered);
	pool_fini(&t->optexts);
	pool_fini(&t->bufs);
	pool_fini(&t->shared);
	binds_fini(&t->binds);
}
