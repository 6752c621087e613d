/* capture.h: a port in front of another that remembers every frame which its stack receives. */
#ifndef SIM_CAPTURE_H
#define SIM_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "pkt/port.h"

/* One frame: when, how long, and a digest of all its bytes. */
struct captured {
	uint64_t at_ns, digest;
	uint32_t len;
};

struct capture {
	struct port port;       /* first: ops get it back */
	struct port *inner;
	struct captured *frame;
	uint32_t n, cap;
	uint32_t large_sent;    /* frames that were sent for the NIC to cut */
};

/* inner stays the caller's to close. */
void capture_open(struct capture *c, struct port *inner);
void capture_free(struct capture *c);
/* The number of the first frame in which they differ; UINT32_MAX: none. */
uint32_t capture_compare(const struct capture *a, const struct capture *b);

#endif
