/* main.c: the command `spate`: finds the subcommand. */
#include <stdio.h>
#include <string.h>

#include "app.h"
#include "load.h"
#include "nic.h"
#include "opts.h"
#include "run.h"
#include "serve.h"
#include "spate/spate.h"

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "serve", cmd_serve, "answer: HTTP, echo, discard, chargen over TCP, echo over UDP" },
	{ "load", cmd_load, "ask: connections and requests, closed loop, open loop, or held open; latency and errors" },
	{ "run", cmd_run, "run a program that knows nothing of spate, with its sockets on it" },
	{ "nic", cmd_nic, "describe a device: what it can do, what is used and why not the rest, whether RSS keeps its word" },
};
#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

volatile sig_atomic_t app_stop;

static void on_signal(int sig)
{
	app_stop = 1;
	signal(sig, SIG_DFL);
}

void app_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

int app_fail(const char *command, const char *message)
{
	fprintf(stderr, "spate %s: %s\n", command, message);
	return APP_USAGE;
}

static int help(void)
{
	puts("spate: a user-space TCP/UDP endpoint\n\nUsage: spate COMMAND [options]\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		printf("  %-8s %s\n", commands[i].name, commands[i].help);
	puts("  help     this text; spate COMMAND --help explains a command\n\n"
	     "Try it without any hardware, root or huge pages: two stacks joined in one process:\n"
	     "  spate load --dev sim http://10.0.0.1/\n"
	     "  spate load --dev sim --hold --connections 1000000 http://10.0.0.1/");
	return APP_OK;
}

int main(int argc, char **argv)
{
	const char *names[N_COMMANDS + 1] = { "help" }, *word = argc > 1 ? argv[1] : "", *near;

	if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
		char *ask[] = { argc > 2 ? argv[2] : NULL, "--help", NULL };

		for (size_t i = 0; argc > 2 && i < N_COMMANDS; i++)
			if (strcmp(argv[2], commands[i].name) == 0)
				return commands[i].run(2, ask);
		return help();
	}
	if (strcmp(word, "--version") == 0) {
		printf("spate %s\n", spate_version());
		return APP_OK;
	}
	for (size_t i = 0; i < N_COMMANDS; i++) {
		if (strcmp(word, commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
		names[i + 1] = commands[i].name;
	}
	near = opt_nearest(word, names, N_COMMANDS + 1);
	if (*word == 0)
		fputs("spate: no command given: spate help lists them\n", stderr);
	else if (near)
		fprintf(stderr, "spate: unknown command '%s': did you mean '%s'?\n", word, near);
	else
		fprintf(stderr, "spate: unknown command '%s': spate help lists them\n", word);
	return APP_USAGE;
}
