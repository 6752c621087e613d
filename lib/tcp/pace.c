/* pace.c: see pace.h. As Linux does: about a millisecond of data (but two segments) leaves at once, then the time that it takes
 * at this rate passes. A core that looks late finds data waiting that should have left: it leaves now, up to TCP_PACE_LATE_NS
 * of it. Time that passed for other reasons is made good by half a burst. */
#include "tcp/pace.h"

#include "tcp/life.h"
#include "tcp/out.h"
#include "tcp/timers.h"

static uint64_t burst_ns(const struct tcp_pcb *p, uint64_t rate)
{
	uint64_t bytes = rate >> TCP_PACE_SHIFT, least = 2u * p->mss;

	return (bytes > least ? bytes : least) * 1000000000 / rate;
}

void tcp_pace_set(struct tcp *t, struct tcp_pcb *p, uint64_t rate)
{
	struct tcp_pace *c = &tcp_ext_of(t, p)->pace;
	uint64_t max = tcp_opt(t, p)->max_pacing;

	c->wanted = rate;
	c->rate = max != 0 && (rate == 0 || max < rate) ? max : rate;
	if (c->rate != 0) {
		if (!(p->xflags & TX_PACED))
			c->next_ns = t->clock->now_ns;
		p->xflags |= TX_PACED;
	} else if (p->xflags & TX_PACED) {
		p->xflags &= ~TX_PACED;
		c->armed = false;
		tcp_out_mark(t, p);
	}
}

void tcp_pace_attach(struct tcp *t, struct tcp_pcb *p)
{
	struct tcp_ext *x = tcp_ext_of(t, p);

	if (tcp_opt(t, p)->max_pacing != 0)
		x->keep |= EXT_KEEP_PACE;
	else
		x->keep &= (uint8_t)~EXT_KEEP_PACE;
	tcp_pace_set(t, p, x->pace.wanted);
}

/* What leaves in this turn; at most late_ns of the time that has passed counts. */
static void burst_begin(struct tcp_pace *c, const struct tcp_pcb *p, uint64_t now_ns, uint64_t late_ns)
{
	uint64_t burst = burst_ns(p, c->rate);

	if (late_ns < burst / 2)
		late_ns = burst / 2;
	c->burst_ns = now_ns;
	if (c->next_ns + late_ns < now_ns)
		c->next_ns = now_ns - late_ns;
	c->burst_end_ns = c->next_ns + burst;
	if (c->burst_end_ns < now_ns + burst / 2)
		c->burst_end_ns = now_ns + burst / 2;
}

uint32_t tcp_pace_room(struct tcp *t, struct tcp_pcb *p)
{
	struct tcp_pace *c = &tcp_ext_of(t, p)->pace;
	uint64_t now_ns = t->clock->now_ns, bytes;

	if (c->burst_ns != now_ns) {
		if (c->next_ns > now_ns) {
			tcp_timer_pace_at(t, p, (c->next_ns + TICK_US * 1000 - 1) / (TICK_US * 1000));
			return 0;
		}
		burst_begin(c, p, now_ns, 0);
	}
	if (c->next_ns >= c->burst_end_ns) {
		tcp_timer_pace_at(t, p, (c->next_ns + TICK_US * 1000 - 1) / (TICK_US * 1000));
		return 0;
	}
	bytes = (c->burst_end_ns - c->next_ns) * c->rate / 1000000000;
	return bytes > UINT32_MAX ? UINT32_MAX : bytes > p->mss ? (uint32_t)bytes : p->mss;
}

void tcp_pace_sent(struct tcp *t, struct tcp_pcb *p, uint32_t bytes)
{
	struct tcp_pace *c = &tcp_ext_of(t, p)->pace;

	/* A segment that nobody asked about: a retransmission. */
	if (c->burst_ns != t->clock->now_ns && c->next_ns + burst_ns(p, c->rate) / 2 < t->clock->now_ns)
		c->next_ns = t->clock->now_ns;
	c->next_ns += (uint64_t)bytes * 1000000000 / c->rate;
}

int32_t tcp_pace_next(const struct tcp *t, const struct tcp_pcb *p)
{
	const struct tcp_pace *c = &tcp_ext_of(t, p)->pace;

	return c->armed ? (int32_t)(c->tick - t->clock->tick) : INT32_MAX;
}

void tcp_pace_fire(struct tcp *t, struct tcp_pcb *p)
{
	struct tcp_pace *c = &tcp_ext_of(t, p)->pace;

	if (c->armed && seq_le(c->tick, t->clock->tick)) {
		c->armed = false;
		if (c->rate != 0 && c->next_ns <= t->clock->now_ns)
			burst_begin(c, p, t->clock->now_ns, TCP_PACE_LATE_NS);
		tcp_out_mark(t, p);
	}
}
