/* world.h: one TCP stack against a peer that the test writes out segment by segment, on virtual time. Sequence numbers of the
 * peer count from its ISN (its SYN is 0), acknowledgments of ours from our ISN. */
#ifndef TCP_TEST_WORLD_H
#define TCP_TEST_WORLD_H

#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "flow/eport.h"
#include "tcp/buf.h"
#include "tcp/cc.h"
#include "tcp/life.h"
#include "tcp/tcp.h"
#include "wire/tcp.h"

#define IP(a, b, c, d) RTE_BE32((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))
#define US IP(10, 0, 0, 1)
#define PEER IP(10, 0, 0, 2)
#define PORT 80     /* the server's, on either side */
#define CPORT 40000 /* the peer's when it is the client */
#define WORLD_MTU 1500
#define MSS 1460
#define SENT_MAX 4096
#define CONNS 64

#define FIN TCPF_FIN
#define SYN TCPF_SYN
#define RST TCPF_RST
#define PSH TCPF_PSH
#define ACK TCPF_ACK

/* A host: everything below core/ that one stack has, on a device that keeps what is sent. */
struct host {
	struct port port; /* first: ops get it back */
	struct clock clock;
	struct prng prng;
	struct flow flow;
	struct drops drops;
	struct pkt_tx tx[NET_PORT_LOOP + 1];
	struct net net;
	struct tcp tcp;
	struct eport *eport;
	struct eport_space *space;
	struct rte_mbuf *sent[SENT_MAX];
	uint32_t n_sent, n_taken;
	bool tx_stuck;         /* the device takes nothing */
};

struct rte_mempool *world_pool(void);
void host_init(struct host *h, rte_be32_t addr_be, uint8_t mac_tail, uint64_t now_ns, uint64_t seed);
void host_fini(struct host *h);               /* asserts that nothing is left */
struct rte_mbuf *host_sent(struct host *h);   /* the next frame, or NULL */
void host_frame(struct host *h, struct rte_mbuf *m); /* a frame arrives */
void host_looped(struct host *h, struct rte_mbuf *m); /* from net_loop_next() */
void host_time(struct host *h, uint64_t now_ns);     /* timers up to now run */
uint64_t host_next_ns(const struct host *h);         /* when the next timer may run */
void host_turn(struct host *h);  /* what is due leaves */
void host_flush(struct host *h); /* two turns: an ACK that the application may answer first leaves with the second */
void host_peer_known(struct host *h, rte_be32_t addr_be, uint8_t mac_tail, rte_be32_t own_be);

/* A received or sent segment in the test's own terms. */
struct seg {
	uint8_t flags;
	uint32_t seq, ack;     /* relative */
	uint32_t len;
	uint16_t wnd;
	uint16_t urp;          /* urgent pointer, as on the wire */
	const void *data;      /* NULL: bytes of the stream at this sequence number, world_byte() */
	struct tcp_opts o;
	uint8_t tos;
};

struct world {
	struct host h;
	struct tcp *t;
	uint32_t peer_iss, our_iss;
	bool know_iss;
	uint16_t lport;        /* ours, of the connection in question */
	uint16_t rport;
	uint16_t peer_wnd;     /* what segments from the peer say, default 65535 */
	bool ts;               /* the peer sends timestamps; tsval is its clock below */
	uint32_t peer_ts;
	uint32_t ts_seen;      /* our last TSval */
	struct seg got;        /* the last segment that was expected */
	uint8_t got_data[2048];
	uint64_t known_ns;     /* when the peer last told its address */
	uint16_t rx_segsz;     /* arriving segments are marked as joined from such of so many bytes */
	uint32_t rx_split;     /* arriving frames come in mbuf segments of so many bytes */
};

int world_group_setup(void **state);
int world_group_teardown(void **state);
int world_setup(void **state);
int world_teardown(void **state); /* closes what is open, waits, and asserts that all pools and all mbufs are free */

#define world_test(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

/* ---- the peer sends ---- */
void in_seg(struct world *w, const struct seg *s);     /* and the stack flushes */
void in_seg_held(struct world *w, const struct seg *s);/* without the flush */
void in(struct world *w, uint8_t flags, uint32_t seq, uint32_t len, uint32_t ack);
void in_held(struct world *w, uint8_t flags, uint32_t seq, uint32_t len, uint32_t ack);
void in_wnd(struct world *w, uint8_t flags, uint32_t seq, uint32_t len, uint32_t ack, uint16_t wnd);
void in_icmp(struct world *w, uint8_t type, uint8_t code, uint16_t mtu, uint32_t quoted_seq);

/* ---- the stack sends ---- */
void out(struct world *w, uint8_t flags, uint32_t seq, uint32_t len, uint32_t ack); /* PSH is not looked at */
bool out_take(struct world *w); /* the next one, into w->got; false: there is none */
void out_none(struct world *w);
void out_skip(struct world *w);  /* forgets what was sent */
unsigned out_count(struct world *w);
uint8_t world_byte(uint32_t seq);

/* ---- time ---- */
void after_us(struct world *w, uint64_t us);
static inline void after_ms(struct world *w, uint64_t ms) { after_us(w, ms * 1000); }
/* Nothing may be sent for us - TICK_US microseconds; then time goes on to us, when something must have been. */
void quiet_then(struct world *w, uint64_t us);
static inline void quiet_then_ms(struct world *w, uint64_t ms) { quiet_then(w, ms * 1000); }
/* So many times the RTO of a connection whose round trips took no time; it is doubled every time. */
static inline void quiet_then_rto(struct world *w, unsigned times)
{
	quiet_then(w, (times * (TCP_RTO_MIN_US + 1) + TICK_US - 1) / TICK_US * TICK_US);
}
void quiet_for_ms(struct world *w, uint64_t ms);

/* ---- the application ---- */
struct tcp_pcb *app_connect(struct world *w);                 /* SYN-SENT; the SYN is left to out() */
struct tcp_pcb *app_connected(struct world *w);               /* established, active, no options but MSS */
struct tcp_pcb *app_in_state(struct world *w, enum tcp_state st); /* SYN-SENT, or a synchronized one; nothing is left to out() */
struct tcp_pcb *app_listen(struct world *w, int backlog);
struct tcp_pcb *app_accepted(struct world *w);                /* established, passive */
ssize_t app_send(struct world *w, struct tcp_pcb *p, uint32_t seq, uint32_t len); /* and the stack flushes */
ssize_t app_send_flags(struct world *w, struct tcp_pcb *p, uint32_t seq, uint32_t len, int flags);
ssize_t app_recv(struct world *w, struct tcp_pcb *p, uint32_t seq, uint32_t max); /* checks the bytes, flushes */
void app_close(struct world *w, struct tcp_pcb *p);           /* and the stack flushes */
void app_shutdown(struct world *w, struct tcp_pcb *p, int how);
void app_opt(struct world *w, struct tcp_pcb *p, int level, int name, int v);
uint32_t conns_used(const struct world *w);

#endif
