/* run.h: one measurement: a client and a server, as two threads or two processes, or one of each on every core; and what
 * they share. */
#ifndef PERF_RUN_H
#define PERF_RUN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hist.h"
#include "perf.h"

#define WORKERS_MAX 64u
#define MSG_BYTES 64u /* request and reply of connect, hold and rps */

enum server_mode {
	SERVER_ECHO,       /* every message goes back */
	SERVER_ECHO_CLOSE, /* ... and then the connection is closed */
	SERVER_SINK,       /* bytes are counted and dropped */
};

enum role { ROLE_CLIENT, ROLE_SERVER, ROLE_BOTH };

struct perf_args {
	const char *wire, *closer, *server_ip, *client_netns, *server_netns, *cpus;
	const char *only, *meet; /* one role of two commands that meet in this file; NULL: somebody else's server */
	uint64_t ip, port; /* 4 or 6 */
	uint64_t cores, connections, concurrency, flows, duration_ns, warmup_ns, repeat, addresses;
};

/* One client and one server. The ints and uint64_t are accessed with the __atomic builtins: each has one writer. */
struct perf_worker {
	int server_ready, client_done;
	uint64_t server_open, server_bytes, server_errors;
	struct perf_point point;                 /* written by the client, read after its end */
} __attribute__((aligned(64)));

/* In memory that both processes map. */
struct perf_shared {
	int stop, measure;                       /* measure: 0; 1 the client asks for growth; 2 it is there */
	uint64_t server_growth;
	struct perf_point point;                 /* of all workers */
	char err[256];
	struct perf_worker worker[WORKERS_MAX];
};

struct perf_run;

struct perf_ops {
	const char *name;
	enum server_mode mode;
	/* Measures and fills r->w->point. 0, or -errno with a sentence in shared->err. */
	int (*client)(struct perf_run *r);
	size_t metric;                           /* offset in struct perf_point of what repeats are compared by */
	void (*points)(struct perf_run *r, unsigned i, bool *more); /* sets what the i-th default point varies */
	uint64_t connections, concurrency, addresses; /* defaults */
	const char *mbufs;                       /* packet buffers per stack; NULL: spate's default */
	bool cores;                              /* --cores: the point is a sum over clients */
};

struct perf_run {
	const struct perf_ops *ops;
	struct perf_args a;
	enum role role;
	bool varied; /* the user gave what points() would vary */
	struct perf_shared *shared;
	/* Each thread of a measurement has its own copy of this, in which these differ. */
	struct perf_worker *w;
	unsigned worker;
	struct perf_server *server; /* runs in the client's thread, by turns; NULL: elsewhere */
	void (*server_turn)(struct perf_run *r); /* set with it */
};

/* The body of every case of this kind: options, points, repeats, output. An exit code. */
int perf_run_case(const struct perf_ops *ops, int argc, char **argv, bool json);

/* wire_spate.c, wire_kernel.c: one process's part. An exit code. */
int wire_child(struct perf_run *r, enum role role);
unsigned wire_processes(const char *wire); /* 0: no such wire */
void wire_cleanup(void); /* by the parent, after its children: removes what a killed one could not */

/* A client's part of what is given for all. */
static inline uint32_t perf_share(const struct perf_run *r, uint64_t all)
{
	uint64_t n = r->a.cores > 1 ? all / r->a.cores : all;

	return n > 0 ? (uint32_t)n : 1;
}

/* Where the server is, or where it listens: sa_family says what kind of socket. */
union perf_name {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};
socklen_t perf_name(const struct perf_run *r, bool any, union perf_name *name);

int perf_server(struct perf_run *r);       /* until shared->stop */
struct perf_server *perf_server_new(struct perf_run *r); /* listens; NULL with a sentence in shared->err */
void perf_server_step(struct perf_server *s, int timeout_ms); /* handles what is there */
uint64_t perf_server_open(const struct perf_run *r);     /* connections that all servers have */
struct epoll_event;
/* epoll_wait() of clients. Where the server is in the same thread it gets a turn, and nobody waits. */
int perf_wait(struct perf_run *r, int ep, struct epoll_event *ev, int max, int timeout_ms);
int perf_fail(struct perf_run *r, const char *what); /* errno into shared->err; -errno */

/* open.c: connections held open by the client. */
struct held {
	int ep;
	uint32_t n, established;
	int *fds; /* connecting: ~fd */
	uint64_t errors;
};
/* Opens n connections and waits until the server has them too. 0 or -errno; on 0 some may be missing (h->errors). */
int held_open(struct perf_run *r, struct held *h, uint32_t n);
void held_close(struct held *h);

/* One request and its reply; serial, slot and conn say which, the rest is filler. */
struct msg {
	uint64_t serial;
	uint32_t slot, conn;
	uint8_t filler[MSG_BYTES - 16];
};
/* ask.c: requests under way on held connections. */
struct ask_result {
	uint64_t answered, errors;
	double seconds;
	struct hist ns;
};
/* Keeps `concurrency` requests under way, spread over all connections, for warmup + duration, or until `total` are
 * answered (0: no limit). */
int ask_run(struct perf_run *r, struct held *h, uint32_t concurrency, uint64_t total, struct ask_result *res);

/* Times of a run, in ticks of the time-stamp counter. */
struct span {
	uint64_t begin, end;
};
struct span span_after_warmup(const struct perf_args *a);

#endif
