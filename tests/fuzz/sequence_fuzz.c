/* sequence_fuzz.c: sequences of packets, calls and pauses at a live stack, over both families. The input is the set-up (two bytes,
 * live.h), then a list of steps; a step names a socket, and numbers in a segment are told as distances from that socket's state, so that
 * most segments get past the first checks. Nothing may assert, every connection keeps its invariants after every step, every byte of a
 * stream is the one that was sent, and in the end everything is given back. */
#include <sys/socket.h>

#include "../unit/tcp/flight_check.h"
#include "calls.h"
#include "peer.h"

#define STEPS_MAX 400

/* ---- what must hold ---- */

static void check(const struct fuzz *f)
{
	for (unsigned i = 0; i < SOCKS; i++) {
		const struct tcp_pcb *p = f->sock[i];
		const char *wrong = p != NULL ? pcb_check(f->t, p) : NULL;

		if (wrong != NULL) {
			fprintf(stderr, "socket %u, state %u: %s\n", i, p->state, wrong);
			abort();
		}
	}
	live_check(f->l);
}

static void step_time(struct fuzz *f)
{
	static const uint64_t ns[] = {1000, 100000, 1000000, 40000000, 200000000, 1000000000, 10000000000, 70000000000};

	live_pass(f->l, ns[input_below(&f->in, 8)]);
}

static void step(struct fuzz *f)
{
	switch (input_below(&f->in, 20)) {
	case 0:
		call_open(f);
		break;
	case 1:
		peer_icmp(f);
		break;
	case 2:
	case 3:
	case 4:
		call_any(f);
		break;
	case 5:
		step_time(f);
		break;
	case 6:
		if ((input_u8(&f->in) & 7) == 0)
			call_listener(f);
		break;
	case 7:
	case 8:
		peer_handshake(f);
		break;
	case 9:
		call_udp(f);
		break;
	case 10:
		peer_datagram(f);
		break;
	case 11:
		peer_neighbour(f);
		break;
	case 12: /* several packets in one turn */
		peer_segment(f);
		peer_segment(f);
		peer_segment(f);
		break;
	default:
		peer_segment(f);
		break;
	}
	live_turn(f->l);
	check(f);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	live_eal();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {.in = {data, size}};

	f.l = live_open(input_u16(&f.in));
	f.t = &f.l->s->tcp;
	f.u = &f.l->s->udp;
	call_listener(&f);
	for (unsigned i = 0; i < STEPS_MAX && f.in.left > 0; i++)
		step(&f);
	call_close_all(&f);
	live_settle(f.l);
	live_close(f.l);
	return 0;
}
