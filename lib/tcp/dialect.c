/* dialect.c: see dialect.h. Rows are those of the connect semantics. */
#include "tcp/dialect.h"

const struct tcp_dialect tcp_dialects[DIALECTS] = {
	[DIALECT_LINUX] = {.linear = TCP_SYN_LINEAR, .shut_is_silent = true},
	[DIALECT_BSD] = {.connect_ms = TCP_CONNECT_BSD_MS /* D12, D18 */, .folds_icmp = true /* F11 to F40 */,
			 .keeps_timewait = true /* G19 */},
	[DIALECT_ZOS] = {.linear = TCP_SYN_LINEAR, .shut_is_silent = true},
};
