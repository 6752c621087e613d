/* stack.c: one stack: making it, turning it, taking it down. The order within a turn is the whole schedule of spate. */
#include "core/stack.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "core/rx.h"

static uint64_t stack_seed(uint64_t wanted)
{
	uint64_t seed = 0;

	if (wanted != 0)
		return wanted;
	while (getrandom(&seed, sizeof(seed), 0) != sizeof(seed))
		;
	return seed;
}

static int stack_flow_init(struct stack *s, const struct stack_config *cfg)
{
	struct flow_config fc = {.max_conns = cfg->max_conns, .numa_node = cfg->numa_node, .self = cfg->self,
				 .mail = cfg->office != NULL ? &s->mail : NULL};

	tcp_flow_sizes(cfg->max_conns, &fc);
	fc.size_bytes[FLOW_NEIGH] = net_neigh_bytes;
	fc.cap[FLOW_NEIGH] = NEIGHS_MAX;
	return flow_init(&s->flow, &fc, &cfg->ports[0]->rss, &s->clock, &s->prng);
}

static void stack_ports(struct stack *s, const struct stack_config *cfg)
{
	s->n_ports = cfg->n_ports;
	s->self = cfg->self;
	s->gro = cfg->gro;
	for (uint16_t i = 0; i < cfg->n_ports; i++) {
		s->port[i] = cfg->ports[i];
		pkt_tx_init(&s->tx[i], cfg->ports[i], cfg->self, cfg->pool, &s->drops, &s->clock.now_ns);
	}
}

int stack_init(struct stack *s, const struct stack_config *cfg)
{
	const struct tcp_config tc = {
		.max_conns = cfg->max_conns,
		.port_lo = cfg->port_lo,
		.port_hi = cfg->port_hi,
		.congestion = cfg->congestion,
		.rcvbuf_max = cfg->rcvbuf_max,
		.uto = cfg->uto,
		.ecn = cfg->ecn,
		.mtu_probing = cfg->mtu_probing,
		.numa_node = cfg->numa_node,
		.secret = cfg->secret,
		.syncookies = cfg->syncookies,
		.fastopen = cfg->fastopen,
		.fastopen_key = cfg->fastopen_key,
		.without = cfg->without,
	};
	const struct udp_config uc = {
		.max_binds = cfg->max_conns,
		.port_lo = cfg->port_lo,
		.port_hi = cfg->port_hi,
		.numa_node = cfg->numa_node,
	};
	int ret;

	if (cfg->max_conns == 0 || cfg->max_conns > CONNS_MAX || cfg->port_lo > cfg->port_hi || cfg->n_ports == 0 ||
	    cfg->n_ports > PORTS_MAX)
		return -EINVAL;
	memset(s, 0, sizeof(*s));
	clock_set(&s->clock, cfg->now_ns);
	prng_seed(&s->prng, stack_seed(cfg->seed));
	stack_ports(s, cfg);

	ret = cfg->office != NULL ? mailbox_init(&s->mail, cfg->office, cfg->self, cfg->pool) : 0;
	if (ret != 0)
		return ret;
	ret = stack_flow_init(s, cfg);
	if (ret != 0)
		goto no_flow;
	s->eport = eport_new(cfg->eports, cfg->self, &s->flow.addr6s, PATHS_MAX, &s->prng, cfg->numa_node);
	ret = -ENOMEM;
	if (s->eport == NULL)
		goto no_eport;
	ret = net_init(&s->net, &s->flow, s->tx, s->n_ports, &s->drops, &s->clock, cfg->numa_node);
	if (ret != 0)
		goto no_net;
	ret = tcp_init(&s->tcp, &tc, &s->flow, &s->net, s->tx, &s->drops, &s->clock, &s->prng, s->eport);
	if (ret != 0)
		goto no_tcp;
	ret = udp_init(&s->udp, &uc, &s->flow, &s->net, &s->drops);
	if (ret != 0)
		goto no_udp;
	s->tcp.binds.auto_ports = s->udp.binds.auto_ports = eport_space_auto(cfg->eports);
	return 0;

no_udp:
	tcp_fini(&s->tcp);
no_tcp:
	net_fini(&s->net);
no_net:
	eport_free(s->eport);
no_eport:
	flow_fini(&s->flow);
no_flow:
	mailbox_fini(&s->mail);
	return ret;
}

void stack_fini(struct stack *s)
{
	udp_fini(&s->udp);
	tcp_fini(&s->tcp);
	net_fini(&s->net);
	eport_free(s->eport);
	flow_fini(&s->flow);
	mailbox_fini(&s->mail);
	for (uint16_t i = 0; i < s->n_ports; i++)
		pkt_tx_fini(&s->tx[i]);
}

static uint32_t tx_flush(struct stack *s)
{
	uint32_t waiting = 0;

	for (uint16_t i = 0; i < s->n_ports; i++)
		waiting += pkt_tx_flush(&s->tx[i]);
	return waiting;
}

void stack_flush(struct stack *s)
{
	net_flush(&s->net);
	tcp_flush(&s->tcp);
	tx_flush(s);
}

/* Runs what is due, a bounded number per turn: what is left is found due at the next one. */
static uint32_t stack_timers(struct stack *s)
{
	flow_ref due[TIMER_BURST];
	uint32_t n;

	net_chores(&s->net);
	n = wheel_advance(&s->flow.wheel, s->flow.pool, s->clock.tick, due, TIMER_BURST);

	for (uint32_t i = 0; i < n; i++) {
		if (ref_kind(due[i]) == FLOW_NEIGH)
			net_timer(&s->net, due[i]);
		else
			tcp_timer(&s->tcp, due[i]);
	}
	return n;
}

/* Sending comes first and receiving last, so that the application's turn lies between a packet's arrival and the ACK
 * for it: ACKs ride on the answers. */
uint32_t stack_poll(struct stack *s, uint64_t now_ns)
{
	uint32_t work;

	clock_set(&s->clock, now_ns);
	work = stack_timers(s);
	stack_flush(s);
	work += rx_poll(s);
	s->polls++;
	s->busy_polls += work != 0;
	return work;
}

/* The time of a tick: now when it is past. */
static uint64_t tick_ns(const struct stack *s, uint32_t tick)
{
	int32_t ticks = (int32_t)(tick - s->clock.tick);

	return ticks <= 0 ? s->clock.now_ns : (s->clock.now_us / TICK_US + (uint32_t)ticks) * TICK_US * 1000;
}

uint64_t stack_next_ns(const struct stack *s)
{
	uint64_t next = s->net.chores ? tick_ns(s, s->net.chore_tick) : UINT64_MAX;
	uint32_t tx_waiting = 0;

	for (uint16_t i = 0; i < s->n_ports; i++)
		tx_waiting += s->tx[i].n;
	if (s->tcp.out_head != 0 || tx_waiting != 0 || s->net.failed != NULL || s->net.released != NULL ||
	    s->tx[NET_PORT_LOOP].n != 0)
		return s->clock.now_ns;
	if (s->flow.wheel.armed != 0)
		next = RTE_MIN(next, tick_ns(s, wheel_next(&s->flow.wheel)));
	return next;
}
