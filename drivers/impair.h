/* impair.h: loss, delay, reordering, duplication, corruption and rate in front of any device: --dev "eth1+loss=1%,delay=5ms".
 * For tests where the kernel offers no netem. The same wire as sim's, from the same seed. */
#ifndef DRIVERS_IMPAIR_H
#define DRIVERS_IMPAIR_H

#include <stddef.h>
#include <stdint.h>

#include "pkt/port.h"

/* Wraps inner, which the wrapper then owns. options as behind "sim,": "ab." is what we send, "ba." what we receive. The
 * wrapper offers no checksum offload, so that what it corrupts is noticed. 0; -EINVAL with a sentence in err, or -ENOMEM
 * (inner stays the caller's). */
int impair_wrap(struct port *inner, const char *options, uint64_t seed, struct port **outer, char *err, size_t err_len);

#endif
