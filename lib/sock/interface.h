/* interface.h: SIOCGIF* about the stack's network interfaces. Private to lib/sock. */
#ifndef SOCK_INTERFACE_H
#define SOCK_INTERFACE_H

#include "sock/sock.h"

int sock_interface_ioctl(const struct net *n, unsigned long request, void *arg); /* -ENOTTY: another; -ENODEV, -EADDRNOTAVAIL */

#endif
