/* old.h: system calls that only old processors' kernels have: chosen by meson. */
#ifndef PRELOAD_OLD_H
#define PRELOAD_OLD_H

/* The result, -errno, or CLIENT_KERNEL. */
long preload_old_call(long nr, const long a[6]);

#endif
