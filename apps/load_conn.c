/* load_conn.c: one connection of the load generator: connect, ask, check the answer, close. Registered once,
 * edge-triggered, with its own number as data. */
#include <string.h>

#include "load.h"
#include "spate/socket.h"

#define EVENTS (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)

/* What echo requests carry: a run of this, beginning elsewhere each time. The period is prime so that no shift by a
 * power of two goes unseen. */
#define PAYLOAD_PERIOD 251u
static unsigned char payload[LOAD_BUF + PAYLOAD_PERIOD];

void load_payload_init(void)
{
	for (unsigned i = 0; i < sizeof(payload); i++)
		payload[i] = (unsigned char)(i % PAYLOAD_PERIOD);
}

static struct load_flight *flight_of(struct load *l, uint32_t i) { return &l->flights[l->conns[i].link]; }

/* Puts a flight at the end of the list: it starts now. */
static void flight_link(struct load *l, struct load_flight *f)
{
	struct load_flight *head = &l->flights[0];
	uint32_t idx = (uint32_t)(f - l->flights);

	f->started_ns = l->now_ns;
	f->next = 0;
	f->prev = head->prev;
	l->flights[f->prev].next = idx;
	head->prev = idx;
}

static void flight_unlink(struct load *l, struct load_flight *f)
{
	l->flights[f->prev].next = f->next;
	l->flights[f->next].prev = f->prev;
}

static void flight_take(struct load *l, uint32_t i, bool connecting, uint64_t intended_ns)
{
	uint32_t idx = l->free_flight;
	struct load_flight *f = &l->flights[idx];

	l->free_flight = f->next;
	l->conns[i].link = idx;
	f->conn = i;
	f->connecting = connecting;
	f->intended_ns = intended_ns;
	f->sent = f->received = 0;
	flight_link(l, f);
	*(connecting ? &l->n_connecting : &l->n_asking) += 1;
}

static void flight_give(struct load *l, uint32_t i)
{
	struct load_flight *f = flight_of(l, i);

	*(f->connecting ? &l->n_connecting : &l->n_asking) -= 1;
	flight_unlink(l, f);
	f->next = l->free_flight;
	l->free_flight = (uint32_t)(f - l->flights);
	l->conns[i].link = 0;
}

static void error_count(struct load *l, enum load_phase phase, unsigned number)
{
	l->stats.errors++;
	l->stats.error[phase][number < LOAD_ERRNO_MAX ? number : LOAD_ERRNO_MAX - 1]++;
}

void load_conn_close(struct load *l, uint32_t i)
{
	struct load_conn *c = &l->conns[i];
	bool connected = true;

	if (l->plan->reset) {
		struct linger now = { .l_onoff = 1, .l_linger = 0 };

		spate_setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	}
	if (c->link != 0) {
		connected = !flight_of(l, i)->connecting;
		flight_give(l, i);
	} else {
		l->n_idle--;
	}
	if (connected)
		l->stats.open--;
	spate_close(c->fd);
	c->fd = -1;
	c->link = l->free_conn;
	l->free_conn = i;
	l->n_open--;
}

static void fail(struct load *l, uint32_t i, enum load_phase phase, unsigned number)
{
	error_count(l, phase, number);
	load_conn_close(l, i);
}

/* The answer is complete. */
static void answered(struct load *l, uint32_t i, bool again)
{
	struct load_flight *f = flight_of(l, i);
	const struct load_plan *p = l->plan;

	l->stats.responses++;
	hist_add(&l->stats.request_ns, l->now_ns - f->intended_ns);
	l->conns[i].done++;
	if (!again || (p->requests_per_connection != 0 && l->conns[i].done >= p->requests_per_connection)) {
		load_conn_close(l, i);
		return;
	}
	flight_give(l, i);
	l->n_idle++;
	load_next(l, i);
}

/* Bytes of an answer over HTTP: true when the connection goes on as it is. */
static bool http_bytes(struct load *l, uint32_t i, size_t n)
{
	struct load_flight *f = flight_of(l, i);
	size_t off = 0, used;
	enum http_event ev;

	do {
		ev = http_feed(&f->http, l->buf + off, n - off, &used);
		off += used;
	} while (ev == HTTP_TOP);
	if (ev == HTTP_MORE)
		return true;
	if (ev == HTTP_BAD || off < n) {
		fail(l, i, LOAD_CONTENT, 0);
	} else if (f->http.status >= 400) {
		l->stats.errors++;
		l->stats.status[f->http.status < LOAD_STATUS_MAX ? f->http.status : LOAD_STATUS_MAX - 1]++;
		answered(l, i, http_keepalive(&f->http));
	} else {
		answered(l, i, http_keepalive(&f->http));
	}
	return false;
}

/* Bytes that an echo sent back. */
static bool echo_bytes(struct load *l, uint32_t i, size_t n)
{
	struct load_flight *f = flight_of(l, i);
	const unsigned char *expect = payload + (f->serial + f->received) % PAYLOAD_PERIOD;

	if (n > f->sent - f->received || memcmp(l->buf, expect, n) != 0) {
		if (l->plan->url->scheme != URL_UDP) {
			fail(l, i, LOAD_CONTENT, 0);
			return false;
		}
		l->stats.late++; /* the answer to a request that was given up */
		return true;
	}
	if (l->plan->url->scheme == URL_UDP && n != l->plan->size_bytes) {
		l->stats.late++;
		return true;
	}
	f->received += n;
	if (f->received < l->plan->size_bytes)
		return true;
	answered(l, i, true);
	return false;
}

/* Reads what is there: an edge comes once. It ends, since nothing arrives while the stack has no turn. */
static void receive(struct load *l, uint32_t i)
{
	bool http = l->plan->url->scheme == URL_HTTP;

	for (;;) {
		ssize_t n = spate_recv(l->conns[i].fd, l->buf, sizeof(l->buf), 0);

		if (n < 0) {
			if (errno != EAGAIN)
				fail(l, i, LOAD_READ, (unsigned)errno);
			return;
		}
		if (n == 0 && l->plan->url->scheme != URL_UDP) {
			if (http && http_eof(&flight_of(l, i)->http))
				answered(l, i, false);
			else
				fail(l, i, LOAD_READ, LOAD_EOF);
			return;
		}
		l->stats.bytes_in += (uint64_t)n;
		if (!(http ? http_bytes(l, i, (size_t)n) : echo_bytes(l, i, (size_t)n)))
			return;
		if (n < (ssize_t)sizeof(l->buf) && l->plan->url->scheme != URL_UDP)
			return;
	}
}

/* Sends what is left of the request. False: the connection failed. */
static bool transmit(struct load *l, uint32_t i)
{
	struct load_flight *f = flight_of(l, i);
	bool http = l->plan->url->scheme == URL_HTTP;
	uint64_t total = http ? l->plan->request_len : l->plan->size_bytes;

	while (f->sent < total) {
		const void *from = http ? (const void *)(l->plan->request + f->sent) :
					  payload + (f->serial + f->sent) % PAYLOAD_PERIOD;
		size_t len = total - f->sent < LOAD_BUF ? (size_t)(total - f->sent) : LOAD_BUF;
		ssize_t n = spate_send(l->conns[i].fd, from, len, 0);

		if (n < 0) {
			if (errno == EAGAIN)
				return true;
			fail(l, i, LOAD_WRITE, (unsigned)errno);
			return false;
		}
		f->sent += (uint64_t)n;
		l->stats.bytes_out += (uint64_t)n;
	}
	return true;
}

void load_request(struct load *l, uint32_t i, uint64_t intended_ns)
{
	struct load_flight *f;

	l->n_idle--;
	flight_take(l, i, false, intended_ns);
	f = flight_of(l, i);
	f->serial = l->serial++;
	http_init(&f->http, HTTP_RESPONSE, l->plan->head ? HTTP_NO_BODY : 0);
	l->stats.requests++;
	transmit(l, i);
}

static void established(struct load *l, uint32_t i, uint64_t intended_ns)
{
	l->stats.connected++;
	l->stats.open++;
	if (l->stats.open > l->stats.open_max)
		l->stats.open_max = l->stats.open;
	if (l->plan->url->scheme != URL_UDP)
		hist_add(&l->stats.connect_ns, l->now_ns - intended_ns);
	l->n_idle++;
	load_next(l, i);
}

static void connect_event(struct load *l, uint32_t i, uint32_t events)
{
	uint64_t intended_ns = flight_of(l, i)->intended_ns;

	if (events & (EPOLLERR | EPOLLHUP)) {
		int e = 0;
		socklen_t len = sizeof(e);

		spate_getsockopt(l->conns[i].fd, SOL_SOCKET, SO_ERROR, &e, &len);
		fail(l, i, LOAD_CONNECT, e > 0 ? (unsigned)e : LOAD_EOF);
	} else if (events & EPOLLOUT) {
		flight_give(l, i);
		established(l, i, intended_ns);
	}
}

/* An idle connection became readable: the peer has closed it, or talks without being asked. */
static void idle_event(struct load *l, uint32_t i)
{
	ssize_t n = spate_recv(l->conns[i].fd, l->buf, sizeof(l->buf), 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (l->plan->url->scheme == URL_UDP) {
		l->stats.late++;
		return;
	}
	fail(l, i, n > 0 ? LOAD_CONTENT : LOAD_LOST, n < 0 ? (unsigned)errno : LOAD_EOF);
}

void load_conn_event(struct load *l, uint32_t i, uint32_t events)
{
	struct load_conn *c = &l->conns[i];

	if (c->fd < 0)
		return;
	if (c->link != 0 && flight_of(l, i)->connecting) {
		connect_event(l, i, events);
		return;
	}
	if (c->link == 0) {
		if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
			idle_event(l, i);
		return;
	}
	if (events & EPOLLOUT && !transmit(l, i))
		return;
	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		receive(l, i);
}

void load_conn_open(struct load *l, uint32_t i, uint64_t intended_ns)
{
	const struct url *u = l->plan->url;
	struct load_conn *c = &l->conns[i];
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(u->port), .sin_addr.s_addr = htonl(u->addr) };
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons(u->port), .sin6_addr = u->addr6,
				    .sin6_scope_id = u->scope };
	struct epoll_event ev = { .events = EVENTS, .data.u64 = i };
	int type = u->scheme == URL_UDP ? SOCK_DGRAM : SOCK_STREAM, fd, rc;

	l->stats.opened++;
	fd = spate_socket(u->ip6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK, 0);
	if (fd < 0) {
		error_count(l, LOAD_CONNECT, (unsigned)errno);
		return;
	}
	rc = u->ip6 ? spate_connect(fd, (struct sockaddr *)&to6, sizeof(to6)) : spate_connect(fd, (struct sockaddr *)&to, sizeof(to));
	if ((rc != 0 && errno != EINPROGRESS) || spate_epoll_ctl(l->ep, EPOLL_CTL_ADD, fd, &ev) != 0) {
		error_count(l, LOAD_CONNECT, (unsigned)errno);
		spate_close(fd);
		return;
	}
	l->free_conn = c->link;
	c->fd = fd;
	c->link = 0;
	c->done = 0;
	l->n_open++;
	if (rc == 0)
		established(l, i, intended_ns);
	else
		flight_take(l, i, true, intended_ns);
}

void load_timeouts(struct load *l)
{
	while (l->flights[0].next != 0) {
		struct load_flight *f = &l->flights[l->flights[0].next];
		uint32_t i = f->conn;

		if (l->now_ns - f->started_ns < l->plan->timeout_ns)
			break;
		if (l->plan->url->scheme != URL_UDP) {
			fail(l, i, f->connecting ? LOAD_CONNECT : LOAD_READ, ETIMEDOUT);
			continue;
		}
		error_count(l, LOAD_READ, ETIMEDOUT);
		flight_give(l, i);
		l->n_idle++;
	}
}
