/* mtu_probe.c: a black hole: when full segments are lost again and again, the path's MTU is taken down in steps, as on Linux.
 * Then connections with enough to send look for the largest size that passes. All is tried again by the first connection after
 * PMTU_AGE_MS, as after an ICMP message (RFC 1191 6.3). */
#include "tcp/mtu_probe.h"

#include "tcp/ext.h"
#include "tcp/life.h"
#include "tcp/out.h"
#include "tcp/pace.h"
#include "wire/ip6.h"

/* The next step down from segments of mss bytes, as IP bytes: to the base, then by halves (Linux tcp_base_mss, and
 * tcp_mtu_probing()); an IPv6 link takes IP6_MTU_MIN (RFC 8200 5). */
static uint16_t step_down(const struct path *path, uint32_t mss, uint32_t headers)
{
	uint32_t next = mss > TCP_BASE_MSS ? TCP_BASE_MSS : RTE_MAX(mss / 2, (uint32_t)TCP_MSS_MIN);

	return (uint16_t)(path->l3_len == IP6_HDR_LEN ? RTE_MAX(next + headers, (uint32_t)IP6_MTU_MIN) : next + headers);
}

void tcp_mtu_black_hole(struct tcp *t, struct tcp_pcb *p)
{
	struct path *path = path_at(&t->net->paths, p->c.h.path);
	uint32_t mss = tcp_out_mss(t, p), in_flight = p->snd_nxt - p->snd_una;
	uint16_t before = path->pmtu;

	if (t->mtu_probing == 0 || p->backoff < TCP_HOLE_RTOS)
		return;
	if (in_flight < RTE_MIN(mss, (uint32_t)TCP_MSS_FALLBACK)) /* every link takes that (RFC 1122 4.2.2.6): lost for other reasons */
		return;
	net_pmtu_lower(t->net, p->c.h.path, step_down(path, mss, tcp_out_headers(p, path)));
	if (path->pmtu == before)
		return;
	path->pmtu_failed = before;
	t->stats.mtu_holes++;
}

/* ---- upwards ---- */

/* The next size to try; 0: the search is over. */
static uint32_t next_size(const struct tcp *t, const struct tcp_pcb *p, const struct path *path)
{
	uint32_t headers = tcp_out_headers(p, path), most = (p->mss < t->seg_max ? p->mss : t->seg_max) + headers;
	uint32_t size = ((uint32_t)path->pmtu + path->pmtu_failed) / 2;

	if (size > most)
		size = most;
	return size >= path->pmtu + (uint32_t)TCP_MTU_NEAR ? size : 0;
}

/* The probe has been acknowledged, one way or the other. */
static void probe_ends(struct tcp *t, const struct tcp_pcb *p, struct tcp_ext *x, struct path *path)
{
	uint16_t before = path->pmtu;

	if (x->n.retrans != x->mtu.retrans) { /* it was lost, or others were and nobody knows: this size is left */
		path->pmtu_failed = RTE_MIN(path->pmtu_failed, RTE_MAX(x->mtu.bytes, before));
	} else {
		net_pmtu_raise(t->net, p->c.h.path, x->mtu.bytes);
		t->stats.mtu_raised += path->pmtu != before;
	}
	x->mtu.bytes = 0;
}

void tcp_mtu_round(struct tcp *t, struct tcp_pcb *p)
{
	struct path *path = path_at(&t->net->paths, p->c.h.path);
	struct tcp_ext *x = tcp_ext_of(t, p);

	if (x == NULL)
		return;
	if (path->pmtu_failed == 0) { /* or an ICMP message ended the search */
		x->mtu.bytes = 0;
		return;
	}
	if (x->mtu.bytes != 0) {
		if (seq_lt(p->snd_una, x->mtu.end))
			return;
		probe_ends(t, p, x, path);
	}
	x->mtu.due = true;
	t->mtu_due = tcp_pcb_ref(t, p);
}

/* Enough data and window, also for the segments behind it whose SACKs tell that it was lost, and nothing else going on. */
static bool may_probe(struct tcp *t, struct tcp_pcb *p, const struct tcp_buf *b, uint32_t len)
{
	const struct tcp_flight *f = tcp_flight_of(t, b);
	uint32_t end = tcp_data_end(p, b), all = len + 3u * tcp_out_mss(t, p), flight = p->snd_nxt - p->snd_una;

	if (f == NULL || f->pending != 0 || b->tell != 0 || (p->tflags & (TF_RECOVERY | TF_LOSS)))
		return false;
	if (!seq_lt(p->snd_nxt, end) || end - p->snd_nxt < all || p->snd_wnd < flight + all)
		return false;
	return tcp_flight_pipe(p, f) + len <= p->cwnd && tcp_flight_room(t, f) && (!(p->xflags & TX_PACED) || tcp_pace_room(t, p) != 0);
}

void tcp_mtu_flush(struct tcp *t)
{
	struct tcp_pcb *p = tcp_pcb_at(t, t->mtu_due);
	struct tcp_ext *x = p->c.type == CONN_TCP && TCP_IN(p->state, TCP_SYNCHRONIZED) ? tcp_ext_of(t, p) : NULL;
	struct tcp_buf *b;
	struct path *path;
	uint32_t size, len;
	uint16_t before;
	bool sent;

	t->mtu_due = 0;
	if (x == NULL || !x->mtu.due) /* it ended meanwhile */
		return;
	x->mtu.due = false;
	path = path_at(&t->net->paths, p->c.h.path);
	before = path->pmtu;
	b = tcp_buf_of(t, p);
	size = next_size(t, p, path);
	len = size - tcp_out_headers(p, path);
	if (size == 0)
		path->pmtu_failed = 0;
	if (size == 0 || b == NULL || !may_probe(t, p, b, len))
		return;
	x->mtu.start = p->snd_nxt;
	x->mtu.retrans = x->n.retrans;
	path->pmtu = (uint16_t)size; /* the output would make fragments of what is longer */
	sent = tcp_out_sized(t, p, b, len);
	path->pmtu = before;
	if (!sent)
		return;
	x->mtu.end = p->snd_nxt;
	x->mtu.bytes = (uint16_t)size;
	t->stats.mtu_probes++;
}

bool tcp_mtu_lost(const struct tcp *t, const struct tcp_pcb *p, const struct tcp_flight *f)
{
	const struct tcp_ext *x = tcp_ext_of(t, p);

	return x != NULL && x->mtu.bytes != 0 && f->lost == x->mtu.end - x->mtu.start && f->sacked != 0 && p->snd_una == x->mtu.start;
}
