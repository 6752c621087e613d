/* uto.h: the user timeout option (RFC 5482): ends tell each other how long they keep a connection whose data is not acknowledged.
 * Off by default, as the RFC wants (section 3.1, ENABLED). Private to lib/tcp. */
#ifndef TCP_UTO_H
#define TCP_UTO_H

#include "tcp/in.h"

/* The peer told its timeout. Ours becomes the longer of both, within limits, unless the application has set it. */
void tcp_uto_received(struct tcp *t, struct tcp_pcb *p, uint16_t uto);
/* What we tell, as on the wire; 0: nothing. */
uint16_t tcp_uto_advertised(const struct tcp *t, const struct tcp_pcb *p);
/* Tells it by a segment of its own: after the handshake, for a SYN's option may have been lost in a cookie, and when it
 * changes. */
void tcp_uto_tell(struct tcp *t, struct tcp_pcb *p);

#endif
