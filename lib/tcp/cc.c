/* cc.c: the list of congestion control algorithms (TCP_CONGESTION). */
#include "tcp/cc.h"

static const struct tcp_cc *const all[] = {&tcp_cc_newreno};

const struct tcp_cc *tcp_cc_find(const char *name, uint32_t len)
{
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (strnlen(name, len) == strlen(all[i]->name) && memcmp(name, all[i]->name, strlen(all[i]->name)) == 0)
			return all[i];
	}
	return NULL;
}
