/* svc.c: a service: its memory, a thread per stack, the control thread. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spate/spate.h"
#include "svc/control.h"
#include "svc/rule.h"

#define LINGER_NS 1000000000u /* for FINs and what is before them, at the end */

enum phase { STARTING, SERVING, FAILED };

/* A stack's thread. */
struct worker {
	struct svc *svc;
	pthread_t thread;
	unsigned stack;
	int rc;
	_Atomic uint32_t phase; /* enum phase */
	_Atomic uint32_t settled; /* 1: see svc_settled() */
};

struct svc {
	struct svc_region region;
	struct svc_bells bells;
	struct svc_controller control;
	enum svc_idle idle;
	unsigned n, n_started;
	int guard; /* 0: none */
	_Atomic uint32_t stop;
	struct svc_server *servers;
	struct worker *workers;
};

static int fail(char *err, size_t err_len, int rc, const char *what)
{
	snprintf(err, err_len, "%s: %s", what, strerror(-rc));
	return rc;
}

/* ---- a stack's thread ---- */

/* Until everything that clients left has been told to its peers, or for a moment. The last slot in use is our epoll instance. */
static void say_goodbye(struct svc_server *v)
{
	struct stack *s = v->env->s;
	uint64_t until;

	svc_server_close_all(v);
	svc_news(v);
	until = s->clock.now_ns + LINGER_NS;
	while (s->flow.pool[FLOW_CONN].used > 1 && s->clock.now_ns < until)
		svc_news(v);
}

/* Until the service ends or what is given is so. */
static void work(struct worker *w, bool until_settled)
{
	struct svc_server *v = &w->svc->servers[w->stack];

	while (atomic_load_explicit(&w->svc->stop, memory_order_relaxed) == 0 && !(until_settled && spate_settled()))
		if (!svc_server_turn(v))
			svc_server_idle(v);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct svc_server *v = &w->svc->servers[w->stack];
	int rc = spate_attach(w->stack);

	if (rc == 0) {
		rc = svc_server_init(v, &w->svc->region, w->stack, &w->svc->bells, sock_cur, w->svc->idle);
		if (rc < 0)
			spate_detach();
	}
	w->rc = rc;
	atomic_store(&w->phase, rc < 0 ? FAILED : SERVING);
	if (rc < 0)
		return NULL;
	work(w, true);
	atomic_store(&w->settled, 1);
	work(w, false);
	say_goodbye(v);
	svc_server_fini(v);
	spate_detach();
	return NULL;
}

/* ---- start and stop ---- */

static int workers_start(struct svc *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		struct worker *w = &s->workers[i];
		int rc;

		w->svc = s;
		w->stack = i;
		rc = -pthread_create(&w->thread, NULL, worker_main, w);
		if (rc < 0)
			return rc;
		s->n_started++;
	}
	for (unsigned i = 0; i < s->n; i++) {
		while (atomic_load(&s->workers[i].phase) == STARTING)
			usleep(1000);
		if (s->workers[i].rc < 0)
			return s->workers[i].rc;
	}
	return 0;
}

static void workers_stop(struct svc *s)
{
	atomic_store(&s->stop, 1);
	for (unsigned i = 0; i < s->n_started; i++) {
		if (atomic_load(&s->workers[i].phase) != FAILED)
			svc_server_wake(&s->servers[i]);
		pthread_join(s->workers[i].thread, NULL);
	}
}

static struct svc *svc_new(void)
{
	unsigned n = sock_stacks_per_end();
	struct svc *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->n = n;
	s->servers = aligned_alloc(64, n * sizeof(*s->servers));
	s->workers = calloc(n, sizeof(*s->workers));
	if (s->servers == NULL || s->workers == NULL) {
		free(s->servers);
		free(s->workers);
		free(s);
		return NULL;
	}
	return s;
}

static void svc_free(struct svc *s)
{
	svc_region_free(&s->region);
	free(s->servers);
	free(s->workers);
	free(s);
}

static int start(struct svc *s, const struct svc_config *cfg, char *err, size_t err_len)
{
	int rc = svc_region_make(&s->region, s->n, sock_stack(0)->flow.pool[FLOW_CONN].cap);

	if (rc < 0)
		return fail(err, err_len, rc, "memory shared with programs (try a smaller max-connections)");
	rc = svc_rules_read(s->region.head, cfg->rules, cfg->n_rules, err, err_len);
	if (rc < 0)
		return rc;
	s->region.head->catches = (cfg->dns ? SVC_CATCH_DNS : 0) | (cfg->raw ? SVC_CATCH_RAW : 0);
	rc = svc_bells_init(&s->bells, &s->region);
	if (rc < 0)
		return fail(err, err_len, rc, "bells");
	if (cfg->guard > 0)
		svc_guard_tell(cfg->guard, s->region.memfd); /* without it programs wait longer, no worse */
	s->guard = cfg->guard;
	rc = workers_start(s);
	if (rc == 0) {
		rc = svc_control_start(&s->control, &s->region, s->servers, &s->bells, cfg->path);
		if (rc == 0)
			return 0;
		fail(err, err_len, rc, cfg->path);
	} else {
		fail(err, err_len, rc, "starting a stack's thread");
	}
	workers_stop(s);
	svc_bells_fini(&s->bells);
	return rc;
}

int svc_start(const struct svc_config *cfg, struct svc **svc, char *err, size_t err_len)
{
	sigset_t all, mine;
	struct svc *s;
	int rc;

	if (sock_stacks_per_end() == 0)
		return fail(err, err_len, -ENXIO, "spate_start() comes first");
	s = svc_new();
	if (s == NULL)
		return fail(err, err_len, -ENOMEM, "service");
	s->idle = cfg->idle;
	/* Signals are for the threads of whoever calls this. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &mine);
	rc = start(s, cfg, err, err_len);
	pthread_sigmask(SIG_SETMASK, &mine, NULL);
	if (rc < 0) {
		svc_free(s);
		return rc;
	}
	*svc = s;
	return 0;
}

void svc_stop(struct svc *s)
{
	svc_control_stop(&s->control);
	workers_stop(s);
	svc_bells_fini(&s->bells);
	if (s->guard > 0)
		close(s->guard);
	svc_free(s);
}

/* ---- what is known of it ---- */

bool svc_settled(const struct svc *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		n += atomic_load(&s->workers[i].settled);
	return n == s->n;
}

static bool has_sockets(const struct svc_region *r, uint32_t proc)
{
	uint32_t high = atomic_load(&r->procs[proc].fd_high);
	_Atomic svc_entry *fds = svc_region_fds(r, proc);

	for (uint32_t fd = 0; fd < RTE_MIN(high, SVC_FDS_MAX); fd++)
		if (svc_entry_kind(atomic_load_explicit(&fds[fd], memory_order_relaxed)) == SVC_KIND_FILE)
			return true;
	return false;
}

unsigned svc_users(const struct svc *s)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < SVC_PROCS; i++)
		n += atomic_load(&s->region.procs[i].pid) > 0 && has_sockets(&s->region, i);
	return n;
}

unsigned svc_sockets(const struct svc *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < s->n; i++)
		n += atomic_load_explicit(&s->servers[i].n_open, memory_order_relaxed);
	return n;
}
