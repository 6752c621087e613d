/* habits.h: socket options of the applications, at random. */
#ifndef SIM_HABITS_H
#define SIM_HABITS_H

#include "world.h"

/* For a socket that is about to connect (or listens: accepted ones inherit). */
void habits_take(struct world *w, struct stack *s, struct tcp_pcb *p);
/* Now and then an option of a connection changes. */
void habits_change(struct world *w, const struct actor *a);

#endif
