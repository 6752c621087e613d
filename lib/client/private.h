/* private.h: what the files of the client share. */
#ifndef CLIENT_PRIVATE_H
#define CLIENT_PRIVATE_H

#include <errno.h>
#include <sys/uio.h>

#include "client/client.h"
#include "client/kernel.h"

enum client_state { CLIENT_NEW, CLIENT_NONE, CLIENT_READY, CLIENT_LOST };

/* The process's side of a service. */
struct client {
	_Atomic int state;   /* enum client_state */
	struct svc_head *head;
	struct svc_proc *proc;
	int32_t proc_index;
	int32_t forked_index; /* the child's, between fork()'s two halves */
	int pid;              /* a vfork()'s child has another one */
	_Atomic int control, placeholder; /* hidden */
	dev_t dev;            /* of the placeholder */
	ino_t ino;
	_Atomic uint32_t *here; /* 1; 0 in a child that fork() did not make */
	_Atomic uint32_t socket_turn; /* which stack has the next socket */
	char path[sizeof(((struct sockaddr *)0)->sa_data) + 112];
};
extern struct client client;

/* SVC_F_* of svc_file.bits: what clients remember of a socket. Below: one bit for each option that was set (option.c). */
#define SVC_F_LISTENS (1u << 31)
#define SVC_F_NAMED (1u << 30)   /* an address was named: it is the service's for good */
#define SVC_F_LINGERS (1u << 29) /* close() may wait */
#define SVC_F_DISSOLVED (1u << 28) /* since connect() began, AF_UNSPEC has ended it */

/* ---- attach.c ---- */

/* The descriptor under a high number, hidden; the given one is closed. */
int client_hide(int fd);
void client_hide_set(int fd, bool hidden);
/* What is hidden at fd goes to another number. */
int client_hide_move(int fd);
bool client_service_gone(void);
/* HELLO by a fork's child (forked: what SVC_FORK said), or by one that fork() did not make (-1): without descriptors. */
int client_join_child(int32_t forked);
int client_join_anew(void);
int client_fork_ask(void); /* SVC_FORK: the child's number, -errno */
/* The eventfd that the service rings for this channel, made when it is first needed: a descriptor, -errno. */
int client_bell_fd(uint32_t chan);

/* ---- chan.c ---- */

#define CLIENT_NEST 4u /* calls of one thread within each other: signal handlers */

/* What a thread has learnt of how long to look before it sleeps. */
struct spin {
	uint32_t most, turns;
};

/* The channels of a thread. */
struct client_thread {
	uint32_t depth, n;
	uint32_t chan[CLIENT_NEST];
	uintptr_t frame[CLIENT_NEST]; /* where on the stack the call is that has it */
	uint32_t changes;             /* depth of table_enter() */
	uint32_t post;                /* channel + 1 for SVC_POST, 0: none yet */
	struct svc_file *post_half;   /* a posting to it has begun, and the stack has not got it */
	struct spin answer_spin, bell_spin;
	bool forks;                   /* between the halves of fork() */
};
extern _Thread_local struct client_thread client_self __attribute__((tls_model("initial-exec")));

/* A call in progress: the channel, and the socket or instance with a reference. */
struct use {
	struct svc_chan *ch;
	uint32_t chan, level; /* its number; which of the thread's */
	svc_entry entry;      /* 0: none */
	struct svc_file *file;
};

int use_open(struct use *u);   /* a channel alone: 0, -ENOBUFS, -ENETDOWN */
void use_close(struct use *u); /* and drops the reference */
/* A channel and the socket of a descriptor: 0, -EBADF, -ENOTSOCK (an epoll instance), -ENOBUFS. */
int use_socket(struct use *u, int fd);
/* Asks for op on the socket; arguments are in the channel. */
int64_t use_ask(struct use *u, uint16_t op);
int64_t chan_ask(struct svc_chan *ch, uint32_t chan, uint32_t stack, uint16_t op);
int chan_find(uint32_t most); /* a free one below most: its number, -ENOBUFS */
void chan_free(uint32_t chan);
bool chan_answered(struct svc_chan *ch, uint32_t chan); /* waits for it; false: the service has gone */
void stack_ring(struct svc_stack *s, uint32_t chan); /* the channel asks it */
void stack_wake(struct svc_stack *s); /* it has been given something to look at */
void chan_forget_all(void); /* in a child */

static inline uint32_t use_stack(const struct use *u) { return svc_entry_index(u->entry) / client.head->files_per_stack; }

/* ---- stage.c, post.c ---- */

/* Its EPOLL* bits: those that the stack shows, but for what has been taken from its stage. */
static inline uint32_t file_events(struct svc_file *f)
{
	/* In the order in which the stack writes when it takes something back. */
	uint64_t stage = atomic_load(&f->stage);
	uint32_t events = atomic_load(&f->events);

	return events & ~(svc_stage_empty(stage) ? (uint32_t)(EPOLLIN | EPOLLRDNORM) | SVC_POSTS : SVC_POSTS);
}

static inline uint32_t use_events(const struct use *u) { return file_events(u->file); }

struct place;
/* Up to len bytes of what is laid out; 0: nothing is, the stack has to be asked. */
size_t stage_take(struct use *u, struct place *to, size_t len);
/* Leaves up to len bytes with the stack: how many; 0: it has to be asked. */
size_t post_send(struct use *u, struct place *from, size_t len, int flags);
/* Until what was posted to the socket is on its way. */
void post_settle(struct svc_file *f);
void post_finish(struct client_thread *t); /* what a handler's longjmp() left in halves */
void post_end(struct client_thread *t);

/* ---- wait.c ---- */

/* Looks at word for a moment, before its thread sleeps on it: true: it is not value any more. How long is learnt: where
 * the other side has a core of its own, a little waiting spares a sleep; where it has not, it waits for ours. */
bool spin_while(_Atomic uint32_t *word, uint32_t value, struct spin *s);

void pollers_add(svc_pollers *p, uint32_t chan);
void pollers_remove(svc_pollers *p);
void pollers_ring(svc_pollers *p); /* by a client: what the kernel's part of an instance has */

/* Until the channel's bell is not seq any more: 0 (or something else happened), -EAGAIN: the time is over; -EINTR. Waits without
 * end are taken up again after signals as their handlers say (SA_RESTART), others never. */
int bell_sleep(struct svc_chan *ch, uint32_t seq, uint64_t deadline_ns, bool restart);
/* Until the file has one of these events. */
int use_wait(struct use *u, uint32_t events, uint64_t deadline_ns);
/* One more try of a call that had EAGAIN although its events were there: waits a little instead. */
int use_wait_again(struct use *u, uint32_t events, uint64_t deadline_ns, uint32_t *tries);
/* The same together with the kernel's descriptors: those in set, which has two places behind them. How many are ready,
 * -EAGAIN, -EINTR, or why there is no bell. Between pollers_add() and _remove(). */
int bell_poll(struct use *u, struct pollfd *set, nfds_t n, uint64_t deadline_ns, const sigset_t *mask);

/* When a call on this socket gives up: 0: at once. */
uint64_t use_deadline(const struct use *u, int flags, const _Atomic uint64_t *timeout_ns);
uint64_t client_deadline(uint64_t timeout_ns);
struct timespec client_timespec(uint64_t ns);
uint64_t client_left_ns(uint64_t deadline_ns);

/* ---- files.c ---- */

svc_life *entry_life(svc_entry e);
bool entry_get(svc_entry e);
void entry_put(svc_entry e); /* and what the last one has to do */
svc_entry client_entry(int fd);
/* A new descriptor for an entry, whose reference it takes over; -EMFILE: the reference is still the caller's. */
int fd_install(svc_entry e, int min, bool cloexec);
int fd_reserve(bool cloexec);           /* a number that has no entry yet */
void fd_fill(int fd, svc_entry e);      /* gives it one */
void fd_abandon(int fd);
/* The kernel's dup3(), and the entries with it; e: of from, whose reference it takes over when it has worked. */
int dup_onto(int from, int to, int flags, svc_entry e);
void table_enter(void);
void table_leave(void);
void table_stop(void);  /* nobody is within from here on */
void table_go(bool child);
void table_sift(void);  /* after exec: what the kernel has closed is dropped */
bool client_in_vfork(void);

/* ---- call.c ---- */

/* An attempt goes on; began: what is returned when it has not ended by the deadline. Its end, or why this call ends before it. */
int connect_wait(struct use *u, int began, uint64_t deadline_ns);

/* ---- send.c ---- */

/* One request with what is in the channel, waiting for room: bytes that have gone, or -errno. */
int64_t send_piece(struct use *u, int flags, uint32_t len, uint64_t deadline_ns);

/* ---- rules.c ---- */

/* Named address of a socket that has had none: does it go to the kernel? */
bool rule_kernel(const struct sockaddr_storage *addr, socklen_t len, bool peer);
/* It does: 0: the descriptor and its dups are the kernel's now. */
int rule_move(struct use *u, int fd);
/* The address in the channel is about to be named, a peer's or (bind()) the own: 0: ours for good,
 * CLIENT_KERNEL: moved, -errno. */
int rule_settle(struct use *u, int fd, socklen_t len, bool peer);

/* ---- option.c ---- */

/* Sets what was set on the socket on a kernel's one. */
void option_replay(struct use *u, int fd);

/* ---- epoll.c ---- */

/* For poll() of an instance: has it something of ours to report? */
bool epoll_peek(uint32_t index, uint32_t gen, uint32_t chan);
/* Registrations of a socket that becomes the kernel's, in this process's instances. */
struct epoll_moved {
	int epfd, fd;
	struct epoll_event event;
};
uint32_t epoll_of_file(const struct use *u, struct epoll_moved *to, uint32_t max);
void epoll_move(const struct epoll_moved *m);

/* ---- nest.c ---- */

/* The instance at fd is a member of another one from here on. 0 or -errno. */
int nest_add(svc_entry inner, int fd);
bool nest_any(void); /* false: neither of the next two has anything to do */
/* Before the kernel's word about instances counts; by: the caller's channel. */
void nest_settle(uint32_t by);
int nest_drop_own(struct epoll_event *events, int n); /* how many are left */
void nest_forget_all(void); /* in a child */

/* ---- copy.c: the program's memory ---- */

/* Below this nothing is ever mapped (vm.mmap_min_addr), above the other nothing of a program. */
static inline bool copy_suspect(const void *p, size_t len)
{
	uintptr_t at = (uintptr_t)p;

	return len > 0 && (at < 4096 || at + len < at || at + len > (uintptr_t)1 << 56);
}
/* Through the kernel, which tells what cannot be read or written: 0 or -EFAULT. */
int copy_from(void *to, const void *from, size_t len);
int copy_to(void *to, const void *from, size_t len);
/* An address argument into the channel, with the checks of its length in the kernel's order: 0, -EINVAL, -EFAULT. */
int copy_address(struct svc_chan *ch, const struct sockaddr *addr, socklen_t len);
/* The channel's address to an argument pair. */
int copy_name(const struct svc_chan *ch, struct sockaddr *addr, socklen_t *len);

/* Where a scattered copy stands. */
struct place {
	const struct iovec *iov;
	size_t n, off;
};
int place_check(const struct iovec *iov, size_t n, size_t *total); /* 0, -EINVAL, -EMSGSIZE, -EFAULT */
size_t place_put(struct place *p, const void *from, size_t len);   /* to the program */
size_t place_get(struct place *p, void *to, size_t len);           /* from the program */

#endif
