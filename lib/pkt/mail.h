/* mail.h: what goes from one stack of an end to another: packets that landed at the wrong one, and notes (what ARP told, who
 * listens where). A ring (rte_ring) for every ordered pair of stacks, with one producer and one consumer, so that nobody
 * locks and nobody does an atomic read-modify-write; and one more row for threads that own no stack, which share a lock
 * among themselves. Every mail is an mbuf: it stays valid whatever happens to its sender.
 *
 * Mail of one sender arrives in the order in which it was sent, packets among packets and notes among notes. */
#ifndef PKT_MAIL_H
#define PKT_MAIL_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

#include "base/pool.h"
#include "config/limits.h"

#define MAIL_BODY_MAX 192
#define MAIL_ALL UINT16_MAX  /* every stack but the sender */

/* What a mail is. The layer named handles it; core/mail.c brings it there. */
enum mail_kind {
	MAIL_PACKET,     /* core: a received frame for its owner, checksums verified, as it came from the device */
	MAIL_NEIGH,      /* net: an address and its hardware address */
	MAIL_ADDR_ADD,   /* net: a local address */
	MAIL_ADDR_REMOVE,
	MAIL_ADDR6_ADD,  /* net: the same of IPv6 */
	MAIL_ADDR6_REMOVE,
	MAIL_IP6,        /* net: what routers and other stations told one stack */
	MAIL_GATEWAY,    /* net: a default route, added or removed */
	MAIL_LINK,       /* net: a port's link came up or went down */
	MAIL_ROUTE,      /* net: any other route, likewise */
	MAIL_FILTER,     /* net: the filter from now on */
	MAIL_GROUP,      /* net: a socket's membership in a multicast group */
	MAIL_BIND,       /* udp, tcp: a port is bound or listens on another stack, or what is known of it changes */
	MAIL_UNBIND,
	MAIL_CLAIM,      /* tcp, udp: a tuple whose home is here is used by another stack: forward, and keep the port */
	MAIL_GRANT,      /* tcp: the answer ... */
	MAIL_DENY,       /* tcp: ... or it is in use here */
	MAIL_RELEASE,    /* tcp, udp: no longer used there */
	MAIL_COOKIES,    /* tcp: SYN cookies are being sent; no body */
	MAIL_KINDS
};

/* The private part of a carrier, in a dynamic field of the mbuf. */
struct mail_tag {
	uint16_t from;   /* stack; MAIL_ALL: a thread without one */
	uint8_t kind;    /* enum mail_kind */
	uint8_t port;    /* of MAIL_PACKET: the end's port that received it */
};

struct mail_office; /* the rings of one end */

/* For n stacks, 1 to PORT_QUEUES_MAX. NULL: out of memory. free: drops what is under way. */
struct mail_office *mail_office_new(uint16_t n, int numa_node);
void mail_office_free(struct mail_office *o);

/* What waits here for one other stack. */
struct mail_batch {
	struct rte_mbuf *m[MAIL_BATCH];      /* packets, until they go together */
	uint16_t n;
	struct rte_mbuf *late, *late_last;   /* notes that found a full ring, oldest first */
};

/* One stack's side. */
struct mailbox {
	struct mail_office *office;
	struct rte_mempool *pool;        /* of the stack: notes are made of its mbufs */
	uint16_t self, n;
	uint16_t n_batches;              /* stacks for which packets wait */
	uint16_t n_late;                 /* stacks for which notes wait */
	uint16_t turn;                   /* sender that is asked first */
	uint64_t sent, received, dropped;/* dropped: packets whose owner did not empty its ring, as a NIC's queue overflows */
	struct mail_batch *batch;        /* by stack */
	struct pool debts;               /* notes that found no packet buffer and must arrive: ... */
	uint32_t debt_head, debt_last;   /* ... they go first, oldest first */
	uint32_t seen[PORT_QUEUES_MAX + 1]; /* by sender: how many of its announcements were seen */
};

/* 0 or -ENOMEM. self: 0..n-1 of the office. */
int mailbox_init(struct mailbox *b, struct mail_office *o, uint16_t self, struct rte_mempool *pool);
void mailbox_fini(struct mailbox *b); /* frees what waits here */

/* A note: len (at most MAIL_BODY_MAX) bytes. It is in the ring when this returns, or, when that is full, goes with the next
 * flush; it is never dropped. 0 or -ENOBUFS (no mbuf; nobody got it, also of MAIL_ALL). */
int mail_note(struct mailbox *b, uint16_t to, enum mail_kind kind, const void *body, uint16_t len);
/* For callers that cannot fail: without an mbuf the note goes as soon as there is one, and none of this stack's before it. */
void mail_note_sure(struct mailbox *b, uint16_t to, enum mail_kind kind, const void *body, uint16_t len);
/* A packet that port received, which the mailbox then owns: it leaves with its batch. */
void mail_packet(struct mailbox *b, uint16_t to, uint8_t port, struct rte_mbuf *m);
/* Sends what waits. */
void mail_flush(struct mailbox *b);
/* Up to max mails that have arrived. The caller owns them. */
uint16_t mail_receive(struct mailbox *b, struct rte_mbuf **m, uint16_t max);
/* A note from a thread that owns no stack. pool: any that this thread may use. to: one stack or MAIL_ALL. 0, -ENOBUFS, or
 * -EAGAIN (ring full: that stack is not being polled). */
int mail_note_outside(struct mail_office *o, struct rte_mempool *pool, uint16_t to, enum mail_kind kind, const void *body,
		      uint16_t len);

extern int mail_tag_offset; /* set by mail_office_new() */

static inline struct mail_tag *mail_tag_of(struct rte_mbuf *m)
{
	return RTE_MBUF_DYNFIELD(m, mail_tag_offset, struct mail_tag *);
}

/* The body of a note, as its sender wrote it. */
static inline const void *mail_body(const struct rte_mbuf *m) { return rte_pktmbuf_mtod(m, const void *); }

/* Nobody to write to: n is 1, or there is no office at all. */
static inline bool mail_alone(const struct mailbox *b) { return b == NULL || b->n <= 1; }

#endif
