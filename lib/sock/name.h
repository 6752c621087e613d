/* name.h: the addresses that programs write and read, of either family. Private to lib/sock. */
#ifndef SOCK_NAME_H
#define SOCK_NAME_H

#include "net/either.h"
#include "sock/sock.h"

#define SOCK_IN6_LEN_MIN 24u /* without the scope, as RFC 2133 had it */

/* A name for a program, in its socket's family. */
union sock_name {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* The name of this end for a socket like c: of AF_INET6, IPv4 is ::ffff:a.b.c.d. */
void sock_name_of(const struct conn *c, const struct net_end *end, union sock_name *name);
/* The end at an address as in keys; 0 is any of c's families. */
struct net_end sock_end_of(const struct sock_env *env, const struct conn *c, rte_be32_t addr_be, rte_be16_t port_be);
/* Fills *len (in: room) bytes of addr. */
void sock_name_out(const union sock_name *name, struct sockaddr *addr, socklen_t *len);

/* What connect() and sendto() were given, as connect-semantics section A: -EINVAL (too short), -EAFNOSUPPORT. */
int sock_end_read(const struct conn *c, const struct sockaddr *addr, socklen_t len, struct net_end *end);
/* Where that leads from c: any is the host itself; mapped addresses are IPv4. 0, -ENETUNREACH (IPv4 and IPV6_V6ONLY, or bound to
 * IPv6), -EAFNOSUPPORT (IPv6 and bound to IPv4), -EINVAL (not the scope that c is bound to). */
int sock_end_aim(const struct sock_env *env, const struct conn *c, struct net_end *end);

#endif
