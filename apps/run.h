/* run.h: `spate run`: programs that know nothing of spate, with their sockets on it. */
#ifndef APPS_RUN_H
#define APPS_RUN_H

#include <stdbool.h>
#include <sys/types.h>

int cmd_run(int argc, char **argv);

/* ---- the program's process (run_program.c) ---- */

struct program {
	pid_t pid;
	int go; /* write end: a byte lets it begin */
};

/* Makes the process, which waits: before threads, devices and their descriptors are here, so that it has none of them. argv ends
 * with NULL. 0 or -errno. */
int program_prepare(struct program *p, char **argv, const char *service, const char *preload);
/* Lets it begin; or not. */
void program_go(struct program *p);
void program_cancel(struct program *p);
/* Blocks the signals that are for the program; before threads are made. */
void program_signals(void);
/* Is one of them waiting to be passed on? */
bool program_signalled(void);
/* Until it has ended, with signals that come meanwhile passed on: its exit code, 128 + signal when one killed it. */
int program_wait(struct program *p);
/* Has it left processes behind that still run? */
bool program_left_others(void);

/* Says on standard error when spate will not see the sockets of the program with this name; raw: system calls without names are
 * caught (run_look.c). */
void program_look(const char *name, bool raw);

/* ---- files (run_files.c) ---- */

/* A folder of our own for the control socket. 0 or -errno with a sentence in err. */
int run_folder_make(char *path, size_t len, char *err, size_t err_len);
void run_folder_remove(const char *path);
/* Where libspate-preload.so is: beside this command in its build folder, or installed. 0 or -ENOENT with a sentence. */
int run_preload_find(char *path, size_t len, char *err, size_t err_len);

#endif
