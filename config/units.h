/* units.h: numbers as people write them: "10M" connections, "512M" of memory, "5ms", "1%". Each takes the whole string or
 * fails: no sign, no spaces, no trailing letters. */
#ifndef CONFIG_UNITS_H
#define CONFIG_UNITS_H

#include <stdbool.h>
#include <stdint.h>

bool units_count(const char *s, uint64_t *v);   /* k, M, G: thousands; also packets and bits per second */
bool units_bytes(const char *s, uint64_t *v);   /* k, M, G: 1024 */
bool units_time_ns(const char *s, uint64_t *v); /* ns, us, ms, s; the unit is required unless 0 */
bool units_prob(const char *s, double *v);      /* "1%", or a fraction with a point: "0.01" */

#endif
