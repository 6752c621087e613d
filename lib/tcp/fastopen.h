/* fastopen.h: TCP Fast Open (RFC 7413): data in SYNs, which cookies of an earlier connection vouch for. Private to lib/tcp; what
 * sockets may ask is in tcp.h. */
#ifndef TCP_FASTOPEN_H
#define TCP_FASTOPEN_H

#include "tcp/in.h"

/* A Fast Open option to send. */
struct tcp_fo_option {
	bool exp;                /* by the experimental option, as the peer did */
	uint8_t len;             /* 0: the wish for a cookie */
	uint8_t cookie[TCP_FO_COOKIE_MAX];
};

/* tcp_optext.fo_flags */
#define FO_CONNECT   (1u << 0) /* TCP_FASTOPEN_CONNECT: connect() waits with its SYN for data, when there is a cookie */
#define FO_ONCE      (1u << 1) /* the same for the next connect only (MSG_FASTOPEN) */
#define FO_NO_COOKIE (1u << 2) /* TCP_FASTOPEN_NO_COOKIE: neither asked for nor needed */

/* ---- the server's half ---- */

/* What a listener (or a socket that may become one) was asked for. Pool tcp.fastopens, index in tcp_optext. */
struct tcp_fo_listen {
	uint32_t pool_link;
	uint32_t qlen;           /* TCP_FASTOPEN: as many handshakes may be unfinished whose data was taken; 0: off */
	uint32_t pending;        /* they are ... */
	uint32_t failed[2];      /* ... and these never were finished, in this period and in the last one (RFC 7413 5.1) */
	uint32_t period;         /* of TCP_FO_FAILED_MS */
	uint32_t n_keys;         /* TCP_FASTOPEN_KEY; 0: the end's */
	struct siphash_key key[2]; /* the first makes cookies, the second is still believed */
};

/* A SYN for l. True: it has become a connection in l's queue, and the segment is done with. False: the handshake goes its
 * usual way, and *answer goes with the SYN-ACK if *has_answer. */
bool tcp_fo_syn(struct tcp *t, struct tcp_listener *l, struct tcp_seg *s, uint32_t iss, struct tcp_fo_option *answer,
		bool *has_answer);
/* Of a connection with TX_FO_PASSIVE: its SYN-ACK was acknowledged; it ended before that; nothing came for too long (false: p is
 * gone). */
void tcp_fo_established(struct tcp *t, struct tcp_pcb *p);
void tcp_fo_failed(struct tcp *t, const struct tcp_pcb *p);
bool tcp_fo_synack_timeout(struct tcp *t, struct tcp_pcb *p);

/* ---- the client's half ---- */

/* What is known of a server. Pool tcp.fo_cache, in sets by its and our address. */
struct tcp_fo_peer {
	uint64_t id;             /* keyed hash of the two addresses, 0: empty */
	uint32_t used_tick;      /* the set's oldest gives way */
	uint32_t lost_ms;        /* clock.now_ms when a SYN with data was last lost, while losses > 0 */
	uint16_t mss;            /* that it announced */
	uint8_t losses;          /* SYNs with data that vanished, in a row */
	uint8_t len;             /* of the cookie, 0: none */
	uint8_t cookie[TCP_FO_COOKIE_MAX];
};

/* connect() has chosen the tuple: what becomes of its SYN. */
enum tcp_fo_plan { TCP_FO_PLAIN, TCP_FO_ASK /* for a cookie */, TCP_FO_WAIT /* for data, TX_FO_WAIT */ };
enum tcp_fo_plan tcp_fo_connect(struct tcp *t, struct tcp_pcb *p);
/* Data for an attempt with TX_FO_WAIT: the SYN leaves with what fits. Bytes, or -EAGAIN. */
ssize_t tcp_fo_send(struct tcp *t, struct tcp_pcb *p, const struct iovec *iov, int n);
/* The SYN-ACK of an attempt with TX_FO_SYN, which is established by now. */
void tcp_fo_synack(struct tcp *t, struct tcp_pcb *p, const struct tcp_seg *s);
/* Its SYN is repeated: the first one may be lost because of what was in it. */
void tcp_fo_syn_lost(struct tcp *t, struct tcp_pcb *p);
/* The path does not take a SYN as large as this one was: it goes again at once, without its data. */
void tcp_fo_syn_narrowed(struct tcp *t, struct tcp_pcb *p);
/* How far beyond the SYN an ACK may reach. */
static inline uint32_t tcp_fo_syn_text(const struct tcp *t, const struct tcp_pcb *p)
{
	return (p->xflags & TX_FO_SYN) && p->buf != 0 ? tcp_buf_of(t, p)->snd_len : 0;
}

/* ---- options ---- */
/* A listener that did not ask for it, where all have it (TCP_FO_SERVER_ALL). */
void tcp_fo_listens(struct tcp *t, struct tcp_pcb *p, uint32_t backlog);
int tcp_fo_setopt(struct tcp *t, struct tcp_pcb *p, int name, int v);
int tcp_fo_getopt(const struct tcp *t, const struct tcp_pcb *p, int name, int *v);
int tcp_fo_key_set(struct tcp *t, struct tcp_pcb *p, const void *val, uint32_t len);
uint32_t tcp_fo_key_get(const struct tcp *t, const struct tcp_pcb *p, uint8_t *to); /* bytes, at most 32 */
/* For a listener's twins at other stacks. */
struct tcp_fo_note {
	uint32_t qlen, n_keys;
	struct siphash_key key[2];
};
void tcp_fo_note_fill(const struct tcp *t, const struct tcp_pcb *p, struct tcp_fo_note *n);
void tcp_fo_note_take(struct tcp *t, struct tcp_pcb *p, const struct tcp_fo_note *n);
void tcp_fo_free(struct tcp *t, struct tcp_optext *x);

#endif
