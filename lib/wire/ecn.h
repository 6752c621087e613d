/* ecn.h: the two bits of the IPv4 TOS and IPv6 traffic class octets that are congestion notification's (RFC 3168 5). */
#ifndef WIRE_ECN_H
#define WIRE_ECN_H

#define ECN_ECT0 2
#define ECN_CE 3 /* also the mask */

#endif
