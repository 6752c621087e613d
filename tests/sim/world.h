/* world.h: a world for simulations: two whole stacks, a bad link between them, applications that read, write, pause and
 * leave at random, all in one thread on virtual time and from one seed. */
#ifndef SIM_WORLD_H
#define SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "capture.h"
#include "core/stack.h"
#include "drivers/sim/sim.h"
#include "router.h"

#define WORLD_CONNS_MAX 16

enum actor_end { ACTOR_RUNNING, ACTOR_DONE, ACTOR_ABORTED, ACTOR_RESET_BY_PEER };

/* The application at one end of one connection. */
struct actor {
	struct stack *s;
	struct tcp_pcb *p;       /* NULL: not accepted yet, or ended */
	struct actor *peer;
	uint64_t stream;         /* names the byte sequence this end sends */
	uint64_t tx_total, tx_done, rx_done;
	uint64_t abort_after;    /* bytes received before it resets the connection; UINT64_MAX: never */
	uint64_t wake_ns;        /* pauses until then; before its connect() a client, too */
	uint32_t syn_end;        /* SND.NXT when its SYN had left: data in it need not fit the peer's window (RFC 7413 4.2.1) */
	bool started, fin_sent, eof_seen;
	enum actor_end end;
};

/* What happened, so that it shows when worlds no longer bring something about. */
#define WORLD_SEEN(X) \
	X(IP6, "worlds with IPv6") X(RTOS, "timeouts") X(TLPS, "loss probes") X(UNDONE, "losses that were none") \
	X(CE, "marks received") X(ECN, "reductions for ECN") X(COOKIES, "connections by cookie") X(FASTOPEN, "Fast Opens") \
	X(TOO_LARGE, "packets too large for the path") X(HOLES, "black holes found") X(JOINED, "segments joined") \
	X(URGENT, "urgent sends") X(NO_SACK, "stacks without SACK") X(NO_TS, "stacks without timestamps") \
	X(BAD_CKSUM, "corrupted packets dropped")
enum {
#define X(name, text) SEEN_##name,
	WORLD_SEEN(X)
#undef X
	WORLD_SEEN_N
};

#define WORLD_POOLS 16 /* of one stack that check_end() looks at */

struct world {
	uint64_t seed, now_ns;
	struct prng prng;
	struct prng whims;       /* draws of their own: what they decide can change without the rest of the seed's world */
	struct router router[2]; /* of what each side sends */
	bool has_router;
	uint32_t used[2][WORLD_POOLS]; /* before the first socket */
	struct port *port[2];
	struct stack *stack[2];
	struct tcp_pcb *listener;
	struct actor client[WORLD_CONNS_MAX], server[WORLD_CONNS_MAX];
	unsigned n_conns;
	uint64_t steps, bytes, seen[WORLD_SEEN_N];
	char failure[256];       /* what was violated; empty: nothing so far */
	/* Kept from run to run: */
	const uint32_t *offloads; /* PORT_* of both ends; NULL: by the seed */
	struct capture *capture; /* two, of what arrives at each end, for the caller to free; NULL: none */
};

/* The pools outlive the worlds. 0 or -errno. */
int world_setup(void);
void world_teardown(void);

/* Runs the world of one seed to its end. Returns true when nothing was violated; else w->failure says what. */
bool world_run(struct world *w, uint64_t seed);

#endif
