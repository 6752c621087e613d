/* rack.c: RACK (RFC 8985 section 6): what was sent before something that has arrived since, by more than a reordering window,
 * is lost. By time, so a lost retransmission is found like any other. */
#include "tcp/recovery.h"

/* 5.2 RACK_sent_after() */
static bool sent_after(uint32_t us1, uint32_t end1, uint32_t us2, uint32_t end2)
{
	return seq_gt(us1, us2) || (us1 == us2 && seq_gt(end1, end2));
}

/* 6.2 step 1, over a window of time (Linux tcp_min_rtt_wlen) */
static void min_rtt(struct tcp_flight *f, uint32_t rtt_us, uint32_t now_us)
{
	if (f->min_rtt_us == 0 || rtt_us <= f->min_rtt_us || now_us - f->min_rtt_at_us > TCP_MIN_RTT_MS * 1000u) {
		f->min_rtt_us = rtt_us;
		f->min_rtt_at_us = now_us;
	}
}

/* The timestamp that came back is older than r's last transmission: it is of an earlier one. */
static bool echo_is_older(const struct tcp *t, const struct tcp_pcb *p, const struct tcp_news *n, const struct tcp_rec *r)
{
	uint32_t age_ms = t->clock->now_ms + p->ts_offset - n->s->o.tsecr;

	return (p->tflags & TF_TS) && n->s->o.has_ts && (uint64_t)age_ms * 1000 >= (uint64_t)(n->now_us - r->sent_us) + 1000;
}

void tcp_rack_delivered(const struct tcp *t, const struct tcp_pcb *p, struct tcp_flight *f, const struct tcp_news *n,
			const struct tcp_rec *r)
{
	uint32_t rtt_us = n->now_us - r->sent_us;

	if (!(r->flags & REC_EVER))
		min_rtt(f, rtt_us != 0 ? rtt_us : 1, n->now_us);
	else if (echo_is_older(t, p, n, r) || rtt_us < f->min_rtt_us) /* step 2: rather of the first transmission */
		return;
	f->rack_rtt_us = rtt_us;
	if (!f->rack_set || sent_after(r->sent_us, r->end, f->rack_us, f->rack_end)) {
		f->rack_us = r->sent_us;
		f->rack_end = r->end;
		f->rack_set = true;
	}
}

/* Step 4 */
void tcp_rack_adapt(struct tcp_pcb *p, struct tcp_flight *f, bool dsack, bool recovered)
{
	if (f->dsack_round_set && seq_ge(p->snd_una, f->dsack_round))
		f->dsack_round_set = false;
	if (dsack && !f->dsack_round_set) {
		f->dsack_round_set = true;
		f->dsack_round = p->snd_nxt;
		if (f->reo_mult < UINT8_MAX)
			f->reo_mult++;
		f->reo_persist = TCP_REO_PERSIST;
	} else if (recovered && f->reo_persist > 0 && --f->reo_persist == 0) {
		f->reo_mult = 1;
	}
}

static uint32_t reorder_window_us(const struct tcp_pcb *p, const struct tcp_flight *f)
{
	uint64_t us = (uint64_t)f->reo_mult * f->min_rtt_us / 4;

	if (!(p->xflags & TX_REORDERS) && ((p->tflags & (TF_RECOVERY | TF_LOSS)) || f->segs_sacked >= 3)) /* DupThresh */
		return 0;
	return us < p->srtt_us8 >> 3 ? (uint32_t)us : p->srtt_us8 >> 3;
}

/* One chunk; returns as tcp_rack_detect(). */
static uint32_t detect_in(struct tcp *t, struct tcp_flight *f, struct tcp_rec_at at, uint32_t wait_us)
{
	uint32_t now_us = (uint32_t)t->clock->now_us, oldest_us = now_us;
	int32_t most = 0;

	for (struct tcp_rec *end = at.r + at.e->n; at.r < end; at.r++) {
		bool waiting = (at.r->flags & (REC_LOST | REC_RETRANS)) == REC_LOST;
		int32_t left;

		if ((at.r->flags & REC_SACKED) || waiting)
			continue;
		if (sent_after(f->rack_us, f->rack_end, at.r->sent_us, at.r->end)) {
			left = (int32_t)(at.r->sent_us + wait_us - now_us);
			if (left <= 0) {
				tcp_flight_mark_lost(f, at);
				continue;
			}
			if (left > most)
				most = left;
		}
		oldest_us = seq_min(oldest_us, at.r->sent_us);
	}
	at.e->oldest_us = oldest_us;
	return (uint32_t)most;
}

uint32_t tcp_rack_detect(struct tcp *t, const struct tcp_pcb *p, struct tcp_flight *f)
{
	uint32_t most = 0, wait_us;

	if (!f->rack_set)
		return 0;
	wait_us = f->rack_rtt_us + reorder_window_us(p, f);
	for (uint32_t i = 0; i < f->e_n; i++) {
		struct tcp_chunk_entry *e = f->entry + f->e_first + i;
		uint32_t left;

		if (e->live == 0)
			continue;
		if (seq_gt(e->oldest_us, f->rack_us)) {
			if (f->retrans == 0)
				break; /* all behind it left later */
			continue;
		}
		left = detect_in(t, f, tcp_flight_chunk(t, f, e), wait_us);
		if (left > most)
			most = left;
	}
	return most;
}

bool tcp_rack_overdue(const struct tcp *t, const struct tcp_flight *f, const struct tcp_rec *r)
{
	return !f->rack_set || seq_le(r->sent_us + f->rack_rtt_us, (uint32_t)t->clock->now_us);
}
