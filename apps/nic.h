/* nic.h: the command `spate nic`: describing a device, and probing whether it does what it says. */
#ifndef APPS_NIC_H
#define APPS_NIC_H

#include <stdint.h>

int cmd_nic(int argc, char **argv);

/* What one stack saw while it probed. */
struct nic_seen {
	uint64_t answered, silent, failed;      /* connections: SYN-ACK or RST, nothing in time, not even sent */
	uint64_t packets, checked;              /* received; of these TCP and UDP whose home was looked up */
	uint64_t elsewhere_rss, elsewhere_no_rss; /* arrived at another core: against the device's word, without it */
	uint64_t hash_given, hash_wrong;
	int error;                              /* errno of the last that failed */
};

/* Opens n connections from each of the first n_near stacks to addr (host order), all at the same time, and closes them; the
 * other stacks (sim's far end) answer. seen: room for spate_stacks(). 0 or -errno. */
int nic_probe(uint32_t addr, uint16_t port, unsigned n, unsigned n_near, struct nic_seen *seen);

#endif
