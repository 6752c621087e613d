/* bell.h: waking threads of clients. Stacks ring, the control thread hangs up bells. */
#ifndef SVC_BELL_H
#define SVC_BELL_H

#include "svc/region.h"

struct svc_bells {
	const struct svc_region *r;
	int none;                    /* an eventfd that nobody listens to */
	_Atomic int fd[SVC_CHANS];   /* a channel's eventfd, 0: it never had one. Once there is a number it stays the channel's: stacks may be
				      * writing to it */
};

int svc_bells_init(struct svc_bells *b, const struct svc_region *r); /* 0 or -errno */
void svc_bells_fini(struct svc_bells *b);
/* Control thread: this eventfd, of which it becomes the owner, is the channel's, and it is rung
 * once; -1: none any more. 0 or -errno. */
int svc_bells_set(struct svc_bells *b, uint32_t chan, int fd);

/* Rings for whoever is noted at a file or an epoll instance. */
void svc_bells_ring(struct svc_bells *b, svc_pollers *who);

#endif
