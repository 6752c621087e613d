/* opts.c: command-line options: parsing, values with units, and a good guess at what a mistyped one meant. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "opts.h"

#define NAMES_MAX 96

/* Levenshtein distance of two short words. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[64], la = (unsigned)strlen(a), lb = (unsigned)strlen(b);

	if (la > 60 || lb > 60)
		return 99;
	for (unsigned j = 0; j <= lb; j++)
		row[j] = j;
	for (unsigned i = 1; i <= la; i++) {
		unsigned diag = row[0];

		row[0] = i;
		for (unsigned j = 1; j <= lb; j++) {
			unsigned best = diag + (a[i - 1] != b[j - 1]);

			diag = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[lb];
}

const char *opt_nearest(const char *typed, const char *const *names, size_t n)
{
	const char *best = NULL;
	unsigned best_d = (unsigned)strlen(typed) / 2 + 1;

	for (size_t i = 0; i < n; i++) {
		unsigned d = distance(typed, names[i]);

		if (strlen(typed) >= 3 && strncmp(names[i], typed, strlen(typed)) == 0)
			d = 1; /* the beginning of it */
		if (d < best_d) {
			best_d = d;
			best = names[i];
		}
	}
	return best;
}

static double unit_of(enum opt_kind kind, const char *s)
{
	static const struct {
		const char *unit;
		double count, bytes, ns;
	} u[] = { { "", 1, 1, 1e9 }, { "k", 1e3, 1024, 0 }, { "K", 1e3, 1024, 0 }, { "M", 1e6, 1048576, 0 },
		  { "G", 1e9, 1073741824, 0 }, { "ns", 0, 0, 1 }, { "us", 0, 0, 1e3 }, { "ms", 0, 0, 1e6 },
		  { "s", 0, 0, 1e9 }, { "m", 0, 0, 60e9 }, { "h", 0, 0, 3600e9 } };

	for (size_t i = 0; i < sizeof(u) / sizeof(u[0]); i++)
		if (strcmp(s, u[i].unit) == 0)
			return kind == OPT_TIME ? u[i].ns : kind == OPT_BYTES ? u[i].bytes : u[i].count;
	return 0;
}

static const char *example_of(enum opt_kind kind)
{
	return kind == OPT_TIME ? "500ms, 10s or 2m" : kind == OPT_BYTES ? "100, 64k or 1M" : "1000, 64k or 1M";
}

static int number(const struct opt *o, const char *value, char *err, size_t err_len)
{
	char *end;
	double v = strtod(value, &end), scale = unit_of(o->kind, end), scaled = v * scale;

	if (end == value || scale == 0 || !isfinite(v) || v < 0 || (value[0] != '.' && (value[0] < '0' || value[0] > '9'))) {
		snprintf(err, err_len, "--%s: '%s' is not a value such as %s", o->name, value, example_of(o->kind));
		return -EINVAL;
	}
	if (scaled < (double)o->min || (o->max != 0 && scaled > (double)o->max)) {
		double shown = o->kind == OPT_TIME ? 1e9 : 1;

		snprintf(err, err_len, "--%s: %s is not between %.15g and %.15g%s", o->name, value, (double)o->min / shown,
			 o->max ? (double)o->max / shown : HUGE_VAL, o->kind == OPT_TIME ? " s" : "");
		return -EINVAL;
	}
	if (o->kind == OPT_RATE) {
		*(double *)o->to = scaled;
		return 0;
	}
	if (scaled >= 18446744073709549568.0 || (o->kind != OPT_TIME && scaled != floor(scaled))) {
		snprintf(err, err_len, "--%s: %s is not a whole number within reach", o->name, value);
		return -EINVAL;
	}
	*(uint64_t *)o->to = (uint64_t)scaled;
	return 0;
}

int opt_value(const struct opt *o, const char *value, char *err, size_t err_len)
{
	if (o->kind == OPT_FLAG) {
		if (value) {
			snprintf(err, err_len, "--%s takes no value", o->name);
			return -EINVAL;
		}
		*(bool *)o->to = true;
		return 0;
	}
	if (!value) {
		snprintf(err, err_len, "--%s needs a value: --%s %s", o->name, o->name, o->arg);
		return -EINVAL;
	}
	if (o->kind == OPT_TEXT) {
		*(const char **)o->to = value;
		return 0;
	}
	return number(o, value, err, err_len);
}

static int unknown(const struct opt *table, size_t n, const struct opt_more *more, const char *name, char *err,
		   size_t err_len)
{
	const char *names[NAMES_MAX], *near;
	size_t k = 0;

	for (size_t i = 0; i < n && k < NAMES_MAX; i++)
		names[k++] = table[i].name;
	for (const char *const *p = more ? more->names : NULL; p && *p && k < NAMES_MAX; p++)
		names[k++] = *p;
	near = opt_nearest(name, names, k);
	if (near)
		snprintf(err, err_len, "unknown option --%s: did you mean --%s?", name, near);
	else
		snprintf(err, err_len, "unknown option --%s: --help lists all", name);
	return -EINVAL;
}

/* One option at argv[i]; *used: how many words it took. */
static int option(const struct opt *table, size_t n, const struct opt_more *more, const char *word, const char *next,
		  int *used, char *err, size_t err_len)
{
	const char *eq = strchr(word, '='), *value = eq ? eq + 1 : next;
	char name[64];
	int rc;

	snprintf(name, sizeof(name), "%.*s", (int)(eq ? eq - word : (long)strlen(word)) - 2, word + 2);
	*used = eq ? 1 : 2;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(table[i].name, name) != 0)
			continue;
		if (table[i].kind == OPT_FLAG) {
			*used = 1;
			value = eq ? eq + 1 : NULL;
		}
		return opt_value(&table[i], value, err, err_len);
	}
	rc = more ? more->take(more->ctx, name, value, err, err_len) : 0;
	if (rc == 0)
		return unknown(table, n, more, name, err, err_len);
	return rc < 0 ? rc : 0;
}

int opts_parse(const struct opt *table, size_t n, const struct opt_more *more, int argc, char **argv, const char **args,
	       unsigned *n_args, unsigned max_args, char *err, size_t err_len)
{
	*n_args = 0;
	for (int i = 1; i < argc;) {
		int used = 1, rc = 0;

		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
			return 1;
		if (strncmp(argv[i], "--", 2) == 0 && argv[i][2] != 0) {
			rc = option(table, n, more, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &used, err, err_len);
		} else if (argv[i][0] == '-' && argv[i][1] != 0) {
			snprintf(err, err_len, "unknown option %s: options begin with two dashes", argv[i]);
			rc = -EINVAL;
		} else if (*n_args == max_args) {
			snprintf(err, err_len, "'%s' is one argument too many", argv[i]);
			rc = -EINVAL;
		} else {
			args[(*n_args)++] = argv[i];
		}
		if (rc != 0)
			return rc;
		i += used;
	}
	return 0;
}

void opts_help(const struct opt *table, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char left[64];

		snprintf(left, sizeof(left), "--%s %s", table[i].name, table[i].arg ? table[i].arg : "");
		printf("  %-30s %s\n", left, table[i].help);
	}
}
