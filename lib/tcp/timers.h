/* timers.h: the timers of a connection. Callers say what happened; timers.c decides deadlines. Private to lib/tcp. */
#ifndef TCP_TIMERS_H
#define TCP_TIMERS_H

#include "base/seq.h"
#include "tcp/tcp.h"

void tcp_timer_rtx_in(struct tcp *t, struct tcp_pcb *p, uint64_t us);  /* (re)starts t_rtx as retransmission */
void tcp_timer_probe_in(struct tcp *t, struct tcp_pcb *p, uint64_t us);/* (re)starts t_rtx as window probe */
void tcp_timer_ack_in(struct tcp *t, struct tcp_pcb *p, uint64_t us);
void tcp_timer_misc_in(struct tcp *t, struct tcp_pcb *p, uint64_t ms);
void tcp_timer_pace_at(struct tcp *t, struct tcp_pcb *p, uint64_t tick);/* (re)starts the pacing timer (TX_PACED) */
void tcp_timer_keepalive(struct tcp *t, struct tcp_pcb *p);            /* SO_KEEPALIVE is on: starts it if it is due */
void tcp_timers_clear(struct tcp *t, struct tcp_pcb *p);               /* all, and out of the wheel */

static inline void tcp_timer_rtx_stop(struct tcp_pcb *p) { p->tflags &= ~(TF_T_RTX | TF_PERSIST); }
static inline void tcp_timer_ack_stop(struct tcp_pcb *p) { p->tflags &= ~TF_T_ACK; }
static inline void tcp_timer_misc_stop(struct tcp_pcb *p) { p->tflags &= ~TF_T_MISC; }

#endif
