/* opts.h: command-line options: a table per command, and the settings that all commands share. */
#ifndef APPS_OPTS_H
#define APPS_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opt_kind {
	OPT_FLAG,  /* bool; no value */
	OPT_COUNT, /* uint64_t: 1000, 64k, 10M, 1G (powers of 1000) */
	OPT_BYTES, /* uint64_t: 100, 64k, 1M (powers of 1024) */
	OPT_TIME,  /* uint64_t nanoseconds: 10s, 500ms, 20us, 2m, 1h; a bare number is seconds */
	OPT_RATE,  /* double per second: as OPT_COUNT, with fractions */
	OPT_TEXT,  /* const char * */
};

struct opt {
	const char *name; /* without dashes */
	enum opt_kind kind;
	void *to;
	uint64_t min, max;     /* of numbers */
	const char *arg, *help;
};

/* Takes an option that is not in the table: 1 taken, 0 unknown, or -EINVAL with a sentence in err. value is NULL at the
 * end of the command line; *used_value says whether it was used. */
struct opt_more {
	int (*take)(void *ctx, const char *name, const char *value, char *err, size_t err_len);
	void *ctx;
	const char *const *names; /* NULL-terminated: for suggestions */
};

/* Reads argv[1..]: "--name value", "--name=value"; others go to args[0..*n_args), at most max_args. 0, 1 when --help
 * was there, or -EINVAL with a sentence in err. */
int opts_parse(const struct opt *table, size_t n, const struct opt_more *more, int argc, char **argv, const char **args,
	       unsigned *n_args, unsigned max_args, char *err, size_t err_len);
void opts_help(const struct opt *table, size_t n);

int opt_value(const struct opt *o, const char *value, char *err, size_t err_len);
/* The name of the list that is nearest to what was typed, or NULL when nothing is near. */
const char *opt_nearest(const char *typed, const char *const *names, size_t n);

#endif
