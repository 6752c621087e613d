/* load_threads.c: one thread per stack that runs the engine and shows how far it is. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "load.h"
#include "spate/spate.h"

#define PUBLISH_NS 100000000ull

static void show(struct loader *ld, const struct load *l, enum load_stage stage)
{
	pthread_mutex_lock(&ld->lock);
	if (l)
		ld->shown = l->stats;
	ld->stage = stage;
	pthread_mutex_unlock(&ld->lock);
}

static void run(struct loader *ld, struct load *l)
{
	uint64_t next = 0;
	bool was_ramped = false;

	show(ld, l, LOAD_RAMP);
	while (__atomic_load_n(ld->go, __ATOMIC_ACQUIRE) == 0 && !app_stop)
		spate_turn();
	while (!app_stop && !load_over(l)) {
		bool ramped;

		load_turn(l);
		ramped = load_ramped(l);
		if (l->now_ns >= next || ramped != was_ramped) {
			was_ramped |= ramped;
			show(ld, l, was_ramped ? LOAD_RUN : LOAD_RAMP);
			next = l->now_ns + PUBLISH_NS;
		}
	}
	load_finish(l);
	show(ld, l, LOAD_ENDED);
	/* This stack may be the one to which the device brings the others' packets. */
	while (!__atomic_load_n(ld->over, __ATOMIC_ACQUIRE) && !app_stop)
		spate_turn();
}

void *loader_main(void *arg)
{
	struct loader *ld = arg;
	struct load *l = calloc(1, sizeof(*l));
	int rc = l ? spate_attach(ld->stack) : -ENOMEM;

	if (rc == 0) {
		rc = load_open(l, &ld->plan);
		if (rc == 0)
			run(ld, l);
		spate_detach();
	}
	if (rc != 0) {
		snprintf(ld->err, sizeof(ld->err), "stack %u: %s", ld->stack, strerror(-rc));
		show(ld, NULL, LOAD_FAILED);
	}
	free(l);
	return NULL;
}
