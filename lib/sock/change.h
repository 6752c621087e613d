/* change.h: what the two families' halves of changing addresses while spate runs share. Private to lib/sock. */
#ifndef SOCK_CHANGE_H
#define SOCK_CHANGE_H

#include "config/config.h"
#include "sock/sock.h"

/* One change at a time. */
void sock_change_lock(void);
void sock_change_unlock(void);
/* With the lock held: the interface's number on the stacks, otherwise for NULL, or -ENODEV. */
int sock_change_iface(const char *name, int otherwise);
/* A sentence about what for rc, which it returns. */
int sock_change_refuse(char *err, size_t err_len, int rc, const char *what);

/* change6.c */
void sock_changes6_begin(const struct spate_config *c); /* with the lock held */
int sock_address6_add(const char *address, const char *interface, char *err, size_t err_len);
int sock_address6_remove(const char *address, char *err, size_t err_len);
int sock_gateway6_add(const char *gateway, const char *interface, char *err, size_t err_len);
int sock_gateway6_remove(const char *gateway, char *err, size_t err_len);

#endif
