/* dialect.h: where Linux, BSD and z/OS disagree about the socket calls (connect-semantics; docs/sockets.md has the rows). One
 * table says what each does; the calls ask it, for sockets of another dialect than Linux's mostly through the functions below.
 * Private to lib/sock. */
#ifndef SOCK_DIALECT_H
#define SOCK_DIALECT_H

#include "sock/name.h"

/* Errnos are positive, 0: no error of this kind. Letters are rows. */
struct sock_dialect {
	bool copies_first;      /* the address is looked at before the descriptor: A1, A2, A4, A5, A11 */
	bool exact_len;         /* a name has its family's length: A13 to A16, A19, H23 */
	bool v6only;            /* IPV6_V6ONLY is on in new sockets: I1 */
	bool says_zero_once;    /* the first connect() after a success says 0: C4, C6 */
	bool joins_wait;        /* a blocking connect() waits for an attempt that is under way: C17, D7 */
	bool snd_timeout;       /* SO_SNDTIMEO limits connect(): D1 */
	bool restarts;          /* SA_RESTART does with connect() what it does with other calls: D9 */
	bool remembers_shut;    /* shutdown() before connect() counts afterwards: C27 */
	bool shut_ends_attempt; /* C28 */
	bool unspec_stream;     /* AF_UNSPEC breaks a stream's connection: B1, B3 to B10 */
	bool dissolves_first;   /* connect() of datagrams ends the old association and its error, also when it fails: H3, H10, H11 */
	bool poll_err;          /* an unread error is EPOLLERR (C20, E4), and an unconnected stream writable and hung up (C1, E1) */
	uint8_t unspec_datagram;/* what AF_UNSPEC says where it dissolves: B2, B11, B12 */
	uint8_t too_long;       /* of a length over 255, which is looked at first of all: A5, A15 */
	uint8_t listening;      /* C26 */
	bool broadcast_at_send; /* datagrams: connect() lets pass what SO_BROADCAST is missing for, send() does not: B25, B26 */
	uint8_t ended;          /* connect() after a connection has ended on both sides: C10 */
	uint8_t dead;           /* connect() after an attempt that failed: C19; 0: it begins anew */
	uint8_t aborted;        /* ... whose error was read before: C21 */
	uint8_t broadcast;      /* streams: B21, B22 */
	uint8_t group;          /* B23 */
	uint8_t bind_group;     /* G9 */
	uint8_t port_zero;      /* B28, B29 */
	uint8_t taken;          /* the bound port is busy to this destination: G11, G12, G19 */
	uint8_t no_port;        /* datagrams: G18 */
	uint8_t no_memory;      /* A25 */
	uint8_t filtered;       /* a SYN that our own filter drops: F46; 0: it is lost like others */
	uint8_t no_send;        /* streams that never were connected: C1, C30 */
	uint8_t pending;        /* sending and receiving during the handshake, which waits where this is 0: C14, C15, D3, D4 */
	uint8_t has_peer;       /* sendto() with an address on a connected socket: C30, H4 */
	uint8_t same_pair;      /* datagrams: another socket has the same two ends: H18 */
	uint8_t mapped_v6only;  /* IPv4 by IPV6_V6ONLY: I2 */
	uint8_t mapped_bound6;  /* ... and bound to IPv6: I6 */
	uint8_t no_scope;       /* link-local: I9 */
	uint8_t bad_scope;      /* of no interface: I12 */
	uint8_t global_scope;   /* of no interface, where none is needed: I15 */
	uint8_t no_route6;      /* I17 */
	uint8_t no_addr;        /* ... because the last address of ours went, and with it the interface (IPv4): F49; 0: as no route */
};

extern const struct sock_dialect sock_dialects[DIALECTS];

/* Of sockets made from now on, by all threads; before they begin. */
void sock_dialect_default(enum dialect d);
/* "linux", "bsd", "zos": as enum dialect, or -EINVAL. */
int sock_dialect_named(const char *name);
void sock_dialect_new(struct conn *c); /* a new socket gets the default one */

static inline const struct sock_dialect *sock_dialect_of(const struct conn *c) { return &sock_dialects[conn_dialect(c)]; }
static inline bool sock_is_linux(const struct conn *c) { return likely((c->more & CONN_MORE_DIALECT) == 0); }

/* SOL_SPATE */
int sock_dialect_set(struct conn *c, const void *val, socklen_t len);

/* The rest is for sockets of other dialects. */
/* Of connect(): the socket's, or the process's where there is none (NULL). */
const struct sock_dialect *sock_dialect_here(const struct conn *c);
/* What connect() finds wrong with its arguments before it looks at the descriptor: 0 or -errno. */
int sock_dialect_args(const struct sock_dialect *d, const struct sockaddr *addr, socklen_t len);
/* What connect() to this name says before a route is looked for: 0 or -errno. */
int sock_dialect_name(const struct sock_env *env, const struct conn *c, const struct sockaddr *addr, socklen_t len);
/* What it says where Linux says rc, in words of the socket's dialect. */
int sock_dialect_failure(const struct sock_env *env, const struct conn *c, const struct sockaddr *addr, socklen_t len, int rc);
/* What keeps it from sending (to: the address given) and receiving, 0: nothing that Linux would not name. */
int sock_dialect_send(const struct sock_env *env, struct conn *c, const struct sockaddr *to);
int sock_dialect_recv(struct conn *c);
uint32_t sock_dialect_events(struct conn *c, uint32_t events); /* of Linux's */

#endif
