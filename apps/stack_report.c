/* stack_report.c: reading a stack's counters and printing them. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "spate/spate.h"
#include "stack_report.h"

#define REHOME "rehome."
#define DROP "drop."

static bool begins(const char *name, const char *with) { return strncmp(name, with, strlen(with)) == 0; }

void stack_report_take(struct stack_report *r, unsigned stack)
{
	r->stack = stack;
	for (r->n = 0; r->n < STACK_COUNTERS_MAX; r->n++)
		if (spate_counter(r->n, &r->counter[r->n].name, &r->counter[r->n].value) != 0)
			break;
}

uint64_t stack_report_get(const struct stack_report *r, const char *name)
{
	for (unsigned i = 0; i < r->n; i++)
		if (strcmp(r->counter[i].name, name) == 0)
			return r->counter[i].value;
	return 0;
}

static unsigned long long get(const struct stack_report *r, const char *name)
{
	return (unsigned long long)stack_report_get(r, name);
}

void stack_report_text(const struct stack_report *r)
{
	unsigned long long all = 0;
	const char *sep = " (";

	for (unsigned i = 0; i < r->n; i++)
		if (begins(r->counter[i].name, REHOME))
			all += r->counter[i].value;
	printf("stack %-7u %llu packets in, %llu out, %llu connections; %llu re-homed", r->stack, get(r, "rx.packets"),
	       get(r, "tx.packets"), get(r, "tcp.active_opens") + get(r, "tcp.passive_opens"), all);
	for (unsigned i = 0; i < r->n; i++) {
		if (!begins(r->counter[i].name, REHOME) || r->counter[i].value == 0)
			continue;
		printf("%s%s %llu", sep, r->counter[i].name + strlen(REHOME), (unsigned long long)r->counter[i].value);
		sep = ", ";
	}
	printf("%s, %llu mispredicted, %llu hashes wrong\n", all != 0 ? ")" : "", get(r, "rehome.RSS"),
	       get(r, "rss.hash_wrong"));
}

void stack_report_json(const struct stack_report *r, struct json *j)
{
	json_open(j, NULL);
	json_number(j, "stack", r->stack);
	for (unsigned i = 0; i < r->n; i++)
		if (r->counter[i].value != 0 || !begins(r->counter[i].name, DROP))
			json_number(j, r->counter[i].name, (double)r->counter[i].value);
	json_close(j);
}
