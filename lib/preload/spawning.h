/* spawning.h: starting programs as posix_spawn() does, with the sockets that they inherit. */
#ifndef PRELOAD_SPAWNING_H
#define PRELOAD_SPAWNING_H

#include <spawn.h>
#include <stdbool.h>
#include <sys/types.h>

enum spawn_kind { SPAWN_OPEN, SPAWN_CLOSE, SPAWN_DUP2, SPAWN_CHDIR, SPAWN_FCHDIR, SPAWN_CLOSEFROM, SPAWN_TCSETPGRP };

struct spawn_action {
	enum spawn_kind kind;
	int fd, to, flags;
	mode_t mode;
	char *path; /* ours */
};

struct spawn_actions {
	struct spawn_action *action;
	unsigned n, room;
};

/* At the end of the list: 0 or ENOMEM; path is copied. */
int spawn_action_add(struct spawn_actions *list, struct spawn_action a);
void spawn_actions_free(struct spawn_actions *list);
/* What was said to libc about these; false: nobody knows of them. The list stays theirs, and as it is until they say more. */
bool spawn_actions_of(const posix_spawn_file_actions_t *said, struct spawn_actions *list);

/* posix_spawn(), with the actions as we know them: 0 or an errno. search: file is looked for in PATH. */
int spawn_run(pid_t *pid, const char *file, bool search, const struct spawn_actions *list, const posix_spawnattr_t *attr,
	      char *const argv[], char *const envp[]);

#endif
