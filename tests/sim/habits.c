/* habits.c: socket options of the applications, at random. */
#include "habits.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static void set(struct stack *s, struct tcp_pcb *p, int level, int name, int v)
{
	tcp_setopt(&s->tcp, p, level, name, &v, sizeof(v));
}

static void congestion_control(struct world *w, struct stack *s, struct tcp_pcb *p)
{
	static const char *const names[] = {"reno", "cubic", "bbr", "dctcp"};
	const char *name = names[prng_below(&w->prng, 4)];

	tcp_setopt(&s->tcp, p, IPPROTO_TCP, TCP_CONGESTION, name, (uint32_t)strlen(name));
}

/* From buffers smaller than a segment to large ones. */
static int buffer_size(struct world *w) { return 2048 << prng_below(&w->prng, 11); }

void habits_take(struct world *w, struct stack *s, struct tcp_pcb *p)
{
	if (prng_below(&w->prng, 3) == 0)
		set(s, p, SOL_SOCKET, SO_RCVBUF, buffer_size(w));
	if (prng_below(&w->prng, 3) == 0)
		set(s, p, SOL_SOCKET, SO_SNDBUF, buffer_size(w));
	if (prng_below(&w->prng, 8) == 0)
		set(s, p, IPPROTO_TCP, TCP_MAXSEG, 200 + (int)prng_below(&w->prng, 1300));
	if (prng_below(&w->prng, 2) == 0)
		congestion_control(w, s, p);
	set(s, p, IPPROTO_TCP, TCP_NODELAY, prng_below(&w->prng, 3) == 0);
}

void habits_change(struct world *w, const struct actor *a)
{
	static const int names[] = {TCP_NODELAY, TCP_CORK, TCP_QUICKACK};

	if (prng_below(&w->prng, 50) == 0)
		set(a->s, a->p, IPPROTO_TCP, names[prng_below(&w->prng, 3)], (int)prng_below(&w->prng, 2));
}
