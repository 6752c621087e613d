/* layout.h: the memory that a service (the process with the stacks) shares with its clients (the programs under `spate run`
 * and their children), and what each side does with it.
 *
 * One memfd, mapped by all. A client asks a stack by filling its channel and setting the channel's bit in the stack's pending
 * words; the stack does what is asked in its next turn, never blocks, and answers in the channel. Waiting is the client's: each
 * socket (a "file") shows its readiness here, a thread that waits leaves its channel's number at the files that it waits for,
 * and the stack rings that channel's bell. Nothing here is a pointer, and no step leaves anything locked when a client is killed
 * in the middle of it.
 *
 * Only stacks and the service's control thread write what is marked "stack"; each file belongs to one stack. No DPDK here:
 * clients have none. */
#ifndef SVC_LAYOUT_H
#define SVC_LAYOUT_H

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "config/service.h" /* SVC_*_MAX, sizes */

#define SVC_MAGIC 0x7370617465737663ull /* "spatesvc" */
#define SVC_VERSION 1u                  /* of this layout: both sides are of one build */

/* ---- lives: generation and references in one word ---- */

/* A file or an epoll instance is there while its generation is the one in a descriptor's entry and refs > 0. References: descriptors of all
 * processes, and calls in progress. Whoever takes the last one away mails SVC_CLOSE (files). Of an epoll
 * instance nothing is left then: the stacks take back its watches, listed or not, and who makes the next one clears its lists. */
typedef _Atomic uint64_t svc_life;

static inline uint32_t svc_life_gen(uint64_t v) { return (uint32_t)(v >> 32); }
static inline uint32_t svc_life_refs(uint64_t v) { return (uint32_t)v; }
static inline uint64_t svc_life_make(uint32_t gen, uint32_t refs) { return (uint64_t)gen << 32 | refs; }

/* One reference more, if it is still the one of this generation. */
static inline bool svc_life_get(svc_life *life, uint32_t gen)
{
	uint64_t v = atomic_load_explicit(life, memory_order_relaxed);

	do {
		if (svc_life_gen(v) != gen || svc_life_refs(v) == 0)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(life, &v, v + 1, memory_order_acquire, memory_order_relaxed));
	return true;
}

/* One less; true: that was the last. */
static inline bool svc_life_put(svc_life *life)
{
	return svc_life_refs(atomic_fetch_sub_explicit(life, 1, memory_order_acq_rel)) == 1;
}

/* ---- descriptors ---- */

/* What a process's descriptor stands for: 0: the kernel's. Low 30 bits: index of the file or instance; 2 bits: kind; high half:
 * generation. */
enum svc_kind { SVC_KIND_NONE, SVC_KIND_FILE, SVC_KIND_EPOLL };
typedef uint64_t svc_entry;

static inline svc_entry svc_entry_make(enum svc_kind kind, uint32_t index, uint32_t gen)
{
	return (uint64_t)gen << 32 | (uint64_t)kind << 30 | index;
}
static inline enum svc_kind svc_entry_kind(svc_entry e) { return (enum svc_kind)(e >> 30 & 3); }
static inline uint32_t svc_entry_index(svc_entry e) { return (uint32_t)e & ((1u << 30) - 1); }
static inline uint32_t svc_entry_gen(svc_entry e) { return (uint32_t)(e >> 32); }

/* A client process. Its descriptors: fd_off + index * SVC_FDS_MAX entries; pages that nobody wrote cost nothing. */
struct svc_proc {
	_Atomic int32_t pid;      /* 0: free; negative: a fork's child that has not come yet (its parent's, negated) */
	_Atomic uint32_t fd_high; /* above the highest descriptor that ever had an entry */
};

/* ---- sockets ---- */

/* Who waits at a file or an epoll instance: 0 nobody; low half: channel + 1, or SVC_POLLERS_MANY; high half: how many. */
#define SVC_POLLERS_MANY 0xffffu
typedef _Atomic uint32_t svc_pollers;

/* A socket. Index: stack * files_per_stack + the slot of its connection on that stack. */
struct svc_file {
	alignas(64) svc_life life;  /* clients and stack */
	_Atomic uint32_t events;    /* stack: EPOLL* bits now, and SVC_POSTS */
	svc_pollers pollers;        /* clients */
	_Atomic uint32_t flags;     /* clients: O_NONBLOCK, O_ASYNC as F_GETFL tells */
	_Atomic uint32_t bits;      /* clients: SVC_F_* */
	_Atomic uint32_t watches;   /* stack: its chain for clients to read, 0: end */
	_Atomic uint32_t eaten_next; /* link of svc_stack.eaten: 0: not in it */
	uint8_t domain, type;       /* stack: AF_INET or AF_INET6; SOCK_STREAM or SOCK_DGRAM */
	uint8_t protocol, stack;    /* stack: IPPROTO_*; number */
	_Atomic uint32_t posted;    /* channel + 1 of the SVC_POST under way, with SVC_POST_AWAITED; 0: none */
	_Atomic uint64_t rcv_ns, snd_ns; /* clients: SO_RCVTIMEO, SO_SNDTIMEO; 0: for ever */
	_Atomic uint64_t stage;     /* svc_stage_*: what of a stream can be taken without asking; 0: nothing */
};
static_assert(sizeof(struct svc_file) == 64, "a cache line each");

#define SVC_POSTS (1u << 27)        /* in events, none of epoll's: SVC_POST_BYTES can be posted */
#define SVC_POST_AWAITED (1u << 31) /* somebody sleeps on the note */

/* A socket's stage: low to high: which (16 bits, from 1), bytes taken (16), bytes there (16), the stack is at it (1), more follows
 * that has to be asked for (1), a count of stagings (14). Who receives copies first, and has taken the bytes when it has
 * advanced the count of those taken in the same word. Who takes the last puts the socket into its stack's list. */
#define SVC_STAGE_STOPPED (1ull << 48)
#define SVC_STAGE_MORE (1ull << 49)

static inline uint32_t svc_stage_slot(uint64_t w) { return (uint32_t)w & 0xffff; }
static inline uint32_t svc_stage_off(uint64_t w) { return (uint32_t)(w >> 16) & 0xffff; }
static inline uint32_t svc_stage_len(uint64_t w) { return (uint32_t)(w >> 32) & 0xffff; }
static inline uint64_t svc_stage_make(uint32_t slot, uint32_t len, bool more, uint32_t count)
{
	return slot | (uint64_t)len << 32 | (more ? SVC_STAGE_MORE : 0) | (uint64_t)count << 50;
}
/* All of it is taken, and nothing follows: the socket is not readable, whatever its events are. */
static inline bool svc_stage_empty(uint64_t w)
{
	return svc_stage_slot(w) != 0 && svc_stage_off(w) == svc_stage_len(w) && !(w & SVC_STAGE_MORE);
}

/* ---- epoll ---- */

/* A file in an epoll instance. Index 1..; stack s owns s * watches_per_stack + 1 .. (s + 1) * watches_per_stack. Ready: linked into the
 * instance's ready list by the stack, taken by epoll_wait(). Freed by the stack when dead and not queued. */
struct svc_watch {
	_Atomic uint32_t next_ready; /* whoever links it */
	_Atomic uint32_t queued;     /* 1: linked, or just taken */
	_Atomic uint32_t interest;   /* stack sets, epoll_wait() clears the events (EPOLLONESHOT) */
	_Atomic uint32_t dead;       /* stack */
	uint32_t file, epoll, epoll_gen; /* stack */
	_Atomic uint32_t next;       /* stack: chain of the file */
	_Atomic uint64_t data;       /* stack */
	int32_t fd;                  /* stack: the number that epoll_ctl() named */
};

/* An epoll instance: a kernel's instance for the kernel's descriptors, and this for ours. Watches become ready here by
 * compare-and-swap on ready (newest first); takers hold lock, take all, and keep what they could not report in a list, oldest first. */
struct svc_epoll {
	svc_life life;              /* refs 0: free */
	alignas(64) _Atomic uint32_t ready;
	svc_pollers pollers;
	alignas(64) _Atomic uint32_t lock; /* channel + 1 of the taker, 0 free; the control thread clears those of the dead */
	_Atomic uint32_t head;      /* the list: under lock, but that anybody may look whether there is any */
	uint32_t tail;
	_Atomic uint32_t kernel_members; /* descriptors in the kernel's instance */
};

/* ---- asking ---- */

/* Arguments: a, b, c, len, u and the bulk areas; result: >= 0 or -errno, as the call's (sock.h). File and gen name the socket,
 * but for SVC_SOCKET. */
enum svc_op {
	SVC_NOP = 0,
	SVC_SOCKET,      /* a domain, b type (no flags), c protocol; -> new_file, new_gen with one reference */
	SVC_BIND,        /* addr, addr_len */
	SVC_LISTEN,      /* a backlog */
	SVC_ACCEPT,      /* -> new_file, new_gen; addr, addr_len. Never waits */
	SVC_CONNECT,     /* addr, addr_len: as a non-blocking connect() */
	SVC_CONNECT_END, /* how the attempt that was waited for ended: 0, -errno, -EALREADY: not yet */
	SVC_SEND,        /* data, len; a flags; addr, addr_len (0: none); control, control_len -> msg_flags: 1: with a SYN, whose answer is due */
	SVC_POST,        /* data, len; a flags: sent in full, or the connection has ended. The file's note is taken back, then it is answered; b: the
			  * stack's, 0: how much has gone */
	SVC_RECV,        /* len wanted; a flags; b: 1 addr is wanted; control_len: room -> data, addr, addr_len, control, control_len, msg_flags */
	SVC_SHUTDOWN,    /* a how */
	SVC_CLOSE,       /* the last reference has gone */
	SVC_GETSOCKNAME, /* -> addr, addr_len */
	SVC_GETPEERNAME,
	SVC_GETSOCKOPT,  /* a level, b name, len: room -> data, len */
	SVC_SETSOCKOPT,  /* a level, b name, data, len */
	SVC_IOCTL,       /* u request; len bytes of data in and out */
	SVC_EPOLL_CTL,   /* a op, b fd, c events, u data; epoll, epoll_gen */
	SVC_OPS
};

/* What a thread of a client has. It sleeps on state while it waits for an answer, and on bell (or, together with the kernel's
 * descriptors, in ppoll() on an eventfd that the service has, too) while it waits for readiness. */
enum svc_state { SVC_IDLE, SVC_ASKED, SVC_ASKED_ASLEEP, SVC_DONE };
enum svc_sleep { SVC_AWAKE, SVC_SLEEP_FUTEX, SVC_SLEEP_EVENTFD };

struct svc_chan {
	alignas(64) _Atomic uint32_t state; /* enum svc_state; futex */
	_Atomic uint32_t bell;              /* counts rings; futex */
	_Atomic uint32_t sleep;             /* enum svc_sleep */
	_Atomic uint32_t bell_fd;           /* control thread: 1: the service has this channel's eventfd; futex */
	_Atomic uint32_t owner;             /* process + 1, 0: free */
	_Atomic uint64_t held;              /* svc_entry on which its thread works: a reference that dies with it */
	alignas(64) uint16_t op;
	uint16_t stack;
	uint32_t file, gen;
	int32_t a, b, c;
	uint32_t len, addr_len, control_len, epoll, epoll_gen;
	uint64_t u;
	int64_t result;
	uint32_t new_file, new_gen;
	int32_t msg_flags;
	struct sockaddr_storage addr;
	alignas(64) uint8_t control[SVC_CONTROL_BYTES];
	alignas(64) uint8_t data[SVC_DATA_BYTES];
};

static inline bool svc_chan_asks(struct svc_chan *c)
{
	uint32_t state = atomic_load_explicit(&c->state, memory_order_acquire);

	return state == SVC_ASKED || state == SVC_ASKED_ASLEEP;
}

/* The channel's note at a socket goes, if it is there: true: those who sleep on it are to be woken, all. */
static inline bool svc_note_take(_Atomic uint32_t *posted, uint32_t chan)
{
	return (atomic_load(posted) & ~SVC_POST_AWAITED) == chan + 1 && atomic_exchange(posted, 0) & SVC_POST_AWAITED;
}

/* A stack's letter box. */
struct svc_stack {
	alignas(64) _Atomic uint32_t asleep; /* stack: 1: sleeps on this word; who posts sets 0 and wakes it */
	_Atomic uint32_t eaten;     /* clients: list of files, slot + 1, whose stage is empty; the stack takes all */
	alignas(64) _Atomic uint64_t pending[SVC_CHANS / 64]; /* bit: channel asks */
};

/* ---- which sockets are ours ---- */

struct svc_rule {
	uint8_t family;     /* AF_INET, AF_INET6; 0: both, any address */
	uint8_t prefix_len;
	uint8_t spate;      /* 1: ours, 0: the kernel's */
	uint8_t spare;
	uint16_t port_lo, port_hi;
	uint8_t addr[16];   /* network order */
};

#define SVC_CATCH_DNS 1u /* those that libc's resolver makes */
#define SVC_CATCH_RAW 2u /* all */

/* ---- the whole ---- */

struct svc_head {
	uint64_t magic;
	uint32_t version, n_stacks, files_per_stack, watches_per_stack;
	uint64_t bytes;
	uint64_t stack_off, proc_off, chan_off, epoll_off, file_off, watch_off, stage_off, fd_off;
	uint32_t n_rules; /* first match counts; none: ours */
	_Atomic uint32_t gone; /* 1: the service has ended (guard.c) */
	uint32_t catches; /* SVC_CATCH_*: system calls without a name that programs are to bring here */
	_Atomic uint32_t chan_high; /* clients: above the highest channel that anybody ever had */
	struct svc_rule rule[SVC_RULES_MAX];
};

static inline void *svc_at(struct svc_head *h, uint64_t off) { return (uint8_t *)h + off; }
static inline struct svc_stack *svc_stack_at(struct svc_head *h, uint32_t i) { return (struct svc_stack *)svc_at(h, h->stack_off) + i; }
static inline struct svc_proc *svc_proc_at(struct svc_head *h, uint32_t i) { return (struct svc_proc *)svc_at(h, h->proc_off) + i; }
static inline struct svc_chan *svc_chan_at(struct svc_head *h, uint32_t i) { return (struct svc_chan *)svc_at(h, h->chan_off) + i; }
static inline struct svc_epoll *svc_epoll_at(struct svc_head *h, uint32_t i) { return (struct svc_epoll *)svc_at(h, h->epoll_off) + i; }
static inline struct svc_file *svc_file_at(struct svc_head *h, uint32_t i) { return (struct svc_file *)svc_at(h, h->file_off) + i; }
static inline struct svc_watch *svc_watch_at(struct svc_head *h, uint32_t i) { return (struct svc_watch *)svc_at(h, h->watch_off) + i; }
static inline uint8_t *svc_stage_at(struct svc_head *h, uint32_t stack, uint32_t slot)
{
	return (uint8_t *)svc_at(h, h->stage_off) + ((uint64_t)stack * SVC_STAGES + slot - 1) * SVC_STAGE_BYTES;
}
static inline _Atomic svc_entry *svc_fds_at(struct svc_head *h, uint32_t proc)
{
	return (_Atomic svc_entry *)svc_at(h, h->fd_off) + (uint64_t)proc * SVC_FDS_MAX;
}

/* ---- control: a SOCK_SEQPACKET socket at the path in the environment variable SPATE_SERVICE ---- */

/* Each message is answered by one struct svc_reply; SO_PEERCRED tells the pid. The connection lasts as long as the process
 * (close-on-exec). */
enum svc_control {
	SVC_HELLO = 1, /* -> proc; descriptors [memfd, placeholder]. A pid that is known has called exec: channels are freed, its descriptors stay,
			* and the client drops those that the kernel closed. value: proc that a fork made for this child, or -1 */
	SVC_FORK,      /* before fork(): -> proc: a copy of the sender's descriptors, each with a reference; released if no HELLO comes for it */
	SVC_BELL,      /* value: channel; descriptor [eventfd] comes along */
};

struct svc_message {
	uint32_t kind;
	int32_t value;
};

struct svc_reply {
	int32_t result; /* 0 or -errno */
	int32_t proc;
	uint32_t version;
	uint32_t fresh; /* HELLO: 1: a new process, 0: after exec or fork */
};

#endif
