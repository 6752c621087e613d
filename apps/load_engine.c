/* load_engine.c: what the load generator starts, and when. Closed loop: something ends, something begins. Open loop:
 * the k-th arrival is due at start + k / rate whatever happened to those before it; latency counts from then. */
#include <stdlib.h>
#include <string.h>

#include "load.h"
#include "spate/socket.h"

#define EVENTS_MAX 256
#define OPENS_MAX 64           /* connects per turn: in step with what one turn's packets can carry */
#define REQUESTS_MAX 256       /* requests started per turn */
#define PROBES_MAX 64          /* random tries to find an idle connection, before looking at all */
#define FEW 64                 /* when less than one in so many is idle, the one that has just become idle is next */
#define HOPELESS_MAX 1000      /* so many failed connects, or two per connection, and no success: nobody is there */
#define FIRST_MAX 16           /* under way until the first answer: few packets may wait for an unresolved neighbour */
#define GRACE_NS 1000000000ull /* for what is under way when the time is over */
#define CLOSES_MAX 256

void load_stats_init(struct load_stats *st)
{
	memset(st, 0, sizeof(*st));
	hist_reset(&st->connect_ns);
	hist_reset(&st->request_ns);
}

void load_stats_merge(struct load_stats *to, const struct load_stats *from)
{
	to->opened += from->opened;
	to->connected += from->connected;
	to->open += from->open;
	to->open_max += from->open_max;
	to->held += from->held;
	to->requests += from->requests;
	to->responses += from->responses;
	to->bytes_in += from->bytes_in;
	to->bytes_out += from->bytes_out;
	to->late += from->late;
	to->unfinished += from->unfinished;
	to->errors += from->errors;
	to->waiting += from->waiting;
	to->waiting_max += from->waiting_max;
	if (from->run_ns > to->run_ns)
		to->run_ns = from->run_ns;
	for (unsigned i = 0; i < LOAD_PHASES; i++)
		for (unsigned j = 0; j < LOAD_ERRNO_MAX; j++)
			to->error[i][j] += from->error[i][j];
	for (unsigned i = 0; i < LOAD_STATUS_MAX; i++)
		to->status[i] += from->status[i];
	hist_merge(&to->connect_ns, &from->connect_ns);
	hist_merge(&to->request_ns, &from->request_ns);
}

int load_open(struct load *l, const struct load_plan *plan)
{
	uint64_t busy = plan->pending + plan->concurrency;

	memset(l, 0, offsetof(struct load, buf));
	load_stats_init(&l->stats);
	l->plan = plan;
	l->random = plan->seed | 1;
	l->n_flights = (uint32_t)(busy < plan->connections ? busy : plan->connections) + 1;
	l->conns = malloc(plan->connections * sizeof(*l->conns));
	l->flights = calloc(l->n_flights, sizeof(*l->flights));
	l->ep = spate_epoll_create1(0);
	if (!l->conns || !l->flights || l->ep < 0) {
		int rc = l->ep < 0 ? -errno : -ENOMEM;

		free(l->conns);
		free(l->flights);
		return rc;
	}
	for (uint32_t i = 1; i < l->n_flights; i++)
		l->flights[i].next = i + 1 < l->n_flights ? i + 1 : 0;
	l->free_flight = l->n_flights > 1;
	for (uint32_t i = 0; i < plan->connections; i++)
		l->conns[i] = (struct load_conn){ .fd = -1, .link = i + 1 };
	l->now_ns = l->start_ns = spate_now_ns();
	return 0;
}

static uint32_t random_below(struct load *l, uint32_t n)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	return (uint32_t)(((l->random >> 32) * n) >> 32);
}

static bool is_idle(const struct load *l, uint32_t i) { return l->conns[i].fd >= 0 && l->conns[i].link == 0; }

/* A random idle connection; there is one. */
static uint32_t pick_idle(struct load *l)
{
	uint32_t n = (uint32_t)l->plan->connections, i = 0;

	for (int probe = 0; probe < PROBES_MAX; probe++) {
		i = random_below(l, n);
		if (is_idle(l, i))
			return i;
	}
	while (!is_idle(l, i))
		i = i + 1 < n ? i + 1 : 0;
	return i;
}

static uint64_t due_ns(const struct load *l)
{
	return l->start_ns + (uint64_t)((double)l->arrivals * 1e9 / l->plan->rate);
}

/* Arrivals that were due by now and have not been started. */
static uint64_t due(const struct load *l)
{
	double n = (double)(l->now_ns - l->start_ns) * l->plan->rate / 1e9 + 1;

	return n > (double)l->arrivals ? (uint64_t)n - l->arrivals : 0;
}

static uint64_t requests_left(const struct load *l)
{
	return l->plan->requests == UINT64_MAX ? UINT64_MAX : l->plan->requests - l->stats.requests;
}

/* How much may be under way, of what the plan allows. */
static uint64_t at_most(const struct load *l, uint64_t plan)
{
	bool heard = l->plan->url->scheme == URL_UDP ? l->stats.responses > 0 : l->stats.connected > 0;

	return heard || plan < FIRST_MAX ? plan : FIRST_MAX;
}

/* How many connections may be opened now. */
static uint64_t opens_wanted(const struct load *l)
{
	const struct load_plan *p = l->plan;
	uint64_t n = p->connections - l->n_open, pending = at_most(l, p->pending);
	uint64_t room = pending > l->n_connecting ? pending - l->n_connecting : 0;

	if (l->stopping)
		return 0;
	if (p->mode == LOAD_HOLD) /* each once: what fails is reported, not repaired */
		n = p->connections - l->stats.opened;
	if (p->mode == LOAD_CONN_RATE && due(l) < n)
		n = due(l);
	if (p->mode == LOAD_CLOSED || p->mode == LOAD_CONN_RATE) { /* no more than there will be requests for */
		uint64_t coming = l->n_connecting + l->n_idle;
		uint64_t useful = requests_left(l) > coming ? requests_left(l) - coming : 0;

		n = n < useful ? n : useful;
	}
	n = n < room ? n : room;
	return n < OPENS_MAX ? n : OPENS_MAX;
}

static void open_some(struct load *l)
{
	for (uint64_t n = opens_wanted(l); n > 0 && l->free_conn < l->plan->connections; n--) {
		uint64_t intended_ns = l->now_ns, errors = l->stats.errors;

		if (l->plan->mode == LOAD_CONN_RATE) {
			intended_ns = due_ns(l);
			l->arrivals++;
		}
		load_conn_open(l, l->free_conn, intended_ns);
		if (l->stats.errors != errors)
			break; /* no port, no memory: try again when something has changed */
	}
}

static bool open_loop(const struct load *l) { return l->plan->mode == LOAD_RATE || l->plan->mode == LOAD_HOLD; }

static void ask(struct load *l, uint32_t i)
{
	uint64_t intended_ns = l->now_ns;

	if (open_loop(l)) {
		intended_ns = due_ns(l);
		l->arrivals++;
	}
	load_request(l, i, intended_ns);
}

static bool may_ask(const struct load *l)
{
	return !l->stopping && l->n_idle > 0 && l->n_asking < at_most(l, l->plan->concurrency) && requests_left(l) > 0 &&
	       (!open_loop(l) || (l->started && due(l) > 0));
}

void load_next(struct load *l, uint32_t i)
{
	const struct load_plan *p = l->plan;
	bool its_turn = p->mode == LOAD_CONN_RATE || (p->mode == LOAD_CLOSED && p->concurrency >= p->connections) ||
			(uint64_t)l->n_idle * FEW < p->connections;

	if (its_turn && may_ask(l))
		ask(l, i);
}

static void ask_some(struct load *l)
{
	for (int n = 0; n < REQUESTS_MAX && may_ask(l); n++)
		ask(l, pick_idle(l));
}

bool load_ramped(const struct load *l)
{
	return l->stats.opened >= l->plan->connections && l->n_connecting == 0;
}

/* The measured part begins at once in a closed loop, else when the connections of all stacks are there. */
static void start_when_ready(struct load *l)
{
	if (l->started || !(l->plan->mode == LOAD_CLOSED || l->plan->mode == LOAD_CONN_RATE || l->all_ramped))
		return;
	l->started = true;
	l->stats.held = l->stats.open;
	l->start_ns = l->now_ns;
}

bool load_over(const struct load *l)
{
	const struct load_plan *p = l->plan;

	uint64_t hopeless = 2 * p->connections + 1 < HOPELESS_MAX ? 2 * p->connections + 1 : HOPELESS_MAX;

	if (l->stats.connected == 0 && l->stats.errors >= hopeless)
		return true;
	if (!l->started)
		return false;
	if (p->duration_ns != 0 && l->now_ns - l->start_ns >= p->duration_ns)
		return true;
	return l->stats.requests >= p->requests && l->n_asking == 0;
}

static int patience_ms(const struct load *l)
{
	const struct load_plan *p = l->plan;
	bool more = opens_wanted(l) > 0 || (l->n_idle > 0 && l->n_asking < p->concurrency);

	return (more && p->mode != LOAD_HOLD) || p->rate > 0 || !l->started ? 0 : 10;
}

static void events_once(struct load *l, int timeout_ms)
{
	struct epoll_event ev[EVENTS_MAX];
	int n = spate_epoll_wait(l->ep, ev, EVENTS_MAX, timeout_ms);

	l->now_ns = spate_now_ns();
	for (int i = 0; i < n; i++)
		load_conn_event(l, (uint32_t)ev[i].data.u64, ev[i].events);
	load_timeouts(l);
}

void load_turn(struct load *l)
{
	const struct load_plan *p = l->plan;

	events_once(l, patience_ms(l));
	start_when_ready(l);
	open_some(l);
	ask_some(l);
	if (p->rate > 0 && l->started && !l->stopping) {
		l->stats.waiting = due(l);
		if (l->stats.waiting > l->stats.waiting_max)
			l->stats.waiting_max = l->stats.waiting;
	}
	if (l->started)
		l->stats.run_ns = l->now_ns - l->start_ns;
}

static void close_all(struct load *l)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < l->plan->connections; i++) {
		if (l->conns[i].fd < 0)
			continue;
		load_conn_close(l, i);
		if (++n % CLOSES_MAX == 0)
			spate_turn();
	}
	for (uint64_t end = spate_now_ns() + GRACE_NS / 10; n > 0 && spate_now_ns() < end;)
		spate_turn(); /* the last FINs go out */
}

void load_finish(struct load *l)
{
	uint64_t end = l->now_ns + GRACE_NS;
	struct load_stats *st = &l->stats;

	l->stopping = true;
	while (l->n_asking > 0 && l->now_ns < end)
		events_once(l, 1);
	st->unfinished = l->n_asking;
	st->open = 0;
	if (!l->plan->leave_open) {
		close_all(l);
		spate_close(l->ep);
	}
	free(l->conns);
	free(l->flights);
}
