/* sim_int.h: the inside of the simulated link.
 *
 *     port 0, tx queue i -> stage (TSO, VLAN) -> nic (hash, checksums) -> line: ring [i][j]       -> port 1, rx queue j
 *                                                                      \> wire: one queue by time ->   when impaired
 *
 * The line has one producer and one consumer per ring and no locks. The wire is one physical thing that all queues share
 * (one bandwidth, one random stream, one order), so it has a lock; only impaired links pay for it. */
#ifndef SIM_SIM_INT_H
#define SIM_SIM_INT_H

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include <rte_spinlock.h>

#include "base/prng.h"
#include "base/region.h"
#include "drivers/sim/sim.h"

#define SIM_QUEUE_DEFAULT 4096
#define SIM_RING_DEFAULT 1024
#define SIM_TSO_RING_MIN 64 /* a ring takes the pieces of a large frame together; smaller ones get no TSO */

/* ---- line.c: single-producer single-consumer rings of frames, indices free-running ----
 * Small frames cross as bytes: one or two lines that the receiver reads in order, while the mbufs of both sides stay in
 * the caches of their cores. Passing the mbuf would move its header, its data and later all of it back. */
#define SIM_INLINE_MAX 248
#define SIM_SLOT_MBUF (1u << 15) /* in flags: the slot holds an mbuf instead of bytes */

struct sim_slot {
	uint32_t hash;
	uint16_t len;   /* of the frame */
	uint16_t flags; /* RTE_MBUF_F_RX_*, or SIM_SLOT_MBUF */
	union {
		uint8_t frame[SIM_INLINE_MAX];
		struct rte_mbuf *m;
	};
} __rte_cache_aligned;
static_assert(sizeof(struct sim_slot) == 4 * RTE_CACHE_LINE_SIZE && offsetof(struct sim_slot, frame) == 8,
	      "line.c copies 56 bytes and then whole lines");

struct sim_ring {
	/* written by the producer */
	uint32_t tail __rte_cache_aligned; /* pairs with the consumer's acquire in ring_avail() */
	uint64_t push_ns;                  /* the sender's time at its last burst */
	/* written by the consumer */
	uint32_t head __rte_cache_aligned; /* pairs with the producer's acquire in prod_full() */
	uint32_t tail_seen;
	struct sim_slot slot[] __rte_cache_aligned;
};

/* The producer's own view of one ring: no other core reads it. */
struct sim_prod {
	struct sim_ring *ring;
	uint32_t tail, head_seen;
};

struct sim_txq {
	uint64_t packets, bytes;                 /* through the line */
	uint64_t wire_packets, wire_bytes;       /* sent into an impaired wire */
	uint64_t errors, missed;                 /* missed: the receiver had no mbuf */
	struct sim_prod *to;                     /* per receiving queue */
} __rte_cache_aligned;

struct sim_rxq {
	uint64_t packets, bytes, wire_packets, wire_bytes;
	struct sim_ring **from;                  /* per sending queue */
	uint16_t turn;                           /* which one comes first */
} __rte_cache_aligned;

/* ---- wire.c ---- */
struct sim_flight {
	uint64_t at_ns, seq; /* the order of arrival; seq keeps those of one moment in order */
	struct rte_mbuf *m;
};

struct sim_heap {
	struct sim_flight *f;
	uint32_t n, cap;
};

struct sim_wire {
	rte_spinlock_t lock;
	struct sim_link link;
	struct prng prng;
	struct sim_heap *heap;      /* per receiving queue */
	uint16_t n_heaps;
	uint32_t n;                 /* packets under way: all heaps and the held one */
	uint64_t seq, free_ns, free_rem, last_ns;
	struct sim_flight held;     /* a packet that waits for the next one to overtake it; m == NULL: none */
	uint16_t held_queue;
	struct sim_counts counts;   /* sent, delivered: of the wire alone */
};

/* ---- one direction ---- */
struct sim_dir {
	const struct rss *rss;         /* the receiving NIC's: the end's homing function, unless that is to be wrong */
	struct rte_mempool **pools;    /* the receiver's, per queue: for the line; the wire takes none */
	uint64_t tx_flags;             /* checksum requests that the sending port honours */
	uint64_t stage_flags;          /* and what stage.c does: 0 nothing */
	uint32_t rx_offloads;          /* PORT_RX_* of the receiver */
	uint32_t frame_max;
	uint16_t segs_max;             /* mbufs of one frame that the sender's NIC takes */
	uint16_t n_tx, n_rx;
	bool hashes;                   /* the receiver computes a hash, to choose a queue or to give it to the stack */
	bool up;                       /* the receiver runs; written by the control thread */
	bool impaired;
	uint32_t ring_mask;
	struct sim_txq *txq;
	struct sim_rxq *rxq;
	struct region rings;
	struct sim_wire wire;
};

struct sim_port {
	struct port port;
	struct sim *sim;
	struct sim_dir *out, *in;
	struct rte_mempool *pools[PORT_QUEUES_MAX];
	struct rss nic_rss;            /* of a NIC that does not do what port.rss says */
};

struct sim {
	struct sim_port end[2];
	struct sim_dir dir[2]; /* dir[0] from end 0 to end 1 */
	unsigned open;
};

int line_init(struct sim_dir *d, uint32_t ring_packets);
void line_fini(struct sim_dir *d); /* frees what is in the rings, too */
void line_drain(struct sim_dir *d);
uint16_t line_tx(struct sim_dir *d, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns);
uint16_t line_rx(struct sim_dir *d, uint16_t queue, struct rte_mbuf **m, uint16_t n);
uint64_t line_next_ns(const struct sim_dir *d);
uint32_t line_room(struct sim_dir *d, uint16_t queue, const struct rte_mbuf *m); /* slots of the ring that m would go to */

void wire_init(struct sim_wire *w, uint64_t seed, uint16_t n_queues);
void wire_fini(struct sim_wire *w);
void wire_drain(struct sim_wire *w);
int wire_set_link(struct sim_dir *d, const struct sim_link *link);
uint16_t wire_tx(struct sim_dir *d, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns);
uint16_t wire_rx(struct sim_dir *d, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns);
uint64_t wire_next_ns(struct sim_wire *w);

/* ---- stage.c: TSO and VLAN tags, where asked for ---- */
uint16_t stage_tx(struct sim_dir *d, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns);
void stage_rx(struct rte_mbuf **m, uint16_t n);

/* ---- nic.c: what the two NICs do with a frame ---- */
/* The hash that the receiver computes. False: none (not IPv4), it goes to queue 0. */
bool nic_hash_any(const struct rss *r, const struct rte_mbuf *m, uint32_t *hash);
/* Computes the requested checksums (RTE_MBUF_F_TX_*) into the frame. */
void nic_tx_cksum(struct rte_mbuf *m, uint64_t tx_flags);
/* Checks a frame; RTE_MBUF_F_RX_*_CKSUM_* flags. */
uint64_t nic_rx_cksum(const struct rte_mbuf *m);
/* A copy in m's place, as DMA makes one: for what others hold, too, and for chains. From the sender's pool, since that is what
 * its thread may take from. NULL: no mbuf. m is freed in any case. */
struct rte_mbuf *nic_copy(struct rte_mbuf *m);

static inline bool nic_alone(const struct rte_mbuf *m)
{
	return rte_mbuf_refcnt_read(m) == 1 && m->nb_segs == 1 && RTE_MBUF_DIRECT(m);
}

static inline uint16_t raw16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t raw32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline bool nic_hash(const struct rss *r, const struct rte_mbuf *m, uint32_t *hash)
{
	const uint8_t *f = rte_pktmbuf_mtod(m, const uint8_t *);

	/* Plain IPv4 without options, not a fragment, TCP or UDP: nearly every packet. */
	if (likely(m->data_len >= 38 && raw16(f + 12) == RTE_BE16(0x0800) && f[14] == 0x45 &&
		   (raw16(f + 20) & RTE_BE16(0x3fff)) == 0 && (f[23] == 6 || f[23] == 17))) {
		*hash = rss_hash4(r, raw32(f + 26), raw32(f + 30), raw16(f + 34), raw16(f + 36));
		return true;
	}
	return nic_hash_any(r, m, hash);
}

/* What the receiving NIC hashes with now; NULL: it does not. */
static inline const struct rss *nic_rss(const struct sim_dir *d)
{
	return d->hashes ? __atomic_load_n(&d->rss, __ATOMIC_ACQUIRE) : NULL; /* pairs with sim_set_reta() */
}

/* The queue that it chooses. hash: what it writes into the mbuf, when *hashed. */
static inline uint16_t nic_queue(const struct rss *rss, const struct rte_mbuf *m, bool *hashed, uint32_t *hash)
{
	*hash = 0;
	*hashed = rss != NULL && nic_hash(rss, m, hash);
	return *hashed ? rss_queue(rss, *hash) : 0;
}

/* The flags of a frame that arrives as it was sent. A requested checksum that nothing on the way could spoil would be
 * computed by one NIC and found right by the other; so it is called right, and neither is done. What the sender wrote
 * itself stays unknown: the receiver looks. */
static inline uint64_t nic_rx_flags_clean(uint64_t tx_flags)
{
	uint64_t flags = 0;

	if (tx_flags & RTE_MBUF_F_TX_IP_CKSUM)
		flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	if (tx_flags & RTE_MBUF_F_TX_L4_MASK)
		flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	return flags;
}

#endif
