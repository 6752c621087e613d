/* control_test.c: processes: attaching, fork, exec, and what is given back when they end, killed in the middle of a call or not. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "service.h"
#include "svc/control.h"
#include "svc/kin.h"
#include "svc/svc.h"

static struct svc_controller control;
static char path[64];

static int make(void **state)
{
	service_make(state);
	snprintf(path, sizeof(path), "/tmp/spate-control-test-%d", getpid());
	return svc_control_start(&control, &service.region, &service.server, &service.bells, path);
}

static int end(void **state)
{
	svc_control_stop(&control);
	assert_int_equal(access(path, F_OK), -1);
	return service_end(state);
}

#define IN_CONTROL(test) cmocka_unit_test_setup_teardown(test, make, end)

/* ---- a client's side, in any process ---- */

static int dial(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	strcpy(un.sun_path, path);
	return connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0 ? fd : -1;
}

/* Says it, with a descriptor or -1; descriptors that came with the answer in got[2], or -1. */
static struct svc_reply say(int fd, uint32_t kind, int32_t value, int with, int *got)
{
	union {
		struct cmsghdr h;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control_data = {.h = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))}};
	struct svc_message m = {.kind = kind, .value = value};
	struct svc_reply r = {.result = -9999};
	struct iovec iov = {.iov_base = &m, .iov_len = sizeof(m)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (with >= 0) {
		memcpy(CMSG_DATA(&control_data.h), &with, sizeof(int));
		msg.msg_control = &control_data;
		msg.msg_controllen = CMSG_SPACE(sizeof(int));
	}
	if (sendmsg(fd, &msg, 0) != sizeof(m))
		return r;
	iov = (struct iovec){.iov_base = &r, .iov_len = sizeof(r)};
	msg = (struct msghdr){.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control_data, .msg_controllen = sizeof(control_data)};
	if (recvmsg(fd, &msg, 0) != sizeof(r))
		r.result = -9998;
	if (got != NULL) {
		got[0] = got[1] = -1;
		if (msg.msg_controllen > 0)
			memcpy(got, CMSG_DATA(&control_data.h), control_data.h.cmsg_len - CMSG_LEN(0));
	}
	return r;
}

static void hold(int proc, int fd, enum svc_kind kind, uint32_t index, uint32_t gen)
{
	_Atomic uint32_t *high = &service.region.procs[proc].fd_high;

	if (*high <= (uint32_t)fd)
		atomic_store(high, (uint32_t)fd + 1);
	atomic_store(&svc_region_fds(&service.region, (uint32_t)proc)[fd], svc_entry_make(kind, index, gen));
}

static uint32_t refs(struct name n) { return svc_life_refs(atomic_load(&file_of(n)->life)); }

/* ---- waiting, with the stack at work ---- */

#define EVENTUALLY(cond) \
	do { \
		for (int tries_ = 0; !(cond) && tries_ < 5000; tries_++) { \
			svc_serve(&service.server); \
			usleep(1000); \
		} \
		assert_true(cond); \
	} while (0)

/* A child process that says hello and then does what it is told, until it is killed. Its record's number. */
static pid_t child(void (*work)(int conn, int proc), int *proc)
{
	int told[2];
	pid_t pid;

	assert_int_equal(pipe(told), 0);
	pid = fork();
	if (pid == 0) {
		int conn = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 ? dial() : -1, p = say(conn, SVC_HELLO, -1, -1, NULL).proc;

		if (work != NULL)
			work(conn, p);
		if (write(told[1], &p, sizeof(p)) != sizeof(p))
			_exit(1);
		for (;;)
			pause();
	}
	close(told[1]);
	assert_int_equal(read(told[0], proc, sizeof(*proc)), sizeof(*proc));
	close(told[0]);
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* ---- tests ---- */

static void hello(void **state)
{
	struct stat st;
	struct svc_reply r;
	int got[2], conn = dial(), again;

	(void)state;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666); /* who is let in is looked at: kin() */
	r = say(conn, SVC_FORK, 0, -1, NULL); /* nobody yet */
	assert_int_equal(r.result, -EINVAL);
	r = say(conn, SVC_HELLO, -1, -1, got);
	assert_int_equal(r.result, 0);
	assert_int_equal(r.version, SVC_VERSION);
	assert_int_equal(r.fresh, 1);
	assert_int_equal(atomic_load(&service.region.procs[r.proc].pid), getpid());
	assert_int_equal(fstat(got[0], &st), 0);
	assert_int_equal((uint64_t)st.st_size, service.region.bytes);
	assert_int_equal(fstat(got[1], &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	close(got[0]);
	close(got[1]);
	assert_int_equal(say(conn, 99, 0, -1, NULL).result, -EINVAL);
	/* The same process after exec(): it is known, and its threads have gone. */
	atomic_store(&service.region.chans[4].owner, (uint32_t)r.proc + 1);
	hold(r.proc, 7, SVC_KIND_FILE, 0, 0);
	again = dial();
	r = say(again, SVC_HELLO, -1, -1, NULL);
	assert_int_equal(r.fresh, 0);
	assert_int_equal(atomic_load(&service.region.chans[4].owner), 0);
	assert_int_not_equal(atomic_load(&svc_region_fds(&service.region, (uint32_t)r.proc)[7]), 0);
	/* A connection's end changes nothing. */
	close(conn);
	r = say(again, SVC_BELL, SVC_CHANS, -1, NULL);
	assert_int_equal(r.result, -EINVAL);
	assert_int_equal(atomic_load(&service.region.procs[r.proc].pid), getpid());
	close(again);
}

static void killed(void **state)
{
	struct name a = new_socket(SOCK_STREAM), b = new_socket(SOCK_STREAM), held = new_socket(SOCK_DGRAM);
	struct svc_region *r = &service.region;
	struct svc_chan *c = &r->chans[9];
	int proc, other_proc;
	pid_t pid = child(NULL, &proc), other;

	(void)state;
	hold(proc, 3, SVC_KIND_FILE, a.file, a.gen);
	hold(proc, 5, SVC_KIND_FILE, b.file, b.gen);
	other = child(NULL, &other_proc);
	svc_life_get(&file_of(b)->life, b.gen); /* somebody else has it, too */
	hold(proc, 6, SVC_KIND_FILE, b.file, b.gen + 1); /* rubbish */
	hold(proc, 7, SVC_KIND_FILE, (1u << 30) - 1, 1);
	hold(proc, 8, SVC_KIND_EPOLL, 2, 5);
	hold(proc, 9, SVC_KIND_EPOLL, (1u << 30) - 1, 5);
	atomic_store(&r->epolls[2].life, svc_life_make(5, 2));
	atomic_store(&r->epolls[2].lock, 9 + 1);
	atomic_store(&r->epolls[3].lock, 10 + 1);
	atomic_store(&c->owner, (uint32_t)proc + 1);
	atomic_store(&c->held, svc_entry_make(SVC_KIND_FILE, held.file, held.gen));
	atomic_store(&r->procs[proc].fd_high, UINT32_MAX);
	end_child(pid);
	EVENTUALLY(atomic_load(&r->procs[proc].pid) == 0 && service.server.n_open == 1);
	assert_int_equal(refs(a), 0);
	assert_int_equal(refs(held), 0);
	assert_int_equal(refs(b), 1);
	assert_int_equal(svc_life_refs(atomic_load(&r->epolls[2].life)), 1);
	assert_int_equal(atomic_load(&r->epolls[2].lock), 0);
	assert_int_equal(atomic_load(&r->epolls[3].lock), 11);
	assert_int_equal(atomic_load(&c->owner), 0);
	assert_int_equal(atomic_load(&c->held), 0);
	assert_int_equal(atomic_load(&svc_region_fds(r, (uint32_t)proc)[3]), 0);
	assert_int_equal(let_go(b), 0);
	end_child(other);
	EVENTUALLY(atomic_load(&r->procs[other_proc].pid) == 0);
}

static void ask_and_die(int conn, int proc, struct name n, enum svc_op op, enum svc_state st)
{
	struct svc_chan *c = fill(20, op, n);

	(void)conn;
	c->a = world_family == WORLD_IP4 ? AF_INET : AF_INET6;
	c->b = SOCK_STREAM;
	atomic_store(&c->owner, (uint32_t)proc + 1);
	atomic_store(&c->state, st);
}

static void asks_for_one(int conn, int proc) { ask_and_die(conn, proc, (struct name){0, 0}, SVC_SOCKET, SVC_ASKED); }

/* Between writing a request and posting it: what comes of it is given back. */
static void killed_asking(void **state)
{
	int proc;
	pid_t pid = child(asks_for_one, &proc);
	struct svc_chan *c = &service.region.chans[20];

	(void)state;
	end_child(pid);
	EVENTUALLY(atomic_load(&service.region.procs[proc].pid) == 0);
	EVENTUALLY(service.server.n_open == 0);
	assert_int_equal(c->result, 0); /* there was a socket */
	assert_int_not_equal(c->new_gen, 0);
	assert_int_equal(atomic_load(&c->state), SVC_IDLE);
	assert_int_equal(atomic_load(&c->owner), 0);
}

/* A reference that no record shows: killed between taking an entry out and giving its reference back. Nobody can tell, until nobody
 * is left. */
static void killed_between(void **state)
{
	struct name n = new_socket(SOCK_STREAM);
	int first, second;
	pid_t a = child(NULL, &first), b = child(NULL, &second);

	(void)state;
	atomic_store(&service.region.chans[0].owner, 0);
	end_child(a);
	EVENTUALLY(atomic_load(&service.region.procs[first].pid) == 0);
	assert_int_equal(refs(n), 1);
	end_child(b);
	EVENTUALLY(service.server.n_open == 0);
	assert_int_equal(refs(n), 0);
}

/* After the answer: given back unless it was noted. */
static void killed_answered(void **state)
{
	struct name n;
	int proc, other_proc;
	pid_t other = child(NULL, &other_proc), pid = child(NULL, &proc);
	struct svc_chan *c;

	(void)state;
	n = new_socket(SOCK_STREAM); /* channel 0's answer, still there */
	c = &service.region.chans[0];
	assert_int_equal(atomic_load(&c->state), SVC_DONE);
	atomic_store(&c->owner, (uint32_t)proc + 1);
	svc_life_get(&file_of(n)->life, n.gen);
	hold(proc, 3, SVC_KIND_FILE, n.file, n.gen); /* noted: only this reference goes */
	end_child(pid);
	EVENTUALLY(atomic_load(&service.region.procs[proc].pid) == 0);
	assert_int_equal(refs(n), 1);
	pid = child(NULL, &proc);
	c->op = SVC_SOCKET;
	c->result = 0;
	c->new_file = n.file;
	c->new_gen = n.gen;
	atomic_store(&c->state, SVC_DONE);
	atomic_store(&c->owner, (uint32_t)proc + 1);
	end_child(pid);
	EVENTUALLY(service.server.n_open == 0);
	assert_int_equal(atomic_load(&service.region.procs[other_proc].pid), other);
	end_child(other);
}

/* ---- fork ---- */

static void forks(void **state)
{
	struct name n = new_socket(SOCK_STREAM);
	struct svc_region *r = &service.region;
	int conn = dial(), me = say(conn, SVC_HELLO, -1, -1, NULL).proc;
	struct svc_reply reply;
	pid_t pid;
	int status;

	(void)state;
	hold(me, 3, SVC_KIND_FILE, n.file, n.gen);
	hold(me, 4, SVC_KIND_EPOLL, 1, 1);
	hold(me, 5, SVC_KIND_FILE, n.file, n.gen + 1); /* closed meanwhile */
	atomic_store(&r->epolls[1].life, svc_life_make(1, 1));
	reply = say(conn, SVC_FORK, 0, -1, NULL);
	assert_int_equal(reply.result, 0);
	assert_int_equal(refs(n), 2);
	assert_int_equal(svc_life_refs(atomic_load(&r->epolls[1].life)), 2);
	assert_int_equal(atomic_load(&r->procs[reply.proc].pid), -getpid());
	assert_int_equal(atomic_load(&svc_region_fds(r, (uint32_t)reply.proc)[5]), 0);
	pid = fork();
	if (pid == 0) {
		int mine = dial();
		struct svc_reply h = say(mine, SVC_HELLO, reply.proc, -1, NULL);
		svc_entry e = atomic_load(&svc_region_fds(r, (uint32_t)reply.proc)[3]);

		_exit(h.result == 0 && h.proc == reply.proc && h.fresh == 0 && svc_entry_index(e) == n.file ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	EVENTUALLY(refs(n) == 1);
	assert_int_equal(svc_life_refs(atomic_load(&r->epolls[1].life)), 1);
	assert_int_equal(service.server.n_open, 1);
	/* A child that never came. */
	reply = say(conn, SVC_FORK, 0, -1, NULL);
	assert_int_equal(refs(n), 2);
	control.client[reply.proc].until_ns = 1;
	EVENTUALLY(refs(n) == 1);
	assert_int_equal(say(conn, SVC_HELLO, -1, -1, NULL).proc, me);
	close(conn);
	assert_int_equal(let_go(n), 0);
}

/* As many as there are records, and then no more. */
static void too_many(void **state)
{
	int conn = dial(), n = 0;
	struct svc_reply r;

	(void)state;
	assert_int_equal(say(conn, SVC_HELLO, -1, -1, NULL).result, 0);
	while ((r = say(conn, SVC_FORK, 0, -1, NULL)).result == 0)
		n++;
	assert_int_equal(r.result, -ENOBUFS);
	assert_int_equal(n, SVC_PROCS - 1);
	close(conn);
}

/* ---- bells ---- */

static void bells(void **state)
{
	int conn = dial(), me = say(conn, SVC_HELLO, -1, -1, NULL).proc, bell = eventfd(0, EFD_NONBLOCK);
	struct svc_chan *c = &service.region.chans[30];
	svc_pollers who = 1u << 16 | 31;
	uint64_t rings;

	(void)state;
	assert_int_equal(say(conn, SVC_BELL, 30, bell, NULL).result, -EINVAL); /* whose channel is that? */
	atomic_store(&c->owner, (uint32_t)me + 1);
	assert_int_equal(say(conn, SVC_BELL, 30, -1, NULL).result, -EINVAL);
	assert_int_equal(say(conn, SVC_BELL, -1, bell, NULL).result, -EINVAL);
	assert_int_equal(say(conn, SVC_BELL, 30, bell, NULL).result, 0);
	assert_int_equal(atomic_load(&c->bell_fd), 1);
	atomic_store(&c->sleep, SVC_SLEEP_EVENTFD);
	svc_bells_ring(&service.bells, &who);
	assert_int_equal(read(bell, &rings, sizeof(rings)), sizeof(rings));
	atomic_store(&c->owner, 0);
	close(conn);
	close(bell);
}

/* Rubbish on the control socket ends that connection only. */
static void rubbish(void **state)
{
	int conn = dial(), other = dial();
	char buf[100] = {1};

	(void)state;
	assert_int_equal(send(conn, buf, sizeof(buf), 0), sizeof(buf));
	assert_int_equal(recv(conn, buf, sizeof(buf), 0) > 0 ? 1 : 0, 1);
	assert_int_equal(send(conn, buf, 3, 0), 3);
	assert_int_equal(recv(conn, buf, sizeof(buf), 0), 0);
	assert_int_equal(say(other, SVC_HELLO, INT32_MIN, -1, NULL).result, 0);
	close(conn);
	close(other);
}

/* A child that has forked, the number of that one, and a pipe whose end ends both. */
static pid_t family(pid_t *grandchild, int *hold)
{
	int tell[2], ends[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(tell) | pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		pid = fork();
		if (pid > 0 && write(tell[1], &pid, sizeof(pid)) != sizeof(pid))
			_exit(1);
		close(ends[1]);
		_exit(read(ends[0], &c, 1) == 0 && (pid == 0 || waitpid(pid, NULL, 0) == pid) ? 0 : 1);
	}
	assert_int_equal(read(tell[0], grandchild, sizeof(*grandchild)), sizeof(*grandchild));
	close(tell[0]);
	close(tell[1]);
	close(ends[0]);
	*hold = ends[1];
	return pid;
}

/* Another user is let in when it is of our kin, and still the user that it was when it called. */
static void kin(void **state)
{
	pid_t grandchild, child;
	int hold;

	(void)state;
	child = family(&grandchild, &hold);
	assert_true(svc_kin_is(getpid(), geteuid()));
	assert_true(svc_kin_is(child, geteuid()));
	assert_true(svc_kin_is(grandchild, geteuid()));
	assert_false(svc_kin_is(grandchild, geteuid() + 1));
	assert_false(svc_kin_is(getppid(), geteuid()));
	assert_false(svc_kin_is(1, 0));
	assert_false(svc_kin_is(0, geteuid()));
	close(hold);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_false(svc_kin_is(child, geteuid()));
}

static bool eventually(_Atomic uint32_t *word, uint32_t value)
{
	for (int tries = 0; atomic_load(word) != value && tries < 5000; tries++)
		usleep(1000);
	return atomic_load(word) == value;
}

/* The connection ends as it does when the service is killed: all who may wait are rung, and find out why. */
static void guarded(void **state)
{
	struct svc_chan *c = &service.region.chans[5], *free_one = &service.region.chans[6];
	uint32_t rings = atomic_load(&c->bell), others = atomic_load(&free_one->bell);
	int guard = svc_guard_make();

	(void)state;
	assert_true(guard > 0);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody to wait for */
	atomic_store(&c->owner, 1);
	assert_int_equal(svc_guard_tell(guard, service.region.memfd), 0);
	usleep(10000);
	assert_int_equal(atomic_load(&service.region.head->gone), 0);
	close(guard);
	assert_true(eventually(&c->bell, rings + 1));
	assert_int_equal(atomic_load(&service.region.head->gone), 1);
	assert_int_equal(atomic_load(&free_one->bell), others);
	atomic_store(&c->owner, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_CONTROL(hello),
		IN_CONTROL(killed),
		IN_CONTROL(killed_asking),
		IN_CONTROL(killed_answered),
		IN_CONTROL(killed_between),
		IN_CONTROL(forks),
		IN_CONTROL(too_many),
		IN_CONTROL(bells),
		IN_CONTROL(rubbish),
		cmocka_unit_test(kin),
		IN_CONTROL(guarded),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
