/* dctcp.h: what DCTCP (RFC 8257) remembers. */
#ifndef TCP_DCTCP_H
#define TCP_DCTCP_H

#include <stdbool.h>
#include <stdint.h>

#define DCTCP_ALPHA_ONE 1024u /* DCTCP.Alpha's unit */

struct dctcp {
	uint32_t alpha;              /* DCTCP.Alpha */
	uint32_t window_end;         /* DCTCP.WindowEnd */
	uint64_t bytes_acked, bytes_marked;
	bool ce;                     /* DCTCP.CE: of the last data segment received */
};

#endif
