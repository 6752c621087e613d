/* drill.c: what packetdrill loads: starts spate with the settings of --so_flags, and stops it. */
#include "packetdrill/drill.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "config/config.h"
#include "drivers/drivers.h"
#include "spate/spate.h"

#define IP_DEFAULT "192.168.0.1/16" /* packetdrill's own network, and the address that its run_all.py gives the kernel */
#define SEPARATORS " ;\t\n"

static bool running;

/* The interface has no way to refuse. */
__attribute__((noreturn, format(printf, 1, 2))) static void give_up(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "spate: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	exit(EXIT_FAILURE);
}

static void set(struct spate_config *c, const char *name, const char *value)
{
	char err[512];

	if (config_set(c, name, value, err, sizeof(err)) != 0)
		give_up("--so_flags: %s", err);
}

/* Where PSH is, but for the end of all data, is a matter of how much a stack sends at once; scripts may do without it. */
static void set_psh(const char *value)
{
	if (strcmp(value, "hide") != 0)
		give_up("--so_flags: psh=%s: write psh=hide, or nothing", value);
	wire_hide_psh();
}

static void set_joined(const char *value)
{
	char *end;
	unsigned long bytes = strtoul(value, &end, 10);

	if (bytes < 1 || bytes > MTU_MAX || *end != '\0')
		give_up("--so_flags: joined=%s: write the payload of a segment in bytes", value);
	wire_joined((uint16_t)bytes);
}

/* "mtu=1400 ip=10.0.0.1/24": any settings of spate, with spaces or semicolons between. Two of our own: psh=hide, and what scripts say
 * as --mss: the segments that a packet larger than the MTU is joined from. */
static void set_flags(struct spate_config *c, const char *flags)
{
	char copy[DRILL_FLAGS_MAX], *save = NULL;

	if (strlen(flags) >= sizeof(copy))
		give_up("--so_flags is longer than %zu characters", sizeof(copy) - 1);
	strcpy(copy, flags);
	for (char *word = strtok_r(copy, SEPARATORS, &save); word != NULL; word = strtok_r(NULL, SEPARATORS, &save)) {
		char *value = strchr(word, '=');

		if (value == NULL)
			give_up("--so_flags: '%s': write NAME=VALUE", word);
		*value++ = '\0';
		if (strcmp(word, "psh") == 0)
			set_psh(value);
		else if (strcmp(word, "joined") == 0)
			set_joined(value);
		else
			set(c, word, value);
	}
}

/* Remote addresses of scripts lie outside our network. Whoever has the last address of it leads there: wire.c answers for
 * everybody. */
static void set_gateway(struct spate_config *c)
{
	const struct config_range *r = &c->ip[0];
	uint32_t last = r->first | (r->prefix_len < 31 ? UINT32_MAX >> r->prefix_len : 1), gw = last - 1;
	char text[16];

	if (r->prefix_len > 30)
		give_up("--so_flags: ip: a network of at least four addresses is needed, for a gateway");
	if (gw >= r->first && gw <= r->last)
		gw = r->first - 1;
	snprintf(text, sizeof(text), "%u.%u.%u.%u", gw >> 24, gw >> 16 & 255, gw >> 8 & 255, gw & 255);
	set(c, "gw", text);
}

static void set_gateway6(struct spate_config *c)
{
	struct in6_addr gw = c->ip6[0].first;
	char text[INET6_ADDRSTRLEN];

	gw.s6_addr[15] ^= 0x80;
	inet_ntop(AF_INET6, &gw, text, sizeof(text));
	set(c, "gw", text);
}

static void configure(struct spate_config *c, const char *flags)
{
	config_defaults(c);
	set(c, "dev", "given");
	/* One script is a handful of connections. */
	set(c, "max-connections", DRILL_CONNS);
	set(c, "mbufs", DRILL_MBUFS);
	set(c, "huge", "no");
	set(c, "dad", "no"); /* scripts begin at once */
	set_flags(c, flags != NULL ? flags : "");
	if (c->n_ip == 0 && c->n_ip6 == 0)
		set(c, "ip", IP_DEFAULT);
	if (c->n_ip > 0 && c->n_gw == 0)
		set_gateway(c);
	if (c->n_ip6 > 0 && c->n_gw6 == 0)
		set_gateway6(c);
}

void drill_stop(void *userdata)
{
	(void)userdata;
	if (!running)
		return;
	running = false;
	if (worker_stop())
		spate_stop();
}

/* A script that fails ends the process without a word to us, and DPDK leaves files behind unless it is stopped. */
__attribute__((destructor)) static void at_exit(void) { drill_stop(NULL); }

void packetdrill_interface_init(const char *flags, struct packetdrill_interface *ifc)
{
	struct spate_config *c;
	struct port *port;
	char err[512];
	int rc;

	around_enter();
	c = malloc(sizeof(*c));
	if (running || c == NULL)
		give_up("one script per run of packetdrill");
	/* packetdrill locks all memory from now on, which would make real what we only reserve. */
	munlockall();
	configure(c, flags);
	port = wire_open(c->mtu);
	if (port == NULL)
		give_up("no memory");
	drivers_give(port);
	if (spate_start(c, err, sizeof(err)) != 0)
		give_up("%s", err);
	rc = worker_start();
	if (rc < 0)
		give_up("the stack's thread: %s", strerror(-rc));
	running = true;
	free(c);
	drill_calls(ifc);
}
