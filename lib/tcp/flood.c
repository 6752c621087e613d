/* flood.c: SYN floods. Even an answer by a cookie costs more than a segment of an established connection, which must not pay
 * for it. Who forges addresses does not repeat his requests after a second; clients do (RFC 6298 2.1). So beyond its share of a
 * turn a request is dropped when it comes for the first time, and answered when it comes again.
 *
 * A request's hash names a row of prints, the latest first; it leaves its own there, which is some more bits of the hash and the
 * time. So a request is known until eight others came to its row: at a steady rate about as long for all. */
#include "tcp/flood.h"

#include "base/drop.h"
#include "wire/syn.h"

#define MIX 0x9e3779b97f4a7c15u /* 2^64 / golden ratio: multiplicative hashing */

/* The same bytes as a number, the latest print lowest, and as prints. */
typedef unsigned __int128 row;
typedef uint16_t prints __attribute__((vector_size(TCP_SYN_ROW_BYTES)));

static uint64_t mix_of(const struct tcp *t, const struct syn_at *at)
{
	uint64_t mix = (t->cookie_key.k0 ^ load32(at->l4)) * MIX, w;

	for (uint32_t i = 0; i < at->addrs_len; i += sizeof(w)) {
		memcpy(&w, at->addrs + i, sizeof(w));
		mix = (mix ^ w) * MIX;
	}
	return mix;
}

static row *row_of(const struct tcp *t, uint64_t mix) { return (row *)t->syn_rows.base + (mix >> 40) % TCP_SYN_ROWS; }

/* 12 bits of the hash, 4 of the time, whose steps do not begin for all requests at once. */
static uint16_t print_of(const struct tcp *t, uint64_t mix)
{
	uint32_t step = (t->clock->now_ms + (uint32_t)mix % 1024) / TCP_SYN_STEP_MS;

	return (uint16_t)((mix >> 20 & 0xfff0) | (step & 0xf));
}

static void leave(row *r, uint16_t print) { *r = *r << 16 | print; }

static bool any_zero(prints p) { return (row)(p == 0) != 0; }

enum seen { NEVER, JUST_NOW, BEFORE /* a client's repetition */ };

static enum seen seen(row r, uint16_t print)
{
	prints differ = (prints)r ^ print;

	if (likely(!any_zero(differ >> 4)))
		return NEVER;
	return any_zero(differ) ? JUST_NOW : BEFORE;
}

static bool excess(struct tcp *t, uint64_t mix)
{
	uint16_t print = print_of(t, mix);
	row *r = row_of(t, mix);
	enum seen when = seen(*r, print);

	if (when == JUST_NOW || (when == BEFORE && t->syn_repeats_left == 0))
		return true;
	leave(r, print);
	if (unlikely(when == BEFORE)) {
		t->syn_repeats_left--;
		return false;
	}
	if (likely(t->syns_left == 0))
		return true;
	t->syns_left--;
	return false;
}

/* The requests among n frames, as a mask; what is known of them is on its way. */
static uint32_t glance(const struct tcp *t, struct rte_mbuf **m, uint16_t n, uint64_t *mix)
{
	uint32_t syns = 0;
	struct syn_at at;

	for (uint16_t i = 0; i < n; i++) {
		if (unlikely(!syn_glance(rte_pktmbuf_mtod(m[i], const uint8_t *), rte_pktmbuf_data_len(m[i]), &at)))
			continue;
		mix[i] = mix_of(t, &at); /* of the others for nothing, which costs less than a branch that nobody can foretell */
		rte_prefetch0(row_of(t, mix[i]));
		syns |= (uint32_t)syn_alone(&at) << i;
	}
	return syns;
}

uint16_t tcp_without_excess(struct tcp *t, struct rte_mbuf **m, uint16_t n)
{
	struct rte_mbuf *gone[RX_BURST];
	uint64_t mix[RX_BURST];
	uint32_t syns = glance(t, m, n, mix), exceed = 0;
	uint16_t n_left = 0, n_gone = 0;

	for (; syns != 0; syns &= syns - 1) {
		unsigned i = (unsigned)__builtin_ctz(syns);

		exceed |= (uint32_t)excess(t, mix[i]) << i;
	}
	for (uint16_t i = 0; i < n; i++) {
		bool is = exceed >> i & 1;

		gone[n_gone] = m[i];
		m[n_left] = m[i];
		n_gone += is;
		n_left += !is;
	}
	if (n_gone > 0)
		tcp_syns_exceed(t);
	t->drops->n[DROP_TCP_SYN_EXCESS] += n_gone;
	rte_pktmbuf_free_bulk(gone, n_gone);
	return n_left;
}

bool tcp_syn_taken(struct tcp *t, const struct net_pkt *pkt)
{
	const uint8_t *frame = rte_pktmbuf_mtod(pkt->m, const uint8_t *);
	struct syn_at at;

	if (!t->syn_flooded) {
		if (t->syns_left > 0)
			t->syns_left--;
		return true;
	}
	if (pkt->glanced && syn_glance(frame, rte_pktmbuf_data_len(pkt->m), &at))
		return true;
	at = syn_at(frame + pkt->l3_off, frame + pkt->l4_off, pkt->ip6);
	return !excess(t, mix_of(t, &at));
}
