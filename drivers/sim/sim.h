/* sim.h: the simulated link: two ports joined in one process, with real RSS over several queues, and impairments from a
 * seed. Needs no NIC, no root, no huge pages. The two ends may be polled by two threads (each queue by one) or both by one
 * thread on virtual time; time is the now_ns that rx and tx are given. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <stddef.h>
#include <stdint.h>

#include "pkt/port.h"

/* Impairments of one direction; zeroed: a perfect wire. Probabilities are in units of 2^-32 (sim_prob() converts). */
struct sim_link {
	uint64_t delay_ns, jitter_ns;   /* each packet: delay + uniform(0..jitter); jitter alone does not reorder */
	uint64_t rate_bps;              /* 0: unlimited */
	uint32_t loss, duplicate, corrupt;
	uint32_t reorder;               /* such packets overtake: they skip the delay (or, without one, swap with the next) */
	uint32_t queue_packets;         /* bound of what a rate-limited or delayed link holds; tail drop. 0: 4096 */
};

/* How the receiving NIC spreads packets, and what it says about it. */
enum sim_rss {
	SIM_RSS_YES,   /* as port->rss says */
	SIM_RSS_NONE,  /* everything comes to queue 0, and nothing else is claimed (as e1000e) */
	SIM_RSS_OTHER, /* another key than it claims: queues and hashes are wrong */
	SIM_RSS_QUEUE, /* another table than it claims: the hashes are right, the queues are not */
};

struct sim_config {
	uint16_t n_queues[2];
	uint16_t mtu;                   /* 0: 1500 */
	uint16_t reta_size;             /* 0: 128 */
	uint32_t offloads;              /* PORT_* that the ports offer; TSO brings what it implies */
	enum sim_rss rss;
	uint64_t seed;
	uint32_t ring_packets;          /* per queue pair, 0: 1024 */
	struct sim_link link[2];        /* [0]: from port 0 to port 1 */
};

static inline uint32_t sim_prob(double p) { return p >= 1 ? UINT32_MAX : (uint32_t)(p * 4294967296.0); }

/* Two joined ports. 0, -EINVAL, -ENOMEM. The options of --dev "sim,loss=1%,..." fill cfg through sim_parse(). */
int sim_open(const struct sim_config *cfg, struct port *ports[2]);
int sim_parse(struct sim_config *cfg, const char *options, char *err, size_t err_len);

/* Changes impairments while it runs (single-threaded use only). dir 0: from port 0 to port 1. */
void sim_set_link(struct port *port, int dir, const struct sim_link *link);
/* Changes the NIC's redirection table (port->rss.reta_size entries) while it runs, by any thread, as a tool on another core
 * might; port->rss stays. */
void sim_set_reta(struct port *port, const uint16_t *reta);
/* The time at which the next packet arrives at this port; UINT64_MAX: nothing is under way. */
uint64_t sim_next_ns(const struct port *port);
struct sim_counts {
	uint64_t sent, delivered, lost, duplicated, corrupted, reordered, overflowed;
};
void sim_counts(const struct port *port, int dir, struct sim_counts *c);

#endif
