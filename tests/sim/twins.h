/* twins.h: offloads against their software twins: one world, run once per set of offloads. */
#ifndef SIM_TWINS_H
#define SIM_TWINS_H

#include <stdint.h>

/* Runs each seed with everything in software, with checksums and with segmentation left to the NIC, and compares what arrives
 * at both ends, frame by frame: the same bytes at the same times. 0, or 1 after saying what differs. */
int twins_run(uint64_t from, uint64_t to);

#endif
