/* serve.c: the command `spate serve`: options, one thread per stack, the line once per second, totals. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app.h"
#include "fmt.h"
#include "serve.h"
#include "settings.h"

static void print_line(const struct serve_stats *now, const struct serve_stats *was, double s)
{
	double out = (double)(now->bytes_out - was->bytes_out) * 8 / s;

	fprintf(stderr, "%s open  %s conn/s  %s req/s  %s dgram/s  %sbit/s out  %s bad  %s resets  %s failures\n",
		fmt_count((double)now->open).s, fmt_count((double)(now->accepted - was->accepted) / s).s,
		fmt_count((double)(now->requests - was->requests) / s).s,
		fmt_count((double)(now->datagrams - was->datagrams) / s).s, fmt_count(out).s,
		fmt_count((double)now->bad_requests).s, fmt_count((double)now->resets).s, fmt_count((double)now->failures).s);
}

static void print_totals(struct servers *sv)
{
	const struct serve_stats total = servers_stats(sv), *t = &total;

	printf("served %llu connections, %llu requests, %llu datagrams; %llu bytes in, %llu bytes out; %llu bad requests, "
	       "%llu resets, %llu failures; %llu open at the end\n",
	       (unsigned long long)t->accepted, (unsigned long long)t->requests, (unsigned long long)t->datagrams,
	       (unsigned long long)t->bytes_in, (unsigned long long)t->bytes_out, (unsigned long long)t->bad_requests,
	       (unsigned long long)t->resets, (unsigned long long)t->failures, (unsigned long long)t->open);
	for (unsigned i = 0; sv->n > 1 && i < sv->n; i++)
		stack_report_text(&sv->sv[i].report);
}

static void print_ready(const struct serve_config *cfg, const char *ip)
{
	const char *sep = "serving ";

	for (unsigned i = 0; i < SVC_MAX; i++) {
		if (cfg->port[i] == 0)
			continue;
		printf("%s%s on %.*s:%u", sep, serve_name(i), (int)strcspn(ip, "/,"), ip, cfg->port[i]);
		sep = ", ";
	}
	putchar('\n');
	fflush(stdout);
}

/* Runs until Ctrl-C. */
static void watch(struct servers *sv, bool lines)
{
	struct serve_stats was = servers_stats(sv), now;
	struct timespec tick = { .tv_nsec = 50000000 }, t0, t1;

	clock_gettime(CLOCK_MONOTONIC, &t0);
	while (!app_stop) {
		double s;

		nanosleep(&tick, NULL);
		clock_gettime(CLOCK_MONOTONIC, &t1);
		s = (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9;
		if (s < 1)
			continue;
		now = servers_stats(sv);
		if (lines)
			print_line(&now, &was, s);
		was = now;
		t0 = t1;
	}
}

static int run(const struct serve_config *cfg, const char *ip, bool lines)
{
	struct servers sv;
	char err[256];
	int rc = servers_start(&sv, cfg, 0, spate_stacks(), err, sizeof(err));

	if (rc == 0) {
		print_ready(cfg, ip);
		watch(&sv, lines);
	}
	servers_stop(&sv);
	if (rc == 0) {
		print_totals(&sv);
	} else {
		app_fail("serve", err);
		rc = APP_ERRORS;
	}
	servers_free(&sv);
	return rc;
}

static const char help_text[] =
	"Usage: spate serve --dev DEVICE --ip ADDRESS/PREFIX [options]\n\n"
	"Answers until Ctrl-C. HTTP: GET /N gives N bytes, any other path the default body; HEAD, POST and PUT are\n"
	"understood, bodies are read and dropped. A port of 0 turns a service off.\n";

int cmd_serve(int argc, char **argv)
{
	uint64_t port[SVC_MAX] = { 80, 7, 9, 19, 7 }, body = 100;
	bool verbose = false;
	const struct opt table[] = {
		{ "http", OPT_COUNT, &port[SVC_HTTP], 0, 65535, "PORT", "HTTP/1.1 and 1.0 [80]" },
		{ "echo", OPT_COUNT, &port[SVC_ECHO], 0, 65535, "PORT", "what comes goes back, TCP [7]" },
		{ "discard", OPT_COUNT, &port[SVC_DISCARD], 0, 65535, "PORT", "what comes is dropped, TCP [9]" },
		{ "chargen", OPT_COUNT, &port[SVC_CHARGEN], 0, 65535, "PORT", "characters without end, TCP [19]" },
		{ "udp-echo", OPT_COUNT, &port[SVC_UDP_ECHO], 0, 65535, "PORT", "what comes goes back, UDP [7]" },
		{ "body-size", OPT_BYTES, &body, 0, 1ull << 40, "BYTES", "length of the default HTTP body [100]" },
		{ "verbose", OPT_FLAG, &verbose, 0, 0, NULL, "a line each second also when stderr is no terminal" },
	};
	struct serve_config cfg = { .body_bytes = 0 };
	struct settings st;
	char err[512];
	unsigned n_args;
	int rc;

	if (settings_init(&st) != 0)
		return app_fail("serve", "out of memory");
	rc = opts_parse(table, sizeof(table) / sizeof(table[0]), &st.more, argc, argv, NULL, &n_args, 0, err, sizeof(err));
	if (rc == 1) {
		puts(help_text);
		opts_help(table, sizeof(table) / sizeof(table[0]));
		settings_help();
	} else if (rc == 0) {
		for (unsigned i = 0; i < SVC_MAX; i++)
			cfg.port[i] = (uint16_t)port[i];
		cfg.body_bytes = body;
		app_signals();
		if (settings_sim(&st)) {
			rc = -EINVAL;
			snprintf(err, sizeof(err), "nobody outside reaches sim: 'spate load --dev sim' serves its own far end");
		} else {
			rc = spate_start(st.c, err, sizeof(err));
		}
	}
	if (rc < 0)
		rc = app_fail("serve", err);
	else if (rc == 1)
		rc = APP_OK;
	else {
		rc = run(&cfg, st.ip_text[0] ? st.ip_text : "the configured addresses", verbose || isatty(STDERR_FILENO));
		spate_stop();
	}
	settings_fini(&st);
	return rc;
}
