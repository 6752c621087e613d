/* info.h: what TCP_INFO and TCP_CC_INFO show. Private to lib/tcp. */
#ifndef TCP_INFO_H
#define TCP_INFO_H

#include "tcp/tcp.h"

struct tcp_info;
union tcp_cc_info;

/* Also begins to count, if nothing did yet. */
void tcp_info_get(struct tcp *t, struct tcp_pcb *p, struct tcp_info *i);
/* Returns its size: 0 for algorithms that have nothing to tell. */
uint32_t tcp_cc_info_get(const struct tcp *t, const struct tcp_pcb *p, union tcp_cc_info *i);

#endif
