/* kin.h: is a process one that came of this one? */
#ifndef SVC_KIN_H
#define SVC_KIN_H

#include <stdbool.h>
#include <stdint.h>

/* Is the process with this number of that user, and a child of ours, or of a child, and so on? Those whose parents have ended count
 * where they are left to us (PR_SET_CHILD_SUBREAPER). */
bool svc_kin_is(int32_t pid, uint32_t uid);

#endif
