/* sack_out.c: SACK blocks of the receiver's side: which, and in what order (RFC 2018 section 4, RFC 2883 section 4). */
#include "tcp/sack_out.h"

#include "tcp/out.h"

void tcp_dsack(struct tcp *t, struct tcp_pcb *p, uint32_t left, uint32_t right)
{
	struct tcp_buf *b;

	if (!(p->xflags & TX_SACK) || left == right)
		return;
	b = tcp_buf_need(t, p);
	if (b->dsack_left != b->dsack_right) {
		if (seq_le(left, b->dsack_right) && seq_ge(right, b->dsack_left)) { /* it continues the one to be told */
			b->dsack_left = seq_min(left, b->dsack_left);
			b->dsack_right = seq_max(right, b->dsack_right);
			return;
		}
		/* Each is told by an ACK of its own (RFC 2883 section 4, (1)). */
		if (tcp_out_room(t, p->c.h.path) && tcp_out_ack(t, p) && b->dup_acks_due > 0)
			b->dup_acks_due--;
	}
	b->dsack_left = left;
	b->dsack_right = right;
	b->tell |= BUF_SACK;
}

static bool told(const struct tcp_opts *o, uint32_t from, const struct tcp_ooo_block *blk)
{
	for (uint32_t i = from; i < o->n_sack; i++)
		if (o->sack[i].left == blk->left)
			return true;
	return false;
}

void tcp_sack_fill(const struct tcp *t, const struct tcp_pcb *p, const struct tcp_buf *b, struct tcp_opts *o)
{
	uint32_t most = p->tflags & TF_TS ? TCP_SACK_BLOCKS_MAX - 1 : TCP_SACK_BLOCKS_MAX, dsacks;
	const struct tcp_ooo *ooo = tcp_ooo_of(t, b);

	if (b->dsack_left != b->dsack_right) {
		o->sack[0].left = b->dsack_left;
		o->sack[0].right = b->dsack_right;
		o->n_sack = 1;
	}
	dsacks = o->n_sack;
	for (uint32_t i = 0; ooo != NULL && i < ooo->n_recent && o->n_sack < most; i++) {
		const struct tcp_ooo_block *blk = tcp_ooo_find(ooo, ooo->recent[i]);

		if (blk == NULL || told(o, dsacks, blk)) /* filled, or joined with one that is newer */
			continue;
		o->sack[o->n_sack].left = blk->left;
		o->sack[o->n_sack].right = blk->right;
		o->n_sack++;
	}
}

void tcp_sack_told(struct tcp_pcb *p, struct tcp_buf *b)
{
	b->dsack_left = b->dsack_right = 0;
	tcp_sack_update(p, b);
}

uint32_t tcp_sack_bytes(const struct tcp *t, const struct tcp_pcb *p, const struct tcp_buf *b)
{
	struct tcp_opts o = {.has_ts = p->tflags & TF_TS};

	tcp_sack_fill(t, p, b, &o);
	return o.n_sack != 0 ? 4 + 8u * o.n_sack : 0;
}
