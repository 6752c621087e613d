/* net.h: which sockets a program of this folder is compiled for: NET(connect) is spate_connect(), or connect() with
 * PERF_KERNEL. Clients and servers are the same source for both, so that what differs is what is measured. */
#ifndef PERF_NET_H
#define PERF_NET_H

#include <arpa/inet.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef PERF_KERNEL
#define NET(call) call
#define PERF_WIRES "veth (two namespaces, with --client-netns and --server-netns) or lo"
#define PERF_WIRE_DEFAULT "lo"
#define PERF_SERVER_DEFAULT "127.0.0.1"
#define PERF_SERVER6_DEFAULT "::1"
#define PERF_RPS_POINTS 64, 10000 /* more than one address's ports need more than one address */
#define PERF_RPS_HELP "64 and 10k"
#else
#include "spate/socket.h"
#define NET(call) spate_##call
#define PERF_WIRES "sim (two threads) or memif (two processes)"
#define PERF_WIRE_DEFAULT "sim"
#define PERF_SERVER_DEFAULT "10.0.0.1"
#define PERF_SERVER6_DEFAULT "fd00::1"
#define PERF_RPS_POINTS 64, 10000, 100000, 1000000
#define PERF_RPS_HELP "64, 10k, 100k, 1M"
#endif

#define PERF_PORT 5001

#endif
