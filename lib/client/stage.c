/* stage.c: receiving without asking: what the stack has laid out of a stream (lib/svc/stage.c) is copied, and then taken by advancing
 * the socket's word: whoever was faster, thread, process or stack, has changed it. */
#include "client/private.h"

/* The stack hears of it. One that is listed already will be looked at anyway. */
static void tell_eaten(struct use *u)
{
	struct svc_stack *s = svc_stack_at(client.head, use_stack(u));
	uint32_t slot = svc_entry_index(u->entry) % client.head->files_per_stack, nobody = 0, head;

	if (!atomic_compare_exchange_strong(&u->file->eaten_next, &nobody, UINT32_MAX))
		return;
	head = atomic_load(&s->eaten);
	do
		atomic_store(&u->file->eaten_next, head != 0 ? head : UINT32_MAX);
	while (!atomic_compare_exchange_weak(&s->eaten, &head, slot + 1));
	stack_wake(s);
}

size_t stage_take(struct use *u, struct place *to, size_t len)
{
	uint64_t word = atomic_load(&u->file->stage);
	uint32_t off = svc_stage_off(word), left = svc_stage_len(word) - off, slot = svc_stage_slot(word);
	struct place kept = *to;

	if (slot == 0 || word & SVC_STAGE_STOPPED || left == 0 || len == 0)
		return 0;
	len = len < left ? len : left;
	place_put(to, svc_stage_at(client.head, use_stack(u), slot) + off, len);
	if (!atomic_compare_exchange_strong(&u->file->stage, &word, word + (len << 16))) {
		*to = kept;
		return 0;
	}
	if (len == left)
		tell_eaten(u);
	return len;
}
