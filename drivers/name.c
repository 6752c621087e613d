/* name.c: the --dev syntax: one table row per kind of device. */
#include "drivers/name.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rte_common.h>
#include <rte_ether.h>

#include "config/limits.h"

#define AF_PACKET_FRAME 2048
#define AF_PACKET_BLOCK_FRAMES 32      /* of AF_PACKET_FRAME: 16 pages */
#define AF_PACKET_BLOCK_FRAMES_JUMBO 4 /* of JUMBO_FRAME: 9 pages */
#define AF_PACKET_RING_BYTES (4u << 20)

#define KINDS "sim, an interface such as eth1, a PCI address such as 0000:3b:00.0, xdp:, tap:, virtio:, vhost:, memif:, " \
	      "pcap: and eal:"

static const struct {
	const char *prefix;
	enum dev_kind kind;
} prefixes[] = {
	{"xdp:", DEV_XDP}, {"tap:", DEV_TAP}, {"virtio:", DEV_VIRTIO}, {"vhost:", DEV_VHOST},
	{"memif:", DEV_MEMIF}, {"pcap:", DEV_PCAP}, {"eal:", DEV_EAL},
};

/* 0000:3b:00.0 or 3b:00.0 */
static bool is_pci(const char *s)
{
	unsigned dom, bus, dev, fn;
	int used = 0;

	if (sscanf(s, "%4x:%2x:%2x.%1u%n", &dom, &bus, &dev, &fn, &used) == 4)
		return s[used] == '\0';
	used = 0;
	return sscanf(s, "%2x:%2x.%1u%n", &bus, &dev, &fn, &used) == 3 && s[used] == '\0';
}

/* Takes the word "force" out of a list of options. */
static void take_force(struct dev_name *d)
{
	char rest[sizeof(d->options)] = "", *save = NULL;

	for (char *o = strtok_r(d->options, ",", &save); o != NULL; o = strtok_r(NULL, ",", &save)) {
		size_t at = strlen(rest);

		if (strcmp(o, "force") == 0)
			d->force = true;
		else
			snprintf(rest + at, sizeof(rest) - at, "%s%s", at > 0 ? "," : "", o);
	}
	memcpy(d->options, rest, sizeof(rest));
}

/* Takes what stands behind the last '+' off the name. */
static void take_impairments(struct dev_name *d, char *dev)
{
	char *plus = strrchr(dev, '+');

	if (plus == NULL)
		return;
	snprintf(d->impair, sizeof(d->impair), "%s", plus + 1);
	d->impaired = true;
	*plus = '\0';
}

int dev_name_parse(struct dev_name *d, const char *name, char *err, size_t err_len)
{
	char dev[sizeof(d->what) + sizeof(d->options) + sizeof(d->impair)];
	const char *what = dev;
	size_t len;

	*d = (struct dev_name){.kind = DEV_AF_PACKET};
	snprintf(dev, sizeof(dev), "%s", name);
	take_impairments(d, dev);
	for (unsigned i = 0; i < RTE_DIM(prefixes); i++) {
		if (strncmp(dev, prefixes[i].prefix, strlen(prefixes[i].prefix)) == 0) {
			d->kind = prefixes[i].kind;
			what = dev + strlen(prefixes[i].prefix);
		}
	}
	len = strcspn(what, ",");
	if (strlen(what) >= sizeof(d->what)) {
		snprintf(err, err_len, "the device name is longer than %zu characters", sizeof(d->what) - 1);
		return -EINVAL;
	}
	snprintf(d->what, sizeof(d->what), "%.*s", (int)len, what);
	snprintf(d->options, sizeof(d->options), "%s", what[len] == ',' ? what + len + 1 : "");
	if (d->what[0] == '\0') {
		snprintf(err, err_len, "'%s' names no device; kinds are " KINDS, dev);
		return -EINVAL;
	}
	if (d->kind == DEV_AF_PACKET && strcmp(d->what, "sim") == 0) {
		d->kind = DEV_SIM;
		return 0;
	}
	if (d->kind == DEV_AF_PACKET && strcmp(d->what, "given") == 0) {
		d->kind = DEV_GIVEN;
		return 0;
	}
	if (d->kind == DEV_AF_PACKET && is_pci(d->what))
		d->kind = DEV_PCI;
	take_force(d);
	if (d->kind == DEV_PCAP && d->options[0] == '\0') {
		snprintf(err, err_len, "'%s': write pcap:FILE_TO_READ,FILE_TO_WRITE", dev);
		return -EINVAL;
	}
	return 0;
}

/* Does the kernel route to the world through this interface? (/proc/net/route: name, destination; 0 is the default.) */
static bool has_default_route(const char *ifname)
{
	char line[256], name[IFNAMSIZ];
	unsigned long dst, gw, flags;
	bool found = false;
	FILE *f = fopen("/proc/net/route", "r");

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL)
		found = sscanf(line, "%15s %lx %lx %lx", name, &dst, &gw, &flags) == 4 && dst == 0 &&
			strcmp(name, ifname) == 0;
	if (f != NULL)
		fclose(f);
	return found;
}

static bool pci_has_default_route(const char *addr)
{
	char line[256], name[IFNAMSIZ], path[128];
	bool found = false;
	FILE *f = fopen("/proc/net/route", "r");

	while (f != NULL && !found && fgets(line, sizeof(line), f) != NULL) {
		if (sscanf(line, "%15s", name) != 1 || !has_default_route(name))
			continue;
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s%.40s/net/%s", strlen(addr) < 10 ? "0000:" : "", addr,
			 name);
		found = access(path, F_OK) == 0;
	}
	if (f != NULL)
		fclose(f);
	return found;
}

static int check_interface(const struct dev_name *d, char *err, size_t err_len)
{
	if (if_nametoindex(d->what) == 0) {
		snprintf(err, err_len, "there is no network interface '%s', and no kind of device has this name; kinds are "
			 KINDS, d->what);
		return -ENODEV;
	}
	if (has_default_route(d->what) && !d->force) {
		snprintf(err, err_len, "%s carries this machine's default route: spate would take its packets. Use another "
			 "interface, or add ',force' to the device name", d->what);
		return -EPERM;
	}
	return 0;
}

static int check_pci(const struct dev_name *d, char *err, size_t err_len)
{
	char path[320];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s%s", strlen(d->what) < 10 ? "0000:" : "", d->what);
	if (access(path, F_OK) != 0) {
		snprintf(err, err_len, "there is no PCI device %s (lspci lists those that are there)", d->what);
		return -ENODEV;
	}
	if (pci_has_default_route(d->what) && !d->force) {
		snprintf(err, err_len, "PCI device %s carries this machine's default route. Use another one, or add ',force' "
			 "to the device name", d->what);
		return -EPERM;
	}
	return 0;
}

int dev_name_check(const struct dev_name *d, char *err, size_t err_len)
{
	switch (d->kind) {
	case DEV_AF_PACKET:
	case DEV_XDP:
		return check_interface(d, err, err_len);
	case DEV_PCI:
		return check_pci(d, err, err_len);
	case DEV_PCAP:
		if (access(d->what, R_OK) == 0)
			return 0;
		snprintf(err, err_len, "%s: %s (the first file of pcap: is read)", d->what, strerror(errno));
		return -ENOENT;
	case DEV_VIRTIO:
		if (access(d->what, F_OK) == 0 || strstr(d->options, "server=1") != NULL)
			return 0;
		snprintf(err, err_len, "%s is not there: start the vhost side first, or add ',server=1' and spate makes it",
			 d->what);
		return -ENOENT;
	default:
		return 0;
	}
}

static bool has_option(const struct dev_name *d, const char *name)
{
	const char *at = d->options;

	while ((at = strstr(at, name)) != NULL) {
		if ((at == d->options || at[-1] == ',') && at[strlen(name)] == '=')
			return true;
		at++;
	}
	return false;
}

/* Rings of the AF_PACKET socket: frames that hold the MTU, blocks of whole frames and whole pages, about 4 MiB a queue and
 * direction. */
static int af_packet_args(const struct dev_name *d, unsigned id, unsigned n_queues, uint16_t mtu, char *args, size_t len)
{
	bool jumbo = mtu > RTE_ETHER_MTU;
	unsigned frame = jumbo ? JUMBO_FRAME : AF_PACKET_FRAME;
	unsigned per_block = jumbo ? AF_PACKET_BLOCK_FRAMES_JUMBO : AF_PACKET_BLOCK_FRAMES;
	unsigned block = frame * per_block, blocks = AF_PACKET_RING_BYTES / block;

	return snprintf(args, len, "net_af_packet%u,iface=%s,qpairs=%u,blocksz=%u,framesz=%u,framecnt=%u", id, d->what, n_queues,
			block, frame, blocks * per_block);
}

/* Rx queues of a kernel interface, at least 1. */
static unsigned interface_queues(const char *name)
{
	char path[320];
	struct dirent *f;
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/class/net/%s/queues", name);
	dir = opendir(path);
	while (dir != NULL && (f = readdir(dir)) != NULL)
		n += strncmp(f->d_name, "rx-", 3) == 0;
	if (dir != NULL)
		closedir(dir);
	return RTE_MAX(n, 1u);
}

int dev_name_args(const struct dev_name *d, unsigned id, unsigned n_queues, uint16_t mtu, char *args, size_t len)
{
	int n = 0;

	switch (d->kind) {
	case DEV_SIM:
	case DEV_GIVEN:
		return -EINVAL;
	case DEV_PCI: /* EAL got its options (eal.c) */
		return snprintf(args, len, "%s", d->what) < (int)len ? 0 : -ENAMETOOLONG;
	case DEV_EAL:
		n = snprintf(args, len, "%s", d->what);
		break;
	case DEV_AF_PACKET:
		n = af_packet_args(d, id, n_queues, mtu, args, len);
		break;
	case DEV_XDP:
		n = snprintf(args, len, "net_af_xdp%u,iface=%s,start_queue=0,queue_count=%u", id, d->what,
			     RTE_MIN(n_queues, interface_queues(d->what)));
		break;
	case DEV_TAP:
		n = snprintf(args, len, "net_tap%u,iface=%s", id, d->what);
		break;
	case DEV_VIRTIO:
		n = snprintf(args, len, "net_virtio_user%u,path=%s,queues=%u,queue_size=1024", id, d->what, n_queues);
		break;
	case DEV_VHOST:
		n = snprintf(args, len, "net_vhost%u,iface=%s,queues=%u", id, d->what, n_queues);
		break;
	case DEV_MEMIF:
		n = snprintf(args, len, "net_memif%u,id=0,socket=%s,socket-abstract=no%s%s", id, d->what,
			     has_option(d, "role") ? "" : ",role=client", has_option(d, "rsize") ? "" : ",rsize=11");
		break;
	case DEV_PCAP:
		n = snprintf(args, len, "net_pcap%u,rx_pcap=%s,tx_pcap=%s", id, d->what, d->options);
		return n < (int)len ? 0 : -ENAMETOOLONG;
	}
	if (n < (int)len && d->options[0] != '\0')
		n += snprintf(args + n, len - (size_t)n, ",%s", d->options);
	return n < (int)len ? 0 : -ENAMETOOLONG;
}
