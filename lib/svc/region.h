/* region.h: the memory that a service shares with its clients, as the service sees it. Where its parts lie is known here and
 * never read back: what a client may write into the head does not lead a stack astray. */
#ifndef SVC_REGION_H
#define SVC_REGION_H

#include "svc/layout.h"

struct svc_region {
	int memfd;
	struct svc_head *head;
	uint64_t bytes;
	uint32_t n_stacks, files_per_stack, watches_per_stack;
	struct svc_stack *stacks;
	struct svc_proc *procs;
	struct svc_chan *chans;
	struct svc_epoll *epolls;
	struct svc_file *files;
	struct svc_watch *watches; /* [0] is nobody's */
	_Atomic svc_entry *fds;
};

/* For stacks whose slots are numbered below files_per_stack. Address space at once, memory page by page. 0 or -errno. */
int svc_region_make(struct svc_region *r, uint32_t n_stacks, uint32_t files_per_stack);
void svc_region_free(struct svc_region *r); /* a zeroed one is a no-op */

/* The descriptors of a process: SVC_FDS_MAX entries. */
static inline _Atomic svc_entry *svc_region_fds(const struct svc_region *r, uint32_t proc)
{
	return r->fds + (uint64_t)proc * SVC_FDS_MAX;
}

#endif
