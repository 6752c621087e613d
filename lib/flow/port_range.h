/* port_range.h: a socket's own range of automatic ports, as the socket option IP_LOCAL_PORT_RANGE has it: lo | hi << 16,
 * inclusive; 0, or a half that is 0, means the usual bound. */
#ifndef FLOW_PORT_RANGE_H
#define FLOW_PORT_RANGE_H

#include <stdbool.h>
#include <stdint.h>

/* Linux 6.3; the C library's headers may not know it. */
#ifndef IP_LOCAL_PORT_RANGE
#define IP_LOCAL_PORT_RANGE 51
#endif

/* EINVAL otherwise, as Linux. */
static inline bool port_range_valid(uint32_t range)
{
	uint16_t lo = (uint16_t)range, hi = (uint16_t)(range >> 16);

	return lo == 0 || hi == 0 || lo <= hi;
}

/* Narrows *lo..*hi. Bounds that lie outside are ignored, as by Linux. */
static inline void port_range_clip(uint32_t range, uint16_t *lo, uint16_t *hi)
{
	uint16_t from = (uint16_t)range, to = (uint16_t)(range >> 16);
	bool from_in = from >= *lo && from <= *hi, to_in = to >= *lo && to <= *hi;

	if (from_in)
		*lo = from;
	if (to_in)
		*hi = to;
}

#endif
