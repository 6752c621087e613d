/* advice.c: what somebody who wants more from this device should change. */
#include <stdio.h>
#include <string.h>

#include <rte_eal.h>

#include "drivers/ethdev/ethdev.h"

static bool driver_is(const struct ethdev *e, const char *name)
{
	return strncmp(e->info.driver_name, name, strlen(name)) == 0;
}

static void say(FILE *out, bool *first, const char *text)
{
	fprintf(out, "%s  - %s\n", *first ? "To change\n" : "", text);
	*first = false;
}

static void advise_queues(const struct ethdev *e, FILE *out, bool *first)
{
	char text[200];

	if (e->port.n_queues == e->n_stacks)
		return;
	snprintf(text, sizeof(text), "it has %u of the %u queues asked for: --cores %u needs no passing on, or give it more queues%s",
		 e->port.n_queues, e->n_stacks, e->port.n_queues,
		 e->kind == DEV_XDP ? " (ethtool -L)" : e->kind == DEV_PCI ? " (of a VF: in the PF's driver)" : "");
	say(out, first, text);
}

static void advise_rss(const struct ethdev *e, FILE *out, bool *first)
{
	if (e->port.rss_trusted || e->port.n_queues == 1)
		return;
	if (e->kind != DEV_PCI)
		say(out, first, "it has no RSS: one core is faster than packets that are passed on");
	else if (driver_is(e, "net_virtio"))
		say(out, first, "the host offers no RSS: QEMU has it with -device virtio-net-pci,mq=on,rss=on,vectors=2N+2");
	else if (driver_is(e, "net_ice"))
		say(out, first, "without its DDP package the NIC has no RSS: put ice.pkg into /lib/firmware/intel/ice/ddp");
	else
		say(out, first, "its RSS is not usable: newer firmware may help; else one core, or packets that are passed on");
}

void ethdev_advice(const struct ethdev *e, FILE *out)
{
	bool first = true;

	advise_queues(e, out, &first);
	advise_rss(e, out, &first);
	if (e->kind == DEV_PCI && !rte_eal_has_hugepages())
		say(out, &first, "no huge pages are used: echo 2048 > /proc/sys/vm/nr_hugepages, mount hugetlbfs on /dev/hugepages");
	if (!e->offload)
		say(out, &first, "offloads are turned off: --offload auto uses them");
	if (first)
		say(out, &first, "nothing");
}
