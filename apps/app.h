/* app.h: what the commands of `spate` share: exit codes, messages, Ctrl-C. */
#ifndef APPS_APP_H
#define APPS_APP_H

#include <signal.h>

enum { APP_OK = 0, APP_ERRORS = 1, APP_USAGE = 2 };

extern volatile sig_atomic_t app_stop; /* set by SIGINT and SIGTERM; a second one kills */
void app_signals(void);
/* "spate COMMAND: MESSAGE" on stderr; returns APP_USAGE. */
int app_fail(const char *command, const char *message);

#endif
