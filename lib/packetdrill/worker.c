/* worker.c: the thread that the stack and all its sockets belong to. Others mail it their calls.
 *
 * A call that blocks turns the stack until it has what it waits for, and these turns are turn() below, which serves mail, too:
 * so packetdrill's first thread goes on while its second is blocked. The wire delivers only by mail, so a stack at rest has
 * nothing to look for until its next timer, and the thread sleeps. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "packetdrill/drill.h"
#include "sock/sock.h"

#define REST_TURNS 256        /* a stack that is still not at rest goes on in later turns */
#define SLEEP_NS 10000000u    /* the longest sleep; only a bound */
#define SLEEP_BLOCKED_NS 100000u /* while a call waits: its time may end */

struct job {
	long (*fn)(void *arg);
	void *arg;
	long ret;
	bool done;
	struct job *next;
};

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t mail, done; /* mail: to the worker; done: to those who wait for theirs */
	struct job *head, **tail;
	bool stop, started;
	int start_rc;
	unsigned depth;            /* calls under way in the worker */
} w = {.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};

static struct job *job_take(void)
{
	struct job *j;

	pthread_mutex_lock(&w.lock);
	j = w.head;
	if (j != NULL)
		w.head = j->next;
	if (w.head == NULL)
		w.tail = &w.head;
	pthread_mutex_unlock(&w.lock);
	return j;
}

/* Turns until nothing is left to send, receive or expire now. */
static void rest(struct stack *s)
{
	for (unsigned i = 0; i < REST_TURNS; i++) {
		uint32_t work = stack_poll(s, sock_clock_ns());

		if (work == 0 && !wire_waiting() && stack_next_ns(s) > s->clock.now_ns)
			return;
	}
}

static void job_serve(struct stack *s, struct job *j)
{
	rest(s); /* the clock, and timers that are due before this call */
	w.depth++;
	j->ret = j->fn(j->arg);
	w.depth--;
	rest(s);
	pthread_mutex_lock(&w.lock);
	j->done = true;
	pthread_cond_broadcast(&w.done);
	pthread_mutex_unlock(&w.lock);
}

static void sleep_until_mail(uint64_t ns)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_nsec += (long)ns;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_nsec -= 1000000000;
		ts.tv_sec++;
	}
	pthread_mutex_lock(&w.lock);
	if (w.head == NULL && !w.stop)
		pthread_cond_timedwait(&w.mail, &w.lock, &ts);
	pthread_mutex_unlock(&w.lock);
}

static uint32_t turn(struct sock_env *env)
{
	struct stack *s = env->s;
	uint64_t now = sock_clock_ns(), next;
	uint32_t work = stack_poll(s, now);
	struct job *j = job_take();

	if (j != NULL) {
		job_serve(s, j);
		return 1;
	}
	next = stack_next_ns(s);
	if (work == 0 && !wire_waiting() && next > now)
		sleep_until_mail(RTE_MIN(next - now, w.depth > 0 ? SLEEP_BLOCKED_NS : SLEEP_NS));
	return work;
}

static bool stopping(void)
{
	bool stop;

	pthread_mutex_lock(&w.lock);
	stop = w.stop;
	pthread_mutex_unlock(&w.lock);
	return stop;
}

static void *worker(void *arg)
{
	int rc = spate_attach(0);

	(void)arg;
	pthread_mutex_lock(&w.lock);
	w.start_rc = rc;
	w.started = true;
	pthread_cond_broadcast(&w.done);
	pthread_mutex_unlock(&w.lock);
	if (rc < 0)
		return NULL;
	sock_cur->turn = turn;
	while (!stopping())
		turn(sock_cur);
	spate_detach();
	return NULL;
}

int worker_start(void)
{
	pthread_condattr_t attr;
	sigset_t all, mine;
	int rc;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w.mail, &attr);
	pthread_condattr_destroy(&attr);
	w.head = NULL;
	w.tail = &w.head;
	w.stop = w.started = false;
	/* Signals are for packetdrill. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &mine);
	rc = pthread_create(&w.thread, NULL, worker, NULL);
	pthread_sigmask(SIG_SETMASK, &mine, NULL);
	if (rc != 0)
		return -rc;
	pthread_mutex_lock(&w.lock);
	while (!w.started)
		pthread_cond_wait(&w.done, &w.lock);
	pthread_mutex_unlock(&w.lock);
	if (w.start_rc < 0)
		pthread_join(w.thread, NULL);
	return w.start_rc;
}

void worker_stop(void)
{
	pthread_mutex_lock(&w.lock);
	w.stop = true;
	pthread_cond_signal(&w.mail);
	pthread_mutex_unlock(&w.lock);
	pthread_join(w.thread, NULL);
}

long worker_do(long (*fn)(void *arg), void *arg)
{
	struct job j = {.fn = fn, .arg = arg};

	pthread_mutex_lock(&w.lock);
	*w.tail = &j;
	w.tail = &j.next;
	pthread_cond_signal(&w.mail);
	while (!j.done)
		pthread_cond_wait(&w.done, &w.lock);
	pthread_mutex_unlock(&w.lock);
	return j.ret;
}
