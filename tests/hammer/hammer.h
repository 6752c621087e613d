/* hammer.h: what the threads of the hammer share. */
#ifndef HAMMER_H
#define HAMMER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/prng.h"

#define HAMMER_PEER "10.0.0.1"
#define HAMMER_ECHO 7
#define HAMMER_SLOTS 24u  /* descriptors that all threads use */
#define HAMMER_EPOLLS 2u
#define HAMMER_THREADS_MAX 64u

enum act {
	ACT_SOCKET, ACT_CONNECT, ACT_SEND, ACT_RECV, ACT_SHUTDOWN, ACT_CLOSE, ACT_DUP, ACT_DUP2, ACT_EPOLL_CTL, ACT_EPOLL_WAIT, ACT_POLL,
	ACT_SELECT, ACT_OPTION, ACT_NAME, ACT_FCNTL, ACT_LISTEN, ACT_ACCEPT, ACT_DATAGRAM, ACTS
};
extern const char *const act_names[ACTS];

struct hammer {
	_Atomic int slot[HAMMER_SLOTS]; /* -1: empty. A number is closed by whoever took it out, and used by all */
	int epoll[HAMMER_EPOLLS];
	_Atomic uint32_t stop;
	_Atomic uint64_t done[ACTS], good[ACTS]; /* calls; those that succeeded */
	_Atomic uint64_t echoed;                 /* bytes that came back right */
	_Atomic uint32_t wrong;                  /* results that no call may have */
};
extern struct hammer hammer;

struct thread {
	struct prng rng;
	unsigned number;
	int echo;                /* a connection of its own, whose bytes are checked */
	uint64_t sent, received; /* of it */
};

/* One random call on what all share. */
void act_random(struct thread *t);
/* Some bytes to the far end and back on the thread's own connection. False: not what was sent. */
bool verify_step(struct thread *t);
void verify_end(struct thread *t);

#endif
