/* waker.h: packets that wake a stack: a thread that waits for the devices' interrupts while the stack sleeps on its word in the
 * shared memory (where clients wake it, too). */
#ifndef SVC_WAKER_H
#define SVC_WAKER_H

#include <pthread.h>
#include <stdbool.h>

#include "core/stack.h"
#include "svc/layout.h"

struct svc_waker {
	struct stack *s;
	struct svc_stack *box;
	pthread_t thread;
	int epoll;
	bool there;                    /* it runs */
	_Atomic uint32_t stop;
	alignas(64) _Atomic uint32_t rung; /* a packet came since the stack looked; set by the waker, cleared by the stack */
	alignas(64) _Atomic uint32_t idle; /* the waker has rung and waits for the stack's next sleep; futex */
};

/* 0, or -ENOTSUP when some device of the stack cannot wake it (it is said in the log). */
int svc_waker_start(struct svc_waker *w, struct stack *s, struct svc_stack *box);
void svc_waker_stop(struct svc_waker *w);
/* The stack is about to sleep: packets that come from now on ring. One more turn sees those that came before. */
void svc_waker_arm(struct svc_waker *w);
void svc_waker_disarm(struct svc_waker *w);

#endif
