/* serve_loop.c: accepting, waiting, and lending state to connections only while they need it. An idle connection is
 * nothing but its registration, whose data is its descriptor and service; one in the middle of something has a struct
 * sconn, and its registration points there (pointers are even, plain data is odd). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve.h"
#include "spate/socket.h"

#define EVENTS_MAX 256
#define ACCEPTS_MAX 256        /* per listener and turn: others get their turn too */
#define DRAIN_MAX (1u << 20)   /* bytes read after the answer to a broken request, before we hang up */
#define BACKLOG 65536
#define CHUNKS_MAX 32          /* sends of body per turn */

#define DATA_PLAIN 1u
#define DATA_LISTENER 2u

static const struct {
	const char *name;
	int type;
} services[SVC_MAX] = {
	[SVC_HTTP] = { "http", SOCK_STREAM },         [SVC_ECHO] = { "echo", SOCK_STREAM },
	[SVC_DISCARD] = { "discard", SOCK_STREAM },   [SVC_CHARGEN] = { "chargen", SOCK_STREAM },
	[SVC_UDP_ECHO] = { "udp-echo", SOCK_DGRAM },
};

const char *serve_name(enum service svc) { return services[svc].name; }

static uint64_t data_plain(int fd, unsigned svc, unsigned flags)
{
	return (uint64_t)(unsigned)fd << 8 | svc << 2 | flags | DATA_PLAIN;
}

/* The body of every answer: lines of the alphabet, so that a missing piece shows. */
#define BODY_PERIOD 27u
static char body[SERVE_BUF + BODY_PERIOD];

static void body_fill(void)
{
	for (unsigned i = 0; i < sizeof(body); i++)
		body[i] = i % BODY_PERIOD == BODY_PERIOD - 1 ? '\n' : (char)('a' + i % BODY_PERIOD);
}

void serve_body(char *out, uint32_t len) { memcpy(out, body, len); }

static void connection_close(struct serve *s, struct sconn *c)
{
	spate_close(c->fd);
	s->stats.open--;
	if (c == &s->scratch)
		return;
	free(c->in);
	free(c->out);
	c->next_free = s->free;
	s->free = c;
}

static bool keep(char **to, uint32_t *to_len, const char *from, uint32_t len)
{
	*to_len = len;
	*to = NULL;
	if (len == 0)
		return true;
	*to = malloc(len);
	if (*to)
		memcpy(*to, from, len);
	return *to != NULL;
}

/* Sets the registration right for what the connection waits for now. */
static void interest_set(struct serve *s, struct sconn *c, uint64_t data, uint32_t interest)
{
	struct epoll_event ev = { .events = interest, .data.u64 = data };

	spate_epoll_ctl(s->ep, EPOLL_CTL_MOD, c->fd, &ev);
}

static struct sconn *state_new(struct serve *s)
{
	struct sconn *c = s->free;

	if (c)
		s->free = c->next_free;
	else
		c = malloc(sizeof(*c));
	if (c)
		*c = s->scratch;
	return c;
}

/* After a turn: keeps what is unfinished, gives back state that is not needed any more. */
static void settle(struct serve *s, struct sconn *c)
{
	bool stuck = serve_stuck(s, c), always = c->svc == SVC_CHARGEN;
	bool need = stuck || s->in_len > 0 || c->draining || c->closing || always || !http_idle(&c->http);
	uint32_t interest = always ? EPOLLIN | EPOLLOUT : stuck || s->in_len > 0 ? EPOLLOUT : EPOLLIN;
	struct sconn *was = c;

	if (!need) {
		if (c == &s->scratch)
			return;
		interest_set(s, c, data_plain(c->fd, c->svc, 0), EPOLLIN);
		c->next_free = s->free;
		s->free = c;
		return;
	}
	if (c == &s->scratch) {
		c = state_new(s);
		if (!c) {
			s->stats.failures++;
			connection_close(s, was);
			return;
		}
	}
	if (!keep(&c->in, &c->in_len, s->in, s->in_len) || !keep(&c->out, &c->out_len, s->out + s->out_off,
								  s->out_len - s->out_off)) {
		s->stats.failures++;
		connection_close(s, c);
		return;
	}
	if (c != was || c->interest != interest)
		interest_set(s, c, (uint64_t)(uintptr_t)c, interest);
	c->interest = interest;
}

bool serve_push(struct serve *s, struct sconn *c)
{
	while (s->out_off < s->out_len) {
		ssize_t n = spate_send(c->fd, s->out + s->out_off, s->out_len - s->out_off, 0);

		if (n < 0)
			return errno == EAGAIN;
		s->out_off += (uint32_t)n;
		s->stats.bytes_out += (uint64_t)n;
	}
	s->out_off = s->out_len = 0;
	for (int i = 0; i < CHUNKS_MAX && c->body_left > 0; i++) {
		size_t len = c->body_left < SERVE_BUF ? (size_t)c->body_left : SERVE_BUF;
		ssize_t n = spate_send(c->fd, body + c->body_at % BODY_PERIOD, len, 0);

		if (n < 0)
			return errno == EAGAIN;
		c->body_at += (uint64_t)n;
		c->body_left -= (uint64_t)n;
		s->stats.bytes_out += (uint64_t)n;
	}
	return true;
}

int serve_read(struct serve *s, struct sconn *c)
{
	ssize_t n = spate_recv(c->fd, s->in, sizeof(s->in), 0);

	if (n < 0 && errno == EAGAIN)
		return 0;
	if (n < 0)
		s->stats.resets++;
	if (n <= 0)
		return -1;
	s->in_len = (uint32_t)n;
	s->stats.bytes_in += (uint64_t)n;
	return (int)n;
}

void serve_drain(struct serve *s, struct sconn *c)
{
	c->drained += s->in_len;
	s->in_len = 0;
	if (!c->draining) {
		spate_shutdown(c->fd, SHUT_WR);
		c->draining = true;
	}
}

/* The service's turn on this connection. */
static bool turn(struct serve *s, struct sconn *c)
{
	if (c->draining) {
		int n = serve_read(s, c);

		serve_drain(s, c);
		return n >= 0 && c->drained <= DRAIN_MAX;
	}
	switch (c->svc) {
	case SVC_HTTP: return serve_http(s, c);
	case SVC_ECHO: return serve_echo(s, c);
	case SVC_DISCARD: return serve_discard(s, c);
	default: return serve_chargen(s, c);
	}
}

/* Brings back what the connection kept from its last turn. */
static struct sconn *resume(struct serve *s, uint64_t data)
{
	struct sconn *c;

	s->in_len = s->out_len = s->out_off = 0;
	if (data & DATA_PLAIN) {
		c = &s->scratch;
		c->fd = (int)(data >> 8);
		c->svc = data >> 2 & 7;
		return c;
	}
	c = (struct sconn *)(uintptr_t)data;
	if (c->in)
		memcpy(s->in, c->in, c->in_len);
	if (c->out)
		memcpy(s->out, c->out, c->out_len);
	s->in_len = c->in_len;
	s->out_len = c->out_len;
	free(c->in);
	free(c->out);
	c->in = c->out = NULL;
	return c;
}

static void scratch_clear(struct serve *s)
{
	memset(&s->scratch, 0, offsetof(struct sconn, http));
	http_init(&s->scratch.http, HTTP_REQUEST, 0);
}

static void connection_turn(struct serve *s, uint64_t data)
{
	struct sconn *c = resume(s, data);

	if (turn(s, c))
		settle(s, c);
	else
		connection_close(s, c);
	if (c == &s->scratch)
		scratch_clear(s);
}

static void accept_some(struct serve *s, int fd, unsigned svc)
{
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		struct epoll_event ev = { .events = EPOLLIN };
		int conn = spate_accept4(fd, NULL, NULL, SOCK_NONBLOCK);

		if (conn < 0) {
			s->stats.failures += errno != EAGAIN;
			return;
		}
		s->stats.accepted++;
		s->stats.open++;
		if (svc == SVC_CHARGEN)
			ev.events |= EPOLLOUT;
		ev.data.u64 = data_plain(conn, svc, 0);
		if (spate_epoll_ctl(s->ep, EPOLL_CTL_ADD, conn, &ev) != 0) {
			s->stats.failures++;
			s->stats.open--;
			spate_close(conn);
		}
	}
}

void serve_turn(struct serve *s, int timeout_ms)
{
	struct epoll_event ev[EVENTS_MAX];
	int n = spate_epoll_wait(s->ep, ev, EVENTS_MAX, timeout_ms);

	for (int i = 0; i < n; i++) {
		uint64_t data = ev[i].data.u64;

		if (!(data & DATA_PLAIN) || !(data & DATA_LISTENER))
			connection_turn(s, data);
		else if ((data >> 2 & 7) == SVC_UDP_ECHO)
			serve_udp_echo(s, (int)(data >> 8));
		else
			accept_some(s, (int)(data >> 8), data >> 2 & 7);
	}
}

static int listener_open(struct serve *s, unsigned svc, char *err, size_t err_len)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(s->cfg->port[svc]) }; /* of both families */
	struct epoll_event ev = { .events = EPOLLIN };
	int fd = spate_socket(AF_INET6, services[svc].type | SOCK_NONBLOCK, 0), one = 1;

	if (fd < 0)
		goto fail;
	s->listener[svc] = fd;
	ev.data.u64 = data_plain(fd, svc, DATA_LISTENER);
	/* One listener on every core. */
	if (spate_setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) != 0 ||
	    spate_bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    (services[svc].type == SOCK_STREAM && spate_listen(fd, BACKLOG) != 0) ||
	    spate_epoll_ctl(s->ep, EPOLL_CTL_ADD, fd, &ev) != 0)
		goto fail;
	return 0;
fail:
	snprintf(err, err_len, "cannot serve %s on port %u: %s", services[svc].name, s->cfg->port[svc], strerror(errno));
	return -errno;
}

int serve_open(struct serve *s, const struct serve_config *cfg, char *err, size_t err_len)
{
	int rc = 0;

	s->cfg = cfg;
	s->free = NULL;
	memset(&s->stats, 0, sizeof(s->stats));
	scratch_clear(s);
	body_fill();
	for (unsigned i = 0; i < SVC_MAX; i++)
		s->listener[i] = -1;
	s->ep = spate_epoll_create1(0);
	if (s->ep < 0) {
		snprintf(err, err_len, "cannot make an epoll instance: %s", strerror(errno));
		return -errno;
	}
	for (unsigned i = 0; i < SVC_MAX && rc == 0; i++)
		if (cfg->port[i] != 0)
			rc = listener_open(s, i, err, err_len);
	if (rc != 0)
		serve_close(s);
	return rc;
}

void serve_close(struct serve *s)
{
	for (unsigned i = 0; i < SVC_MAX; i++)
		if (s->listener[i] >= 0)
			spate_close(s->listener[i]);
	spate_close(s->ep);
	while (s->free) {
		struct sconn *c = s->free;

		s->free = c->next_free;
		free(c);
	}
}
