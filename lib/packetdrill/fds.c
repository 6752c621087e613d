/* fds.c: packetdrill's descriptors. Each of spate's gets one of the kernel's (an event counter that nobody uses), since
 * packetdrill closes at its end what a script left open, with the system's call, and treats a failure as its own. */
#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "config/limits.h"
#include "packetdrill/drill.h"

static int spate_of[DRILL_FDS_MAX]; /* spate's descriptor, never 0; 0: not ours. Relaxed loads by any thread */

bool fds_ours(int fd)
{
	return fd >= 0 && fd < DRILL_FDS_MAX && __atomic_load_n(&spate_of[fd], __ATOMIC_RELAXED) != 0;
}

int fds_spate(int fd) { return fds_ours(fd) ? spate_of[fd] : -1; }

int fds_open(int spate_fd)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (fd >= DRILL_FDS_MAX) {
		close(fd);
		return -EMFILE;
	}
	__atomic_store_n(&spate_of[fd], spate_fd, __ATOMIC_RELAXED);
	return fd;
}

void fds_close(int fd)
{
	__atomic_store_n(&spate_of[fd], 0, __ATOMIC_RELAXED);
	close(fd);
}
