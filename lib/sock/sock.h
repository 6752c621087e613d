/* sock.h: the socket calls inside: what the thin faces (bsd.c, sys.c) call. Everything returns a result or -errno and
 * works on the stack of the calling thread, its struct sock_env. */
#ifndef SOCK_SOCK_H
#define SOCK_SOCK_H

#include <errno.h>
#include <signal.h>
#include <time.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/stack.h"
#include "spate/socket.h"

/* What a stack has in addition when sockets are used on it. Owned by the stack's core. */
struct sock_env {
	struct stack *s;
	struct pool sides;   /* struct sock_side */
	uint32_t *side_head; /* chains of them by slot */
	uint32_t side_mask;
	struct region side_region;
	uint32_t id;         /* of the stack, in descriptors */
	uint32_t id_bits;
	uint64_t cookies;    /* given out */
	/* One turn of the stack; how much was done. sock_env_init() gives the real clock's, tests their own. */
	uint32_t (*turn)(struct sock_env *env);
};

/* The calling thread's; NULL: not attached. */
extern _Thread_local struct sock_env *sock_cur;

/* n_stacks: of the process; id: this one's among them. 0, -ENOMEM, -EINVAL (more sockets than an int can number). */
int sock_env_init(struct sock_env *env, struct stack *s, uint32_t id, uint32_t n_stacks, uint32_t max_conns,
		  int numa_node);
void sock_env_fini(struct sock_env *env);
static inline void sock_enter(struct sock_env *env) { sock_cur = env; }

/* Nanoseconds of the CPU's counter, the clock of every real stack of this process. */
uint64_t sock_clock_ns(void);
int sock_clock_init(void); /* once, after EAL */

/* ---- changes while it runs (change.c) ---- */

struct spate_config;
/* The number that interface i of the configuration has on every stack; -ENODEV: it has no addresses, so it is not there. */
int sock_iface_number(const struct spate_config *c, unsigned i);
/* The name of this number, as the settings have it: up to size - 1 characters; where there are none (a stack of its own): "if"
 * and the number from 1 on. By any thread. */
void sock_iface_name(unsigned number, char *name, size_t size);
unsigned sock_stacks_per_end(void); /* 0: not started */
void sock_changes_begin(const struct spate_config *c); /* spate_start(): what there is now */
/* A note to all stacks of the near end, from any thread. 0, -ENXIO (not started), -EAGAIN, -ENOBUFS. */
int sock_note_all(enum mail_kind kind, const void *body, uint16_t len);

/* ---- descriptors (fd.c) ---- */

#define SOCK_KERNEL 0x40000000 /* descriptors from here on are the kernel's, which are smaller by this (kernel.h) */
#define SOCK_FD_SKIP 2u /* slots start at 1, so the lowest descriptor is 3: 0 to 2 are the system's */

static inline int sock_fd(const struct sock_env *env, const struct conn *c)
{
	return (int)((ref_index(conn_ref(&env->s->flow, c)) + SOCK_FD_SKIP) << env->id_bits | env->id);
}

/* The open socket or epoll instance behind fd; NULL: EBADF. */
static inline struct conn *sock_at(const struct sock_env *env, int fd)
{
	const struct flow *f = &env->s->flow;
	uint32_t slot = ((uint32_t)fd >> env->id_bits) - SOCK_FD_SKIP;
	struct conn *c;

	if (fd < 0 || ((uint32_t)fd & ((1u << env->id_bits) - 1)) != env->id)
		return NULL;
	if (slot - 1 >= f->pool[FLOW_CONN].fresh - 1)
		return NULL;
	c = conn_at(f, ref_make(FLOW_CONN, slot));
	/* listener: a connection that accept() has not given out yet */
	return c->type == CONN_FREE || c->flags & CONN_ORPHAN || c->listener != 0 ? NULL : c;
}

/* What fd means here when it is the number of a listener of another stack of the end: this stack's twin of it; make: made when
 * there is none yet (else NULL and 0). -EBADF: no such listener. -ENOBUFS. */
int sock_twin(struct sock_env *env, int fd, bool make, struct conn **c);

/* The same as sock_at(), for the calls that take another stack's listener. */
static inline struct conn *sock_at_shared(struct sock_env *env, int fd)
{
	struct conn *c = sock_at(env, fd);

	if (c == NULL)
		sock_twin(env, fd, true, &c);
	return c;
}

/* The thread's environment and what the descriptor names, a socket or an epoll instance: 0, -ENXIO, -EBADF. */
int sock_find_any(int fd, struct sock_env **env, struct conn **c);
/* The same for a socket: -ENOTSOCK for an epoll instance, too. */
int sock_find(int fd, struct sock_env **env, struct conn **c);
/* The same for the calls that take another stack's listener: -ENOBUFS, too. */
int sock_find_shared(int fd, struct sock_env **env, struct conn **c);
/* What other stacks have told until now is known: before a call judges by it. Sockets may end meanwhile: look them up later. */
void sock_mail(struct sock_env *env);

/* The stack with this number in the process, NULL: none. Readable by any thread (counters). */
const struct stack *sock_stack(unsigned i);

/* ---- what a socket has for this layer: TF_SOCK_MASK of TCP's flags, the same bits of udp_pcb.sock_bits ---- */

/* What connect() was told, as in Linux's struct socket. */
enum sock_phase {
	SOCK_UNCONNECTED, SOCK_CONNECTING, SOCK_CONNECTED,
	SOCK_DISSOLVED, /* unconnected, from CONNECTING by AF_UNSPEC */
};
#define SOCK_PHASE_SHIFT 28
#define SOCK_PHASE_MASK (3u << SOCK_PHASE_SHIFT)
#define SOCK_BROADCAST (1u << 30) /* SO_BROADCAST (of a stream: kept, without meaning) */
#define SOCK_SIDE (1u << 31)      /* has a struct sock_side */
#define SOCK_NO_PORT (1u << 0)    /* datagrams only: IP_BIND_ADDRESS_NO_PORT (TCP has its own flag) */
static_assert((SOCK_PHASE_MASK | SOCK_BROADCAST | SOCK_SIDE) == TF_SOCK_MASK, "the bits that TCP leaves to us");

#define SOCK_NUMBERS 7

/* Exists only for sockets with timeouts, or options that are kept and have no effect; found by slot. */
struct sock_side {
	uint32_t next, slot;
	uint64_t rcv_ns, snd_ns; /* 0: for ever */
	uint64_t cookie;         /* SO_COOKIE, 0: nobody has asked */
	uint32_t switches;       /* plain.c's */
	int32_t number[SOCK_NUMBERS];
};

static inline bool sock_is_tcp(const struct conn *c) { return c->type == CONN_TCP || c->type == CONN_LISTEN; }
static inline struct tcp_pcb *sock_tcp(struct conn *c) { return (struct tcp_pcb *)c; }
static inline struct udp_pcb *sock_udp(struct conn *c) { return (struct udp_pcb *)c; }

static inline uint32_t *sock_bits(struct conn *c)
{
	return sock_is_tcp(c) ? &sock_tcp(c)->tflags : &sock_udp(c)->sock_bits;
}

/* Never SOCK_DISSOLVED, which is for who waited meanwhile. */
static inline enum sock_phase sock_phase(struct conn *c)
{
	enum sock_phase phase = (enum sock_phase)((*sock_bits(c) & SOCK_PHASE_MASK) >> SOCK_PHASE_SHIFT);

	return phase != SOCK_DISSOLVED ? phase : SOCK_UNCONNECTED;
}

static inline bool sock_was_dissolved(struct conn *c)
{
	return (*sock_bits(c) & SOCK_PHASE_MASK) == (uint32_t)SOCK_DISSOLVED << SOCK_PHASE_SHIFT;
}

static inline void sock_phase_set(struct conn *c, enum sock_phase phase)
{
	*sock_bits(c) = (*sock_bits(c) & ~SOCK_PHASE_MASK) | (uint32_t)phase << SOCK_PHASE_SHIFT;
}

/* The side record; make: created when missing (NULL: out of memory). */
struct sock_side *sock_side(struct sock_env *env, struct conn *c, bool make);
void sock_side_put(struct sock_env *env, struct conn *c);

/* Takes the pending error: 0 or -errno. */
static inline int sock_error_take(struct conn *c)
{
	int err = c->so_error;

	c->so_error = 0;
	return -err;
}

/* EPOLL* bits now, of any kind of descriptor. */
uint32_t sock_events(struct sock_env *env, struct conn *c);

/* connect() with AF_UNSPEC, and shutdown() of an attempt: back to unconnected, ECONNRESET where there was something. */
int sock_tcp_disconnect(struct sock_env *env, struct conn *c);
/* The halves of connect(): an unconnected socket's attempt; its end, waited for as flags (MSG_DONTWAIT) and the socket say, or
 * pending when there is none yet. */
int sock_tcp_connect_begin(struct sock_env *env, struct conn *c, const struct sockaddr *addr, socklen_t len);
int sock_tcp_connect_end(struct sock_env *env, struct conn *c, int flags, int pending);
/* send() of a stream, of which done bytes are sent; they are in the result. */
ssize_t sock_tcp_send(struct sock_env *env, struct conn *c, const struct iovec *iov, size_t n, int flags, size_t done);
/* The same for MSG_FASTOPEN, and while the SYN waits for data. */
ssize_t sock_fastopen_send(struct sock_env *env, struct conn *c, const struct iovec *iov, size_t n, int flags,
			   const struct sockaddr *to, socklen_t to_len);

/* Leaves its epoll instance, if it is in one. */
void sock_epoll_leave(struct sock_env *env, struct conn *c);
void sock_epoll_close(struct sock_env *env, struct conn *ep);
/* True when the instance has something to report (an instance as a member of poll() or select()). */
bool sock_epoll_ready(struct sock_env *env, struct conn *ep);

/* ---- waiting (wait.c): the one way to block ---- */

#define SOCK_FOREVER UINT64_MAX

struct sock_wait {
	struct sock_env *env;
	uint64_t timeout_ns, start_ns, check_ns;
	uint32_t idle_turns;
	bool started, restart, masked;
	bool swapped;  /* the call brought a mask of its own: */
	sigset_t own;  /* the thread's */
	sigset_t mask; /* what counts while masked */
};

/* restart: a handler with SA_RESTART does not end the wait. */
static inline void sock_wait_begin(struct sock_wait *w, struct sock_env *env, uint64_t timeout_ns, bool restart)
{
	w->env = env;
	w->timeout_ns = timeout_ns;
	w->idle_turns = 0;
	w->started = false;
	w->restart = restart;
	w->masked = w->swapped = false;
}

/* The signals of mask are blocked during the wait, and those alone; NULL: those that the thread blocks. */
void sock_wait_mask(struct sock_wait *w, const sigset_t *mask);

/* One turn. 0: look again; -EAGAIN: the time was over before this turn; -EINTR. */
int sock_wait_turn(struct sock_wait *w);
void sock_wait_end(struct sock_wait *w);
uint64_t sock_wait_left_ns(const struct sock_wait *w);

/* How long a call on c may wait: 0 (O_NONBLOCK, MSG_DONTWAIT in flags), the socket's timeout, or for ever. */
enum sock_dir { SOCK_RCV, SOCK_SND };
uint64_t sock_timeout_ns(struct sock_env *env, struct conn *c, enum sock_dir dir, int flags);

/* The i-th device of the near end, NULL when there is none: for `spate nic`. */
struct port *sock_port(unsigned i);

/* ---- the calls ---- */
int sock_socket(int domain, int type, int protocol);
int sock_socketpair(int domain, int type, int protocol, int fds[2]);
int sock_bind(int fd, const struct sockaddr *addr, socklen_t len);
int sock_listen(int fd, int backlog);
int sock_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
int sock_connect(int fd, const struct sockaddr *addr, socklen_t len);
ssize_t sock_send(int fd, const struct iovec *iov, size_t n, int flags, const struct sockaddr *to, socklen_t to_len);
ssize_t sock_recv(int fd, const struct iovec *iov, size_t n, int flags, struct sockaddr *from, socklen_t *from_len,
		  int *msg_flags);
ssize_t sock_readv(int fd, const struct iovec *iov, size_t n);
ssize_t sock_writev(int fd, const struct iovec *iov, size_t n);
int sock_sendmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags);
int sock_recvmmsg(int fd, struct mmsghdr *msgs, unsigned n, int flags, const struct timespec *timeout);
ssize_t sock_sendfile(int out, int in, off_t *offset, size_t count);
ssize_t sock_splice(int in, off_t *in_offset, int out, off_t *out_offset, size_t len, unsigned flags);
ssize_t sock_sendmsg(int fd, const struct msghdr *msg, int flags);
ssize_t sock_recvmsg(int fd, struct msghdr *msg, int flags);
int sock_shutdown(int fd, int how);
int sock_close(int fd);
int sock_getsockname(int fd, struct sockaddr *addr, socklen_t *len);
int sock_getpeername(int fd, struct sockaddr *addr, socklen_t *len);
int sock_getsockopt(int fd, int level, int name, void *val, socklen_t *len);
int sock_setsockopt(int fd, int level, int name, const void *val, socklen_t len);
int sock_fcntl(int fd, int cmd, long arg);
int sock_ioctl(int fd, unsigned long request, void *arg);
int sock_epoll_create(int flags);
int sock_epoll_ctl(int epfd, int op, int fd, const struct epoll_event *event);
/* ns: how long at most, or SOCK_FOREVER. mask: the thread's signals meanwhile, NULL: as they are. */
int sock_epoll_wait_for(int epfd, struct epoll_event *events, int max, uint64_t ns, const sigset_t *mask);
int sock_poll_for(struct pollfd *fds, nfds_t n, uint64_t ns, const sigset_t *mask);
/* *left_ns: of ns, when it ends. */
int sock_select_for(int n, fd_set *rd, fd_set *wr, fd_set *ex, uint64_t ns, const sigset_t *mask, uint64_t *left_ns);
/* The same in the words of the calls. -EINVAL: a time that is none. */
int sock_timespec_ns(const struct timespec *ts, uint64_t *ns); /* NULL: for ever */
int sock_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask);
int sock_epoll_pwait2(int epfd, struct epoll_event *events, int max, const struct timespec *timeout, const sigset_t *mask);
int sock_select(int n, fd_set *rd, fd_set *wr, fd_set *ex, struct timeval *timeout);
int sock_pselect(int n, fd_set *rd, fd_set *wr, fd_set *ex, const struct timespec *timeout, const sigset_t *mask);

static inline uint64_t sock_ms_ns(int ms) { return ms < 0 ? SOCK_FOREVER : (uint64_t)ms * 1000000u; }

static inline int sock_epoll_wait(int epfd, struct epoll_event *events, int max, int timeout_ms)
{
	return sock_epoll_wait_for(epfd, events, max, sock_ms_ns(timeout_ms), NULL);
}

static inline int sock_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	return sock_poll_for(fds, n, sock_ms_ns(timeout_ms), NULL);
}

#endif
