/* scenarios.h: what is measured, and what it must be. */
#ifndef CC_SCENARIOS_H
#define CC_SCENARIOS_H

#include "bench.h"

/* How many of them failed. */
int scenarios_run(bool whole);
int scenario_one(const char *cc, double mbit, double rtt_ms, uint32_t one_lost_in, double seconds, uint32_t mark_kb);

#endif
