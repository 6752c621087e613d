/* shared.h: listeners of other stacks of the end, and their twins here: a listening socket serves all stacks, each accepting
 * what has its home there. Private to lib/tcp. */
#ifndef TCP_SHARED_H
#define TCP_SHARED_H

#include "tcp/fastopen.h"

/* The body of TCP's MAIL_BIND and MAIL_UNBIND. Behind the entry, of a listener: what a twin needs. */
struct tcp_bind_note {
	struct bind_note b;
	uint32_t backlog, sndbuf, rcvbuf, tflags;
	uint8_t conn_flags;
	bool has_opts;
	uint8_t congestion, spare;
	struct tcp_optext opts;
	struct tcp_fo_note fastopen;
};
static_assert(sizeof(struct tcp_bind_note) <= MAIL_BODY_MAX, "fits a note");

/* A listener of another stack. */
struct tcp_shared {
	uint32_t next;
	uint16_t stack;
	flow_ref twin; /* 0: none yet */
	struct tcp_bind_note note;
};

/* Tells the other stacks of p's bound port, with these BIND_* flags. 0 or -ENOBUFS; the sure ones cannot fail. */
int tcp_announce(struct tcp *t, const struct tcp_pcb *p, uint32_t flags, uint32_t backlog);
void tcp_announce_sure(struct tcp *t, const struct tcp_pcb *p, uint32_t flags, uint32_t backlog);
void tcp_announce_gone(struct tcp *t, const struct tcp_pcb *p);

/* What others announced. */
void tcp_shared_set(struct tcp *t, uint16_t stack, const struct tcp_bind_note *n);
void tcp_shared_remove(struct tcp *t, uint16_t stack, flow_ref owner);

static inline bool tcp_is_twin(const struct tcp_listener *l) { return l->shared != 0; }
/* The stack that has the listener whose twin this is. */
static inline uint16_t tcp_twin_owner(const struct tcp_listener *l) { return (uint16_t)ref_index(l->c.listener); }
/* What is queued is reset; the listener at its owner and other twins stay. */
void tcp_twin_close(struct tcp *t, struct tcp_listener *l);

#endif
