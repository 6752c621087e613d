/* bench.c: see bench.h. */
#include "bench.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <rte_ip.h>
#include <rte_mempool.h>

#include "core/stack.h"

#define CLIENT_IP RTE_IPV4(10, 9, 0, 1)
#define SERVER_IP RTE_IPV4(10, 9, 0, 2)
#define SERVER_PORT 4242
#define MBUFS 65535
#define BUF_BYTES (1 << 24) /* doubled by SO_SNDBUF: more than any window here */
#define CHUNK 65536
#define STEPS_MAX 200000000ull

static struct rte_mempool *pools[2];

struct world {
	struct bench *m;
	struct bottleneck *b;
	struct port *port[2];
	struct stack *s[2];
	struct eport_space *eports;
	struct tcp_pcb *listener, *client[FLOWS_MAX], *server[FLOWS_MAX];
	uint64_t warm_bytes[FLOWS_MAX];
	uint64_t now_ns, start_ns, trace_at_ns;
	bool warm;
};

int bench_setup(void)
{
	pools[0] = rte_pktmbuf_pool_create("cc_a", MBUFS, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	pools[1] = rte_pktmbuf_pool_create("cc_b", MBUFS, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	return pools[0] != NULL && pools[1] != NULL ? 0 : -ENOMEM;
}

void bench_teardown(void)
{
	rte_mempool_free(pools[0]);
	rte_mempool_free(pools[1]);
}

static struct stack *stack_make(struct world *w, int side)
{
	struct stack *s = aligned_alloc(64, RTE_CACHE_LINE_ROUNDUP(sizeof(struct stack)));
	const struct stack_config cfg = {
		.ports = &w->port[side], .n_ports = 1, .pool = pools[side], .eports = w->eports, .max_conns = 64,
		.port_lo = 1024, .port_hi = 65535, .seed = w->m->seed * 2 + (unsigned)side + 1, .now_ns = w->now_ns,
		.ecn = w->m->ecn, .numa_node = -1,
	};

	if (s == NULL || stack_init(s, &cfg) != 0)
		return NULL;
	net_addr_add(&s->net, rte_cpu_to_be_32(side == 0 ? CLIENT_IP : SERVER_IP), 24);
	return s;
}

static int buf_set(struct tcp *t, struct tcp_pcb *p)
{
	const int bytes = BUF_BYTES;

	tcp_setopt(t, p, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	return tcp_setopt(t, p, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

static int flow_start(struct world *w, unsigned i)
{
	const struct bench_flow *f = &w->m->flow[i];
	struct tcp *t = &w->s[0]->tcp;
	struct tcp_pcb *p = tcp_new(t);

	w->client[i] = p;
	buf_set(t, p);
	if (f->max_pacing != 0)
		tcp_setopt(t, p, SOL_SOCKET, SO_MAX_PACING_RATE, &f->max_pacing, sizeof(f->max_pacing));
	if (tcp_setopt(t, p, IPPROTO_TCP, TCP_CONGESTION, f->cc, (uint32_t)strlen(f->cc)) != 0)
		return -ENOENT;
	return tcp_connect(t, p, rte_cpu_to_be_32(SERVER_IP), rte_cpu_to_be_16(SERVER_PORT));
}

static bool world_make(struct world *w, struct bench *m)
{
	memset(w, 0, sizeof(*w));
	w->m = m;
	w->now_ns = w->start_ns = 1000000000;
	w->b = bottleneck_new(&m->path, m->seed, w->port);
	if (w->b == NULL)
		return false;
	w->eports = eport_space_new(&w->port[0]->rss, 1024, 65535);
	w->s[0] = stack_make(w, 0);
	w->s[1] = stack_make(w, 1);
	if (w->s[0] == NULL || w->s[1] == NULL)
		return false;
	w->listener = tcp_new(&w->s[1]->tcp);
	buf_set(&w->s[1]->tcp, w->listener);
	/* The receiver of a DCTCP flow answers as one. */
	tcp_setopt(&w->s[1]->tcp, w->listener, IPPROTO_TCP, TCP_CONGESTION, m->flow[0].cc, (uint32_t)strlen(m->flow[0].cc));
	return tcp_bind(&w->s[1]->tcp, w->listener, 0, rte_cpu_to_be_16(SERVER_PORT)) == 0 &&
	       tcp_listen(&w->s[1]->tcp, w->listener, FLOWS_MAX) == 0;
}

/* ---- applications ---- */

static void accept_all(struct world *w)
{
	struct tcp_pcb *p;

	while ((p = tcp_accept(&w->s[1]->tcp, &w->listener->c)) != NULL) {
		for (unsigned i = 0; i < w->m->n_flows; i++)
			if (w->client[i] != NULL && w->client[i]->c.h.key.lport_be == p->c.h.key.rport_be)
				w->server[i] = p;
	}
}

static bool send_all(struct world *w, struct tcp_pcb *p)
{
	static uint8_t chunk[CHUNK];
	struct iovec iov = {.iov_base = chunk, .iov_len = sizeof(chunk)};
	bool did = false;

	/* Enough to fill the window twice is enough. */
	while (tcp_unsent(&w->s[0]->tcp, p) < 2 * p->cwnd + CHUNK && tcp_send(&w->s[0]->tcp, p, &iov, 1, 0) > 0)
		did = true;
	return did;
}

static bool applications(struct world *w)
{
	struct iovec iov = {.iov_len = 1 << 30};
	bool did = false;

	accept_all(w);
	for (unsigned i = 0; i < w->m->n_flows; i++) {
		struct bench_flow *f = &w->m->flow[i];
		ssize_t n;

		if (w->client[i] == NULL) {
			if (w->now_ns - w->start_ns >= f->start_ns)
				did |= flow_start(w, i) == 0;
			continue;
		}
		if (w->client[i]->state == TCP_ESTABLISHED)
			did |= send_all(w, w->client[i]);
		while (w->server[i] != NULL && (n = tcp_recv(&w->s[1]->tcp, w->server[i], &iov, 1, MSG_TRUNC)) > 0) {
			f->bytes += (uint64_t)n;
			did = true;
		}
	}
	return did;
}

/* ---- time ---- */

static void warm_check(struct world *w)
{
	if (w->warm || w->now_ns - w->start_ns < w->m->warm_ns)
		return;
	w->warm = true;
	for (unsigned i = 0; i < w->m->n_flows; i++)
		w->warm_bytes[i] = w->m->flow[i].bytes;
}

static void trace(struct world *w)
{
	const struct tcp_pcb *p = w->client[0];
	const struct bench *m = w->m;

	if (m->trace_ns == 0 || w->now_ns < w->trace_at_ns || p == NULL || p->mss == 0)
		return;
	w->trace_at_ns = w->now_ns + m->trace_ns;
	printf("%9.3f s: cwnd %5u ssthresh %6u flight %5u segments, srtt %7.1f ms, %6.2f MB, %lu lost, %lu dropped, %lu rtx, %lu rto\n",
	       (double)(w->now_ns - w->start_ns) / 1e9, p->cwnd / p->mss, p->ssthresh / p->mss, (p->snd_nxt - p->snd_una) / p->mss,
	       (p->srtt_us8 >> 3) / 1e3, (double)m->flow[0].bytes / 1e6, bottleneck_stats(w->b)->lost,
	       bottleneck_stats(w->b)->queue_drops, w->s[0]->tcp.stats.rtx_segs, w->s[0]->tcp.stats.rtos);
}

static bool step(struct world *w)
{
	bool busy = false;

	for (int i = 0; i < 2; i++)
		busy |= stack_poll(w->s[i], w->now_ns) != 0;
	busy |= applications(w);
	for (int i = 0; i < 2; i++)
		stack_flush(w->s[i]);
	return busy;
}

static uint64_t next_ns(const struct world *w)
{
	uint64_t next = bottleneck_next_ns(w->b);

	for (int i = 0; i < 2; i++)
		next = RTE_MIN(next, stack_next_ns(w->s[i]));
	for (unsigned i = 0; i < w->m->n_flows; i++)
		if (w->client[i] == NULL)
			next = RTE_MIN(next, w->start_ns + w->m->flow[i].start_ns);
	return next;
}

static bool over(const struct world *w)
{
	const struct bench *m = w->m;

	return w->now_ns - w->start_ns >= m->run_ns || (m->stop_bytes != 0 && m->flow[0].bytes >= m->stop_bytes);
}

static void results(struct world *w)
{
	struct bench *m = w->m;

	m->took_ns = w->now_ns - w->start_ns;
	m->sender = w->s[0]->tcp.stats;
	m->st = *bottleneck_stats(w->b);
	m->queue_ms = m->st.data_packets != 0 ? (double)m->st.queue_ns_sum / 1e6 / (double)m->st.data_packets : 0;
	for (unsigned i = 0; i < m->n_flows; i++) {
		struct bench_flow *f = &m->flow[i];

		f->bytes_per_s = (double)(f->bytes - w->warm_bytes[i]) / ((double)(m->took_ns - (w->warm ? m->warm_ns : 0)) / 1e9);
		if (w->client[i] != NULL) {
			f->cwnd = w->client[i]->cwnd;
			f->ssthresh = w->client[i]->ssthresh;
		}
	}
}

static void pcb_end(struct tcp *t, struct tcp_pcb *p)
{
	const struct linger now = {.l_onoff = 1, .l_linger = 0};

	if (p == NULL)
		return;
	tcp_setopt(t, p, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	tcp_close(t, p);
}

static bool world_unmake(struct world *w)
{
	bool clean = true;

	for (unsigned i = 0; i < FLOWS_MAX; i++) {
		pcb_end(&w->s[0]->tcp, w->client[i]);
		pcb_end(&w->s[1]->tcp, w->server[i]);
	}
	tcp_close(&w->s[1]->tcp, w->listener);
	for (int i = 0; i < 2; i++) {
		stack_poll(w->s[i], w->now_ns);
		clean &= w->s[i]->tcp.exts.used == 0 && w->s[i]->tcp.bufs.used == 0;
		stack_fini(w->s[i]);
		free(w->s[i]);
	}
	bottleneck_free(w->b);
	eport_space_free(w->eports);
	return clean && rte_mempool_in_use_count(pools[0]) + rte_mempool_in_use_count(pools[1]) == 0;
}

bool bench_run(struct bench *m)
{
	struct world w;
	uint64_t steps = 0;

	for (unsigned i = 0; i < m->n_flows; i++)
		m->flow[i].bytes = 0;
	if (!world_make(&w, m)) {
		fprintf(stderr, "spate-cc: the world could not be made\n");
		return false;
	}
	while (!over(&w) && steps++ < STEPS_MAX) {
		uint64_t next;

		warm_check(&w);
		trace(&w);
		if (step(&w))
			continue;
		next = next_ns(&w);
		w.now_ns = next > w.now_ns ? next : w.now_ns + 1000;
	}
	results(&w);
	if (world_unmake(&w))
		return true;
	fprintf(stderr, "spate-cc: something is left over\n");
	return false;
}
