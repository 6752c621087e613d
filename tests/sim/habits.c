/* habits.c: socket options of the applications, at random. */
#include "habits.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

void habits_of_stack(struct world *w, int side, struct stack_config *cfg)
{
	static const uint8_t without[] = {TCP_NO_TIMESTAMPS, TCP_NO_SACK, TCP_NO_WINDOW_SCALE, TCP_NO_IDLE_RESTART};
	struct prng *r = &w->whims;

	for (size_t i = 0; i < RTE_DIM(without); i++)
		cfg->without |= prng_below(r, 5) == 0 ? without[i] : 0;
	cfg->rcvbuf_max = prng_below(r, 3) == 0 ? 16384u << prng_below(r, 8) : 0;
	cfg->uto = prng_below(r, 4) == 0;
	cfg->mtu_probing = prng_below(r, 2) == 0;
	cfg->syncookies = side == 1 && prng_below(r, 4) == 0 ? TCP_SYNCOOKIES_ALWAYS : TCP_SYNCOOKIES_AUTO;
	if (w->seed % 4 < 2) /* both, by cookies or without */
		cfg->fastopen = TCP_FO_CLIENT | TCP_FO_SERVER | TCP_FO_SERVER_ALL;
	if (w->seed % 4 == 1)
		cfg->fastopen |= TCP_FO_CLIENT_NO_COOKIE | TCP_FO_SERVER_NO_COOKIE;
}

uint64_t habits_start_ns(struct world *w, unsigned i)
{
	return w->now_ns + (i == 0 || prng_below(&w->whims, 3) != 0 ? 0 : prng_below(&w->whims, 8000) * 1000000ull);
}

void habits_of_router(struct world *w, const struct stack *s, struct router *r, bool ip6)
{
	static const uint16_t mtus[] = {0, 0, 1400, 1280, 1006, 576};

	r->mtu = mtus[prng_below(&w->whims, ip6 ? 4 : RTE_DIM(mtus))];
	/* Without probing nothing would find the way through a black hole. */
	r->silent = s->tcp.mtu_probing && prng_below(&w->whims, 3) == 0;
	r->mark = prng_below(&w->whims, 2) == 0 ? sim_prob(prng_below(&w->whims, 200) / 1000.0) : 0;
}

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
	set(s, p, SOL_SOCKET, SO_OOBINLINE, 1); /* the stream keeps all its bytes */
}

void habits_open_fast(struct world *w, const struct actor *client)
{
	if (client->tx_total > 0 && prng_below(&w->whims, 2) == 0)
		set(client->s, client->p, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1);
}

int habits_send_flags(struct world *w)
{
	static const int some[8] = {MSG_MORE, MSG_EOR};
	int flags = some[prng_below(&w->prng, 8)];

	if (prng_below(&w->whims, 100) != 0)
		return flags;
	w->seen[SEEN_URGENT]++;
	return flags | MSG_OOB;
}

void habits_change(struct world *w, const struct actor *a)
{
	static const int names[] = {TCP_NODELAY, TCP_CORK, TCP_QUICKACK};

	if (prng_below(&w->prng, 50) == 0)
		set(a->s, a->p, IPPROTO_TCP, names[prng_below(&w->prng, 3)], (int)prng_below(&w->prng, 2));
}
