/* urgent.h: urgent data (RFC 9293 3.8.5, RFC 6093): a mark in the stream, and by Linux's custom the byte before it apart from the
 * stream. The pointer on the wire points behind that byte, as everybody sends it (RFC 6093 section 3.1). Private to lib/tcp. */
#ifndef TCP_URGENT_H
#define TCP_URGENT_H

#include "tcp/in.h"

static inline bool tcp_urgent_pending(const struct tcp_buf *b) { return b->tell & (BUF_URG_WAIT | BUF_URG_BYTE | BUF_URG_READ); }

/* The last byte queued so far is urgent. */
void tcp_urgent_send(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b);
/* The urgent pointer of a segment from seq on; URG in *flags if there is one. */
uint16_t tcp_urgent_pointer(const struct tcp_pcb *p, const struct tcp_buf *b, uint32_t seq, uint8_t *flags);

/* Sixth step of 3.10.7.4: the segment has URG. */
void tcp_in_urg(struct tcp *t, struct tcp_pcb *p, const struct tcp_seg *s);
/* Text arrives while the urgent byte is awaited. */
void tcp_urgent_text(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b, const struct tcp_seg *s);

/* How many of the unread bytes one reading may take: it ends at the mark. *skip: 1 when the byte that comes next is the urgent
 * one and is not read in line. */
uint32_t tcp_urgent_readable(const struct tcp *t, const struct tcp_pcb *p, const struct tcp_buf *b, uint32_t *skip);
/* Bytes were taken from the receive queue: is the mark behind us? */
void tcp_urgent_taken(const struct tcp_pcb *p, struct tcp_buf *b);

#endif
