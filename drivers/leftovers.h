/* leftovers.h: what processes that were killed left behind: EAL's runtime folders and files of huge pages. */
#ifndef DRIVERS_LEFTOVERS_H
#define DRIVERS_LEFTOVERS_H

/* The runtime folder and the files of process PID have this and the PID in their names. */
#define LEFTOVERS_PREFIX "spate-"

/* Removes those whose process is gone. Nothing is said about what cannot be removed: it hurts nobody now. */
void leftovers_remove(void);
/* Removes a runtime folder and the files in it. */
void leftovers_remove_dir(const char *path);

#endif
