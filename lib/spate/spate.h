/* spate.h: starting spate in a program: settings, devices, stacks. The socket calls are in <spate/socket.h>.
 *
 * A program makes a configuration, starts spate once, and attaches each of its polling threads to one stack. From then on
 * that thread's spate_socket(), spate_connect(), spate_epoll_wait() and so on work on that stack, as plain function calls;
 * calls that wait poll the network meanwhile. A stack belongs to the thread that attached to it; its descriptors are valid
 * on that stack only, but for listening sockets, which all stacks of one end may accept from ("Several stacks" in
 * socket.h). */
#ifndef SPATE_SPATE_H
#define SPATE_SPATE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SPATE_API __attribute__((visibility("default")))

SPATE_API const char *spate_version(void);

struct spate_config; /* settings, by name; the same names on the command line (--name), in files and here */

SPATE_API struct spate_config *spate_config_new(void); /* defaults; NULL: out of memory */
SPATE_API void spate_config_free(struct spate_config *c);
/* Sets one setting ("dev", "ip", "gw", "max-connections", ...; repeatable ones add). 0, or -EINVAL with a sentence in err
 * that says what is wrong and what to write instead. */
SPATE_API int spate_config_set(struct spate_config *c, const char *name, const char *value, char *err, size_t err_len);
/* Reads a file (rte_cfgfile syntax, section [spate]). Errors name file and line. */
SPATE_API int spate_config_load(struct spate_config *c, const char *path, char *err, size_t err_len);
/* One line per setting: name, default, meaning. For --help. */
SPATE_API const char *spate_config_help(void);

/* Brings up DPDK, the device and the stacks. Once per process. 0, or -errno with a sentence in err that says what to do. */
SPATE_API int spate_start(const struct spate_config *c, char *err, size_t err_len);
/* Closes everything. Every thread has detached. */
SPATE_API void spate_stop(void);

/* Stacks that spate_start() made. On `sim` there are twice --cores: the first half is the near end, the second half the far
 * end (which has the addresses of "peer-ip"). */
SPATE_API unsigned spate_stacks(void);
/* The calling thread takes this stack, works on it from now on, and is pinned to its core when the configuration names cores.
 * It may take several, of one core or of both ends of sim, and go from one to the other with spate_switch(). 0; -EBUSY:
 * another thread has it, or this one already; -EINVAL: there is no such stack; -ENOMEM. */
SPATE_API int spate_attach(unsigned stack);
/* From now on the thread works on this one of its stacks; only spate_attach() and this make it do so. Costs next to nothing.
 * -EINVAL: it is not the calling thread's. */
SPATE_API int spate_switch(unsigned stack);
/* Gives back the stack that the thread works on. Others that it has it keeps, and switches to one before it goes on. */
SPATE_API void spate_detach(void);

/* Changes of our addresses and gateways while spate runs, from any thread (of several, one after the other). All stacks of the
 * end (on `sim` the near one) make them in a turn of theirs, soon; connections of an address that is removed go on to their
 * end, and no new ones use it. With the last address of a network go the gateways that are on it.
 * address: "10.0.0.5/24"; for removing the length may be left out. interface: a device as "dev" names it, without what is
 * behind a comma, and a point and a number for a VLAN of it: "eth1.100"; NULL: the first, or for gateways the one whose network
 * it is. 0, or with a sentence in err: -EINVAL, -ENXIO (not started), -ENODEV (no such interface), -EEXIST, -ENOENT, -ENOSPC
 * (too many), -EAGAIN (a stack is not being polled: try again), -ENOBUFS. */
SPATE_API int spate_address_add(const char *address, const char *interface, char *err, size_t err_len);
SPATE_API int spate_address_remove(const char *address, char *err, size_t err_len);
SPATE_API int spate_gateway_add(const char *gateway, const char *interface, char *err, size_t err_len);
SPATE_API int spate_gateway_remove(const char *gateway, char *err, size_t err_len);

/* The same for any route, of either family, written as the setting "route": "10.1.0.0/16 via 10.0.0.254 metric 5", "prohibit
 * 2001:db8:9::/48". interface: for networks on a link and for link-local gateways; NULL: the first. Removing: the first with this
 * network and type, and with what else is named. What the stacks find wrong (a gateway on no network of ours, no such route) the
 * log says. */
SPATE_API int spate_route_add(const char *route, const char *interface, char *err, size_t err_len);
SPATE_API int spate_route_remove(const char *route, const char *interface, char *err, size_t err_len);
/* From soon on these rules, in this order, are the whole filter ("deny out tcp dst 192.0.2.0/24 port 25", as the settings allow
 * and deny); none: everything passes. Each packet is judged alone. What may not come in is dropped; so is what may not go out,
 * and sending it as a datagram fails with EPERM. Counted as drop.FILTER. -EINVAL, -ENXIO, -ENOMEM, -EAGAIN, -ENOBUFS. */
SPATE_API int spate_filter_set(const char *const *rules, unsigned n, char *err, size_t err_len);

/* One turn of the calling thread's stack; returns the packets and timers handled. Waiting calls do this by themselves. */
SPATE_API uint32_t spate_turn(void);
/* 1 when each of our addresses may be used, or never will be; 0 while IPv6 addresses are asked for, a second or two after they
 * were added (setting "dad"): no connection leaves from them, and bind() to them is EADDRNOTAVAIL. Time passes in turns. */
SPATE_API int spate_settled(void);
/* The calling thread's stack's time: monotonic, nanoseconds, read once per turn (cheap; stands still within a turn). */
SPATE_API uint64_t spate_now_ns(void);

/* A counter by index: 0 and its name and value while i is in range, then -1. Names: "tcp.established", "rx.packets",
 * "drop.TCP_SEQ" ... Reads the calling thread's stack. */
SPATE_API int spate_counter(unsigned i, const char **name, uint64_t *value);
/* The same summed over all stacks (on `sim` of both ends). From any thread, attached or not, between spate_start() and
 * spate_stop(); takes no lock and disturbs nobody. The stacks go on meanwhile: two counters may be of different moments. */
SPATE_API int spate_counter_sum(unsigned i, const char **name, uint64_t *value);

#ifdef __cplusplus
}
#endif

#endif
