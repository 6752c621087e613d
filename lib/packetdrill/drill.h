/* drill.h: spate behind packetdrill's shared-library interface.
 *
 * One stack, whose device is wire.c: frames go to and come from packetdrill as IP packets. One thread, the worker, turns the
 * stack and runs all socket calls; packetdrill's threads mail them to it and wait (worker.c). Every call ends with the stack at
 * rest: what it made the stack send has left when packetdrill goes on, as it has with a kernel. Time passes only when
 * packetdrill waits. */
#ifndef PACKETDRILL_DRILL_H
#define PACKETDRILL_DRILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packetdrill/interface.h"
#include "pkt/port.h"

struct spate_config;

/* ---- calls.c ---- */
void drill_calls(struct packetdrill_interface *ifc);
/* Of a descriptor of ours, for the callers that go around the interface (around.c). -errno. */
long drill_getsockopt(int fd, int level, int name, void *val, socklen_t *len);
long drill_close(int fd);

/* ---- drill.c ---- */
void drill_stop(void *userdata);

/* ---- around.c ---- */
/* Does not return the first time: the process starts again, so it comes first. */
void around_enter(void);

/* ---- worker.c ---- */
/* Takes the first stack of the started spate and turns it until worker_stop(). 0 or -errno. */
int worker_start(void);
bool worker_stop(void); /* false: a call is blocked for ever, and the thread with it */
/* Runs fn(arg) in the worker's thread, between two turns, and returns its result. */
long worker_do(long (*fn)(void *arg), void *arg);
/* Lets that much time pass, or less when for_packet and the stack has sent one. One thread at a time. */
void worker_wait(uint64_t us, bool for_packet);
/* The time of day, for the stack's packets, and for packetdrill: of a thread whose call has just ended, when it ended. */
uint64_t worker_now_us(void);
uint64_t worker_read_us(void);

/* ---- fds.c: kernel descriptors that stand for spate's. Used by the worker alone, but for fds_ours() ---- */
int fds_open(int spate_fd);  /* a new kernel descriptor for it, or -errno; then the caller keeps spate_fd */
int fds_spate(int fd);       /* -1: not one of ours */
void fds_close(int fd);
bool fds_ours(int fd);       /* any thread */

/* ---- neighbour.c ---- */
#define NEIGHBOUR_ANSWER_MAX 128
struct eth_view;
/* True when what the stack sent (pkt, behind its link header v) is the link's own business: looking for neighbours, routers or
 * listeners. Then *n bytes of answer go back, that everybody has this hardware address; 0: none. */
bool neighbour_asked(const struct eth_view *v, const uint8_t *pkt, uint32_t len, const struct rte_ether_addr *mac,
		     uint8_t *answer, uint32_t *n);

/* ---- wire.c ---- */
struct port *wire_open(uint16_t mtu);
void wire_hide_psh(void);    /* packetdrill sees no PSH, wherever the stack set it */
void wire_joined(uint16_t bytes); /* packets larger than the MTU were joined by the device from segments of so many bytes */
/* A copy of this IP packet is the next that the stack receives. By the worker. 0, -EINVAL, -ENOBUFS. */
long wire_put(const void *packet, size_t len);
bool wire_waiting(void);     /* the stack has not received all; by the worker */
bool wire_sent(void);        /* there is one for wire_get(); any thread */
/* The oldest packet that the stack sent, cut to *len bytes. False: there is none. Any thread. */
bool wire_get(void *packet, size_t *len, long long *time_us);

#endif
