/* rx.h: the way in. */
#ifndef CORE_RX_H
#define CORE_RX_H

#include <stdint.h>

struct stack;

/* Receives and handles what waits on the stack's queue, a bounded number of bursts. Returns the number of packets. */
uint32_t rx_poll(struct stack *s);

#endif
