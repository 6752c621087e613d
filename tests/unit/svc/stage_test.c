/* stage_test.c: what a stream's reader takes and its writer leaves without waiting: the stages of short news, and requests that are
 * posted. */
#include <string.h>
#include <sys/ioctl.h>

#include "service.h"

static void far_says(int far, const char *text, size_t len, int flags)
{
	at(FAR);
	assert_int_equal(spate_send(far, text, len, flags), len);
	turns(3);
}

static void far_hears(int far, const char *text)
{
	char buf[64];

	at(FAR);
	assert_int_equal(spate_recv(far, buf, sizeof(buf), 0), strlen(text));
	assert_memory_equal(buf, text, strlen(text));
	at(NEAR);
}

static uint64_t word_of(struct name n) { return atomic_load(&file_of(n)->stage); }

/* As a client that has copied so many bytes; the last puts it into the list. */
static void take(struct name n, const char *text)
{
	uint64_t word = word_of(n);
	uint32_t len = (uint32_t)strlen(text);

	assert_int_not_equal(svc_stage_slot(word), 0);
	assert_false(word & SVC_STAGE_STOPPED);
	assert_memory_equal(svc_stage_at(service.region.head, 0, svc_stage_slot(word)) + svc_stage_off(word), text, len);
	atomic_store(&file_of(n)->stage, word + ((uint64_t)len << 16));
	if (svc_stage_off(word) + len < svc_stage_len(word))
		return;
	atomic_store(&file_of(n)->eaten_next, UINT32_MAX);
	atomic_store(&service.region.stacks[0].eaten, n.file + 1);
}

static int unread(struct name n)
{
	struct svc_chan *c = fill(0, SVC_IOCTL, n);

	c->u = FIONREAD;
	c->len = sizeof(int);
	assert_int_equal(post(0), 0);
	return *(int *)c->data;
}

static void done(struct name n, int far)
{
	assert_int_equal(let_go(n), 0);
	at(FAR);
	spate_close(far);
	at(NEAR);
	assert_int_equal(service.server.n_stage_free, SVC_STAGES);
}

static void taken_in_pieces(void **state)
{
	int far;
	struct name n = connected(80, &far);

	(void)state;
	assert_int_equal(word_of(n), 0);
	far_says(far, "hello", 5, 0);
	assert_int_equal(svc_stage_len(word_of(n)), 5);
	take(n, "he");
	assert_false(svc_stage_empty(word_of(n)));
	assert_int_equal(unread(n), 3); /* a call tells the stack what is gone */
	take(n, "llo");
	assert_true(svc_stage_empty(word_of(n)));
	assert_true(atomic_load(&file_of(n)->events) & EPOLLIN); /* as far as the stack knows */
	assert_int_equal(svc_stages_eaten(&service.server), 1);
	assert_false(atomic_load(&file_of(n)->events) & EPOLLIN);
	assert_int_equal(word_of(n), 0);
	assert_int_equal(unread(n), 0);
	done(n, far);
}

/* More comes before the stack has looked: what was taken does not come again. */
static void more_comes(void **state)
{
	int far;
	struct name n = connected(80, &far);

	(void)state;
	far_says(far, "abc", 3, 0);
	take(n, "ab");
	far_says(far, "de", 2, 0);
	take(n, "cde");
	far_says(far, "f", 1, 0);
	take(n, "f");
	assert_int_equal(unread(n), 0);
	done(n, far);
}

static void a_call_takes_the_rest(void **state)
{
	int far;
	struct name n = connected(80, &far);

	(void)state;
	far_says(far, "abcdef", 6, 0);
	take(n, "ab");
	expect_recv(n, "cdef");
	assert_int_equal(word_of(n), 0);
	done(n, far);
}

static void the_end_follows(void **state)
{
	int far;
	struct name n = connected(80, &far);

	(void)state;
	at(FAR);
	spate_send(far, "last", 4, 0);
	spate_shutdown(far, SHUT_WR);
	turns(3);
	take(n, "last");
	assert_false(svc_stage_empty(word_of(n))); /* the end is asked for */
	expect_recv(n, "");
	done(n, far);
}

/* What was read is not unread at close(): a FIN ends it, not a reset (RFC 2525 2.17). */
static void closed_after_reading(void **state)
{
	int far;
	struct name n = connected(80, &far);
	char c;

	(void)state;
	far_says(far, "abc", 3, 0);
	take(n, "abc");
	assert_int_equal(let_go(n), 0);
	turns(3);
	at(FAR);
	assert_int_equal(spate_recv(far, &c, 1, MSG_DONTWAIT), 0);
	spate_close(far);
	at(NEAR);
}

/* A reset throws away what was not taken, and its error is not lost. */
static void reset_meanwhile(void **state)
{
	const struct linger now = {.l_onoff = 1};
	int far;
	struct name n = connected(80, &far);

	(void)state;
	far_says(far, "abc", 3, 0);
	take(n, "a");
	at(FAR);
	assert_int_equal(spate_setsockopt(far, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	spate_close(far);
	turns(3);
	assert_int_equal(word_of(n), 0);
	assert_true(atomic_load(&file_of(n)->events) & EPOLLERR);
	assert_int_equal(let_go(n), 0);
}

/* Long news, urgent data and SO_RCVLOWAT are asked for. */
static void not_laid_out(void **state)
{
	static const char much[SVC_STAGE_BYTES + 1];
	int far, lowat = 2;
	struct name n = connected(80, &far);
	struct svc_chan *c;

	(void)state;
	far_says(far, much, sizeof(much), 0);
	assert_int_equal(word_of(n), 0);
	c = fill(0, SVC_RECV, n);
	c->len = 10;
	assert_int_equal(post(0), 10);
	assert_int_equal(svc_stage_len(word_of(n)), sizeof(much) - 10);
	c = fill(0, SVC_RECV, n);
	c->len = sizeof(much);
	assert_int_equal(post(0), sizeof(much) - 10);
	far_says(far, "ab!", 3, MSG_OOB);
	assert_int_equal(word_of(n), 0);
	c = fill(0, SVC_RECV, n);
	c->len = 10;
	assert_int_equal(post(0), 2);
	c = fill(0, SVC_RECV, n);
	c->len = 1;
	c->a = MSG_OOB;
	assert_int_equal(post(0), 1);
	c = fill(0, SVC_SETSOCKOPT, n);
	c->a = SOL_SOCKET;
	c->b = SO_RCVLOWAT;
	c->len = sizeof(lowat);
	memcpy(c->data, &lowat, sizeof(lowat));
	assert_int_equal(post(0), 0);
	far_says(far, "xyz", 3, 0);
	assert_int_equal(word_of(n), 0);
	done(n, far);
}

/* A client's nonsense is its own loss. */
static void scribbled(void **state)
{
	int far;
	struct name n = connected(80, &far);

	(void)state;
	far_says(far, "abc", 3, 0);
	atomic_store(&file_of(n)->stage, ~0ull);
	atomic_store(&file_of(n)->eaten_next, n.file + 1); /* a ring */
	atomic_store(&service.region.stacks[0].eaten, n.file + 1);
	svc_stages_eaten(&service.server);
	assert_int_equal(unread(n), 0);
	atomic_store(&service.region.stacks[0].eaten, UINT32_MAX - 1);
	assert_int_equal(svc_stages_eaten(&service.server), 0);
	done(n, far);
}

/* ---- posted ---- */

static void hand_over(uint32_t i, struct name n, const char *text)
{
	struct svc_chan *c = fill(i, SVC_POST, n);

	c->len = (uint32_t)strlen(text);
	memcpy(c->data, text, c->len);
	atomic_store(&file_of(n)->posted, i + 1);
}

static void posts_go(void **state)
{
	int far;
	struct name n = connected(80, &far);

	(void)state;
	assert_true(atomic_load(&file_of(n)->events) & SVC_POSTS);
	hand_over(3, n, "hello");
	assert_int_equal(post(3), 0);
	assert_int_equal(atomic_load(&file_of(n)->posted), 0);
	turns(3);
	far_hears(far, "hello");
	done(n, far);
}

/* No room is shown when there is little, nor after shutdown(); what was promised goes beyond it. */
static void promised(void **state)
{
	struct svc_chan *c;
	int far, few = 2048;
	struct name n = connected(80, &far);

	(void)state;
	c = fill(0, SVC_SETSOCKOPT, n);
	c->a = SOL_SOCKET;
	c->b = SO_SNDBUF;
	c->len = sizeof(few);
	memcpy(c->data, &few, sizeof(few));
	assert_int_equal(post(0), 0);
	assert_false(atomic_load(&file_of(n)->events) & SVC_POSTS);
	c = fill(3, SVC_POST, n);
	c->len = SVC_POST_BYTES;
	memset(c->data, 'x', SVC_POST_BYTES);
	atomic_store(&file_of(n)->posted, 4);
	assert_int_equal(post(3), 0);
	assert_int_equal(c->b, SVC_POST_BYTES);
	assert_int_equal(ask(SVC_SHUTDOWN, n, SHUT_WR), 0);
	assert_false(atomic_load(&file_of(n)->events) & SVC_POSTS);
	done(n, far);
}

/* Overtaken by the connection's end: no error is taken away from whoever asks for it. */
static void posted_too_late(void **state)
{
	const struct linger now = {.l_onoff = 1};
	struct svc_chan *c;
	int far;
	struct name n = connected(80, &far);

	(void)state;
	at(FAR);
	assert_int_equal(spate_setsockopt(far, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	spate_close(far);
	turns(3);
	hand_over(3, n, "hello");
	assert_int_equal(post(3), 0);
	assert_int_equal(atomic_load(&file_of(n)->posted), 0);
	c = fill(0, SVC_SEND, n);
	c->len = 1;
	assert_int_equal(post(0), -ECONNRESET);
	assert_int_equal(let_go(n), 0);
	hand_over(3, n, "to nobody");
	assert_int_equal(post(3), -EBADF);
	assert_int_equal(atomic_load(&file_of(n)->posted), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SERVICE(taken_in_pieces),
		IN_SERVICE(more_comes),
		IN_SERVICE(a_call_takes_the_rest),
		IN_SERVICE(the_end_follows),
		IN_SERVICE(closed_after_reading),
		IN_SERVICE(reset_meanwhile),
		IN_SERVICE(not_laid_out),
		IN_SERVICE(scribbled),
		IN_SERVICE(posts_go),
		IN_SERVICE(promised),
		IN_SERVICE(posted_too_late),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
