/* plain.h: options that are accepted: kept and told back, without an effect here. Private to lib/sock. */
#ifndef SOCK_PLAIN_H
#define SOCK_PLAIN_H

#include "sock/sock.h"

/* -ENOPROTOOPT: not one of them. */
int sock_plain_set(struct sock_env *env, struct conn *c, int level, int name, const void *val, socklen_t len);
int sock_plain_get(struct sock_env *env, struct conn *c, int level, int name, int *v);

#endif
