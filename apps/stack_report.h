/* stack_report.h: one stack's counters at the end of a run: a line for people, an object for programs. */
#ifndef APPS_STACK_REPORT_H
#define APPS_STACK_REPORT_H

#include <stdint.h>

#include "fmt.h"

#define STACK_COUNTERS_MAX 256 /* there are about a hundred; more are left out */

struct stack_report {
	unsigned stack, n;
	struct {
		const char *name;
		uint64_t value;
	} counter[STACK_COUNTERS_MAX];
};

/* Reads the counters of the calling thread's stack. */
void stack_report_take(struct stack_report *r, unsigned stack);
/* 0 for a name that there is not. */
uint64_t stack_report_get(const struct stack_report *r, const char *name);
/* Packets, connections, what was passed on to other stacks and why. */
void stack_report_text(const struct stack_report *r);
/* An element of an array: every counter by its name, without the drops that did not happen. */
void stack_report_json(const struct stack_report *r, struct json *j);

#endif
