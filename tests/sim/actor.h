/* actor.h: what an application does with its turn. */
#ifndef SIM_ACTOR_H
#define SIM_ACTOR_H

#include "world.h"

/* Gives an actor its connection: a client's at connect(), a server's at accept(). */
void actor_take(struct actor *a, struct tcp_pcb *p);

/* Lets a read, write, pause or leave. Returns true when it did anything. */
bool actor_turn(struct world *w, struct actor *a);

#define WORLD_FAIL(w, ...) \
	do { \
		if ((w)->failure[0] == '\0') \
			snprintf((w)->failure, sizeof((w)->failure), __VA_ARGS__); \
	} while (0)

#endif
