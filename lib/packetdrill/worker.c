/* worker.c: the thread that the stack and all its sockets belong to, and its time. Others mail it their calls.
 *
 * A call that blocks turns the stack until it has what it waits for, and these turns are turn() below, which serves mail, too:
 * so packetdrill's first thread goes on while its second is blocked.
 *
 * Time is ours, since packetdrill asks us for it: it stands still but while packetdrill sleeps or waits for a packet, and then
 * it jumps from one thing that is due to the next. So a busy machine disturbs no script, and none takes longer than its work. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "packetdrill/drill.h"
#include "sock/sock.h"

#define REST_TURNS 256            /* a stack that is still not at rest goes on in later turns */
#define STEP_BLOCKED_NS 100000u   /* while a call waits, time goes on in steps of this: the call's own may end */
#define READ_NS 1000u             /* packetdrill polls the clock for the last microseconds before an event */
#define STUCK_NS 500000000u       /* real time: packetdrill's first thread waits for its second */

struct job {
	long (*fn)(void *arg);
	void *arg;
	long ret;
	uint64_t end_ns;
	bool done;
	struct job *next;
};

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t mail, done; /* mail: to the worker; done: to those who wait for it */
	struct job *head, **tail;
	uint64_t until_ns;         /* somebody waits for this time, 0: nobody */
	bool for_packet;           /* ... or for a packet */
	bool stop, started;
	int start_rc;
	unsigned depth;            /* calls under way in the worker */
	uint64_t now_ns;           /* relaxed: those who read it wait for nothing meanwhile */
	uint64_t origin_us;        /* what gettimeofday() says at now_ns 0 */
} w = {.lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER};

static _Thread_local uint64_t returned_ns; /* when this thread's latest call ended, until it asks for the time; 0: no such call */

static uint64_t now(void) { return __atomic_load_n(&w.now_ns, __ATOMIC_RELAXED); }

uint64_t worker_now_us(void) { return w.origin_us + now() / 1000; }

uint64_t worker_read_us(void)
{
	uint64_t at = returned_ns;

	returned_ns = 0;
	if (at != 0)
		return w.origin_us + at / 1000;
	return w.origin_us + __atomic_add_fetch(&w.now_ns, READ_NS, __ATOMIC_RELAXED) / 1000;
}

/* ---- the worker ---- */

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
		uint32_t work = stack_poll(s, now());

		if (work == 0 && !wire_waiting() && stack_next_ns(s) > s->clock.now_ns)
			return;
	}
}

static void job_serve(struct stack *s, struct job *j)
{
	rest(s); /* the clock, and timers that are due before this call */
	pthread_mutex_lock(&w.lock);
	w.depth++;
	pthread_mutex_unlock(&w.lock);
	j->ret = j->fn(j->arg);
	j->end_ns = now();
	if (w.depth > 1) /* whoever is blocked has his turn between a packet and the answer to it, as in any program */
		stack_poll(s, now());
	else
		rest(s);
	pthread_mutex_lock(&w.lock);
	w.depth--;
	j->done = true;
	pthread_cond_broadcast(&w.done);
	pthread_mutex_unlock(&w.lock);
}

/* Until there is mail, or somebody wants time to pass. False: nobody came, though a call is blocked. */
static bool wait_for_mail(void)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += (until.tv_nsec + STUCK_NS) / 1000000000;
	until.tv_nsec = (until.tv_nsec + STUCK_NS) % 1000000000;
	pthread_mutex_lock(&w.lock);
	while (w.head == NULL && !w.stop && w.until_ns == 0 && rc == 0)
		rc = w.depth > 0 ? pthread_cond_timedwait(&w.mail, &w.lock, &until) : pthread_cond_wait(&w.mail, &w.lock);
	pthread_mutex_unlock(&w.lock);
	return rc == 0;
}

/* On to what is due next, at most to that time. */
static void step(struct stack *s, uint64_t until_ns)
{
	uint64_t next = stack_next_ns(s);

	if (w.depth > 0)
		next = RTE_MIN(next, now() + STEP_BLOCKED_NS);
	next = RTE_MAX(RTE_MIN(next, until_ns), now());
	__atomic_store_n(&w.now_ns, next, __ATOMIC_RELAXED);
	rest(s);
}

/* The time that somebody waits for, 0: nobody. Wakes up whose time or packet has come. */
static uint64_t wanted_ns(void)
{
	uint64_t until;

	pthread_mutex_lock(&w.lock);
	if (w.until_ns != 0 && (now() >= w.until_ns || (w.for_packet && wire_sent()))) {
		w.until_ns = 0;
		pthread_cond_broadcast(&w.done);
	}
	until = w.until_ns;
	pthread_mutex_unlock(&w.lock);
	return until;
}

static uint32_t turn(struct sock_env *env)
{
	struct stack *s = env->s;
	uint64_t until = wanted_ns();
	struct job *j = job_take();

	if (j != NULL)
		job_serve(s, j);
	else if (until != 0)
		step(s, until);
	else if (!wait_for_mail())
		step(s, UINT64_MAX);
	return 1;
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

/* ---- everybody else ---- */

static int thread_new(void)
{
	sigset_t all, mine;
	int rc;

	/* Signals are for packetdrill. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &mine);
	rc = pthread_create(&w.thread, NULL, worker, NULL);
	pthread_sigmask(SIG_SETMASK, &mine, NULL);
	return -rc;
}

int worker_start(void)
{
	pthread_condattr_t attr;
	struct timeval tv;
	int rc;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w.mail, &attr);
	pthread_condattr_destroy(&attr);
	gettimeofday(&tv, NULL);
	w.now_ns = sock_clock_ns(); /* the stack's time until here */
	w.origin_us = (uint64_t)tv.tv_sec * 1000000 + (uint64_t)tv.tv_usec - w.now_ns / 1000;
	w.tail = &w.head;
	rc = thread_new();
	if (rc != 0)
		return rc;
	pthread_mutex_lock(&w.lock);
	while (!w.started)
		pthread_cond_wait(&w.done, &w.lock);
	pthread_mutex_unlock(&w.lock);
	if (w.start_rc < 0)
		pthread_join(w.thread, NULL);
	return w.start_rc;
}

bool worker_stop(void)
{
	bool free;

	pthread_mutex_lock(&w.lock);
	free = w.depth == 0;
	w.stop = free;
	pthread_cond_signal(&w.mail);
	pthread_mutex_unlock(&w.lock);
	if (free)
		pthread_join(w.thread, NULL);
	return free;
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
	returned_ns = j.end_ns;
	return j.ret;
}

void worker_wait(uint64_t us, bool for_packet)
{
	pthread_mutex_lock(&w.lock);
	w.for_packet = for_packet;
	w.until_ns = now() + us * 1000;
	pthread_cond_signal(&w.mail);
	while (w.until_ns != 0)
		pthread_cond_wait(&w.done, &w.lock);
	pthread_mutex_unlock(&w.lock);
	returned_ns = 0;
}
