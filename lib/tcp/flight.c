/* flight.c: the records of what is in flight. */
#include "tcp/flight.h"

#include "base/assert.h"
#include "tcp/rate.h"

/* ---- chunks and entries ---- */

static struct tcp_rec *recs_of(struct tcp *t, struct tcp_flight *f, const struct tcp_chunk_entry *e)
{
	struct tcp_chunk *c = e->chunk != 0 ? pool_at(&t->chunks, e->chunk) : &f->own;

	return c->rec + e->first;
}

static struct tcp_chunk_entry *entry_first(struct tcp_flight *f) { return f->entry + f->e_first; }
static struct tcp_chunk_entry *entry_end(struct tcp_flight *f) { return f->entry + f->e_first + f->e_n; }

static bool chunk_free(const struct tcp *t, const struct tcp_flight *f)
{
	return !f->own_used || t->chunks.used < t->chunks.cap - 1;
}

/* There is one: chunk_free() has said so. */
static uint32_t chunk_get(struct tcp *t, struct tcp_flight *f)
{
	if (f->own_used)
		return pool_get(&t->chunks);
	f->own_used = true;
	return 0;
}

static void chunk_put(struct tcp *t, struct tcp_flight *f, uint32_t chunk)
{
	if (chunk != 0)
		pool_put(&t->chunks, chunk);
	else
		f->own_used = false;
}

/* An empty entry before e (or at the end). NULL: no room. */
static struct tcp_chunk_entry *entry_insert(struct tcp *t, struct tcp_flight *f, struct tcp_chunk_entry *e)
{
	if (f->e_n == TCP_FLIGHT_CHUNKS || !chunk_free(t, f))
		return NULL;
	if (f->e_first + f->e_n == TCP_FLIGHT_CHUNKS) {
		memmove(f->entry, entry_first(f), f->e_n * sizeof(*e));
		e -= f->e_first;
		f->e_first = 0;
	}
	memmove(e + 1, e, (size_t)(entry_end(f) - e) * sizeof(*e));
	f->e_n++;
	*e = (struct tcp_chunk_entry){.chunk = chunk_get(t, f)};
	return e;
}

static void entry_remove(struct tcp *t, struct tcp_flight *f, struct tcp_chunk_entry *e)
{
	chunk_put(t, f, e->chunk);
	if (e == entry_first(f)) {
		f->e_first++;
	} else {
		memmove(e, e + 1, (size_t)(entry_end(f) - e - 1) * sizeof(*e));
	}
	f->e_n--;
	if (f->e_n == 0)
		f->e_first = 0;
}

/* ---- sums ---- */

static bool is_pending(uint8_t flags) { return (flags & (REC_SACKED | REC_LOST | REC_RETRANS)) == REC_LOST; }
static bool is_live(uint8_t flags) { return !(flags & REC_SACKED) && !is_pending(flags); }

/* len bytes with these flags come (sign 1) or go (-1). */
static void sums_add(struct tcp_flight *f, uint8_t flags, uint32_t len, int sign)
{
	uint32_t d = (uint32_t)sign * len;

	if (flags & REC_SACKED) {
		f->sacked += d;
		return;
	}
	if (flags & REC_LOST)
		f->lost += d;
	if (flags & REC_RETRANS)
		f->retrans += d;
	if (is_pending(flags))
		f->pending += d;
}

static void entry_count(struct tcp_chunk_entry *e, uint8_t flags, int sign)
{
	e->live = (uint8_t)(e->live + sign * is_live(flags));
	e->pending = (uint8_t)(e->pending + sign * is_pending(flags));
}

static void entry_saw(struct tcp_chunk_entry *e, uint32_t sent_us)
{
	e->oldest_us = e->live <= 1 ? sent_us : seq_min(e->oldest_us, sent_us);
}

void tcp_flight_set(struct tcp_flight *f, struct tcp_rec_at at, uint8_t flags)
{
	uint32_t len = at.r->end - at.r->start;

	sums_add(f, at.r->flags, len, -1);
	entry_count(at.e, at.r->flags, -1);
	at.r->flags = flags;
	sums_add(f, flags, len, 1);
	entry_count(at.e, flags, 1);
	if (is_live(flags))
		entry_saw(at.e, at.r->sent_us);
}

/* ---- looking ---- */

struct tcp_rec_at tcp_flight_chunk(struct tcp *t, struct tcp_flight *f, struct tcp_chunk_entry *e)
{
	return (struct tcp_rec_at){e, recs_of(t, f, e)};
}

struct tcp_rec_at tcp_flight_first(struct tcp *t, struct tcp_flight *f)
{
	if (f->e_n == 0)
		return (struct tcp_rec_at){0};
	return (struct tcp_rec_at){entry_first(f), recs_of(t, f, entry_first(f))};
}

struct tcp_rec_at tcp_flight_last(struct tcp *t, struct tcp_flight *f)
{
	struct tcp_chunk_entry *e = entry_end(f) - 1;

	if (f->e_n == 0)
		return (struct tcp_rec_at){0};
	return (struct tcp_rec_at){e, recs_of(t, f, e) + e->n - 1};
}

struct tcp_rec_at tcp_flight_next(struct tcp *t, struct tcp_flight *f, struct tcp_rec_at at)
{
	if (at.r + 1 < recs_of(t, f, at.e) + at.e->n)
		return (struct tcp_rec_at){at.e, at.r + 1};
	if (at.e + 1 == entry_end(f))
		return (struct tcp_rec_at){0};
	return (struct tcp_rec_at){at.e + 1, recs_of(t, f, at.e + 1)};
}

struct tcp_rec_at tcp_flight_find(struct tcp *t, struct tcp_flight *f, uint32_t seq)
{
	uint32_t lo = 0, hi = f->e_n;
	struct tcp_chunk_entry *e;
	struct tcp_rec *r;

	while (lo < hi) { /* the first entry that ends behind seq */
		uint32_t mid = (lo + hi) / 2;

		if (seq_gt(entry_first(f)[mid].end, seq))
			hi = mid;
		else
			lo = mid + 1;
	}
	if (lo == f->e_n)
		return (struct tcp_rec_at){0};
	e = entry_first(f) + lo;
	r = recs_of(t, f, e);
	lo = 0;
	hi = e->n;
	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (seq_gt(r[mid].end, seq))
			hi = mid;
		else
			lo = mid + 1;
	}
	return (struct tcp_rec_at){e, r + lo};
}

struct tcp_rec_at tcp_flight_pending(struct tcp *t, struct tcp_flight *f)
{
	struct tcp_chunk_entry *e = entry_first(f);
	struct tcp_rec *r;

	if (f->pending == 0)
		return (struct tcp_rec_at){0};
	while (e->pending == 0)
		e++;
	for (r = recs_of(t, f, e); !is_pending(r->flags); r++)
		;
	return (struct tcp_rec_at){e, r};
}

/* ---- changing ---- */

/* Makes room for one more record in e behind what is there. False: there is none. */
static bool entry_shift_down(struct tcp *t, struct tcp_flight *f, struct tcp_chunk_entry *e)
{
	struct tcp_rec *r = recs_of(t, f, e);

	if (e->first + e->n < TCP_FLIGHT_CHUNK)
		return true;
	if (e->first < TCP_FLIGHT_CHUNK / 2)
		return false;
	memmove(r - e->first, r, e->n * sizeof(*r));
	e->first = 0;
	return true;
}

/* Counts e's records anew. */
static void entry_recount(struct tcp_rec *r, struct tcp_chunk_entry *e)
{
	e->live = e->pending = 0;
	for (uint32_t i = 0; i < e->n; i++) {
		entry_count(e, r[i].flags, 1);
		if (is_live(r[i].flags))
			entry_saw(e, r[i].sent_us);
	}
	e->end = r[e->n - 1].end;
}

/* Moves the upper half of a full chunk to one of its own; at stays with its record. */
static bool chunk_halve(struct tcp *t, struct tcp_flight *f, struct tcp_rec_at *at)
{
	uint32_t i = (uint32_t)(at->r - recs_of(t, f, at->e)), e_i = (uint32_t)(at->e - entry_first(f)), keep = at->e->n / 2u;
	struct tcp_chunk_entry *upper = entry_insert(t, f, at->e + 1), *e;
	struct tcp_rec *r;

	if (upper == NULL)
		return false;
	e = entry_first(f) + e_i;
	r = recs_of(t, f, e);
	upper->n = (uint8_t)(e->n - keep);
	memcpy(recs_of(t, f, upper), r + keep, upper->n * sizeof(*r));
	e->n = (uint8_t)keep;
	entry_recount(r, e);
	entry_recount(recs_of(t, f, upper), upper);
	*at = i < keep ? (struct tcp_rec_at){e, r + i} : (struct tcp_rec_at){upper, recs_of(t, f, upper) + i - keep};
	return true;
}

bool tcp_flight_cut(struct tcp *t, struct tcp_flight *f, struct tcp_rec_at *at, uint32_t seq)
{
	struct tcp_chunk_entry *e = at->e;
	struct tcp_rec *r, *end;

	if (e->n == TCP_FLIGHT_CHUNK) {
		/* A peer that cuts and cuts leaves the others what they need to go on. */
		if (t->chunks.used > t->chunks.cap / 4 * 3 || !chunk_halve(t, f, at))
			return false;
		e = at->e;
	}
	r = recs_of(t, f, e);
	end = r + e->n;
	if (e->first + e->n < TCP_FLIGHT_CHUNK) {
		memmove(at->r + 1, at->r, (size_t)(end - at->r) * sizeof(*r));
	} else {
		memmove(r - 1, r, (size_t)(at->r + 1 - r) * sizeof(*r));
		e->first--;
		at->r--;
	}
	e->n++;
	entry_count(e, at->r->flags, 1);
	at->r[0].end = at->r[1].start = seq;
	return true;
}

/* Takes r out of e; what it stood for is somebody else's already. */
static void rec_remove(struct tcp *t, struct tcp_flight *f, struct tcp_chunk_entry *e, struct tcp_rec *r)
{
	struct tcp_rec *first = recs_of(t, f, e);

	entry_count(e, r->flags, -1);
	if (e->n == 1) {
		entry_remove(t, f, e);
		return;
	}
	if (r == first)
		e->first++;
	else
		memmove(r, r + 1, (size_t)(first + e->n - r - 1) * sizeof(*r));
	e->n--;
	e->end = recs_of(t, f, e)[e->n - 1].end;
}

struct tcp_rec_at tcp_flight_join(struct tcp *t, struct tcp_flight *f, struct tcp_rec_at at)
{
	struct tcp_rec_at next = tcp_flight_next(t, f, at);
	uint32_t seq = at.r->start;

	if (next.r != NULL && (next.r->flags & REC_SACKED)) {
		next.r->start = at.r->start;
		next.r->segs = (uint16_t)(next.r->segs + at.r->segs < UINT16_MAX ? next.r->segs + at.r->segs : UINT16_MAX);
		next.r->flags |= at.r->flags;
		rec_remove(t, f, at.e, at.r);
		at = tcp_flight_find(t, f, seq);
	}
	if (seq != tcp_flight_first(t, f).r->start) {
		struct tcp_rec_at prev = tcp_flight_find(t, f, seq - 1);

		if (prev.r->flags & REC_SACKED) {
			prev.r->end = at.r->end;
			prev.r->segs = (uint16_t)(prev.r->segs + at.r->segs < UINT16_MAX ? prev.r->segs + at.r->segs : UINT16_MAX);
			prev.r->flags |= at.r->flags;
			if (prev.e != at.e)
				prev.e->end = at.r->end;
			rec_remove(t, f, at.e, at.r);
			at = tcp_flight_find(t, f, seq - 1);
		}
	}
	return at;
}

void tcp_flight_trim(struct tcp *t, struct tcp_flight *f, uint32_t seq)
{
	struct tcp_rec_at at = tcp_flight_first(t, f);
	uint32_t end = seq_min(at.r->end, seq);

	sums_add(f, at.r->flags, end - at.r->start, -1);
	if (end != at.r->end) {
		at.r->start = end;
		return;
	}
	if (at.r->flags & REC_SACKED)
		f->segs_sacked -= at.r->segs < f->segs_sacked ? at.r->segs : f->segs_sacked;
	rec_remove(t, f, at.e, at.r);
}

void tcp_flight_mark_lost(struct tcp_flight *f, struct tcp_rec_at at)
{
	f->lost_total += at.r->end - at.r->start;
	tcp_flight_set(f, at, (uint8_t)((at.r->flags | REC_LOST) & ~REC_RETRANS));
}

void tcp_flight_unmark(struct tcp *t, struct tcp_flight *f)
{
	for (struct tcp_rec_at at = tcp_flight_first(t, f); at.r != NULL; at = tcp_flight_next(t, f, at)) {
		if (!(at.r->flags & REC_SACKED) && (at.r->flags & (REC_LOST | REC_RETRANS)))
			tcp_flight_set(f, at, at.r->flags & (uint8_t)~(REC_LOST | REC_RETRANS));
	}
}

/* ---- sending ---- */

bool tcp_flight_room(struct tcp *t, const struct tcp_flight *f)
{
	const struct tcp_chunk_entry *e = f->entry + f->e_first + f->e_n - 1;

	if (f->e_n == 0 || e->first + e->n < TCP_FLIGHT_CHUNK || e->first >= TCP_FLIGHT_CHUNK / 2)
		return true;
	return f->e_n < TCP_FLIGHT_CHUNKS && chunk_free(t, f);
}

static void rec_append(struct tcp *t, struct tcp_flight *f, const struct tcp_rec *rec)
{
	struct tcp_chunk_entry *e = entry_end(f) - 1;

	if (f->e_n == 0 || !entry_shift_down(t, f, e)) {
		e = entry_insert(t, f, entry_end(f));
		SPATE_ASSERT(e != NULL); /* tcp_flight_room() was asked */
	}
	recs_of(t, f, e)[e->n++] = *rec;
	e->end = rec->end;
	sums_add(f, rec->flags, rec->end - rec->start, 1);
	entry_count(e, rec->flags, 1);
	entry_saw(e, rec->sent_us);
}

/* The last record is longer by what has just left with it. */
static void rec_extend(struct tcp *t, struct tcp_flight *f, uint32_t end)
{
	struct tcp_rec_at at = tcp_flight_last(t, f);

	sums_add(f, at.r->flags, end - at.r->end, 1);
	at.r->end = at.e->end = end;
}

void tcp_flight_sent(struct tcp *t, struct tcp_pcb *p, struct tcp_flight *f, uint32_t start, uint32_t end, uint32_t mss)
{
	struct tcp_rec r = {.sent_us = (uint32_t)t->clock->now_us};
	uint32_t seq = start;

	tcp_rate_sent(t, p, &r, tcp_flight_pipe(p, f) == 0);
	f->prr_out += end - start;
	/* A frame that the NIC cuts is noted as what it becomes, unless there is much in flight. */
	while (seq != end) {
		bool last = end - seq <= mss + 1 || f->e_n >= TCP_FLIGHT_CHUNKS / 2;

		r.start = seq;
		r.end = seq = last ? end : seq + mss;
		if (r.start == start || tcp_flight_room(t, f))
			rec_append(t, f, &r);
		else
			rec_extend(t, f, r.end);
	}
}

void tcp_flight_resent(struct tcp *t, struct tcp_pcb *p, struct tcp_flight *f, struct tcp_rec_at at, uint32_t len)
{
	bool begins = tcp_flight_pipe(p, f) == 0;

	/* Without room for a cut the rest counts as sent, too: it will be missed again, and then sent. */
	if (len < at.r->end - at.r->start)
		tcp_flight_cut(t, f, &at, at.r->start + len);
	at.r->sent_us = (uint32_t)t->clock->now_us;
	tcp_flight_set(f, at, at.r->flags | REC_RETRANS | REC_EVER);
	tcp_rate_sent(t, p, at.r, begins);
	f->prr_out += len;
	if (f->undo) {
		f->undo_rtx += len;
		if (!f->rtx_ts_set) {
			f->rtx_ts = t->clock->now_ms + p->ts_offset;
			f->rtx_ts_set = true;
		}
	}
}

/* ---- beginning and end ---- */

struct tcp_flight *tcp_flight_need(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b)
{
	struct tcp_flight *f = tcp_flight_of(t, b);

	if (f != NULL)
		return f;
	b->flight = pool_get(&t->flights); /* as many as there can be connections with data to send: it never runs out */
	SPATE_ASSERT(b->flight != 0);
	f = tcp_flight_of(t, b);
	memset(f, 0, offsetof(struct tcp_flight, entry));
	f->reo_mult = 1;
	f->rtt_seq = f->fack = f->tlp_end = p->snd_una;
	if (p->snd_nxt != p->snd_una) {
		struct tcp_rec r = {.start = p->snd_una, .end = p->snd_nxt, .sent_us = b->sent_us};

		tcp_rate_sent(t, p, &r, true);
		rec_append(t, f, &r);
	}
	return f;
}

void tcp_flight_free(struct tcp *t, struct tcp_buf *b)
{
	struct tcp_flight *f = tcp_flight_of(t, b);

	for (struct tcp_chunk_entry *e = entry_first(f); e < entry_end(f); e++)
		chunk_put(t, f, e->chunk);
	pool_put(&t->flights, b->flight);
	b->flight = 0;
}
