/* bottleneck.h: two ports joined by a path with a rate, a delay and a queue that drops or marks, on virtual time. What crosses it
 * from the first port to the second is held up and lost; acknowledgments only take their time. */
#ifndef CC_BOTTLENECK_H
#define CC_BOTTLENECK_H

#include "base/prng.h"
#include "pkt/port.h"

struct path_config {
	uint64_t rate_bps;
	uint64_t rtt_ns;          /* without queue */
	uint32_t queue_bytes;     /* what does not fit is dropped */
	uint32_t mark_bytes;      /* ECN-capable packets that find so much waiting are marked; 0: none are */
	uint32_t loss_every;      /* every so many'th packet with data is lost; 0: none */
	uint32_t loss_random;     /* of 2^32 packets with data */
	uint32_t burst_at, burst_n; /* the burst_at'th packet with data and burst_n - 1 after it are lost; 0: none */
	uint64_t ack_gather_ns;   /* acknowledgments cross in groups, one per so much time (WiFi, cable); 0: singly */
};

struct path_stats {
	uint64_t data_packets, lost, queue_drops, marked;
	uint64_t queue_ns_sum;    /* what packets waited, for the mean */
};

struct bottleneck;

/* NULL: no memory. The ports close with it. */
struct bottleneck *bottleneck_new(const struct path_config *c, uint64_t seed, struct port *port[2]);
void bottleneck_free(struct bottleneck *b);
uint64_t bottleneck_next_ns(const struct bottleneck *b); /* when something arrives somewhere; UINT64_MAX: nothing is under way */
const struct path_stats *bottleneck_stats(const struct bottleneck *b);

#endif
