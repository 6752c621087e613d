/* option6.h: options of IPPROTO_IPV6, for options.c, which has checked the pointers. */
#ifndef SOCK_OPTION6_H
#define SOCK_OPTION6_H

#include "sock/sock.h"

int sock_option6_set(struct sock_env *env, struct conn *c, int name, const void *val, socklen_t len);
int sock_option6_get(struct sock_env *env, struct conn *c, int name, void *val, socklen_t *len);

#endif
