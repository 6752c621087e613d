/* server.h: one stack's side of a service: what clients ask, and what it tells them. Everything here belongs to the stack's
 * thread but for svc_server_close(), svc_server_forget() and svc_server_wake().
 *
 * What a stack has to rely on it keeps for itself (struct svc_own_*): clients may write anywhere in the shared memory, and a
 * broken one may spoil its own sockets and those of its fellows, but not the stack. */
#ifndef SVC_SERVER_H
#define SVC_SERVER_H

#include "base/region.h"
#include "sock/sock.h"
#include "svc/bell.h"
#include "svc/region.h"
#include "svc/svc.h"
#include "svc/waker.h"

/* Of a file, by slot. */
struct svc_own_file {
	uint32_t gen;              /* of the present or last use */
	uint32_t watches;          /* chain, 0: none */
	uint32_t open;             /* 1: handed out and not closed */
	_Atomic uint32_t closing;  /* 1: linked into svc_server.closing */
	uint32_t next_closing;     /* whoever links it */
	uint16_t stage, stage_len; /* stage.c: 0: none */
	uint16_t stagings;
	bool stage_stopped;
};

/* Of a watch, by index within the stack, from 1. */
struct svc_own_watch {
	uint32_t next;             /* chain of its file, or of the free or dying ones */
	uint32_t epoll, epoll_gen;
	int32_t fd;                /* epoll_ctl()'s: with the file the key */
	bool exclusive;
};

struct svc_server {
	const struct svc_region *r;
	struct svc_stack *box;
	struct svc_chan *chans;
	struct svc_file *files;    /* of this stack: by slot */
	struct svc_watch *watches; /* of this stack: by index within it, from 1 */
	struct svc_bells *bells;
	struct sock_env *env;
	uint32_t self, n_files, n_watches;
	int ep;                    /* the instance in which all open files are */
	struct svc_own_file *own;
	uint8_t *stages;           /* of this stack, SVC_STAGES */
	uint16_t *stage_free;
	uint32_t n_stage_free;
	struct svc_own_watch *own_watch;
	struct region own_region, own_watch_region;
	uint32_t watch_fresh, watch_free, watch_dying, n_dying;
	_Atomic uint32_t n_open;   /* others may read it */
	struct svc_waker waker;    /* SVC_IDLE_INTERRUPT */
	enum svc_idle idle;
	uint32_t idle_turns;
	uint64_t work_ns, sleep_ns; /* idle.c: when there was something to do last; how long the next sleep is */
	alignas(64) _Atomic uint32_t closing; /* slot + 1 of those to close, from the control thread */
	_Atomic uint32_t forget;   /* control thread: 1: nobody is there any more, everything is to be closed */
	uint32_t scope[IFACES_MAX + 1]; /* scope.c: the kernel's numbers of our interfaces, as far as they were asked for */
	alignas(8) uint8_t buf[SVC_CONTROL_BYTES]; /* what must not change while it is looked at */
};

/* env is the calling thread's. 0 or -errno. */
int svc_server_init(struct svc_server *v, const struct svc_region *r, uint32_t self, struct svc_bells *bells, struct sock_env *env,
		    enum svc_idle idle);
void svc_server_fini(struct svc_server *v);

/* Requests, a turn of the stack, news. True when anything was done. */
bool svc_server_turn(struct svc_server *v);
/* After a turn that did nothing. */
void svc_server_idle(struct svc_server *v);
/* Closes everything that clients have left open. */
void svc_server_close_all(struct svc_server *v);

/* The last reference to a file has gone; from the control thread. */
void svc_server_close(struct svc_server *v, uint32_t slot);
/* No process is left. What is still open then was lost by one that was killed between two steps: it is closed when this returns
 * (or soon: a stack that is very busy is not waited for). From the control thread. */
void svc_server_forget(struct svc_server *v);
/* From any thread: the stack looks at its letter box. */
void svc_server_wake(struct svc_server *v);

/* ---- files (file.c) ---- */

static inline int svc_file_fd(const struct svc_server *v, uint32_t slot)
{
	return (int)((slot + SOCK_FD_SKIP) << v->env->id_bits | v->env->id);
}

static inline uint32_t svc_file_slot(const struct svc_server *v, int fd)
{
	return ((uint32_t)fd >> v->env->id_bits) - SOCK_FD_SKIP;
}

/* Hands out a native socket: -> its slot. One reference. */
uint32_t svc_file_open(struct svc_server *v, int fd, int domain, int type, int protocol);
/* The open file of this number and generation: its slot, or -EBADF. */
int64_t svc_file_find(const struct svc_server *v, uint32_t file, uint32_t gen);
/* Closes it when nobody refers to it any more. 0, -EBADF, -EBUSY. */
int svc_file_close(struct svc_server *v, uint32_t slot, uint32_t gen);
void svc_file_close_now(struct svc_server *v, uint32_t slot);

/* ---- requests (serve.c, ops.c) ---- */

uint32_t svc_serve(struct svc_server *v); /* how many */
/* What c asks; publishes what it changed. The result, as the call's. */
int64_t svc_op(struct svc_server *v, struct svc_chan *c);

/* ---- news (notify.c) ---- */

/* After a file's own call: shows its events, and tells what is new of them to those who wait. */
void svc_publish(struct svc_server *v, uint32_t slot);
/* A turn of the stack; what happened to files meanwhile is shown and told. How many. */
uint32_t svc_news(struct svc_server *v);

/* Connected to an address of our own. */
static inline bool svc_is_to_self(const struct svc_server *v, const struct conn *c)
{
	return c->h.path != 0 && path_at(&v->env->s->net.paths, c->h.path)->port == NET_PORT_LOOP;
}

/* ---- what is laid out (stage.c) ---- */

/* Before a file's events are looked at, and before each call on it: what clients have taken is read, and they take no more. */
void svc_stage_stop(struct svc_server *v, uint32_t slot);
/* After its events were shown: what can be taken from now on. */
void svc_stage(struct svc_server *v, uint32_t slot, uint32_t events);
void svc_stage_drop(struct svc_server *v, uint32_t slot);
/* Looks at those that clients have emptied: how many. */
uint32_t svc_stages_eaten(struct svc_server *v);

/* ---- epoll (watch.c) ---- */

/* As epoll_ctl(). */
int svc_watch_ctl(struct svc_server *v, uint32_t slot, int op, int fd, uint32_t epoll, uint32_t epoll_gen, uint32_t events, uint64_t data);
/* This happened to the file: those of its watches that wait for it become ready. */
void svc_watch_news(struct svc_server *v, uint32_t slot, uint32_t events);
void svc_watch_drop_all(struct svc_server *v, uint32_t slot);

/* scope.c: numbers of interfaces, spate's and those that programs know. */
uint32_t svc_scope_ours(struct svc_server *v, uint32_t theirs);
uint32_t svc_scope_theirs(struct svc_server *v, uint32_t ours);
/* Where they stand in addresses, options, ancillary data and ioctls; in: from the program. */
void svc_scope_addr(struct svc_server *v, struct sockaddr_storage *addr, socklen_t len, bool in);
void svc_scope_option(struct svc_server *v, int level, int name, uint8_t *val, socklen_t len, bool in);
void svc_scope_control(struct svc_server *v, struct msghdr *msg, bool in);
void svc_scope_ioctl(struct svc_server *v, uint64_t request, uint8_t *arg, uint32_t len, bool in);

#endif
