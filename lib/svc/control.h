/* control.h: the service's control thread: who the clients are, what they hold, and what is left when they end. */
#ifndef SVC_CONTROL_H
#define SVC_CONTROL_H

#include <pthread.h>

#include "svc/server.h"

#define SVC_CONNS (2 * SVC_PROCS) /* control connections: a process that calls exec has two for a moment */

struct svc_client {
	int32_t pid;          /* 0: free; negative: of a fork's child that has not come yet, its parent's */
	int pidfd;            /* readable when the process has ended; -1 */
	uint64_t until_ns;    /* how long a fork's child is waited for */
};

struct svc_conn {
	int fd;               /* -1: free */
	int32_t proc;         /* -1: nothing said yet */
	int32_t pid;
};

struct svc_controller {
	const struct svc_region *r;
	struct svc_server *servers; /* of all stacks */
	struct svc_bells *bells;
	char path[108];
	int listener, epoll, stop, placeholder;
	pthread_t thread;
	struct svc_client client[SVC_PROCS];
	struct svc_conn conn[SVC_CONNS];
};

/* Listens, and starts the thread. 0 or -errno. */
int svc_control_start(struct svc_controller *k, const struct svc_region *r, struct svc_server *servers, struct svc_bells *bells,
		      const char *path);
void svc_control_stop(struct svc_controller *k);

/* ---- clients (client.c); the control thread's ---- */

/* A process says hello. The number of its record, or -errno; *fresh: nobody knew of it. */
int svc_client_hello(struct svc_controller *k, int32_t pid, int32_t promised, uint32_t *fresh);
/* It is about to fork: the number of the child's record, or -errno. */
int svc_client_fork(struct svc_controller *k, uint32_t proc, uint64_t now_ns);
/* It has ended, or never came. */
void svc_client_end(struct svc_controller *k, uint32_t proc);

/* Its pidfd is in k->epoll with this number. */
#define SVC_CONTROL_PROC (1ull << 32)
#define SVC_CONTROL_CONN (2ull << 32)
#define SVC_CONTROL_LISTENER (3ull << 32)
#define SVC_CONTROL_STOP (4ull << 32)

#endif
