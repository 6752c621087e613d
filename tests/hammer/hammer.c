/* hammer.c: stacks, their service and many client threads in one process, on the simulated link: all threads use the same sockets
 * at the same time, from a seed, for some seconds. For AddressSanitizer and ThreadSanitizer, and good without them. */
#include "hammer.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/client.h"
#include "serve.h"
#include "spate/spate.h"
#include "svc/layout.h"
#include "svc/svc.h"

#define VERIFY_EVERY 50 /* calls between a thread's looks at its own connection */

struct hammer hammer;

static struct {
	unsigned threads, seconds;
	uint64_t seed;
} opt = {.threads = 8, .seconds = 5, .seed = 1};

/* ---- one map for both sides ----
 * ThreadSanitizer knows memory by its address. The service's and the client's map of the shared memory are one here, so that it
 * sees what a stack and a client do to the same word. */

static struct {
	dev_t dev;
	ino_t ino;
	void *at;
	unsigned maps;
} shared;

void *__real_mmap64(void *at, size_t len, int prot, int flags, int fd, off_t off);
int __real_munmap(void *at, size_t len);
void *__wrap_mmap64(void *at, size_t len, int prot, int flags, int fd, off_t off);
int __wrap_munmap(void *at, size_t len);

void *__wrap_mmap64(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	bool ours = flags == (MAP_SHARED | MAP_NORESERVE) && fd >= 0;
	struct stat st;

	if (!ours || fstat(fd, &st) < 0)
		return __real_mmap64(at, len, prot, flags, fd, off);
	if (shared.maps > 0 && st.st_ino == shared.ino && st.st_dev == shared.dev) {
		shared.maps++;
		return shared.at;
	}
	at = __real_mmap64(at, len, prot, flags, fd, off);
	shared.at = at;
	shared.dev = st.st_dev;
	shared.ino = st.st_ino;
	shared.maps = 1;
	return at;
}

int __wrap_munmap(void *at, size_t len)
{
	return at == shared.at && --shared.maps > 0 ? 0 : __real_munmap(at, len);
}

/* ---- the service and the far end ---- */

static int quit(const char *what, const char *err)
{
	fprintf(stderr, "spate-hammer: %s: %s\n", what, err);
	return 1;
}

static int settings(struct spate_config *c, char *err, size_t err_len)
{
	static const char *const set[][2] = {{"dev", "sim"}, {"ip", "10.0.0.10-10.0.0.17/16"}, {"peer-ip", HAMMER_PEER "/16"},
		{"max-connections", "20000"}, {"mbufs", "16384"}, {"log-level", "error"}};
	int rc = 0;

	for (unsigned i = 0; i < sizeof(set) / sizeof(set[0]) && rc == 0; i++)
		rc = spate_config_set(c, set[i][0], set[i][1], err, err_len);
	return rc;
}

/* ---- threads ---- */

static void *thread_main(void *arg)
{
	struct thread *t = arg;
	bool good = true;

	for (unsigned i = 0; atomic_load_explicit(&hammer.stop, memory_order_relaxed) == 0 && good; i++) {
		act_random(t);
		if (i % VERIFY_EVERY == 0)
			good = verify_step(t);
	}
	good = good && verify_step(t);
	verify_end(t);
	if (!good)
		atomic_fetch_add(&hammer.wrong, 1);
	return NULL;
}

static void hammer_run(void)
{
	static struct thread threads[HAMMER_THREADS_MAX];
	pthread_t ids[HAMMER_THREADS_MAX];

	for (unsigned i = 0; i < HAMMER_SLOTS; i++)
		atomic_store(&hammer.slot[i], -1);
	for (unsigned i = 0; i < HAMMER_EPOLLS; i++)
		hammer.epoll[i] = client_epoll_create(0);
	for (unsigned i = 0; i < opt.threads; i++) {
		threads[i] = (struct thread){.number = i, .echo = -1};
		prng_seed(&threads[i].rng, opt.seed * 1000 + i);
		if (pthread_create(&ids[i], NULL, thread_main, &threads[i]) != 0)
			abort();
	}
	sleep(opt.seconds);
	atomic_store(&hammer.stop, 1);
	for (unsigned i = 0; i < opt.threads; i++)
		pthread_join(ids[i], NULL);
	for (unsigned i = 0; i < HAMMER_SLOTS; i++)
		if (hammer.slot[i] >= 0)
			client_close(hammer.slot[i]);
	for (unsigned i = 0; i < HAMMER_EPOLLS; i++)
		client_close(hammer.epoll[i]);
}

/* All is closed; what was lost shows here. */
static unsigned sockets_left(const struct svc *svc)
{
	for (unsigned tries = 0; svc_sockets(svc) > 0 && tries < 2000; tries++)
		usleep(1000);
	return svc_sockets(svc);
}

/* What is known of them. */
static void explain(void)
{
	struct svc_head *h = shared.at;

	for (uint32_t i = 0; i < h->n_stacks * h->files_per_stack; i++) {
		struct svc_file *f = svc_file_at(h, i);
		uint64_t life = atomic_load(&f->life);

		if (svc_life_refs(life) > 0)
			printf("file %u: generation %u, %u references, type %u, events %x, pollers %x\n", i, svc_life_gen(life), svc_life_refs(life),
			       f->type, f->events, f->pollers);
	}
	for (uint32_t i = 0; i < SVC_CHANS; i++) {
		struct svc_chan *c = svc_chan_at(h, i);

		if (atomic_load(&c->owner) != 0)
			printf("channel %u: state %u, op %u, file %u, held %lx\n", i, c->state, c->op, c->file, c->held);
	}
}

static int report(unsigned left)
{
	bool quiet = false;

	printf("seed %lu: %lu bytes echoed, %u wrong, %u sockets left;", opt.seed, hammer.echoed, hammer.wrong, left);
	for (unsigned a = 0; a < ACTS; a++) {
		printf(" %s %lu/%lu", act_names[a], hammer.good[a], hammer.done[a]);
		quiet |= hammer.done[a] == 0;
	}
	printf("\n");
	if (quiet)
		return quit("the run", "some call was never made: too short?");
	return hammer.wrong == 0 && left == 0 && hammer.echoed > 0 ? 0 : 1;
}

static int with_service(struct servers *far, char *err, size_t err_len)
{
	const struct serve_config far_cfg = {.port = {[SVC_ECHO] = HAMMER_ECHO, [SVC_UDP_ECHO] = HAMMER_ECHO}};
	char path[64];
	const struct svc_config cfg = {.path = path, .idle = SVC_IDLE_ADAPTIVE};
	struct svc *svc;
	unsigned left;
	int rc = servers_start(far, &far_cfg, spate_stacks() / 2, spate_stacks() / 2, err, err_len);

	if (rc < 0)
		return rc;
	snprintf(path, sizeof(path), "/tmp/spate-hammer-%d", getpid());
	rc = svc_start(&cfg, &svc, err, err_len);
	if (rc < 0)
		return rc;
	rc = client_attach(path);
	if (rc < 0) {
		snprintf(err, err_len, "attaching: %s", strerror(-rc));
	} else {
		hammer_run();
		left = sockets_left(svc);
		if (left > 0)
			explain();
		client_detach();
		rc = report(left);
	}
	svc_stop(svc);
	return rc;
}

static int arguments(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--threads") == 0)
			opt.threads = (unsigned)atoi(argv[i + 1]);
		else if (strcmp(argv[i], "--seconds") == 0)
			opt.seconds = (unsigned)atoi(argv[i + 1]);
		else if (strcmp(argv[i], "--seed") == 0)
			opt.seed = strtoull(argv[i + 1], NULL, 10);
		else
			return -1;
	}
	return argc % 2 == 1 && opt.threads > 0 && opt.threads <= HAMMER_THREADS_MAX ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct spate_config *c = spate_config_new();
	struct servers far = {0};
	char err[256] = "";
	int rc;

	if (arguments(argc, argv) < 0)
		return quit("usage", "spate-hammer [--threads N] [--seconds N] [--seed N]");
	rc = settings(c, err, sizeof(err));
	rc = rc == 0 ? spate_start(c, err, sizeof(err)) : rc;
	if (rc < 0)
		return quit("starting", err);
	rc = with_service(&far, err, sizeof(err));
	servers_stop(&far);
	servers_free(&far);
	spate_stop();
	spate_config_free(c);
	return rc < 0 ? quit("starting", err) : rc;
}
