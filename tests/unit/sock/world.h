/* world.h: two stacks on the two ends of a simulated link, driven by one thread on virtual time, for tests of sockets.
 * A waiting call on either stack turns both, so that the other end's protocol answers. */
#ifndef TEST_WORLD_H
#define TEST_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/sim/sim.h"
#include "sock/sock.h"

#define NEAR 0
#define FAR 1
#define MS 1000000ull
#define NEAR_IP "10.0.0.1"
#define NEAR_IP2 "10.0.0.2" /* the near end's second address */
#define FAR_IP "10.0.0.9"

struct world {
	struct port *port[2];
	struct eport_space *eports[2];
	struct rte_mempool *pool[2];
	struct stack *stack[2];
	struct sock_env env[2];
	struct sim_config sim;
	uint64_t now_ns;
	void (*every_turn)(void); /* a test's own doing while somebody waits */
};

extern struct world world;

/* What stream() and dgram() make, and which addresses call_connect() and so on mean with "10.0.0.1": that one, 2001:db8::a00:1,
 * or ::ffff:10.0.0.1 (and with "127.0.0.1" ::1, or ::ffff:127.0.0.1). Names are told back as "10.0.0.1". One and the same test
 * so runs over all of them (family6.c, mapped.c). */
enum world_family { WORLD_IP4, WORLD_IP6, WORLD_MAPPED };
extern const enum world_family world_family;
/* The test is about AF_INET, or only makes sense there. */
#define ONLY_IP4() do { if (world_family != WORLD_IP4) skip(); } while (0)

/* An address in words as above, for world_family; its length is in *len. */
struct sockaddr_storage world_addr(const char *ip, uint16_t port, socklen_t *len);
struct ip6_addr world_ip6(const char *ip);

/* EAL, once per program. */
int world_eal(void **state);
/* Setup and teardown of a test: fresh stacks; the teardown closes everything and checks that no packet buffer is lost.
 * The calling thread is at the near end. */
int world_make(void **state);
int world_end(void **state);
/* The same with automatic ports lo..hi only, or on another link; with several queues the stacks have the last one. */
int world_make_ports(uint16_t lo, uint16_t hi);
int world_make_sim(const struct sim_config *sim, uint16_t lo, uint16_t hi);

/* The thread's calls go to this end. */
void at(int end);
/* Both stacks for so long. */
void run_ms(uint64_t ms);
/* Nothing of what dir's sender sends arrives (NEAR: from the near end). */
void cut(int dir, bool on);

struct sockaddr_in ip4(const char *ip, uint16_t port);
int call_connect(int fd, const char *ip, uint16_t port); /* -errno */
int call_bind(int fd, const char *ip, uint16_t port);
/* A socket of the calling end; flags SOCK_NONBLOCK. Never fails. */
int stream(int flags);
int dgram(int flags);
/* A listener at the far end's port; returns to the near end. */
int far_listener(uint16_t port, int flags);
/* A connected pair: near end's descriptor returned, the far end's in *far. Both blocking. */
int pair(uint16_t port, int *far);

/* A non-blocking socket whose attempt was refused; the error is unread. */
int refused(void);
/* A non-blocking socket whose attempt is under way and gets no answer. */
int connecting(void);
void set_blocking(int fd, bool on);
/* connect() with AF_UNSPEC. */
extern const struct sockaddr unspec;
int dissolve(int fd);

int so_error(int fd);
/* poll(2) for everything, without waiting. */
int poll_now(int fd);
/* getsockname()/getpeername() as "ip:port", or "-" and the errno's name. */
const char *own_name(int fd);
const char *peer_name(int fd);
uint16_t own_port(int fd);

#define OPT_TCP_NODELAY 1 /* of <netinet/tcp.h>, whose state names collide with ours */

#define IDLE_SET (POLLOUT | POLLHUP)
#define FULL_SET (POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDHUP)

#endif
