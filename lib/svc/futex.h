/* futex.h: sleeping on a word that other processes see. */
#ifndef SVC_FUTEX_H
#define SVC_FUTEX_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static inline void svc_futex_wake(_Atomic uint32_t *word, int sleepers)
{
	syscall(SYS_futex, word, FUTEX_WAKE, sleepers, NULL, NULL, 0);
}

/* Sleeps while *word is value, at most ns. */
static inline void svc_futex_wait(_Atomic uint32_t *word, uint32_t value, uint64_t ns)
{
	const struct timespec t = {.tv_sec = (time_t)(ns / 1000000000u), .tv_nsec = (long)(ns % 1000000000u)};

	syscall(SYS_futex, word, FUTEX_WAIT, value, &t, NULL, 0);
}

#endif
