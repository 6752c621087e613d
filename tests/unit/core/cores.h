/* cores.h: two ends of a simulated link with several stacks each, all driven by one thread on virtual time: for tests of what
 * stacks of one end do for each other.
 *
 *   static int make(void **state) { return cores_make(&(struct cores_config){.n = {4, 2}}); }
 *   cmocka_unit_test_setup_teardown(test, make, cores_end), and cores_eal as the group's setup.
 *
 * on(end, core) chooses whose thread the caller is: the spate_sys_ calls work there. A call that waits turns all stacks.
 * Every end's stacks have the same addresses: CORES_NEAR_IP or CORES_FAR_IP, and the _IP2. */
#ifndef TEST_CORES_H
#define TEST_CORES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/sim/sim.h"
#include "sock/sock.h"

#define CORES_MAX 8
#define NEAR 0
#define FAR 1
#define MS 1000000ull
#define CORES_NEAR_IP "10.0.0.1"
#define CORES_NEAR_IP2 "10.0.0.2"
#define CORES_FAR_IP "10.0.0.9"
#define CORES_FAR_IP2 "10.0.0.10"

struct cores_config {
	uint16_t n[2];          /* stacks of each end, 1 to CORES_MAX */
	uint16_t queues[2];     /* of the device; 0: one per stack; fewer: the stacks share them (drivers/share.h) */
	uint16_t lo, hi;        /* automatic ports; 0: 1024 to 65535 */
	uint32_t max_conns;     /* per stack; 0: 4096 */
	uint32_t mbufs;         /* per stack; 0: 4095 */
	uint64_t seed;          /* of stacks and link; with shuffle also of the order in which stacks get their turn */
	bool shuffle;
	bool ip6;               /* the addresses are there as IPv6, too */
	struct sim_config sim;  /* offloads, links ...; n_queues and seed are filled in */
	/* Called for each end's port when it is open and no stack is made yet: a test may bend it. May be NULL. */
	void (*bend)(int end, struct port *port);
};

struct cores {
	struct cores_config cfg;
	struct port *wire[2];   /* the simulated ports: for sim_set_link() and others of sim.h */
	struct port *port[2];   /* what the stacks have: those, or shared ones */
	struct eport_space *eports[2];
	struct mail_office *office[2];
	struct stack *stack[2][CORES_MAX];
	struct sock_env env[2][CORES_MAX];
	struct rte_mempool *pool[2][CORES_MAX];
	struct prng prng;
	uint64_t now_ns;
	unsigned idle_turns;      /* since anybody did something */
	uint32_t addr6s;          /* numbers of IPv6 addresses at the beginning, on every stack */
	bool ip6;                 /* sockets made from now on are AF_INET6, and "10.0.0.1" is 2001:db8::a00:1, "127.0.0.1" ::1 */
	void (*every_turn)(void); /* a test's own doing while somebody waits */
};

extern struct cores cores;
/* Every world of this program is with IPv6, and its sockets are (family6.c). */
extern const bool cores_all_ip6;

/* EAL, once per program. */
int cores_eal(void **state);
/* Fresh stacks; the caller is on(NEAR, 0). Always 0: it fails the test otherwise. */
int cores_make(const struct cores_config *cfg);
/* Teardown: closes everything and checks that no packet buffer is lost. */
int cores_end(void **state);

void on(int end, unsigned core);
/* All stacks for so long; time jumps to what is due next. */
void cores_run_ms(uint64_t ms);
/* One turn of every stack. */
void cores_turn(void);
/* Nothing of what dir's sender sends arrives (NEAR: from the near end). */
void cores_cut(int dir, bool cut);
/* Fails the test when a stack still has a socket, half-open or TIME-WAIT or away flow, bound port, taken port or path. */
void cores_assert_clean(void);

/* The stack that owns this flow at end: its own address and port first. */
unsigned cores_home(int end, const char *ip, uint16_t port, const char *peer_ip, uint16_t peer_port);
/* A peer's port, from *from on, with which the flow's home at end is this core. */
uint16_t cores_port_for(int end, unsigned core, const char *ip, uint16_t port, const char *peer_ip, uint16_t from);
/* Sum over an end's stacks of one reason. */
uint64_t cores_rehomed(int end, enum rehome why);
uint64_t cores_dropped(int end, enum drop why);

struct sockaddr_in cores_addr(const char *ip, uint16_t port);
/* Of the family that is chosen; the length is in *len. */
struct sockaddr_storage cores_name(const char *ip, uint16_t port, socklen_t *len);
struct ip6_addr cores_ip6(const char *ip);

/* ---- sockets of the chosen core; those that return a descriptor never fail ---- */

int cores_stream(int flags); /* SOCK_NONBLOCK */
int cores_dgram(int flags);
int cores_bind(int fd, const char *ip, uint16_t port);    /* -errno, like the next */
int cores_connect(int fd, const char *ip, uint16_t port);
int cores_listener(const char *ip, uint16_t port);        /* non-blocking, backlog 128 */
/* A stream bound to this address and port; with SO_REUSEADDR. */
int cores_bound(const char *ip, uint16_t port, int flags);
void cores_option(int fd, int level, int name, int value);
int cores_so_error(int fd);
/* accept(), non-blocking: -EAGAIN when nobody waits. */
int cores_accept(int fd);
/* fd is on (end, core), peer on (peer_end, peer_core): a byte goes each way. */
void cores_talk(int end, unsigned core, int fd, int peer_end, unsigned peer_core, int peer);

/* A frame with this IPv4 packet, without link header, goes to dir's receiver as if a router had sent it (NEAR: from the
 * near end's side). */
void cores_inject(int dir, const void *ip, uint16_t len);
/* Takes all packet buffers of a stack, and gives them back. */
void cores_drain(int end, unsigned core);
void cores_refill(void);

#endif
