/* dialect.h: what TCP itself does differently for a socket of another dialect: the SYN's schedule, ICMP errors, tuples in
 * TIME-WAIT. What the calls say is lib/sock's. Private to lib/tcp. */
#ifndef TCP_DIALECT_H
#define TCP_DIALECT_H

#include "tcp/pcb.h"

struct tcp_dialect {
	uint32_t connect_ms;     /* an attempt ends after so long (TCP_KEEPINIT changes it); 0: as TCP_SYNCNT says */
	uint8_t linear;          /* waits after which the SYN's interval doubles each time */
	bool folds_icmp;         /* net_icmp_bsd() says what ICMP errors are, and which of them are remembered only */
	bool shut_is_silent;     /* SHUT_WR before connect(): nothing may be sent, but the FIN is close()'s (C27) */
	bool keeps_timewait;     /* a bound port does not take a tuple over from a connection in TIME-WAIT */
};

extern const struct tcp_dialect tcp_dialects[DIALECTS];

static inline const struct tcp_dialect *tcp_dialect_of(const struct tcp_pcb *p) { return &tcp_dialects[conn_dialect(&p->c)]; }

#endif
