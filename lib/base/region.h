/* region.h: large arrays of one stack that grow by being touched. Address space is reserved at once, memory comes
 * page by page as it is used, on the stack's NUMA node, in transparent huge pages where the kernel gives them. No
 * root needed. */
#ifndef BASE_REGION_H
#define BASE_REGION_H

#include <stddef.h>

struct region {
	void *base;
	size_t len_bytes;
};

/* Reserves len_bytes of zeroed memory near numa_node (-1: anywhere). 0, or -ENOMEM. */
int region_map(struct region *r, size_t len_bytes, int numa_node);
void region_unmap(struct region *r); /* a zeroed region is a no-op */

#endif
