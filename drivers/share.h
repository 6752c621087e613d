/* share.h: more stacks than the device has queues: a port with as many queues as there are stacks, over one with fewer. */
#ifndef DRIVERS_SHARE_H
#define DRIVERS_SHARE_H

#include "pkt/port.h"

/* Wraps inner (n_queues of its own, fewer than n), which the wrapper then owns. Queues beyond inner's receive nothing (their
 * stacks live on what others send on to them) and send through a ring to the queue of number modulo inner's. 0 or -ENOMEM
 * (inner stays the caller's). */
int share_wrap(struct port *inner, uint16_t n, struct port **outer);

#endif
