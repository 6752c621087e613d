/* region.c: making the memory that a service shares with its clients. */
#include "svc/region.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PART_ALIGN 4096u /* parts begin on pages of their own: what one part touches costs no other */

static_assert(PART_ALIGN % alignof(struct svc_chan) == 0, "parts are aligned");

/* Takes a part of n objects; its offset. */
static uint64_t part(uint64_t *end, uint64_t n, size_t bytes)
{
	uint64_t off = *end;

	*end = (off + n * bytes + PART_ALIGN - 1) & ~(uint64_t)(PART_ALIGN - 1);
	return off;
}

static void lay_out(struct svc_head *h, uint32_t n_stacks, uint32_t files_per_stack)
{
	uint64_t end = 0;

	*h = (struct svc_head){.magic = SVC_MAGIC, .version = SVC_VERSION, .n_stacks = n_stacks, .files_per_stack = files_per_stack};
	h->watches_per_stack = files_per_stack + files_per_stack / SVC_WATCHES_PER_FILE_DIVISOR;
	part(&end, 1, sizeof(*h));
	h->stack_off = part(&end, n_stacks, sizeof(struct svc_stack));
	h->proc_off = part(&end, SVC_PROCS, sizeof(struct svc_proc));
	h->chan_off = part(&end, SVC_CHANS, sizeof(struct svc_chan));
	h->epoll_off = part(&end, SVC_EPOLLS, sizeof(struct svc_epoll));
	h->file_off = part(&end, (uint64_t)n_stacks * files_per_stack, sizeof(struct svc_file));
	h->watch_off = part(&end, 1 + (uint64_t)n_stacks * h->watches_per_stack, sizeof(struct svc_watch));
	h->stage_off = part(&end, (uint64_t)n_stacks * SVC_STAGES, SVC_STAGE_BYTES);
	h->fd_off = part(&end, (uint64_t)SVC_PROCS * SVC_FDS_MAX, sizeof(svc_entry));
	h->bytes = end;
}

static void find_parts(struct svc_region *r)
{
	struct svc_head *h = r->head;

	r->n_stacks = h->n_stacks;
	r->files_per_stack = h->files_per_stack;
	r->watches_per_stack = h->watches_per_stack;
	r->stacks = svc_stack_at(h, 0);
	r->procs = svc_proc_at(h, 0);
	r->chans = svc_chan_at(h, 0);
	r->epolls = svc_epoll_at(h, 0);
	r->files = svc_file_at(h, 0);
	r->watches = svc_watch_at(h, 0);
	r->fds = svc_fds_at(h, 0);
}

int svc_region_make(struct svc_region *r, uint32_t n_stacks, uint32_t files_per_stack)
{
	struct svc_head head;
	void *at;
	int rc;

	memset(r, 0, sizeof(*r));
	/* An entry has 30 bits for the file, and a watch's index 32. */
	if ((uint64_t)n_stacks * files_per_stack >= 1u << 30)
		return -EINVAL;
	lay_out(&head, n_stacks, files_per_stack);
	r->bytes = head.bytes;
	r->memfd = memfd_create("spate-service", MFD_CLOEXEC);
	if (r->memfd < 0)
		return -errno;
	if (ftruncate(r->memfd, (off_t)r->bytes) < 0)
		goto fail;
	at = mmap(NULL, r->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, r->memfd, 0);
	if (at == MAP_FAILED)
		goto fail;
	r->head = at;
	*r->head = head;
	find_parts(r);
	return 0;
fail:
	rc = -errno;
	close(r->memfd);
	return rc;
}

void svc_region_free(struct svc_region *r)
{
	if (r->head == NULL)
		return;
	munmap(r->head, r->bytes);
	close(r->memfd);
	memset(r, 0, sizeof(*r));
}
