/* kernel_link.h: the link of an interface that the kernel drives, too. */
#ifndef DRIVERS_KERNEL_LINK_H
#define DRIVERS_KERNEL_LINK_H

#include "pkt/port.h"

/* Makes port, whose name begins with that of the kernel's interface, tell its link as the kernel sees it: PMDs over sockets
 * say that it is always up. All such ports have the same ops. */
void kernel_link_watch(struct port *port);

#endif
