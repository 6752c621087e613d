/* load_threads.c: one thread per stack that runs the engine and shows how far it is. */
#include <errno.h>
#include <stdbool.h>
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

static void count(unsigned *n) { __atomic_fetch_add(n, 1, __ATOMIC_RELEASE); }

static bool all(const struct load_team *t, const unsigned *n) { return __atomic_load_n(n, __ATOMIC_ACQUIRE) >= t->n; }

static void work(struct loader *ld, struct load *l)
{
	struct load_team *t = ld->team;
	uint64_t next = 0;
	bool was_ramped = false;

	while (!app_stop && !load_over(l)) {
		bool ramped;

		l->all_ramped = all(t, &t->ramped);
		load_turn(l);
		ramped = load_ramped(l) && !was_ramped;
		if (ramped)
			count(&t->ramped);
		was_ramped |= ramped;
		if (l->now_ns >= next || ramped) {
			show(ld, l, was_ramped ? LOAD_RUN : LOAD_RAMP);
			next = l->now_ns + PUBLISH_NS;
		}
	}
	if (!was_ramped)
		count(&t->ramped); /* hopeless, or Ctrl-C: nobody shall wait */
}

static void run(struct loader *ld, struct load *l)
{
	struct load_team *t = ld->team;

	show(ld, l, LOAD_RAMP);
	while (__atomic_load_n(&t->go, __ATOMIC_ACQUIRE) == 0 && !app_stop)
		spate_turn();
	while (!spate_settled() && !app_stop)
		spate_turn();
	work(ld, l);
	load_finish(l);
	show(ld, l, LOAD_RUN);
	count(&t->ended);
	while (!all(t, &t->ended))
		spate_turn();
	stack_report_take(&ld->report, ld->stack);
	show(ld, l, LOAD_ENDED);
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
		count(&ld->team->ramped);
		count(&ld->team->ended);
	}
	free(l);
	return NULL;
}
