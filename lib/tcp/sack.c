/* sack.c: the SACK blocks of a received segment (RFC 2018, RFC 2883), entered into what is in flight. */
#include "tcp/recovery.h"

struct block {
	uint32_t left, right;
};

/* RFC 2883 section 4: the first block lies below the acknowledgment, or inside the second block. */
static bool is_dsack(const struct tcp_opts *o, uint32_t ack)
{
	if (seq_le(o->sack[0].right, ack))
		return true;
	return o->n_sack > 1 && seq_ge(o->sack[0].left, o->sack[1].left) && seq_le(o->sack[0].right, o->sack[1].right);
}

/* What was sent again was not missing. Only what was sent in this flight counts, and not a loss probe, whose duplicate says
 * nothing about reordering. */
static void dsack_take(struct tcp *t, const struct tcp_pcb *p, struct tcp_flight *f, struct tcp_news *n)
{
	const struct tcp_opts *o = &n->s->o;
	uint32_t left = o->sack[0].left, right = o->sack[0].right, len = right - left;
	uint32_t max_wnd = (uint32_t)p->snd_wnd_max << (p->wscale & 15);

	if (seq_ge(left, right) || seq_gt(right, p->snd_nxt) || seq_lt(left, p->snd_una - max_wnd))
		return;
	n->dsack = true;
	n->dsack_left = left;
	n->dsack_right = right;
	t->stats.dsacks_in++;
	if (f->undo && seq_gt(right, f->undo_una))
		f->undo_rtx -= len < f->undo_rtx ? len : f->undo_rtx;
}

static void block_take(struct tcp *t, struct tcp_pcb *p, struct tcp_flight *f, struct tcp_news *n, const struct block *b)
{
	struct tcp_rec_at at = tcp_flight_find(t, f, b->left);

	while (at.r != NULL && seq_lt(at.r->start, b->right)) {
		uint32_t len;

		if (!(at.r->flags & REC_SACKED)) {
			if (seq_lt(at.r->start, b->left)) {
				if (!tcp_flight_cut(t, f, &at, b->left))
					return;
				at = tcp_flight_next(t, f, at);
			}
			if (seq_gt(at.r->end, b->right) && !tcp_flight_cut(t, f, &at, b->right))
				return;
			len = at.r->end - at.r->start;
			tcp_delivered(t, p, f, n, at.r, len);
			n->sacked = true;
			at.r->segs = (uint16_t)((len + p->mss - 1) / p->mss);
			f->segs_sacked += at.r->segs;
			tcp_flight_set(f, at, (uint8_t)((at.r->flags & ~(REC_LOST | REC_RETRANS)) | REC_SACKED));
			at = tcp_flight_join(t, f, at);
		}
		at = tcp_flight_next(t, f, at);
	}
}

void tcp_sack_take(struct tcp *t, struct tcp_pcb *p, struct tcp_flight *f, struct tcp_news *n)
{
	const struct tcp_opts *o = &n->s->o;
	struct block b[TCP_SACK_BLOCKS_MAX];
	unsigned first = 0, n_b = 0;

	if (is_dsack(o, n->s->ack)) {
		dsack_take(t, p, f, n);
		first = 1;
	}
	/* In order of sequence numbers, so that blocks of lost ACKs do not look like reordering. */
	for (unsigned i = first; i < o->n_sack; i++) {
		struct block x = {o->sack[i].left, o->sack[i].right};
		unsigned at = n_b;

		if (seq_ge(x.left, x.right) || seq_lt(x.left, p->snd_una) || seq_gt(x.right, p->snd_nxt))
			continue;
		for (; at > 0 && seq_lt(x.left, b[at - 1].left); at--)
			b[at] = b[at - 1];
		b[at] = x;
		n_b++;
	}
	for (unsigned i = 0; i < n_b; i++)
		block_take(t, p, f, n, &b[i]);
}
