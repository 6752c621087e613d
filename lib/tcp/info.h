/* info.h: what TCP_INFO and TCP_CC_INFO show. Private to lib/tcp. */
#ifndef TCP_INFO_H
#define TCP_INFO_H

#include <linux/tcp.h> /* not <netinet/tcp.h>: its names of states are ours too */

#include "tcp/tcp.h"

union tcp_cc_info;

/* Linux 6.18's: what its header has had since, behind what the system's has. */
struct tcp_info_more {
	struct tcp_info info;
	uint32_t rcv_wnd;                       /* what we let the peer send */
	uint32_t rehash;                        /* 0: paths are not changed by other flow labels */
	uint16_t total_rto, total_rto_recoveries; /* from here on not known, and 0 */
	uint32_t total_rto_time, received_ce, accecn[7];
};
static_assert(sizeof(struct tcp_info) == 232 && sizeof(struct tcp_info_more) == 280, "the kernel's layout");

/* Also begins to count, if nothing did yet. */
void tcp_info_get(struct tcp *t, struct tcp_pcb *p, struct tcp_info *i);
void tcp_info_more(struct tcp *t, struct tcp_pcb *p, struct tcp_info_more *i);
/* Returns its size: 0 for algorithms that have nothing to tell. */
uint32_t tcp_cc_info_get(const struct tcp *t, const struct tcp_pcb *p, union tcp_cc_info *i);

#endif
