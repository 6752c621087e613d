/* serve_threads.c: one thread per stack that runs the services, and what they report to the thread that watches. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "serve.h"
#include "spate/spate.h"

#define PUBLISH_NS 200000000ull /* how often a thread shows its counters */
#define WAIT_MS 100             /* how long a turn may wait: how late a thread sees that it shall stop */

enum { STARTING, SERVING, FAILED };

static void show(struct server *sv, const struct serve *s, int state)
{
	pthread_mutex_lock(&sv->lock);
	if (s)
		sv->shown = s->stats;
	sv->state = state;
	pthread_mutex_unlock(&sv->lock);
}

static void serve_until_stopped(struct server *sv, struct serve *s)
{
	uint64_t next = 0;

	while (!__atomic_load_n(&sv->stop, __ATOMIC_RELAXED)) {
		serve_turn(s, WAIT_MS);
		if (spate_now_ns() >= next) {
			show(sv, s, SERVING);
			next = spate_now_ns() + PUBLISH_NS;
		}
	}
	serve_close(s);
	stack_report_take(&sv->report, sv->stack);
	show(sv, s, SERVING);
}

static void *server_main(void *arg)
{
	struct server *sv = arg;
	struct serve *s = calloc(1, sizeof(*s));
	int rc = s ? spate_attach(sv->stack) : -ENOMEM;

	if (rc != 0) {
		snprintf(sv->err, sizeof(sv->err), "cannot take stack %u: %s", sv->stack, strerror(-rc));
		show(sv, NULL, FAILED);
	} else if (serve_open(s, sv->cfg, sv->err, sizeof(sv->err)) != 0) {
		show(sv, NULL, FAILED);
		spate_detach();
	} else {
		serve_until_stopped(sv, s);
		spate_detach();
	}
	free(s);
	return NULL;
}

static int wait_ready(struct servers *all, char *err, size_t err_len)
{
	struct timespec tick = { .tv_nsec = 1000000 };

	for (unsigned i = 0; i < all->n; i++) {
		int state = STARTING;

		while (state == STARTING) {
			nanosleep(&tick, NULL);
			pthread_mutex_lock(&all->sv[i].lock);
			state = all->sv[i].state;
			pthread_mutex_unlock(&all->sv[i].lock);
		}
		if (state == FAILED) {
			snprintf(err, err_len, "%s", all->sv[i].err);
			return -EIO;
		}
	}
	return 0;
}

int servers_start(struct servers *all, const struct serve_config *cfg, unsigned first, unsigned n, char *err,
		  size_t err_len)
{
	all->n = 0;
	all->sv = calloc(n, sizeof(*all->sv));
	if (!all->sv) {
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	for (unsigned i = 0; i < n; i++) {
		struct server *sv = &all->sv[i];

		sv->stack = first + i;
		sv->cfg = cfg;
		pthread_mutex_init(&sv->lock, NULL);
		if (pthread_create(&sv->thread, NULL, server_main, sv) != 0) {
			snprintf(err, err_len, "cannot start a thread");
			return -EAGAIN;
		}
		all->n++;
	}
	return wait_ready(all, err, err_len);
}

void servers_stop(struct servers *all)
{
	for (unsigned i = 0; i < all->n; i++)
		__atomic_store_n(&all->sv[i].stop, 1, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < all->n; i++)
		pthread_join(all->sv[i].thread, NULL);
}

static void stats_add(struct serve_stats *to, const struct serve_stats *from)
{
	to->accepted += from->accepted;
	to->open += from->open;
	to->requests += from->requests;
	to->bad_requests += from->bad_requests;
	to->datagrams += from->datagrams;
	to->bytes_in += from->bytes_in;
	to->bytes_out += from->bytes_out;
	to->resets += from->resets;
	to->failures += from->failures;
}

struct serve_stats servers_stats(struct servers *all)
{
	struct serve_stats sum;

	memset(&sum, 0, sizeof(sum));
	for (unsigned i = 0; i < all->n; i++) {
		pthread_mutex_lock(&all->sv[i].lock);
		stats_add(&sum, &all->sv[i].shown);
		pthread_mutex_unlock(&all->sv[i].lock);
	}
	return sum;
}

void servers_free(struct servers *all)
{
	free(all->sv);
	all->sv = NULL;
	all->n = 0;
}
