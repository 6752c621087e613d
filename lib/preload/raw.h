/* raw.h: system calls made without a name that could be stood in for: libc's own, inline assembly, other libraries'. The kernel
 * hands them to us instead (syscall user dispatch), where the processor's has that: chosen by meson. */
#ifndef PRELOAD_RAW_H
#define PRELOAD_RAW_H

#include <stdbool.h>

/* A system call by its number, of ours or the kernel's: its result or -errno (syscall.c). */
long preload_call(long nr, const long a[6]);

/* At start. all: those of the whole program, from here on, with the threads and children that it makes; else those between begin
 * and end. 0, or -errno: this kernel or processor cannot. */
int preload_raw_start(bool all);
/* Around a function of libc whose calls are to be caught, in this thread; may be nested. False: nothing is caught. */
bool preload_raw_begin(void);
void preload_raw_end(void);

#endif
