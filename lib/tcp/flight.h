/* flight.h: what is in flight, transmission by transmission: the scoreboard of RFC 6675 with the times of RFC 8985, and the
 * books of loss recovery. One transmission alone in flight is noted in tcp_buf; a struct tcp_flight is made when a second one
 * joins it or something is lost, and given back when all is acknowledged. Private to lib/tcp.
 *
 * Records cover [SND.UNA, SND.NXT) without gaps, in order of sequence numbers. They lie in chunks, the chunks in a directory,
 * so that finding a number costs two binary searches and a cut moves at most a chunk. Neighbours that are SACKed become one
 * record: a SACK block that grows with every ACK is not walked anew each time. */
#ifndef TCP_FLIGHT_H
#define TCP_FLIGHT_H

#include "tcp/buf.h"
#include "tcp/cc.h"

#define REC_SACKED      (1u << 0) /* the peer has it and says so */
#define REC_LOST        (1u << 1) /* taken for lost ... */
#define REC_RETRANS     (1u << 2) /* ... and on its way again (or a loss probe's copy, REC_LOST not set) */
#define REC_EVER        (1u << 3) /* sent more than once at some time: no measure of the round trip (Karn) */
#define REC_RATED       (1u << 4) /* delivered, delivered_us and first_us are valid */
#define REC_APP_LIMITED (1u << 5) /* left while the application had no more to send */

/* One transmission: a segment, or several when records become many. */
struct tcp_rec {
	uint32_t start, end;
	uint32_t sent_us;                 /* the last time */
	/* As tcp_rate (ext.h) was when it left (draft-cheng-iccrg-delivery-rate-estimation section 2.2). */
	uint32_t delivered, delivered_us, first_us;
	uint8_t flags;
	uint8_t spare;
	uint16_t segs;                    /* SACKed: segments that it was told in */
};
static_assert(sizeof(struct tcp_rec) == 28, "no holes");

struct tcp_chunk {
	uint32_t pool_link;
	struct tcp_rec rec[TCP_FLIGHT_CHUNK];
};

/* A chunk's place in the order, and what makes looking into it unnecessary. */
struct tcp_chunk_entry {
	uint32_t end;                     /* of its last record */
	uint32_t chunk;                   /* index in tcp.chunks; 0: tcp_flight.own */
	uint32_t oldest_us;               /* no record that is in flight left earlier */
	uint8_t first, n;                 /* records in use */
	uint8_t live;                     /* neither SACKed nor waiting to be sent again */
	uint8_t pending;                  /* waiting to be sent again */
};

struct tcp_flight {
	uint32_t pool_link;
	uint32_t sacked, lost, retrans;   /* bytes by flag; without SACK sacked is what duplicate ACKs stand for */
	uint32_t pending;                 /* lost and not on their way again */
	uint32_t lost_total;              /* ever taken for lost, again and again */
	uint32_t segs_sacked;
	uint32_t rtt_seq;                 /* the next sample for SRTT is due when this is acknowledged: one per round trip */
	uint32_t min_rtt_us, min_rtt_at_us;
	/* RACK (RFC 8985 5.2): the most recently sent of what was delivered */
	uint32_t rack_us, rack_end, rack_rtt_us;
	uint32_t fack;                    /* highest number delivered */
	uint32_t dsack_round;
	uint8_t reo_mult, reo_persist;
	bool rack_set, dsack_round_set, own_used;
	bool tlp_new;                     /* TX_TLP: the probe was new data */
	uint32_t tlp_end;                 /* valid with TX_TLP */
	/* PRR (RFC 6937) */
	uint32_t prr_delivered, prr_out, prr_start;
	/* Undo of a response to a loss that was none */
	uint32_t undo_una, undo_rtx;      /* since when; bytes sent again that no D-SACK has told of yet */
	uint32_t prior_cwnd, prior_ssthresh;
	uint32_t rtx_ts;                  /* our timestamp on the first retransmission (RFC 3522) */
	bool undo, rtx_ts_set;
	bool frto;                        /* F-RTO (RFC 5682) is still undecided */
	bool frto_new;                    /* and new data goes before what is lost (its step 2b) */
	uint16_t e_first, e_n;            /* entries in use */
	struct tcp_chunk_entry entry[TCP_FLIGHT_CHUNKS];
	struct tcp_chunk own;
} __attribute__((aligned(64)));

/* Where a record is. */
struct tcp_rec_at {
	struct tcp_chunk_entry *e;
	struct tcp_rec *r;                /* NULL: nowhere */
};

static inline struct tcp_flight *tcp_flight_of(const struct tcp *t, const struct tcp_buf *b)
{
	return b->flight != 0 ? (struct tcp_flight *)pool_at(&t->flights, b->flight) : NULL;
}

/* RFC 6675's pipe, in bytes. */
static inline uint32_t tcp_flight_pipe(const struct tcp_pcb *p, const struct tcp_flight *f)
{
	uint32_t flight = p->snd_nxt - p->snd_una;

	return f == NULL ? flight : flight - f->sacked - f->lost + f->retrans;
}

/* The connection's, made from the transmission noted in b when there is none; b->snd_len > 0. */
struct tcp_flight *tcp_flight_need(struct tcp *t, struct tcp_pcb *p, struct tcp_buf *b);

/* ---- sending ---- */
bool tcp_flight_room(struct tcp *t, const struct tcp_flight *f); /* another transmission can be noted */
/* [start, end) leaves for the first time, in segments of mss. */
void tcp_flight_sent(struct tcp *t, struct tcp_pcb *p, struct tcp_flight *f, uint32_t start, uint32_t end, uint32_t mss);
/* [at.r->start, at.r->start + len) leaves again. */
void tcp_flight_resent(struct tcp *t, struct tcp_pcb *p, struct tcp_flight *f, struct tcp_rec_at at, uint32_t len);
struct tcp_rec_at tcp_flight_pending(struct tcp *t, struct tcp_flight *f); /* the first that waits to be sent again */

/* ---- looking ---- */
struct tcp_rec_at tcp_flight_find(struct tcp *t, struct tcp_flight *f, uint32_t seq); /* the record that holds seq */
struct tcp_rec_at tcp_flight_first(struct tcp *t, struct tcp_flight *f);
struct tcp_rec_at tcp_flight_last(struct tcp *t, struct tcp_flight *f);
struct tcp_rec_at tcp_flight_chunk(struct tcp *t, struct tcp_flight *f, struct tcp_chunk_entry *e); /* its first record */
struct tcp_rec_at tcp_flight_next(struct tcp *t, struct tcp_flight *f, struct tcp_rec_at at);

/* ---- changing ---- */
void tcp_flight_set(struct tcp_flight *f, struct tcp_rec_at at, uint8_t flags); /* flags, and all sums that depend on them */
/* Cuts the record at seq, which lies inside; at is its first part. False: no room for one more. */
bool tcp_flight_cut(struct tcp *t, struct tcp_flight *f, struct tcp_rec_at *at, uint32_t seq);
/* Joins a SACKed record with SACKed neighbours; returns where it is then. */
struct tcp_rec_at tcp_flight_join(struct tcp *t, struct tcp_flight *f, struct tcp_rec_at at);
/* Removes what lies before seq of the first record, or all of it. */
void tcp_flight_trim(struct tcp *t, struct tcp_flight *f, uint32_t seq);
void tcp_flight_mark_lost(struct tcp_flight *f, struct tcp_rec_at at); /* also if it was on its way again */
/* Neither lost nor on its way again: all that is not SACKed (a loss that was none). */
void tcp_flight_unmark(struct tcp *t, struct tcp_flight *f);

#endif
