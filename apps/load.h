/* load.h: `spate load`: what to do (plan), what happened (stats), and the engine that does it on one stack. */
#ifndef APPS_LOAD_H
#define APPS_LOAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hist.h"
#include "http.h"
#include "url.h"

enum load_mode {
	LOAD_CLOSED,    /* the next request when the last one is answered */
	LOAD_RATE,      /* requests at a rate, on connections that are there */
	LOAD_CONN_RATE, /* new connections at a rate */
	LOAD_HOLD,      /* open them all and keep them; requests at a rate on a random sample */
};

/* Of one stack: the command line's totals, divided. */
struct load_plan {
	enum load_mode mode;
	const struct url *url;
	uint64_t connections, concurrency, pending, requests /* 0: no limit */, requests_per_connection /* 0: no limit */;
	uint64_t duration_ns /* 0: no limit */, timeout_ns, size_bytes;
	double rate;             /* of requests or connections, per second */
	bool reset;              /* close with RST */
	bool head;               /* the requests are HEAD */
	bool leave_open;         /* do not close at the end: the peer ends with us */
	const char *request;     /* of HTTP */
	size_t request_len;
	uint64_t seed;
};

enum load_phase { LOAD_CONNECT, LOAD_WRITE, LOAD_READ, LOAD_LOST, LOAD_CONTENT, LOAD_PHASES };
#define LOAD_ERRNO_MAX 140
#define LOAD_STATUS_MAX 600
#define LOAD_EOF 0 /* as an error number: the peer closed before the answer was complete */

struct load_stats {
	uint64_t opened, connected, open /* now */, open_max, requests, responses, bytes_in, bytes_out, late, unfinished;
	uint64_t errors, error[LOAD_PHASES][LOAD_ERRNO_MAX]; /* by errno */
	uint64_t status[LOAD_STATUS_MAX]; /* HTTP answers of 400 and above; errors too */
	uint64_t waiting, waiting_max;   /* open loop: intended and not started: now, most */
	uint64_t run_ns;                 /* how long it ran */
	struct hist connect_ns, request_ns;
};

void load_stats_init(struct load_stats *st);
void load_stats_merge(struct load_stats *into, const struct load_stats *from);

/* 12 bytes are all that an idle connection costs here. */
struct load_conn {
	int fd;        /* -1: closed */
	uint32_t link; /* closed: the next closed one; idle: 0; busy: its flight */
	uint32_t done; /* requests */
};

/* A connection that waits for something: its connect, or an answer. */
struct load_flight {
	uint32_t conn, prev, next; /* list by time of start: for time-outs */
	bool connecting;
	uint64_t intended_ns, started_ns;
	uint64_t sent, received;
	uint64_t serial;
	struct http http;
};

#define LOAD_BUF 65536u

struct load {
	const struct load_plan *plan;
	struct load_stats stats;
	struct load_conn *conns;
	struct load_flight *flights; /* [0] heads the list */
	uint32_t n_flights, free_flight, free_conn, n_open, n_connecting, n_asking, n_idle;
	int ep;
	bool started, stopping, failed;
	uint64_t now_ns, start_ns;   /* start: when the measured part began */
	uint64_t arrivals;           /* open loop: how many were started */
	uint64_t serial, random;
	char buf[LOAD_BUF];
};

/* load_engine.c: on the calling thread's stack. */
int load_open(struct load *l, const struct load_plan *plan);
void load_turn(struct load *l);
bool load_ramped(const struct load *l);     /* every connection of the plan was tried */
bool load_over(const struct load *l);       /* time or number of requests is reached, or it is hopeless */
void load_next(struct load *l, uint32_t i); /* i became idle: asks again at once when it is its turn */
void load_finish(struct load *l);           /* waits shortly for what is under way, closes, frees */

/* load_conn.c: one connection's life. */
void load_conn_open(struct load *l, uint32_t i, uint64_t intended_ns);
void load_conn_event(struct load *l, uint32_t i, uint32_t events);
void load_conn_close(struct load *l, uint32_t i);
void load_request(struct load *l, uint32_t i, uint64_t intended_ns);
void load_timeouts(struct load *l);
void load_payload_init(void); /* once, before threads */

/* One thread per stack (load_threads.c). */
enum load_stage { LOAD_STARTING, LOAD_RAMP, LOAD_RUN, LOAD_ENDED, LOAD_FAILED };

struct loader {
	pthread_t thread;
	unsigned stack;
	struct load_plan plan;
	const int *go;          /* atomic: 0 wait, 1 run */
	const int *over;        /* atomic: 1 when all have ended */
	pthread_mutex_t lock;   /* of what follows */
	struct load_stats shown;
	enum load_stage stage;
	char err[128];
};
void *loader_main(void *arg);

/* load_report.c */
struct load_report {
	const char *url;
	enum load_mode mode;
	unsigned stacks, ends;           /* ends: how many ends of a connection are in this process */
	uint64_t connections;
	uint64_t held;                   /* hold: open at the same time when all were tried */
	uint64_t memory_bytes;           /* hold: growth until then */
	double ramp_s;
	struct load_stats st;
};
void load_report_line(const struct load_stats *now, const struct load_stats *was, double s);
void load_report_text(const struct load_report *r);
void load_report_json(const struct load_report *r);

int cmd_load(int argc, char **argv);

#endif
