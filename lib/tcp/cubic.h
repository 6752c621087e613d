/* cubic.h: what CUBIC (RFC 9438) remembers. Variable names are its own; windows are in bytes. */
#ifndef TCP_CUBIC_H
#define TCP_CUBIC_H

#include "tcp/hystart.h"

#define CUBIC_SECOND 1024u /* the curve's unit of time: 2^-10 s */

/* What a congestion event changes, and its undoing brings back (RFC 9438 4.9). */
struct cubic_epoch {
	uint32_t w_max, cwnd_prior;
	uint32_t k;                  /* in CUBIC_SECONDths */
	uint32_t t_epoch_us;
	uint64_t w_est16;            /* W_est << 16 */
	bool running;                /* the congestion avoidance stage has begun */
	bool after_rto;              /* when it begins, K is 0 (4.8) */
};

struct cubic {
	struct cubic_epoch e, undo;
	uint32_t cwnd_frac;          /* growth below a byte, << 16 */
	uint32_t ack_us;             /* the latest ACK */
	struct hystart hystart;
};

/* W_cubic(t) (RFC 9438 figure 1) at t in CUBIC_SECONDths. */
uint32_t cubic_window(const struct cubic_epoch *e, uint32_t mss, uint32_t t);
/* K (figure 2). */
uint32_t cubic_k(uint32_t w_max, uint32_t cwnd_epoch, uint32_t mss);

#endif
