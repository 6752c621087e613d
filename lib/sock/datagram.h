/* datagram.h: what datagram sockets have beside bytes and addresses: options of IP, ancillary data, queued errors. Private to
 * lib/sock. */
#ifndef SOCK_DATAGRAM_H
#define SOCK_DATAGRAM_H

#include "sock/sock.h"

/* Options of level IPPROTO_IP, and timestamps of SOL_SOCKET, that udp_pcb.opts and its neighbours keep. -ENOPROTOOPT: not one. */
int sock_ip_set(struct sock_env *env, struct udp_pcb *p, int level, int name, const void *val, socklen_t len);
int sock_ip_get(struct sock_env *env, struct udp_pcb *p, int level, int name, void *val, socklen_t *len);

/* Reads the ancillary data of a message to send over c (IP_PKTINFO, IP_TTL, IP_TOS; IPV6_PKTINFO, IPV6_HOPLIMIT, IPV6_TCLASS).
 * -EINVAL. */
int sock_cmsg_read(const struct sock_env *env, const struct conn *c, const struct msghdr *msg, struct udp_ctl *ctl);
/* Writes what p wants to know of a received datagram; MSG_CTRUNC in msg_flags when there is no room. */
void sock_cmsg_write(const struct sock_env *env, const struct udp_pcb *p, const struct udp_meta *meta, struct msghdr *msg);
/* And of an error (IP_RECVERR). */
void sock_cmsg_error(const struct udp_pcb *p, const struct udp_error *e, struct msghdr *msg);

#endif
