/* run.c: the command `spate run`: a service in this process, and a program with the preload library in another. */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app.h"
#include "run.h"
#include "serve.h"
#include "settings.h"
#include "svc/svc.h"

#define RULES_MAX 64
#define NAMES_MAX 64 /* settings, and one more */
#define SETTLE_TICK_NS 5000000
#define SETTLE_TICKS 800 /* four seconds: IPv6 addresses need two, and without a link they would be asked for for ever */
#define DAEMON_TICK_NS 50000000
#define DAEMON_TICKS 20 /* a second */
#define SIM_PEER 0x0a000001u /* 10.0.0.1: who answers at the far end of sim */

struct run {
	struct settings st;
	struct svc_config cfg;
	const char *rules[RULES_MAX], *idle, *preload;
	char folder[64], path[100], library[4096];
	char **argv; /* the program's */
	struct program program;
	struct serve_config far_cfg;
	struct servers far;
	bool sim;
};

static const char help_text[] =
	"Usage: spate run [options] -- PROGRAM [ARGUMENTS]\n\n"
	"Runs PROGRAM with its IPv4 and IPv6 sockets on spate, and whatever it forks and executes. The stacks live in this process,\n"
	"a thread each; the program is linked dynamically to the system's C library. What goes to loopback stays with the kernel\n"
	"unless a rule says otherwise. Rules are looked at in their order, the first that matches counts:\n"
	"  --rule 'kernel 10.0.0.0/8 port 53' --rule 'spate any'\n"
	"With --dev sim the far end, 10.0.0.1, answers: HTTP, echo, discard, chargen.\n"
	"Exit code: the program's, or 128 and the number of the signal that killed it; 2: spate could not start.\n";

/* ---- rules: an option that may be repeated, so it is taken beside the settings ---- */

static int take(void *ctx, const char *name, const char *value, char *err, size_t err_len)
{
	struct run *r = ctx;

	if (strcmp(name, "rule") != 0)
		return r->st.more.take(r->st.more.ctx, name, value, err, err_len);
	if (value == NULL || r->cfg.n_rules == RULES_MAX) {
		snprintf(err, err_len, value == NULL ? "--rule needs a value: --rule 'kernel 10.0.0.0/8'" : "too many rules");
		return -EINVAL;
	}
	r->rules[r->cfg.n_rules++] = value;
	r->cfg.rules = r->rules;
	return 1;
}

/* All that may follow two dashes beside our own table: for suggestions. */
static const char *const *names(const struct run *r)
{
	static const char *all[NAMES_MAX] = {"rule"};
	unsigned n = 1;

	for (const char *const *p = r->st.more.names; *p != NULL && n < NAMES_MAX - 1; p++)
		all[n++] = *p;
	return all;
}

static int idle_of(const char *word, enum svc_idle *idle, char *err, size_t err_len)
{
	static const char *const words[] = {[SVC_IDLE_POLL] = "poll", [SVC_IDLE_ADAPTIVE] = "adaptive",
					    [SVC_IDLE_INTERRUPT] = "interrupt"};

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i]) == 0) {
			*idle = (enum svc_idle)i;
			return 0;
		}
	}
	snprintf(err, err_len, "--idle: '%s' is none of 'poll', 'adaptive' and 'interrupt'", word);
	return -EINVAL;
}

/* ---- the run ---- */

/* The far end of sim, where nobody outside can be. */
static int far_start(struct run *r, char *err, size_t err_len)
{
	r->far_cfg = (struct serve_config){.port = {80, 7, 9, 19, 7}, .body_bytes = 100};
	return servers_start(&r->far, &r->far_cfg, spate_stacks() / 2, spate_stacks() / 2, err, err_len);
}

static void far_stop(struct run *r)
{
	servers_stop(&r->far);
	servers_free(&r->far);
}

/* Those that the program left behind with sockets keep the service, until a signal ends it. A daemon may have forked first and
 * open its sockets in a moment. */
static void wait_for_others(const struct svc *svc)
{
	const struct timespec tick = {.tv_nsec = DAEMON_TICK_NS};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	for (unsigned ticks = 0; svc_users(svc) > 0 || (ticks < DAEMON_TICKS && program_left_others()); ticks++)
		if (sigtimedwait(&set, NULL, &tick) > 0)
			return;
}

/* A program that starts before its addresses may be used finds none to connect from. A signal is for it, and may end it. */
static void wait_for_addresses(const struct svc *svc)
{
	const struct timespec tick = {.tv_nsec = SETTLE_TICK_NS};

	for (unsigned ticks = 0; !svc_settled(svc) && !program_signalled(); ticks++) {
		if (ticks == SETTLE_TICKS) {
			fprintf(stderr, "spate run: IPv6 addresses are not usable yet: is the link down?\n");
			return;
		}
		nanosleep(&tick, NULL);
	}
}

static int serve(struct run *r, char *err, size_t err_len)
{
	struct svc *svc;
	int rc = svc_start(&r->cfg, &svc, err, err_len);

	if (rc < 0)
		return rc;
	wait_for_addresses(svc);
	program_go(&r->program);
	rc = program_wait(&r->program);
	wait_for_others(svc);
	svc_stop(svc);
	return rc;
}

/* >= 0: the program's exit code; -errno: nothing was run. */
static int run(struct run *r, char *err, size_t err_len)
{
	int rc;

	r->cfg.guard = svc_guard_make();
	rc = r->cfg.guard < 0 ? r->cfg.guard : program_prepare(&r->program, r->argv, r->path, r->library);

	program_look(r->argv[0], r->cfg.raw);
	if (rc < 0) {
		snprintf(err, err_len, "no process for the program: %s", strerror(-rc));
		return rc;
	}
	program_signals();
	rc = spate_start(r->st.c, err, err_len);
	if (rc == 0) {
		rc = r->sim ? far_start(r, err, err_len) : 0;
		if (rc == 0)
			rc = serve(r, err, err_len);
		if (r->sim)
			far_stop(r);
		spate_stop();
	}
	if (rc < 0)
		program_cancel(&r->program);
	return rc;
}

static int prepare(struct run *r, char *err, size_t err_len)
{
	int rc = idle_of(r->idle, &r->cfg.idle, err, err_len);

	if (rc == 0 && r->cfg.idle == SVC_IDLE_INTERRUPT)
		rc = spate_config_set(r->st.c, "rx-interrupts", "yes", err, err_len);
	if (rc == 0)
		rc = svc_rules_check(r->rules, r->cfg.n_rules, err, err_len);
	r->sim = settings_sim(&r->st);
	if (rc == 0 && r->sim)
		rc = settings_sim_defaults(&r->st, SIM_PEER, 1, err, err_len);
	if (rc == 0 && r->preload[0] == 0)
		rc = run_preload_find(r->library, sizeof(r->library), err, err_len);
	else if (rc == 0)
		snprintf(r->library, sizeof(r->library), "%s", r->preload);
	if (rc == 0)
		rc = run_folder_make(r->folder, sizeof(r->folder), err, err_len);
	if (rc == 0)
		snprintf(r->path, sizeof(r->path), "%s/service", r->folder);
	r->cfg.path = r->path;
	return rc;
}

/* Where "--" is, which ends our options; argc when it is not there. */
static int options_end(int argc, char **argv)
{
	int i = 1;

	while (i < argc && strcmp(argv[i], "--") != 0)
		i++;
	return i;
}

int cmd_run(int argc, char **argv)
{
	static struct run r = {.idle = "adaptive", .preload = ""};
	const struct opt table[] = {
		{ "idle", OPT_TEXT, &r.idle, 0, 0, "HOW", "a stack without work: poll (never sleeps), adaptive, interrupt (packets wake it) [adaptive]" },
		{ "dns", OPT_FLAG, &r.cfg.dns, 0, 0, NULL, "libc's resolver asks name servers through spate, too" },
		{ "raw", OPT_FLAG, &r.cfg.raw, 0, 0, NULL, "system calls without libc's names are caught, too; each costs microseconds" },
		{ "preload", OPT_TEXT, &r.preload, 0, 0, "FILE", "the preload library, when it is not where it was installed" },
	};
	struct opt_more more = {.take = take, .ctx = &r};
	int ours = options_end(argc, argv), rc;
	char err[512];
	unsigned n_args;

	if (settings_init(&r.st) != 0)
		return app_fail("run", "out of memory");
	more.names = names(&r);
	rc = opts_parse(table, sizeof(table) / sizeof(table[0]), &more, ours, argv, NULL, &n_args, 0, err, sizeof(err));
	if (rc == 1) {
		puts(help_text);
		opts_help(table, sizeof(table) / sizeof(table[0]));
		printf("  %-30s %s\n", "--rule RULE", "whose some sockets are; repeatable: '{spate|kernel} {any|ADDRESS/LENGTH} [port N[-M]]'");
		settings_help();
		rc = APP_OK;
	} else {
		if (rc == 0 && ours + 1 >= argc) {
			snprintf(err, sizeof(err), "no program given: spate run --dev sim -- curl http://10.0.0.1/");
			rc = -EINVAL;
		}
		r.argv = argv + ours + 1;
		rc = rc == 0 ? prepare(&r, err, sizeof(err)) : rc;
		rc = rc == 0 ? run(&r, err, sizeof(err)) : rc;
		if (r.folder[0] != 0)
			run_folder_remove(r.folder);
		rc = rc < 0 ? app_fail("run", err) : rc;
	}
	settings_fini(&r.st);
	return rc;
}
