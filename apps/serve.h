/* serve.h: the services of `spate serve`, one loop per stack. `spate load` runs it at the far end of `sim`. */
#ifndef APPS_SERVE_H
#define APPS_SERVE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http.h"
#include "stack_report.h"

enum service { SVC_HTTP, SVC_ECHO, SVC_DISCARD, SVC_CHARGEN, SVC_UDP_ECHO, SVC_MAX };

struct serve_config {
	uint16_t port[SVC_MAX]; /* 0: off */
	uint64_t body_bytes;    /* of the HTTP answer to anything but /N */
};

struct serve_stats {
	uint64_t accepted, open, requests, bad_requests, datagrams, bytes_in, bytes_out, resets, failures;
};

#define SERVE_BUF 65536u

/* What a connection needs while it is in the middle of something; an idle one has none. */
struct sconn {
	struct sconn *next_free;
	int fd;
	uint8_t svc;
	bool closing;         /* after the output: close */
	bool linger;          /* ... but first send FIN and read what still comes: a reset would lose the answer */
	bool draining;        /* doing that */
	uint32_t interest;    /* EPOLL* registered now */
	uint32_t in_len, out_len;
	char *in, *out;       /* input not looked at yet, output that the socket did not take */
	uint64_t body_left, body_at;
	uint64_t drained;
	struct http http;
};

/* One thread's services. */
struct serve {
	const struct serve_config *cfg;
	struct serve_stats stats;
	struct sconn *free;
	struct sconn scratch; /* of connections without state of their own, while they have their turn */
	int ep;
	int listener[SVC_MAX];
	uint32_t in_len, out_len, out_off;
	char in[SERVE_BUF], out[SERVE_BUF]; /* of the connection that has its turn */
};

/* On the calling thread's stack. 0 or -errno with a sentence in err. */
int serve_open(struct serve *s, const struct serve_config *cfg, char *err, size_t err_len);
/* One turn of the stack and of everything that became ready; waits up to timeout_ms. */
void serve_turn(struct serve *s, int timeout_ms);
void serve_close(struct serve *s);
const char *serve_name(enum service svc); /* "http" */

/* The services' turns (serve_http.c, serve_stream.c): false when the connection is over. */
bool serve_http(struct serve *s, struct sconn *c);
bool serve_echo(struct serve *s, struct sconn *c);
bool serve_discard(struct serve *s, struct sconn *c);
bool serve_chargen(struct serve *s, struct sconn *c);
void serve_udp_echo(struct serve *s, int fd);

/* Sends of s->out and then of the body what the socket takes. False when the connection is dead. */
bool serve_push(struct serve *s, struct sconn *c);
static inline bool serve_stuck(const struct serve *s, const struct sconn *c)
{
	return s->out_len > 0 || c->body_left > 0;
}

void serve_body(char *out, uint32_t len); /* the first len (up to SERVE_BUF) bytes of the body */
/* Reads into s->in: bytes, 0 nothing there, -1 the stream is over. */
int serve_read(struct serve *s, struct sconn *c);
void serve_drain(struct serve *s, struct sconn *c);

/* One thread per stack (serve_threads.c). */
struct server {
	pthread_t thread;
	unsigned stack;
	int stop;                  /* atomic; written by servers_stop() */
	const struct serve_config *cfg;
	pthread_mutex_t lock;      /* of what follows */
	struct serve_stats shown;
	int state;
	struct stack_report report; /* after servers_stop() */
	char err[256];
};

struct servers {
	struct server *sv;
	unsigned n;
};

/* Serves on stacks first..first+n-1 and returns when all listen. 0 or -errno with a sentence in err; servers_stop()
 * after both, then servers_free(). */
int servers_start(struct servers *all, const struct serve_config *cfg, unsigned first, unsigned n, char *err,
		  size_t err_len);
void servers_stop(struct servers *all);
struct serve_stats servers_stats(struct servers *all); /* at most 0.2 s old; exact after servers_stop() */
void servers_free(struct servers *all);

int cmd_serve(int argc, char **argv);

#endif
