/* flow_kernel.c: flow's sockets are the kernel's; they have no settings. */
#include "flow.h"

int flow_net_start(int n, char **args)
{
	(void)n;
	(void)args;
	return 0;
}

void flow_net_stop(void) {}
