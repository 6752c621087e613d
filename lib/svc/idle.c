/* idle.c: a stack's loop, and what it does when there is nothing to do. */
#include <sched.h>

#include <rte_pause.h>

#include "svc/futex.h"
#include "svc/server.h"

#define AWAKE_NS 50000u      /* without work before it sleeps */
#define YIELD_TURNS 32u       /* and before that, every so many turns, the core is offered to others: the client may wait for it */
#define SLEEP_FIRST_NS 50000u /* how late a packet may be seen at first ... */
#define SLEEP_MAX_NS 1000000u /* ... and when none has come for long */
#define WOKEN_MAX_NS 100000000u /* the same where packets wake the stack: for devices that break their word, and for the end */

bool svc_server_turn(struct svc_server *v)
{
	struct stack *s = v->env->s;
	uint64_t busy = s->busy_polls;
	uint32_t work = svc_stages_eaten(v) + svc_serve(v);

	work += svc_news(v);
	if (work == 0 && s->busy_polls == busy)
		return false;
	v->work_ns = s->clock.now_ns;
	v->sleep_ns = SLEEP_FIRST_NS;
	return true;
}

static bool anything_pending(const struct svc_server *v)
{
	for (uint32_t i = 0; i < SVC_CHANS / 64; i++)
		if (atomic_load(&v->box->pending[i]) != 0)
			return true;
	return atomic_load(&v->box->eaten) != 0 || atomic_load(&v->waker.rung) != 0 || atomic_load(&v->closing) != 0 || atomic_load(&v->forget) != 0;
}

/* At most so long, on the word where clients and packets wake us. Who asks sets its bit, then looks whether we sleep; we the other
 * way around. */
static void sleep_ns(struct svc_server *v, uint64_t ns)
{
	atomic_store(&v->box->asleep, 1);
	if (!anything_pending(v))
		svc_futex_wait(&v->box->asleep, 1, ns);
	atomic_store(&v->box->asleep, 0);
}

/* A packet that came between the last turn and the arming wakes nobody: one more turn looks. */
static void sleep_until_woken(struct svc_server *v, uint64_t ns)
{
	svc_waker_arm(&v->waker);
	if (!svc_server_turn(v))
		sleep_ns(v, RTE_MIN(ns, (uint64_t)WOKEN_MAX_NS));
	svc_waker_disarm(&v->waker);
}

void svc_server_idle(struct svc_server *v)
{
	const struct stack *s = v->env->s;
	uint64_t now = s->clock.now_ns, next = stack_next_ns(s);

	if (v->idle == SVC_IDLE_POLL || now - v->work_ns < AWAKE_NS || next <= now) {
		if (v->idle != SVC_IDLE_POLL && ++v->idle_turns % YIELD_TURNS == 0)
			sched_yield();
		else
			rte_pause();
		return;
	}
	if (v->idle == SVC_IDLE_INTERRUPT) {
		sleep_until_woken(v, next - now);
		return;
	}
	sleep_ns(v, RTE_MIN(next - now, v->sleep_ns));
	v->sleep_ns = RTE_MIN(v->sleep_ns * 2, SLEEP_MAX_NS);
}

void svc_server_wake(struct svc_server *v)
{
	if (atomic_load(&v->box->asleep) == 0)
		return;
	atomic_store(&v->box->asleep, 0);
	svc_futex_wake(&v->box->asleep, 1);
}
