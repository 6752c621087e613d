/* hugepages.h: what huge pages this process could use. */
#ifndef DRIVERS_HUGEPAGES_H
#define DRIVERS_HUGEPAGES_H

#include <stdbool.h>
#include <stdint.h>

/* Free huge pages of sizes that have a hugetlbfs mount which we may write to, in MiB. */
uint64_t hugepages_usable_mb(void);
uint64_t hugepages_free_mb(void);   /* mounted or not */
uint64_t memory_available_mb(void); /* ordinary memory, as the kernel estimates it */
/* Removes the files in hugetlbfs mounts for which yes() says so. */
void hugepages_remove_files(bool (*yes)(int dir_fd, const char *name));

#endif
