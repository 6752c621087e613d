/* memory.h: how much memory this process uses. */
#ifndef APPS_MEMORY_H
#define APPS_MEMORY_H

#include <stdint.h>

/* Resident pages and pages of hugetlbfs, in bytes; 0 when /proc is not there. */
uint64_t memory_bytes(void);

#endif
