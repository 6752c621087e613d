/* bench.h: one measurement: two whole stacks, a bottleneck between them, and flows that send as much as they may for some virtual
 * seconds. */
#ifndef CC_BENCH_H
#define CC_BENCH_H

#include "bottleneck.h"
#include "tcp/tcp.h"

#define FLOWS_MAX 8

struct bench_flow {
	const char *cc;
	uint64_t start_ns;        /* after the first one */
	uint64_t max_pacing;      /* SO_MAX_PACING_RATE, 0: none */
	double bytes_per_s;       /* out: received after the warm-up */
	uint64_t bytes;           /* out: received in all */
	uint32_t cwnd, ssthresh; /* out: at the end */
};

struct bench {
	struct path_config path;
	struct bench_flow flow[FLOWS_MAX];
	unsigned n_flows;
	uint64_t seed;
	uint64_t warm_ns, run_ns; /* measured: from warm_ns to run_ns */
	uint64_t stop_bytes;      /* ends when the first flow has received so many; 0: by time */
	uint8_t ecn;              /* enum tcp_ecn_mode of both ends */
	uint64_t trace_ns;        /* prints a line about the first flow so often; 0: never */
	struct tcp_stats sender;  /* out */
	struct path_stats st;     /* out */
	double queue_ms;          /* out: mean wait in the queue */
	uint64_t took_ns;         /* out: virtual time */
};

int bench_setup(void);
void bench_teardown(void);
/* False, and a message on stderr: it could not be run, or left something behind. */
bool bench_run(struct bench *m);

#endif
