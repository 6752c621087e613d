/* ask.c: requests and replies on held connections. The connections take turns in an order that jumps all over them, so
 * that a cache does not help more than it would in life. */
#include <stdlib.h>
#include <string.h>

#include "net.h"
#include "run.h"
#include "tsc.h"

#define EVENTS_MAX 256
#define STALL_S 5

struct slot {
	uint64_t t0, serial;
	uint32_t conn;
};

struct ask {
	struct held *h;
	struct slot *slots;
	uint64_t *busy;      /* a bit per connection */
	uint32_t next, stride;
	uint64_t serial, asked, total, last;
	bool own;            /* as many requests as connections: each goes on with its own */
	struct span span;
	double ns_per_tick;
	struct ask_result *res;
};

static const uint8_t filler[MSG_BYTES - 16] = "spate-perf request and reply, 64 bytes of them";

static uint32_t gcd(uint32_t a, uint32_t b)
{
	while (b != 0) {
		uint32_t t = a % b;

		a = b;
		b = t;
	}
	return a;
}

/* A step of about the golden section that visits all n. */
static uint32_t stride_of(uint32_t n)
{
	uint32_t s = (uint32_t)((double)n * 0.6180339887) | 1;

	while (gcd(s, n) != 1)
		s++;
	return s % n;
}

static bool busy(const struct ask *a, uint32_t i) { return a->busy[i / 64] >> (i % 64) & 1; }

static uint32_t pick(struct ask *a)
{
	uint32_t i;

	do {
		i = a->next;
		a->next += a->stride;
		if (a->next >= a->h->n)
			a->next -= a->h->n;
	} while (busy(a, i) || a->h->fds[i] < 0);
	return i;
}

static void send_one(struct ask *a, uint32_t slot, uint32_t conn)
{
	struct msg m = { .serial = a->serial++, .slot = slot, .conn = conn };

	memcpy(m.filler, filler, sizeof(filler));
	a->slots[slot] = (struct slot){ .t0 = tsc_now(), .serial = m.serial, .conn = conn };
	a->busy[conn / 64] |= 1ull << (conn % 64);
	a->asked++;
	if (NET(send)(a->h->fds[conn], &m, sizeof(m), MSG_NOSIGNAL) != (ssize_t)sizeof(m))
		a->res->errors++;
}

/* The connection has something: the reply, or bad news. */
static void receive(struct ask *a, uint32_t conn)
{
	struct msg m;
	ssize_t n = NET(recv)(a->h->fds[conn], &m, sizeof(m), 0);
	uint64_t now = tsc_now();
	struct slot *s;

	if (n < 0 && errno == EAGAIN)
		return;
	a->last = now;
	s = n == (ssize_t)sizeof(m) && m.conn == conn && busy(a, conn) ? &a->slots[m.slot] : NULL;
	if (!s || s->conn != conn || s->serial != m.serial || memcmp(m.filler, filler, sizeof(filler)) != 0) {
		a->res->errors++;
		return;
	}
	a->busy[conn / 64] &= ~(1ull << (conn % 64));
	if (a->total != 0 || (now >= a->span.begin && now < a->span.end)) {
		a->res->answered++;
		hist_add(&a->res->ns, (uint64_t)((double)(now - s->t0) * a->ns_per_tick));
	}
	if (a->total == 0 || a->asked < a->total)
		send_one(a, m.slot, a->own ? conn : pick(a));
}

static bool over(const struct ask *a, uint64_t now)
{
	return a->total != 0 ? a->res->answered + a->res->errors >= a->total : now >= a->span.end;
}

static int loop(struct perf_run *r, struct ask *a)
{
	uint64_t stall = (uint64_t)(STALL_S * tsc_hz());

	a->last = tsc_now();
	for (uint64_t now = a->last; !over(a, now); now = tsc_now()) {
		struct epoll_event ev[EVENTS_MAX];
		int n = perf_wait(r, a->h->ep, ev, EVENTS_MAX, 1);

		for (int k = 0; k < n; k++)
			if (ev[k].events & ~(unsigned)EPOLLOUT)
				receive(a, ev[k].data.u32);
		if (now - a->last > stall && now > a->last) {
			errno = ETIMEDOUT;
			return perf_fail(r, "requests stay unanswered");
		}
	}
	return 0;
}

int ask_run(struct perf_run *r, struct held *h, uint32_t concurrency, uint64_t total, struct ask_result *res)
{
	struct ask a = { .h = h, .total = total, .res = res, .ns_per_tick = 1e9 / tsc_hz() };
	uint64_t begin;
	int rc;

	if (concurrency > h->established)
		concurrency = h->established;
	if (total != 0 && concurrency > total)
		concurrency = (uint32_t)total;
	a.own = concurrency == h->n;
	a.stride = h->n > 2 ? stride_of(h->n) : 1;
	a.slots = calloc(concurrency + 1, sizeof(*a.slots));
	a.busy = calloc(h->n / 64 + 1, sizeof(*a.busy));
	hist_reset(&res->ns);
	res->answered = res->errors = 0;
	if (!a.slots || !a.busy) {
		rc = perf_fail(r, "client");
		goto out;
	}
	a.span = span_after_warmup(&r->a);
	begin = tsc_now();
	for (uint32_t i = 0; i < concurrency; i++)
		send_one(&a, i, pick(&a));
	rc = loop(r, &a);
	res->seconds = (double)(total != 0 ? tsc_now() - begin : a.span.end - a.span.begin) / tsc_hz();
out:
	free(a.slots);
	free(a.busy);
	return rc;
}
