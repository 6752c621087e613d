/* habits.h: socket options of the applications, at random. */
#ifndef SIM_HABITS_H
#define SIM_HABITS_H

#include "world.h"

/* For a socket that is about to connect (or listens: accepted ones inherit). */
void habits_take(struct world *w, struct stack *s, struct tcp_pcb *p);
/* Settings of a stack, which sockets begin with. */
void habits_of_stack(struct world *w, int side, struct stack_config *cfg);
/* When the i'th client connects. */
uint64_t habits_start_ns(struct world *w, unsigned i);
/* Perhaps its SYN shall wait for data (TCP_FASTOPEN_CONNECT): a client's that has some. */
void habits_open_fast(struct world *w, const struct actor *client);
/* What a route to somewhere else is like. s: the stack behind the router. */
void habits_of_router(struct world *w, const struct stack *s, struct router *r, bool ip6);
/* Flags of one send(). */
int habits_send_flags(struct world *w);
/* Now and then an option of a connection changes. */
void habits_change(struct world *w, const struct actor *a);

#endif
