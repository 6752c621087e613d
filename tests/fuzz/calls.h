/* calls.h: the sequence target's application. */
#ifndef FUZZ_CALLS_H
#define FUZZ_CALLS_H

#include "fuzz.h"

void call_open(struct fuzz *f);      /* connects or accepts */
void call_listener(struct fuzz *f);  /* opens or closes it */
void call_any(struct fuzz *f);       /* at a socket */
void call_udp(struct fuzz *f);
void call_close_all(struct fuzz *f);

#endif
