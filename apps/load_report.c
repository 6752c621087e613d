/* load_report.c: what `spate load` says: the line per second, the report, JSON. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fmt.h"
#include "load.h"

static const char *const phases[LOAD_PHASES] = {
	[LOAD_CONNECT] = "connect", [LOAD_WRITE] = "write", [LOAD_READ] = "read",
	[LOAD_LOST] = "lost",       [LOAD_CONTENT] = "content",
};

static const struct {
	const char *name;
	double q;
} quantiles[] = { { "p50", .5 }, { "p75", .75 }, { "p90", .9 }, { "p99", .99 }, { "p99.9", .999 }, { "max", 1 } };
#define N_QUANTILES (sizeof(quantiles) / sizeof(quantiles[0]))

struct error_name {
	char s[48];
};

/* "connect.ECONNREFUSED"; what has no errno: "content", "read.EOF". */
static struct error_name name_of(unsigned phase, unsigned number)
{
	struct error_name e;
	const char *text = number == LOAD_EOF ? "EOF" : strerrorname_np((int)number);

	if (phase == LOAD_CONTENT)
		snprintf(e.s, sizeof(e.s), "content");
	else
		snprintf(e.s, sizeof(e.s), "%s.%s", phases[phase], text ? text : "other");
	return e;
}

/* Calls each() for every kind of error that happened. */
static void each_error(const struct load_stats *st, void (*each)(void *ctx, const char *name, uint64_t n), void *ctx)
{
	for (unsigned i = 0; i < LOAD_PHASES; i++)
		for (unsigned j = 0; j < LOAD_ERRNO_MAX; j++)
			if (st->error[i][j] != 0)
				each(ctx, name_of(i, j).s, st->error[i][j]);
	for (unsigned i = 0; i < LOAD_STATUS_MAX; i++) {
		char name[32];

		snprintf(name, sizeof(name), "status.%u", i);
		if (st->status[i] != 0)
			each(ctx, name, st->status[i]);
	}
}

static void line_error(void *ctx, const char *name, uint64_t n)
{
	(void)ctx;
	fprintf(stderr, "  %s %s", name, fmt_count((double)n).s);
}

void load_report_line(const struct load_stats *now, const struct load_stats *was, double s)
{
	static struct hist h;

	h = now->request_ns;
	for (unsigned i = 0; i < HIST_BUCKETS; i++)
		h.n[i] -= was->request_ns.n[i];
	h.count -= was->request_ns.count;
	fprintf(stderr, "%s open  %s conn/s  %s req/s", fmt_count((double)now->open).s,
		fmt_count((double)(now->connected - was->connected) / s).s,
		fmt_count((double)(now->responses - was->responses) / s).s);
	if (h.count > 0)
		fprintf(stderr, "  p50 %s  p99 %s", fmt_time((double)hist_quantile(&h, .5)).s,
			fmt_time((double)hist_quantile(&h, .99)).s);
	if (now->waiting > 1)
		fprintf(stderr, "  %s waiting", fmt_count((double)now->waiting).s);
	each_error(now, line_error, NULL);
	fputc('\n', stderr);
}

static double quantile(const struct hist *h, unsigned i)
{
	return quantiles[i].q == 1 ? (double)h->max : (double)hist_quantile(h, quantiles[i].q);
}

static void text_hist(const char *name, const struct hist *h)
{
	if (h->count == 0)
		return;
	printf("%-12s", name);
	for (unsigned i = 0; i < N_QUANTILES; i++)
		printf("  %s %s", quantiles[i].name, fmt_time(quantile(h, i)).s);
	printf("  (%llu samples)\n", (unsigned long long)h->count);
}

static void text_error(void *ctx, const char *name, uint64_t n)
{
	(void)ctx;
	printf("  %-26s %llu\n", name, (unsigned long long)n);
}

static double bytes_each(const struct load_report *r)
{
	return r->st.held > 0 ? (double)r->memory_bytes / (double)(r->st.held * r->ends) : NAN;
}

void load_report_text(const struct load_report *r)
{
	const struct load_stats *st = &r->st;
	double s = (double)st->run_ns / 1e9, per = s > 0 ? 1 / s : 0;

	printf("%s: %.2f s on %u stack%s\n", r->url, s, r->stacks, r->stacks == 1 ? "" : "s");
	printf("connections   %llu opened, %llu established, at most %llu at a time", (unsigned long long)st->opened,
	       (unsigned long long)st->connected, (unsigned long long)st->open_max);
	if (r->mode == LOAD_HOLD || r->mode == LOAD_RATE)
		printf("; opened in %.2f s\n", r->ramp_s);
	else
		printf("; %s/s\n", fmt_count((double)st->connected * per).s);
	if (r->mode == LOAD_HOLD)
		printf("held          %llu at the same time, %.0f bytes each (growth of the process / connections%s)\n",
		       (unsigned long long)r->st.held, bytes_each(r), r->ends == 2 ? " / 2, since both ends are in it" : "");
	printf("requests      %llu sent, %llu answered, %s/s; %s bytes in, %s bytes out\n", (unsigned long long)st->requests,
	       (unsigned long long)st->responses, fmt_count((double)st->responses * per).s,
	       fmt_count((double)st->bytes_in).s, fmt_count((double)st->bytes_out).s);
	if (r->mode != LOAD_CLOSED)
		printf("open loop     %llu not started in time at the end, at most %llu; latency counts from the intended start\n",
		       (unsigned long long)st->waiting, (unsigned long long)st->waiting_max);
	if (st->unfinished > 0)
		printf("unfinished    %llu requests were under way at the end\n", (unsigned long long)st->unfinished);
	if (st->late > 0)
		printf("late          %llu datagrams answered no waiting request\n", (unsigned long long)st->late);
	text_hist("connect", &st->connect_ns);
	text_hist("request", &st->request_ns);
	printf("errors        %llu\n", (unsigned long long)st->errors);
	each_error(st, text_error, NULL);
	for (unsigned i = 0; r->stacks > 1 && i < r->stacks; i++)
		stack_report_text(&r->loaders[i].report);
}

static void json_error(void *ctx, const char *name, uint64_t n) { json_number(ctx, name, (double)n); }

static void json_hist(struct json *j, const char *name, const struct hist *h)
{
	json_open(j, name);
	json_number(j, "samples", (double)h->count);
	if (h->count > 0) {
		json_number(j, "mean", hist_mean(h) / 1e3);
		for (unsigned i = 0; i < N_QUANTILES; i++)
			json_number(j, quantiles[i].name, quantile(h, i) / 1e3);
	}
	json_close(j);
}

void load_report_json(const struct load_report *r)
{
	static const char *const modes[] = { "closed", "rate", "conn-rate", "hold" };
	const struct load_stats *st = &r->st;
	double s = (double)st->run_ns / 1e9, per = s > 0 ? 1 / s : 0;
	struct json j = { .f = stdout };

	json_open(&j, NULL);
	json_text(&j, "url", r->url);
	json_text(&j, "mode", modes[r->mode]);
	json_number(&j, "seconds", s);
	json_number(&j, "connections", (double)r->connections);
	json_number(&j, "opened", (double)st->opened);
	json_number(&j, "established", (double)st->connected);
	json_number(&j, "established_at_once", (double)st->open_max);
	json_number(&j, "connections_per_second", (double)st->connected * per);
	if (r->mode == LOAD_HOLD || r->mode == LOAD_RATE)
		json_number(&j, "ramp_seconds", r->ramp_s);
	if (r->mode == LOAD_HOLD) {
		json_number(&j, "held", (double)r->st.held);
		if (r->st.held > 0)
			json_number(&j, "bytes_per_connection", bytes_each(r));
	}
	json_number(&j, "requests", (double)st->requests);
	json_number(&j, "responses", (double)st->responses);
	json_number(&j, "requests_per_second", (double)st->responses * per);
	json_number(&j, "bytes_in", (double)st->bytes_in);
	json_number(&j, "bytes_out", (double)st->bytes_out);
	json_number(&j, "waiting", (double)st->waiting);
	json_number(&j, "waiting_max", (double)st->waiting_max);
	json_number(&j, "unfinished", (double)st->unfinished);
	json_number(&j, "late", (double)st->late);
	json_hist(&j, "connect_us", &st->connect_ns);
	json_hist(&j, "request_us", &st->request_ns);
	json_number(&j, "errors", (double)st->errors);
	json_open(&j, "errors_by_kind");
	each_error(st, json_error, &j);
	json_close(&j);
	json_array_open(&j, "stacks");
	for (unsigned i = 0; i < r->stacks; i++)
		stack_report_json(&r->loaders[i].report, &j);
	json_array_close(&j);
	json_close(&j);
	putchar('\n');
}
