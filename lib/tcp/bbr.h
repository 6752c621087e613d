/* bbr.h: what BBR remembers: the model of the path, with the names of draft-cardwell-iccrg-bbr-congestion-control-00. */
#ifndef TCP_BBR_H
#define TCP_BBR_H

#include <stdbool.h>
#include <stdint.h>

enum bbr_mode { BBR_STARTUP, BBR_DRAIN, BBR_PROBE_BW, BBR_PROBE_RTT };

/* The largest value of the last rounds: the best one, the best one after it, and the best one after that. */
struct bbr_max {
	uint64_t value[3];
	uint32_t round[3];
};

struct bbr {
	struct bbr_max btl_bw;       /* BBR.BtlBwFilter, bytes per second */
	struct bbr_max extra_acked;  /* bytes acknowledged beyond what BtlBw explains (ACKs that come in bursts) */
	uint64_t full_bw;
	uint32_t rtprop_us;          /* UINT32_MAX: none yet */
	uint32_t rtprop_tick;        /* when it was measured */
	uint32_t next_round_delivered, round_count;
	uint32_t cycle_us;           /* when the phase of the gain cycle began */
	uint32_t probe_rtt_done_tick;
	uint32_t prior_cwnd;
	uint32_t extra_us, extra_bytes; /* the stretch of time over which extra_acked is counted */
	uint16_t pacing_gain, cwnd_gain;/* << BBR_GAIN_SHIFT */
	uint8_t mode;                /* enum bbr_mode */
	uint8_t cycle_index;
	uint8_t full_bw_count;
	bool round_start, filled_pipe;
	bool in_recovery, recovery_begins, packet_conservation;
	bool idle_restart;
	bool probe_rtt_timed, probe_rtt_round_done;
	bool rtt_seen;               /* the first pacing rate came from a measured round trip */
};

#define BBR_GAIN_SHIFT 8

uint64_t bbr_bw(const struct bbr *s);        /* BtlBw */
void bbr_max_update(struct bbr_max *m, uint32_t rounds, uint32_t now, uint64_t value);

#endif
