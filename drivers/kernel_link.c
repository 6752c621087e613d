/* kernel_link.c: asking the kernel whether an interface has a link: and is switched on: a few system calls, some times a second. */
#include "drivers/kernel_link.h"

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static struct port_ops ops; /* the ports' own, but for the link */

/* "xdp:eth1,option+impairment" */
static void name_of(char *ifname, const struct port *p)
{
	const char *name = strncmp(p->name, "xdp:", 4) == 0 ? p->name + 4 : p->name;
	size_t len = strcspn(name, ",+");

	memcpy(ifname, name, len < IFNAMSIZ ? len : IFNAMSIZ - 1);
}

static bool kernel_link_up(struct port *p)
{
	struct ethtool_value link = {.cmd = ETHTOOL_GLINK}; /* the carrier itself: flags of interfaces follow a second later */
	struct ifreq req = {.ifr_data = (char *)&link};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return true; /* not known */
	name_of(req.ifr_name, p);
	rc = ioctl(fd, SIOCETHTOOL, &req);
	close(fd);
	return rc != 0 || link.data != 0;
}

/* `ip link set DEV down`. */
static bool kernel_off(struct port *p)
{
	struct ifreq req = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc;

	if (fd < 0)
		return false; /* not known */
	name_of(req.ifr_name, p);
	rc = ioctl(fd, SIOCGIFFLAGS, &req);
	close(fd);
	return rc == 0 && !(req.ifr_flags & IFF_UP);
}

void kernel_link_watch(struct port *port)
{
	ops = *port->ops;
	ops.link_up = kernel_link_up;
	ops.off = kernel_off;
	port->ops = &ops;
}
