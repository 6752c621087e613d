/* hystart.h: HyStart++ (RFC 9406): leaving slow start when round trips become longer, before there is loss. Names are its own. */
#ifndef TCP_HYSTART_H
#define TCP_HYSTART_H

#include <stdbool.h>
#include <stdint.h>

struct tcp_pcb;

struct hystart {
	uint32_t window_end;         /* the round ends when this is acknowledged */
	uint32_t last_min_us, min_us, css_baseline_us; /* least RTT of the last round and of this one; UINT32_MAX: none */
	uint8_t samples;
	uint8_t css_rounds;          /* of conservative slow start, the present one included; 0: not in it */
	bool on;                     /* in the first slow start (RFC 9406 4.3) */
};

void hystart_begin(struct hystart *h, const struct tcp_pcb *p);
/* An ACK in slow start: una is what it acknowledges; rtt_us 0: it told no time. Says how many of the acked bytes the window may
 * grow by, and sets ssthresh to what it is then when slow start is over. */
uint32_t hystart_acked(struct hystart *h, struct tcp_pcb *p, uint32_t una, uint32_t acked, uint32_t rtt_us);

#endif
