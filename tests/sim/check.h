/* check.h: what must hold in a world at every step and at its end; what does not is a WORLD_FAIL. */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

#include "world.h"

/* The stacks are made, and nobody has a socket. */
void check_begin(struct world *w);
void check_connection(struct world *w, const struct actor *client, const struct actor *server);
void check_stack(struct world *w, const struct stack *s);
/* After both applications have left and time went by: nothing is left, and every connection ended as it should. */
void check_end(struct world *w);

#endif
