/* notify_test.c: news: events in files, bells of threads that wait, watches of epoll instances and when they are freed. */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "service.h"

#define EP 3u  /* the instance of these tests, and its generation */
#define GEN 9u

static struct svc_epoll *instance(void)
{
	struct svc_epoll *ep = &service.region.epolls[EP];

	atomic_store(&ep->life, svc_life_make(GEN, 1));
	return ep;
}

static int64_t ctl(struct name n, int op, int fd, uint32_t events)
{
	struct svc_chan *c = fill(0, SVC_EPOLL_CTL, n);

	c->a = op;
	c->b = fd;
	c->c = (int32_t)events;
	c->u = 1000 + (uint64_t)fd;
	c->epoll = EP;
	c->epoll_gen = GEN;
	return post(0);
}

/* Takes the ready list as epoll_wait() does; the only entry, or 0; fails the test when there are more. */
static uint32_t take_one(void)
{
	uint32_t w = atomic_exchange(&service.region.epolls[EP].ready, 0);

	if (w != 0) {
		assert_int_equal(atomic_load(&service.region.watches[w].next_ready), 0);
		atomic_store(&service.region.watches[w].queued, 0);
	}
	return w;
}

/* Another thread's note that it waits at a file or an instance, asleep on its bell. */
static struct svc_chan *sleeper(uint32_t i, svc_pollers *at, enum svc_sleep how)
{
	struct svc_chan *c = &service.region.chans[i];

	atomic_store(&c->owner, 1);
	atomic_store(&service.region.head->chan_high, SVC_CHANS);
	atomic_store(&c->sleep, how);
	atomic_store(&c->bell, 0);
	atomic_store(at, 1u << 16 | (i + 1));
	return c;
}

static void far_says(int far, const char *text)
{
	at(FAR);
	assert_int_equal(spate_send(far, text, strlen(text), 0), strlen(text));
	turns(3);
}

static void done(struct name n, int far)
{
	assert_int_equal(let_go(n), 0);
	at(FAR);
	spate_close(far);
	at(NEAR);
}

/* ---- bells ---- */

static void one_waits(void **state)
{
	int far;
	struct name n = connected(80, &far);
	struct svc_chan *c = sleeper(7, &file_of(n)->pollers, SVC_SLEEP_FUTEX);

	(void)state;
	turns(3);
	assert_int_equal(atomic_load(&c->bell), 0);
	far_says(far, "a");
	assert_int_equal(atomic_load(&c->bell), 1);
	far_says(far, "b"); /* each arrival */
	assert_int_equal(atomic_load(&c->bell), 2);
	atomic_store(&file_of(n)->pollers, 0);
	far_says(far, "c");
	assert_int_equal(atomic_load(&c->bell), 2);
	done(n, far);
}

static void many_wait(void **state)
{
	int far;
	struct name n = connected(80, &far);
	struct svc_chan *c = sleeper(7, &file_of(n)->pollers, SVC_SLEEP_FUTEX);
	struct svc_chan *d = sleeper(900, &file_of(n)->pollers, SVC_SLEEP_FUTEX);

	(void)state;
	atomic_store(&file_of(n)->pollers, 2u << 16 | SVC_POLLERS_MANY);
	far_says(far, "a");
	assert_int_equal(atomic_load(&c->bell), 1);
	assert_int_equal(atomic_load(&d->bell), 1);
	done(n, far);
}

static void bell_is_an_eventfd(void **state)
{
	int far, bell = eventfd(0, EFD_NONBLOCK), again = eventfd(0, EFD_NONBLOCK), fd;
	struct name n = connected(80, &far);
	uint64_t rings;

	(void)state;
	sleeper(7, &file_of(n)->pollers, SVC_SLEEP_EVENTFD);
	far_says(far, "a"); /* the service has none yet */
	assert_int_equal(svc_bells_set(&service.bells, 7, dup(bell)), 0);
	fd = service.bells.fd[7];
	/* What came before it was there has not been missed. */
	assert_int_equal(read(bell, &rings, sizeof(rings)), sizeof(rings));
	assert_int_equal(rings, 1);
	far_says(far, "a");
	assert_int_equal(read(bell, &rings, sizeof(rings)), sizeof(rings));
	assert_int_equal(rings, 1);
	/* The next owner's, under the number that stacks know. */
	assert_int_equal(svc_bells_set(&service.bells, 7, dup(again)), 0);
	assert_int_equal(service.bells.fd[7], fd);
	far_says(far, "a");
	assert_int_equal(read(bell, &rings, sizeof(rings)), -1);
	assert_int_equal(read(again, &rings, sizeof(rings)), sizeof(rings));
	assert_int_equal(rings, 2);
	/* Full: that is no reason to stop. */
	rings = UINT64_MAX - 1;
	assert_int_equal(write(again, &rings, sizeof(rings)), sizeof(rings));
	far_says(far, "a");
	assert_int_equal(svc_bells_set(&service.bells, 7, -1), 0);
	far_says(far, "a");
	assert_int_equal(read(again, &rings, sizeof(rings)), sizeof(rings));
	assert_int_equal(read(again, &rings, sizeof(rings)), -1);
	close(bell);
	close(again);
	done(n, far);
}

/* What a call does to its own socket is shown before its answer, and told to others. */
static void own_doing(void **state)
{
	struct name n = new_socket(SOCK_STREAM);
	struct svc_chan *c = sleeper(7, &file_of(n)->pollers, SVC_SLEEP_FUTEX);

	(void)state;
	assert_int_equal(atomic_load(&file_of(n)->events) & (EPOLLOUT | EPOLLHUP), EPOLLOUT | EPOLLHUP);
	cut(NEAR, true);
	assert_int_equal(ask_addr(SVC_CONNECT, n, FAR_IP, 80), -EINPROGRESS);
	assert_int_equal(atomic_load(&file_of(n)->events), 0);
	assert_int_equal(atomic_load(&c->bell), 0);
	assert_int_equal(ask(SVC_SHUTDOWN, n, SHUT_RDWR), 0);
	assert_true(atomic_load(&file_of(n)->events) & EPOLLHUP);
	assert_int_equal(atomic_load(&c->bell), 1);
	turns(3); /* not once more */
	assert_int_equal(atomic_load(&c->bell), 1);
	assert_int_equal(let_go(n), 0);
}

static void reading_all(void **state)
{
	int far;
	struct name n = connected(80, &far);

	(void)state;
	far_says(far, "abc");
	assert_true(atomic_load(&file_of(n)->events) & EPOLLIN);
	expect_recv(n, "abc");
	assert_false(atomic_load(&file_of(n)->events) & EPOLLIN);
	done(n, far);
}

/* ---- epoll ---- */

static void watched(void **state)
{
	int far;
	struct name n = connected(80, &far);
	struct svc_epoll *ep = instance();
	struct svc_chan *c = sleeper(7, &ep->pollers, SVC_SLEEP_FUTEX);
	uint32_t w, first;

	(void)state;
	assert_int_equal(ctl(n, EPOLL_CTL_MOD, 5, EPOLLIN), -ENOENT);
	assert_int_equal(ctl(n, EPOLL_CTL_DEL, 5, EPOLLIN), -ENOENT);
	assert_int_equal(ctl(n, 77, 5, EPOLLIN), -EINVAL);
	assert_int_equal(ctl(n, EPOLL_CTL_ADD, 5, EPOLLIN | EPOLLET), 0);
	assert_int_equal(ctl(n, EPOLL_CTL_ADD, 5, EPOLLIN), -EEXIST);
	assert_int_equal(take_one(), 0);
	assert_int_equal(atomic_load(&c->bell), 0);
	far_says(far, "a");
	assert_int_equal(atomic_load(&c->bell), 1);
	w = take_one();
	assert_int_not_equal(w, 0);
	assert_int_equal(service.region.watches[w].file, n.file);
	assert_int_equal(service.region.watches[w].fd, 5);
	assert_int_equal(atomic_load(&service.region.watches[w].data), 1005);
	far_says(far, "b"); /* edge-triggered: each arrival */
	assert_int_equal(take_one(), w);
	far_says(far, "c");
	far_says(far, "d"); /* once in the list */
	assert_int_equal(take_one(), w);
	assert_int_equal(take_one(), 0);
	/* Asking for what is there already is news. */
	assert_int_equal(ctl(n, EPOLL_CTL_MOD, 5, EPOLLOUT | EPOLLET), 0);
	assert_int_equal(take_one(), w);
	far_says(far, "e");
	assert_int_equal(take_one(), 0);
	/* A dup of it is another member; clients see both. */
	assert_int_equal(ctl(n, EPOLL_CTL_ADD, 6, EPOLLIN), 0);
	first = w;
	w = take_one();
	assert_int_equal(service.region.watches[w].fd, 6);
	assert_int_equal(atomic_load(&file_of(n)->watches), w);
	assert_int_equal(atomic_load(&service.region.watches[w].next), first);
	assert_int_equal(atomic_load(&service.region.watches[first].next), 0);
	assert_int_equal(ctl(n, EPOLL_CTL_DEL, 6, 0), 0);
	assert_int_equal(ctl(n, EPOLL_CTL_DEL, 6, 0), -ENOENT);
	assert_int_equal(atomic_load(&service.region.watches[w].dead), 1);
	assert_int_equal(atomic_load(&file_of(n)->watches), first);
	done(n, far);
}

/* After EPOLLONESHOT has reported, which clears the interest, nothing does until EPOLL_CTL_MOD. */
static void one_shot(void **state)
{
	int far;
	struct name n = connected(80, &far);
	uint32_t w;

	(void)state;
	instance();
	assert_int_equal(ctl(n, EPOLL_CTL_ADD, 5, EPOLLIN | EPOLLONESHOT), 0);
	far_says(far, "a");
	w = take_one();
	assert_int_not_equal(w, 0);
	atomic_store(&service.region.watches[w].interest, EPOLLONESHOT);
	far_says(far, "b");
	at(FAR);
	spate_close(far);
	turns(3);
	assert_int_equal(take_one(), 0);
	assert_int_equal(ctl(n, EPOLL_CTL_MOD, 5, EPOLLIN | EPOLLONESHOT), 0);
	assert_int_equal(take_one(), w);
	assert_int_equal(let_go(n), 0);
}

static void exclusive(void **state)
{
	struct name n = new_socket(SOCK_STREAM);

	(void)state;
	instance();
	assert_int_equal(ctl(n, EPOLL_CTL_ADD, 5, EPOLLIN | EPOLLEXCLUSIVE), 0);
	assert_int_equal(ctl(n, EPOLL_CTL_MOD, 5, EPOLLIN), -EINVAL);
	assert_int_equal(ctl(n, EPOLL_CTL_DEL, 5, 0), 0);
	assert_int_equal(ctl(n, EPOLL_CTL_ADD, 5, EPOLLIN), 0);
	assert_int_equal(ctl(n, EPOLL_CTL_MOD, 5, EPOLLIN | EPOLLEXCLUSIVE), -EINVAL);
	assert_int_equal(let_go(n), 0);
}

static void wrong_instances(void **state)
{
	struct name n = new_socket(SOCK_STREAM);
	struct svc_chan *c;

	(void)state;
	assert_int_equal(ctl(n, EPOLL_CTL_ADD, 5, EPOLLIN), -EBADF); /* refs 0 */
	instance();
	c = fill(0, SVC_EPOLL_CTL, n);
	c->epoll = SVC_EPOLLS;
	c->epoll_gen = GEN;
	assert_int_equal(post(0), -EBADF);
	c = fill(0, SVC_EPOLL_CTL, n);
	c->epoll = EP;
	c->epoll_gen = GEN + 1;
	assert_int_equal(post(0), -EBADF);
	assert_int_equal(let_go(n), 0);
}

/* A watch that somebody may have in hand is not used again. */
static void freeing(void **state)
{
	struct name n = new_socket(SOCK_STREAM);
	struct svc_epoll *ep = instance();
	struct svc_server *v = &service.server;
	uint32_t w;

	(void)state;
	assert_int_equal(ctl(n, EPOLL_CTL_ADD, 5, EPOLLIN), 0); /* OUT and HUP are there: linked */
	assert_int_equal(ctl(n, EPOLL_CTL_DEL, 5, 0), 0);
	assert_int_equal(v->n_dying, 1);
	w = take_one();
	/* Out of the list, and a taker is still at it. */
	atomic_store(&ep->lock, 8);
	assert_int_equal(ctl(n, EPOLL_CTL_ADD, 5, EPOLLIN), 0);
	assert_int_not_equal(take_one(), w);
	assert_int_equal(ctl(n, EPOLL_CTL_DEL, 5, 0), 0);
	assert_int_equal(v->n_dying, 2);
	atomic_store(&ep->lock, 0);
	/* Nobody any more: all are found when there is no other. */
	v->watch_fresh = v->n_watches + 1;
	assert_int_equal(ctl(n, EPOLL_CTL_ADD, 5, EPOLLIN), 0);
	assert_int_equal(v->n_dying, 0);
	assert_int_equal(ctl(n, EPOLL_CTL_ADD, 6, EPOLLIN), 0);
	assert_int_equal(ctl(n, EPOLL_CTL_ADD, 7, EPOLLIN), -ENOSPC);
	/* Closing leaves, and what was free at once was free at once. */
	ep->ready = 0;
	for (uint32_t i = 1; i <= 2; i++)
		atomic_store(&v->watches[i].queued, 0);
	assert_int_equal(let_go(n), 0);
	assert_int_equal(v->n_dying, 0);
	assert_int_not_equal(v->watch_free, 0);
}

/* The instance is closed, with members linked; another takes its place. */
static void instance_goes(void **state)
{
	int far;
	struct name n = connected(80, &far);
	struct svc_epoll *ep = instance();
	struct svc_server *v = &service.server;

	(void)state;
	assert_int_equal(ctl(n, EPOLL_CTL_ADD, 5, EPOLLIN | EPOLLOUT), 0);
	atomic_store(&ep->life, svc_life_make(GEN, 0));
	far_says(far, "a");
	assert_int_equal(v->own[(uint32_t)(file_of(n) - v->files)].watches, 0);
	assert_int_equal(v->n_dying, 0);
	/* The next one has nothing of it. */
	atomic_store(&ep->ready, 0);
	atomic_store(&ep->life, svc_life_make(GEN, 1));
	assert_int_equal(ctl(n, EPOLL_CTL_ADD, 5, EPOLLIN), 0);
	assert_int_not_equal(take_one(), 0);
	done(n, far);
}

/* Files that open and close with a watch each, linked or not, want no more memory than they have at one time. */
static void round_and_round(void **state)
{
	struct svc_server *v = &service.server;

	(void)state;
	instance();
	for (int i = 0; i < 1000; i++) {
		struct name n = new_socket(SOCK_STREAM);

		assert_int_equal(ctl(n, EPOLL_CTL_ADD, 5, i % 2 ? EPOLLIN : EPOLLPRI), 0);
		if (i % 3 == 0)
			take_one();
		assert_int_equal(let_go(n), 0);
		if (i % 3 != 0)
			take_one();
	}
	assert_true(v->watch_fresh < 200);
	assert_true(v->n_dying < 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SERVICE(one_waits),
		IN_SERVICE(many_wait),
		IN_SERVICE(bell_is_an_eventfd),
		IN_SERVICE(own_doing),
		IN_SERVICE(reading_all),
		IN_SERVICE(watched),
		IN_SERVICE(one_shot),
		IN_SERVICE(exclusive),
		IN_SERVICE(wrong_instances),
		IN_SERVICE(freeing),
		IN_SERVICE(instance_goes),
		IN_SERVICE(round_and_round),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
