/* flow_spate.c: flow's sockets are spate's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spate/spate.h>

#include "flow.h"

static struct spate_config *config;

static void need(int rc, const char *what, const char *why)
{
	if (rc == 0)
		return;
	fprintf(stderr, "flow: %s: %s\n", what, why);
	exit(1);
}

int flow_net_start(int n, char **args)
{
	char err[256] = "";
	int used = 0;

	config = spate_config_new();
	need(config == NULL, "config", "out of memory");
	for (; used + 1 < n && strncmp(args[used], "--", 2) == 0; used += 2)
		need(spate_config_set(config, args[used] + 2, args[used + 1], err, sizeof(err)), args[used], err);
	need(spate_start(config, err, sizeof(err)), "start", err);
	need(spate_attach(0), "attach", "stack 0 is taken");
	while (!spate_settled())
		spate_turn();
	return used;
}

void flow_net_stop(void)
{
	for (int i = 0; i < 1000; i++) /* the reset leaves */
		spate_turn();
	spate_detach();
	spate_stop();
	spate_config_free(config);
}
