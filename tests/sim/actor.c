/* actor.c: an application with bad habits: odd sizes, pauses, half closes, resets. Checks every byte it reads. */
#include "actor.h"

#include "habits.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define CHUNK_MAX 20000

/* The byte at this offset of a stream: any lost, repeated or moved byte shows. */
static uint8_t stream_byte(uint64_t stream, uint64_t offset)
{
	uint64_t x = (stream + offset / 8) * 0x9e3779b97f4a7c15u;

	return (uint8_t)((x ^ x >> 29) >> (offset % 8 * 8));
}

/* Keepalive, since the RST of a peer that left may be lost, and then nothing else would ever tell. */
void actor_take(struct actor *a, struct tcp_pcb *p)
{
	const int on = 1, idle_s = 30, interval_s = 5;

	tcp_setopt(&a->s->tcp, p, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	tcp_setopt(&a->s->tcp, p, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
	tcp_setopt(&a->s->tcp, p, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
	a->p = p;
}

static void actor_finish(struct actor *a, enum actor_end end)
{
	tcp_close(&a->s->tcp, a->p);
	a->p = NULL;
	a->end = end;
}

static void actor_abort(struct actor *a)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	tcp_setopt(&a->s->tcp, a->p, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	actor_finish(a, ACTOR_ABORTED);
}

/* Who answers SYNs by cookies knows nothing of them: when a segment behind the handshake's last ACK comes before it, the listener
 * resets the connection (RFC 9293 3.10.7.2), as Linux does. */
static bool cookie_failed(const struct actor *a, int err)
{
	return (err == -ECONNRESET || err == -EPIPE) && a->s->tcp.stats.cookies_failed + a->peer->s->tcp.stats.cookies_failed > 0;
}

/* An error is right only when the other end reset the connection, or its address was asked for in vain. */
static bool actor_error(struct world *w, struct actor *a, const char *what, int err)
{
	if ((err == -EHOSTUNREACH && a->s->drops.n[DROP_NEIGH_FAILED] > 0) || cookie_failed(a, err))
		a->end = a->peer->end = ACTOR_ABORTED;
	else if (a->peer->end != ACTOR_ABORTED || (err != -ECONNRESET && err != -EPIPE && err != -ETIMEDOUT))
		WORLD_FAIL(w, "%s's %s failed with errno %d though the peer did not reset", a->s == w->stack[0] ? "client" : "server", what,
			   -err);
	actor_finish(a, a->end == ACTOR_ABORTED ? ACTOR_ABORTED : ACTOR_RESET_BY_PEER);
	return true;
}

static bool actor_write(struct world *w, struct actor *a)
{
	uint8_t buf[CHUNK_MAX];
	uint64_t left = a->tx_total - a->tx_done;
	uint32_t len = 1 + prng_below(&w->prng, prng_below(&w->prng, 4) == 0 ? 40 : CHUNK_MAX);
	struct iovec iov = {.iov_base = buf};
	ssize_t n;

	if (left == 0) {
		if (a->fin_sent)
			return false;
		a->fin_sent = true;
		n = tcp_shutdown(&a->s->tcp, a->p, SHUT_WR);
		return n == 0 || actor_error(w, a, "shutdown", n == -ENOTCONN ? -EPIPE : (int)n);
	}
	if (len > left)
		len = (uint32_t)left;
	for (uint32_t i = 0; i < len; i++)
		buf[i] = stream_byte(a->stream, a->tx_done + i);
	iov.iov_len = len;
	n = tcp_send(&a->s->tcp, a->p, &iov, 1, habits_send_flags(w));
	if (n == -EAGAIN)
		return false;
	if (n <= 0)
		return actor_error(w, a, "send", (int)n);
	a->tx_done += (uint64_t)n;
	return true;
}

static void bytes_check(struct world *w, const struct actor *a, const uint8_t *buf, ssize_t n)
{
	for (ssize_t i = 0; i < n; i++) {
		if (buf[i] != stream_byte(a->peer->stream, a->rx_done + (uint64_t)i)) {
			WORLD_FAIL(w, "wrong byte at offset %lu", a->rx_done + (uint64_t)i);
			break;
		}
	}
}

static bool actor_read(struct world *w, struct actor *a)
{
	uint8_t buf[CHUNK_MAX];
	struct iovec iov = {.iov_base = buf, .iov_len = 1 + prng_below(&w->prng, CHUNK_MAX)};
	ssize_t n;

	if (a->eof_seen)
		return false;
	if (prng_below(&w->prng, 16) == 0) { /* an error is told once: by this one, too */
		n = tcp_recv(&a->s->tcp, a->p, &iov, 1, MSG_PEEK);
		if (n < 0 && n != -EAGAIN)
			return actor_error(w, a, "peek", (int)n);
		bytes_check(w, a, buf, n);
	}
	n = tcp_recv(&a->s->tcp, a->p, &iov, 1, 0);
	if (n == -EAGAIN)
		return false;
	if (n < 0)
		return actor_error(w, a, "recv", (int)n);
	if (n == 0) {
		a->eof_seen = true;
		if (a->rx_done != a->peer->tx_total)
			WORLD_FAIL(w, "end of stream after %lu of %lu bytes", a->rx_done, a->peer->tx_total);
		return true;
	}
	bytes_check(w, a, buf, n);
	a->rx_done += (uint64_t)n;
	w->bytes += (uint64_t)n;
	return true;
}

bool actor_turn(struct world *w, struct actor *a)
{
	bool did = false;

	if (a->p == NULL || w->now_ns < a->wake_ns)
		return false;
	if (a->p->state == TCP_SYN_SENT) {
		did = tcp_fastopen_waits(a->p) && actor_write(w, a);
		a->syn_end = a->p->snd_nxt;
		return did;
	}
	if (a->rx_done >= a->abort_after) {
		actor_abort(a);
		return true;
	}
	if (prng_below(&w->prng, 200) == 0) {
		a->wake_ns = w->now_ns + prng_below(&w->prng, 2000) * 1000000ull;
		return true;
	}
	habits_change(w, a);
	did |= actor_read(w, a);
	if (a->p != NULL)
		did |= actor_write(w, a);
	if (a->p != NULL && a->fin_sent && a->eof_seen) {
		actor_finish(a, ACTOR_DONE);
		did = true;
	}
	return did;
}
