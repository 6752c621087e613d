/* rx.h: the way in. */
#ifndef CORE_RX_H
#define CORE_RX_H

#include <stdint.h>

#include <rte_mbuf.h>

struct stack;

/* Receives and handles what waits on the stack's queues and in its mailbox, a bounded number of bursts. Returns the number of
 * packets and mails. */
uint32_t rx_poll(struct stack *s);

/* Handles packets that other stacks sent here, at most RX_BURST; owns them. */
void rx_mailed(struct stack *s, struct rte_mbuf **m, uint16_t n);

#endif
