/* sigpipe.h: virtio-user and memif write to sockets without MSG_NOSIGNAL: when the process on the other side is gone,
 * SIGPIPE would end ours. The application's own handling of SIGPIPE stays as it is: the signal is blocked while the
 * device works, in the calling thread only. */
#ifndef DRIVERS_SIGPIPE_H
#define DRIVERS_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

struct sigpipe {
	sigset_t before;
	bool was_pending;
};

/* Threads that are made in between (EAL's) keep the signal blocked for good. */
void sigpipe_block(struct sigpipe *s);
/* Takes back what came in between, and the mask. */
void sigpipe_restore(const struct sigpipe *s);

#endif
