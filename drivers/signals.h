/* signals.h: keeps signals that devices cause away from the application. virtio-user and memif write to sockets without
 * MSG_NOSIGNAL: when the process on the other side is gone, SIGPIPE would end ours. The tap PMD has the kernel send a
 * real-time signal per packet: it would end the application's waits with EINTR, and where all threads block it, the
 * queue of signals fills up and the kernel goes on to SIGIO, which ends the process (fcntl(2), F_SETSIG). */
#ifndef DRIVERS_SIGNALS_H
#define DRIVERS_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

struct sigpipe {
	sigset_t before;
	bool was_pending;
};

/* Around what may raise SIGPIPE, in one thread. */
void sigpipe_block(struct sigpipe *s);
/* Takes back what came in between, and the mask. */
void sigpipe_restore(const struct sigpipe *s);

/* While a device opens or sets up queues: ignores the real-time signals that nobody handles, so that the tap PMD finds none
 * free and polls its descriptors instead. release: makes them as they were. */
void signals_occupy(sigset_t *set);
void signals_release(const sigset_t *set);

#endif
