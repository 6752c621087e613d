/* hystart.c: see hystart.h. Section numbers are RFC 9406's. */
#include "tcp/hystart.h"

#include "base/seq.h"
#include "tcp/pcb.h"

/* 4.3 */
#define MIN_RTT_THRESH_US 4000u
#define MAX_RTT_THRESH_US 16000u
#define MIN_RTT_DIVISOR 8
#define N_RTT_SAMPLE 8
#define CSS_GROWTH_DIVISOR 4
#define CSS_ROUNDS 5

static void round_begin(struct hystart *h, const struct tcp_pcb *p)
{
	h->last_min_us = h->min_us;
	h->min_us = UINT32_MAX;
	h->samples = 0;
	h->window_end = p->snd_nxt;
}

void hystart_begin(struct hystart *h, const struct tcp_pcb *p)
{
	h->min_us = h->css_baseline_us = UINT32_MAX;
	h->css_rounds = 0;
	h->on = true;
	round_begin(h, p);
}

/* 4.2: the queue grows. */
static bool delay_rises(const struct hystart *h)
{
	uint32_t thresh = h->last_min_us / MIN_RTT_DIVISOR;

	if (h->samples < N_RTT_SAMPLE || h->min_us == UINT32_MAX || h->last_min_us == UINT32_MAX)
		return false;
	if (thresh < MIN_RTT_THRESH_US)
		thresh = MIN_RTT_THRESH_US;
	if (thresh > MAX_RTT_THRESH_US)
		thresh = MAX_RTT_THRESH_US;
	return h->min_us >= h->last_min_us + thresh;
}

static void slow_start_check(struct hystart *h)
{
	if (h->css_rounds == 0 && delay_rises(h)) {
		h->css_baseline_us = h->min_us;
		h->css_rounds = 1; /* the rest of this round counts as one */
	} else if (h->css_rounds > 0 && h->samples >= N_RTT_SAMPLE && h->min_us < h->css_baseline_us) {
		h->css_baseline_us = UINT32_MAX; /* it was jitter: on as before */
		h->css_rounds = 0;
	}
}

/* L, the most that one ACK may grow the window by, is infinite here: ACKs of this kind of host cover what one poll received, and
 * what leaves at a time is bounded by TCP_OUT_BURST. */
uint32_t hystart_acked(struct hystart *h, struct tcp_pcb *p, uint32_t una, uint32_t acked, uint32_t rtt_us)
{
	uint32_t grow;

	if (rtt_us != 0) {
		if (rtt_us < h->min_us)
			h->min_us = rtt_us;
		if (h->samples < UINT8_MAX)
			h->samples++;
	}
	slow_start_check(h);
	grow = h->css_rounds > 0 ? acked / CSS_GROWTH_DIVISOR : acked;
	if (seq_ge(una, h->window_end)) {
		if (h->css_rounds > 0 && ++h->css_rounds > CSS_ROUNDS) {
			p->ssthresh = p->cwnd + grow; /* congestion avoidance from here on */
			h->on = false;
			return grow;
		}
		round_begin(h, p);
	}
	return grow;
}
