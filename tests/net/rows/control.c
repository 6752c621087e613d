// control.c: questions to the peers: what they saw of us, and what they shall do now.
#include "rows.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void ask(const char *question, char *answer, size_t size)
{
	struct addr to = at(net4.peer, PORT_CONTROL);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	size_t used = 0;
	ssize_t got = -1;

	if (fd >= 0 && connect(fd, &to.sa, to.len) == 0 && write(fd, question, strlen(question)) > 0 && write(fd, "\n", 1) == 1) {
		while (used + 1 < size && (got = read(fd, answer + used, size - 1 - used)) > 0)
			used += (size_t)got;
	}
	answer[used] = 0;
	answer[strcspn(answer, "\n")] = 0;
	if (used == 0)
		snprintf(answer, size, "no-answer");
	if (fd >= 0)
		close(fd);
}

void see_asked(const char *key, const char *want, const char *format, ...)
{
	char question[128], answer[VALUE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(question, sizeof(question), format, args);
	va_end(args);
	ask(question, answer, sizeof(answer));
	say(key, want, "%s", answer);
}
