/* settings.h: spate's settings on the command line of every command, and the defaults that a demo on `sim` needs. */
#ifndef APPS_SETTINGS_H
#define APPS_SETTINGS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "opts.h"
#include "spate/spate.h"

/* What the user said, of those settings that have defaults depending on others. "" or 0: nothing. */
struct settings {
	struct spate_config *c;
	struct opt_more more; /* for opts_parse() */
	char dev[256], port_range[32], ip_text[128]; /* ip_text: the first --ip */
	bool ip, peer_ip, mbufs;
	uint64_t max_conns, cores;
};

int settings_init(struct settings *s); /* 0 or -ENOMEM */
void settings_fini(struct settings *s);
void settings_help(void);
bool settings_sim(const struct settings *s);
uint32_t settings_ports(const struct settings *s); /* automatic ports per local address and destination */
/* Addresses for `sim` that the user left open: the far end has peer (host order), the near end enough others to open
 * conns connections to one port of it. 0 or -EINVAL with a sentence in err. */
int settings_sim_defaults(struct settings *s, uint32_t peer, uint64_t conns, char *err, size_t err_len);
int settings_sim_defaults6(struct settings *s, const struct in6_addr *peer, uint64_t conns, char *err, size_t err_len);
/* Room for this many sockets per stack, unless the user said how many. */
int settings_room(struct settings *s, uint64_t conns, char *err, size_t err_len);
/* Packet buffers for this many connections that all talk in turn, unless the user said how many. */
int settings_buffers(struct settings *s, uint64_t conns, char *err, size_t err_len);

#endif
