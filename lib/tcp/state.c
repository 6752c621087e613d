/* state.c: the one setter of a connection's state, and the table of legal steps (RFC 9293 figure 5). */
#include "base/assert.h"
#include "tcp/life.h"

/* Every state may go to CLOSED: reset, time-out, or the last ACK. A passive connection's pcb begins at the end of its
 * handshake, so it goes from CLOSED to SYN-RECEIVED on behalf of its half-open stand-in. TIME-WAIT lives in a struct of its
 * own and is never a pcb's state. */
static const uint16_t legal[TCP_STATES] = {
	[TCP_CLOSED] = ST(LISTEN) | ST(SYN_SENT) | ST(SYN_RECEIVED),
	[TCP_LISTEN] = ST(CLOSED),
	[TCP_SYN_SENT] = ST(CLOSED) | ST(SYN_SENT) | ST(SYN_RECEIVED) | ST(ESTABLISHED), /* again: from another port */
	[TCP_SYN_RECEIVED] = ST(CLOSED) | ST(ESTABLISHED), /* a CLOSE waits for ESTABLISHED (RFC 9293 3.10.4) */
	[TCP_ESTABLISHED] = ST(CLOSED) | ST(FIN_WAIT_1) | ST(CLOSE_WAIT),
	[TCP_FIN_WAIT_1] = ST(CLOSED) | ST(FIN_WAIT_2) | ST(CLOSING),
	[TCP_FIN_WAIT_2] = ST(CLOSED),
	[TCP_CLOSE_WAIT] = ST(CLOSED) | ST(LAST_ACK),
	[TCP_CLOSING] = ST(CLOSED),
	[TCP_LAST_ACK] = ST(CLOSED),
};

void tcp_state_set(struct tcp *t, struct tcp_pcb *p, enum tcp_state to)
{
	const unsigned counted = ST(ESTABLISHED) | ST(CLOSE_WAIT); /* tcpCurrEstab, RFC 4022 */

	SPATE_ASSERT(TCP_IN(to, legal[p->state]));
	if (TCP_IN(to, counted))
		t->stats.established++;
	if (TCP_IN(p->state, counted))
		t->stats.established--;
	p->state = (uint8_t)to;
}
