/* rules.h: the configuration's routes and filter, for starting. Private to lib/sock. */
#ifndef SOCK_RULES_H
#define SOCK_RULES_H

#include <stddef.h>

#include "net/net.h"

struct spate_config;

/* 0, or -errno with a sentence. */
int sock_routes_add(struct net *net, const struct spate_config *c, char *err, size_t err_len);

#endif
