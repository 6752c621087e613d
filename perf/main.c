/* main.c: the program spate-perf: finds the case. */
#include <stdio.h>
#include <string.h>

#include "cases.h"

static int help(int code)
{
	FILE *f = code == 0 ? stdout : stderr;

	fputs("Usage: " PERF_PROGRAM " CASE [--json] [options]; CASE --help lists the options\n\n", f);
	for (unsigned i = 0; i < perf_n_cases; i++)
		fprintf(f, "  %-8s %s\n", perf_cases[i]->name, perf_cases[i]->help);
	return code;
}

int main(int argc, char **argv)
{
	bool json = false;
	int n = 1;

	for (int i = 1; i < argc; i++) { /* --json goes wherever it stands */
		if (strcmp(argv[i], "--json") == 0)
			json = true;
		else
			argv[n++] = argv[i];
	}
	argv[n] = NULL;
	if (n < 2)
		return help(2);
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "-h") == 0)
		return help(0);
	for (unsigned i = 0; i < perf_n_cases; i++)
		if (strcmp(argv[1], perf_cases[i]->name) == 0)
			return perf_cases[i]->run(n - 1, argv + 1, json);
	fprintf(stderr, PERF_PROGRAM ": there is no case '%s'\n", argv[1]);
	return help(2);
}
