/* streams.h: FILEs over sockets of ours. */
#ifndef PRELOAD_STREAMS_H
#define PRELOAD_STREAMS_H

/* After exec: stdin, stdout and stderr that are ours (a server of inetd's kind). */
void streams_inherit(void);

#endif
