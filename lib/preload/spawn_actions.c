/* spawn_actions.c: what programs want done in a child before it becomes another program: noted beside libc's own list, which
 * nobody but libc can read. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "preload/next.h"
#include "preload/spawning.h"

#define ACTIONS_FIRST 8u

/* One that was initialized and not destroyed yet. */
struct said {
	struct said *next;
	const posix_spawn_file_actions_t *key;
	struct spawn_actions list;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct said *all;

/* ---- lists ---- */

int spawn_action_add(struct spawn_actions *list, struct spawn_action a)
{
	if (list->n == list->room) {
		unsigned room = list->room == 0 ? ACTIONS_FIRST : 2 * list->room;
		struct spawn_action *more = reallocarray(list->action, room, sizeof(*more));

		if (more == NULL)
			return ENOMEM;
		list->action = more;
		list->room = room;
	}
	if (a.path != NULL) {
		a.path = strdup(a.path);
		if (a.path == NULL)
			return ENOMEM;
	}
	list->action[list->n++] = a;
	return 0;
}

void spawn_actions_free(struct spawn_actions *list)
{
	for (unsigned i = 0; i < list->n; i++)
		free(list->action[i].path);
	free(list->action);
	*list = (struct spawn_actions){0};
}

/* ---- those of programs: under the lock ---- */

static struct said **find(const posix_spawn_file_actions_t *key)
{
	struct said **at = &all;

	while (*at != NULL && (*at)->key != key)
		at = &(*at)->next;
	return at;
}

static void forget(const posix_spawn_file_actions_t *key)
{
	struct said **at = find(key), *s = *at;

	if (s == NULL)
		return;
	*at = s->next;
	spawn_actions_free(&s->list);
	free(s);
}

static int begin(const posix_spawn_file_actions_t *key)
{
	struct said *s = calloc(1, sizeof(*s));

	pthread_mutex_lock(&lock);
	forget(key); /* where it lay, there is another one now */
	if (s != NULL) {
		*s = (struct said){.next = all, .key = key};
		all = s;
	}
	pthread_mutex_unlock(&lock);
	return s != NULL ? 0 : ENOMEM;
}

/* libc has taken it. */
static int note(int rc, const posix_spawn_file_actions_t *key, struct spawn_action a)
{
	struct said *s;

	if (rc != 0)
		return rc;
	pthread_mutex_lock(&lock);
	s = *find(key);
	rc = s != NULL ? spawn_action_add(&s->list, a) : 0;
	pthread_mutex_unlock(&lock);
	return rc;
}

bool spawn_actions_of(const posix_spawn_file_actions_t *said, struct spawn_actions *list)
{
	const struct said *s;

	pthread_mutex_lock(&lock);
	s = *find(said);
	if (s != NULL)
		*list = s->list;
	pthread_mutex_unlock(&lock);
	return s != NULL;
}

/* ---- libc's names ---- */

FACE int posix_spawn_file_actions_init(posix_spawn_file_actions_t *list)
{
	int rc = NEXT(posix_spawn_file_actions_init)(list);

	return rc == 0 ? begin(list) : rc;
}

FACE int posix_spawn_file_actions_destroy(posix_spawn_file_actions_t *list)
{
	pthread_mutex_lock(&lock);
	forget(list);
	pthread_mutex_unlock(&lock);
	return NEXT(posix_spawn_file_actions_destroy)(list);
}

FACE int posix_spawn_file_actions_addopen(posix_spawn_file_actions_t *list, int fd, const char *path, int flags, mode_t mode)
{
	return note(NEXT(posix_spawn_file_actions_addopen)(list, fd, path, flags, mode), list,
		    (struct spawn_action){.kind = SPAWN_OPEN, .fd = fd, .flags = flags, .mode = mode, .path = (char *)path});
}

FACE int posix_spawn_file_actions_addclose(posix_spawn_file_actions_t *list, int fd)
{
	return note(NEXT(posix_spawn_file_actions_addclose)(list, fd), list, (struct spawn_action){.kind = SPAWN_CLOSE, .fd = fd});
}

FACE int posix_spawn_file_actions_adddup2(posix_spawn_file_actions_t *list, int fd, int to)
{
	return note(NEXT(posix_spawn_file_actions_adddup2)(list, fd, to), list,
		    (struct spawn_action){.kind = SPAWN_DUP2, .fd = fd, .to = to});
}

FACE int posix_spawn_file_actions_addchdir_np(posix_spawn_file_actions_t *list, const char *path)
{
	return note(NEXT(posix_spawn_file_actions_addchdir_np)(list, path), list,
		    (struct spawn_action){.kind = SPAWN_CHDIR, .path = (char *)path});
}

FACE int posix_spawn_file_actions_addfchdir_np(posix_spawn_file_actions_t *list, int fd)
{
	return note(NEXT(posix_spawn_file_actions_addfchdir_np)(list, fd), list,
		    (struct spawn_action){.kind = SPAWN_FCHDIR, .fd = fd});
}

FACE int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *list, int from)
{
	return note(NEXT(posix_spawn_file_actions_addclosefrom_np)(list, from), list,
		    (struct spawn_action){.kind = SPAWN_CLOSEFROM, .fd = from});
}

FACE int posix_spawn_file_actions_addtcsetpgrp_np(posix_spawn_file_actions_t *list, int fd)
{
	return note(NEXT(posix_spawn_file_actions_addtcsetpgrp_np)(list, fd), list,
		    (struct spawn_action){.kind = SPAWN_TCSETPGRP, .fd = fd});
}
