/* twins.c: the first set does all in software; the others must put the same bytes on the wire. */
#include "twins.h"

#include <stdio.h>

#include "capture.h"
#include "world.h"

#define CKSUM (PORT_TX_IP4_CKSUM | PORT_TX_TCP_CKSUM | PORT_TX_UDP_CKSUM)

/* No PORT_RX_CKSUM: then the sending NIC fills in the checksums that it was asked for, and the receiving stack checks them. */
static const struct twin {
	const char *name;
	uint32_t offloads;
} twins[] = {
	{"software", PORT_TX_MULTI_SEG},
	{"checksums", PORT_TX_MULTI_SEG | CKSUM},
	{"TSO", PORT_TX_TSO | CKSUM},
};

struct story {
	struct capture capture[2];
};

static bool story_run(struct world *w, struct story *s, const struct twin *twin, uint64_t seed)
{
	w->offloads = &twin->offloads;
	w->capture = s->capture;
	if (world_run(w, seed))
		return true;
	printf("seed %lu with %s: %s\n", seed, twin->name, w->failure);
	return false;
}

static bool story_same(const struct story *soft, const struct story *other, const char *name, uint64_t seed)
{
	for (int side = 0; side < 2; side++) {
		const struct capture *a = &soft->capture[side], *b = &other->capture[side];
		uint32_t at = capture_compare(a, b);

		if (at == UINT32_MAX)
			continue;
		printf("seed %lu, side %d: frame %u of %u differs with %s (%u frames): %u bytes at %lu ns in software, %u at %lu\n", seed,
		       side, at, a->n, name, b->n, at < a->n ? a->frame[at].len : 0, at < a->n ? a->frame[at].at_ns : 0,
		       at < b->n ? b->frame[at].len : 0, at < b->n ? b->frame[at].at_ns : 0);
		return false;
	}
	return true;
}

static void story_free(struct story *s)
{
	capture_free(&s->capture[0]);
	capture_free(&s->capture[1]);
}

int twins_run(uint64_t from, uint64_t to)
{
	static struct world w;
	uint64_t frames = 0, large = 0, failed = 0;

	for (uint64_t seed = from; seed <= to; seed++) {
		struct story soft, other;

		if (!story_run(&w, &soft, &twins[0], seed))
			failed++;
		for (unsigned i = 1; i < sizeof(twins) / sizeof(twins[0]); i++) {
			if (!story_run(&w, &other, &twins[i], seed) || !story_same(&soft, &other, twins[i].name, seed))
				failed++;
			large += other.capture[0].large_sent + other.capture[1].large_sent;
			story_free(&other);
		}
		frames += soft.capture[0].n + soft.capture[1].n;
		story_free(&soft);
	}
	if (large < to - from + 1) {
		printf("hardly any frame was left to the NIC to cut\n");
		failed++;
	}
	printf("twins: %lu seeds, %lu frames compared, %lu large ones cut by the NIC, %lu differences\n", to - from + 1, frames, large,
	       failed);
	return failed == 0 ? 0 : 1;
}
