// run.c: runs the rows, many at a time, each in a thread of its own, and prints a line of facts per row.
//
//   connect-rows [--want FILE] [--long] [--down] [--jobs N] [ROW...]
//
// FILE gets the same lines with what the table says. A row that does not end says so, and the program ends without it.
#include "rows.h"
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RUNS_MAX = 640, JOBS_MAX = 64, JOBS = 12, ROW_LIMIT_S = 60, ROW_LIMIT_LONG_S = 200 };

static const struct row *const sections[] = {rows_a, rows_b, rows_c, rows_d, rows_e, rows_f,
					     rows_g, rows_h, rows_i, rows_j, rows_k, rows_l};

_Thread_local struct running *running;

static struct running runs[RUNS_MAX];
static bool done[RUNS_MAX];
static int run_count, run_next;
static bool want_long, want_down;
static FILE *wants;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;

static const char *row_id(const struct running *r, char *text, size_t size)
{
	snprintf(text, size, "%s%s", r->row->id, r->net == &net6 ? "/6" : "");
	return text;
}

static void print(const struct running *r)
{
	char id[16];
	bool any = false;

	printf("%s", row_id(r, id, sizeof(id)));
	for (int i = 0; i < r->fact_count; i++)
		printf(" %s=%s", r->facts[i].key, r->facts[i].seen);
	printf("\n");
	fflush(stdout);
	if (!wants)
		return;
	for (int i = 0; i < r->fact_count; i++) {
		if (r->facts[i].wanted) {
			fprintf(wants, "%s %s=%s", any ? "" : id, r->facts[i].key, r->facts[i].want);
			any = true;
		}
	}
	if (any)
		fprintf(wants, "\n");
	fflush(wants);
}

static void run_one(struct running *r)
{
	running = r;
	r->row->run(r->net);
	for (int i = 0; i < r->kept_count; i++)
		close(r->kept[i]);
}

static void *work(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&lock);
	while (run_next < run_count && !(runs[run_next].row->flags & ROW_ALONE)) {
		int i = run_next++;

		pthread_mutex_unlock(&lock);
		run_one(&runs[i]);
		pthread_mutex_lock(&lock);
		print(&runs[i]);
		done[i] = true;
		pthread_cond_signal(&moved);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

static void *work_alone(void *arg)
{
	int i = *(int *)arg;

	run_one(&runs[i]);
	pthread_mutex_lock(&lock);
	print(&runs[i]);
	done[i] = true;
	pthread_cond_signal(&moved);
	pthread_mutex_unlock(&lock);
	return NULL;
}

static bool all_done(int from, int to)
{
	for (int i = from; i < to; i++) {
		if (!done[i])
			return false;
	}
	return true;
}

// What did not end is said, and ends the program: its threads cannot be ended.
static void wait_for_rows(int from, int to)
{
	struct timespec end;
	char id[16];

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += want_long ? ROW_LIMIT_LONG_S : ROW_LIMIT_S;
	pthread_mutex_lock(&lock);
	while (!all_done(from, to)) {
		if (pthread_cond_timedwait(&moved, &lock, &end) == 0)
			continue;
		for (int i = from; i < to; i++) {
			if (!done[i])
				printf("%s does-not-end=after-%d-facts\n", row_id(&runs[i], id, sizeof(id)), runs[i].fact_count);
		}
		fflush(stdout);
		_exit(3);
	}
	pthread_mutex_unlock(&lock);
}

static void add(const struct row *row, const struct net *n)
{
	if (run_count == RUNS_MAX)
		abort();
	runs[run_count++] = (struct running){.row = row, .net = n};
}

static bool named(const struct row *row, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++) {
		if (strcmp(*names, row->id) == 0)
			return true;
	}
	return false;
}

static void choose(bool alone, char **names)
{
	for (size_t s = 0; s < sizeof(sections) / sizeof(sections[0]); s++) {
		for (const struct row *row = sections[s]; row->id; row++) {
			if (!named(row, names) || alone != ((row->flags & ROW_ALONE) != 0))
				continue;
			if (((row->flags & ROW_LONG) && !want_long) || ((row->flags & ROW_DOWN) != 0) != want_down)
				continue;
			if (!(row->flags & ROW_IP6))
				add(row, &net4);
			if (row->flags & (ROW_BOTH | ROW_IP6))
				add(row, &net6);
		}
	}
}

static void on_signal(int sig)
{
	(void)sig;
}

// SIGUSR1 interrupts, SIGUSR2 lets calls be restarted, SIGWINCH is ignored.
static void signals_set(void)
{
	struct sigaction sa = {.sa_handler = on_signal};

	sigaction(SIGUSR1, &sa, NULL);
	sa.sa_flags = SA_RESTART;
	sigaction(SIGUSR2, &sa, NULL);
	signal(SIGWINCH, SIG_IGN);
}

static void run_parallel(int count, int jobs)
{
	pthread_t threads[JOBS_MAX];

	for (int i = 0; i < jobs; i++) {
		if (pthread_create(&threads[i], NULL, work, NULL) != 0)
			abort();
	}
	wait_for_rows(0, count);
	for (int i = 0; i < jobs; i++)
		pthread_join(threads[i], NULL);
}

int main(int argc, char **argv)
{
	int jobs = JOBS, parallel;

	for (argv++; argc > 1 && *argv && (*argv)[0] == '-'; argv++) {
		if (strcmp(*argv, "--long") == 0) {
			want_long = true;
		} else if (strcmp(*argv, "--down") == 0) {
			want_down = true;
		} else if (strcmp(*argv, "--jobs") == 0 && argv[1]) {
			jobs = atoi(*++argv);
		} else if (strcmp(*argv, "--want") == 0 && argv[1]) {
			wants = fopen(*++argv, "w");
		} else {
			fprintf(stderr, "usage: connect-rows [--want FILE] [--long] [--down] [--jobs N] [ROW...]\n");
			return 2;
		}
	}
	signals_set();
	choose(false, argv);
	parallel = run_count;
	choose(true, argv);
	run_parallel(parallel, jobs < 1 || jobs > JOBS_MAX ? JOBS : jobs);
	for (int i = parallel; i < run_count; i++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, work_alone, &i) != 0)
			abort();
		wait_for_rows(i, i + 1);
		pthread_join(thread, NULL);
	}
	return 0;
}
