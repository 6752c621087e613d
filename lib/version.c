/* version.c: which spate this is. */
#include "spate/spate.h"

const char *spate_version(void) { return "0.1.0"; }
