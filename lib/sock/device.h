/* device.h: options that restrict a socket's ways. Private to lib/sock. */
#ifndef SOCK_DEVICE_H
#define SOCK_DEVICE_H

#include "sock/sock.h"

static inline bool sock_device_option(int level, int name)
{
	return level == SOL_SOCKET && (name == SO_BINDTODEVICE || name == SO_BINDTOIFINDEX || name == SO_DONTROUTE);
}
/* 0, -EINVAL, -ENODEV, -EADDRINUSE (the port is another's there). */
int sock_device_set(struct sock_env *env, struct conn *c, int name, const void *val, socklen_t len);
int sock_device_get(const struct sock_env *env, const struct conn *c, int name, void *val, socklen_t *len);

/* NET_VIA_* of a socket. */
uint8_t sock_via(const struct sock_env *env, const struct conn *c);

#endif
