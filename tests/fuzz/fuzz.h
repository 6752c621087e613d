/* fuzz.h: what the files of the sequence target share. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/seq.h"
#include "input.h"
#include "live.h"
#include "tcp/life.h"

#define SOCKS 8
#define PORT 80
#define CPORT 40000
#define UDP_PORT 53

struct fuzz {
	struct live *l;
	struct tcp *t;
	struct udp *u;
	struct input in;
	struct tcp_pcb *sock[SOCKS], *listener;
	struct udp_pcb *udp;
	bool urgent;      /* the peer sent urgent data, which is taken out of streams: their bytes are no longer known */
};

#endif
