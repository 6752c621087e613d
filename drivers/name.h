/* name.h: what a --dev name means. */
#ifndef DRIVERS_NAME_H
#define DRIVERS_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dev_kind { DEV_SIM, DEV_PCI, DEV_AF_PACKET, DEV_XDP, DEV_TAP, DEV_VIRTIO, DEV_VHOST, DEV_MEMIF, DEV_PCAP, DEV_EAL,
		DEV_GIVEN };

struct dev_name {
	enum dev_kind kind;
	char what[256];    /* behind the kind's prefix, without options: address, interface, path */
	char options[256]; /* behind the first comma, "" when there is none; spate's own ones taken out */
	char impair[256];  /* behind the last '+': the impairments of a bad wire in front of the device (impair.h) */
	bool impaired;     /* there was a '+' */
	bool force;
};

/* Splits a device name. 0, or -EINVAL with a sentence. Looks at no device. */
int dev_name_parse(struct dev_name *d, const char *name, char *err, size_t err_len);
/* Refuses what would hurt: an interface or file that is not there, or the machine's own way out. 0 or -errno. */
int dev_name_check(const struct dev_name *d, char *err, size_t err_len);
/* DPDK's arguments for the device: "net_memif0,role=client,...". n_devs: devices opened so far, for a name of its own. */
int dev_name_args(const struct dev_name *d, unsigned n_devs, unsigned n_queues, uint16_t mtu, char *args, size_t len);

#endif
