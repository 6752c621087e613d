/* rx.c: the spine: a packet's whole way in, in call order. A burst goes through in stages, so that the memory which one
 * packet needs is on its way while others are worked on: headers, then table buckets, then connections, then TCP.
 *
 * Every flow has a home, the stack that the end's homing function names for its hash (port.h). Packets that a device brought
 * to another stack are sent on, whole, and go through here once more, at home. There the flow may turn out to be away, on a
 * stack that bound its port or listens: then they are sent on a second and last time. */
#include "core/rx.h"

#include <netinet/in.h>

#include <rte_prefetch.h>

#include "base/log.h"
#include "core/mail.h"
#include "core/stack.h"
#include "pkt/gro.h"

/* ---- to other stacks ---- */

/* What was verified here need not be verified again. */
static void rx_send_on(struct stack *s, struct net_pkt *pkt, uint16_t to, enum rehome why)
{
	s->rehomes.n[why]++;
	pkt->m->ol_flags &= ~(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK);
	pkt->m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	if (pkt->verified)
		pkt->m->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	mail_packet(&s->mail, to, pkt->port, pkt->m);
}

static void say_mispredicted(const struct stack *s, uint8_t port)
{
	if (port_say(&s->port[port]->said_queue))
		LOG_WARN("%s: a packet came to core %u that by its key and redirection table belongs to another: such packets are passed "
			 "on in software, which is slower; `spate nic` says more", s->port[port]->name, s->self);
}

static __rte_noinline void rx_go_home(struct stack *s, struct net_pkt *pkt, uint16_t home, enum rehome why)
{
	if (why == REHOME_RSS && pkt->port == NET_PORT_LOOP) {
		why = REHOME_LOOP;
	} else if (why == REHOME_RSS && !(pkt->ip6 ? s->port[pkt->port]->rss_trusted6 : s->port[pkt->port]->rss_trusted)) {
		why = REHOME_NO_RSS;
	} else if (why == REHOME_RSS) {
		say_mispredicted(s, pkt->port);
	}
	rx_send_on(s, pkt, home, why);
}

/* True when the packet belongs here. Else it is on its way. */
static inline bool rx_at_home(struct stack *s, struct net_pkt *pkt, enum rehome why)
{
	uint16_t home = flow_home(&s->flow, pkt->hash);

	s->rss_checked++;
	s->hash_given += pkt->nic_hash;
	if (likely(home == s->self) || mail_alone(&s->mail))
		return true;
	if (pkt->nic_hash && !net_hash_confirm(&s->net, pkt)) {
		home = flow_home(&s->flow, pkt->hash);
		if (home == s->self)
			return true;
	}
	rx_go_home(s, pkt, home, why);
	return false;
}

/* ---- layers' verdicts ---- */

/* Where the protocol's answer sends the packet: nowhere, to the stack that has its socket, or, when the NIC's hash led
 * astray, to its true home. True: look again, here. */
static inline bool rx_verdict(struct stack *s, struct net_pkt *pkt, int verdict)
{
	if (likely(verdict == FLOW_DONE))
		return false;
	if (verdict != FLOW_REHASHED) {
		rx_send_on(s, pkt, (uint16_t)verdict, REHOME_BOUND);
		return false;
	}
	return rx_at_home(s, pkt, REHOME_RSS);
}

static inline void rx_tcp(struct stack *s, struct net_pkt *pkt)
{
	while (rx_verdict(s, pkt, tcp_input(&s->tcp, pkt)))
		; /* once more at most: the hash is computed now */
}

static inline void rx_udp(struct stack *s, struct net_pkt *pkt)
{
	while (rx_verdict(s, pkt, udp_input(&s->udp, pkt)))
		;
}

/* An ICMP error, or a neighbour that did not answer, concerns the flow whose packet it quotes. */
static void rx_error(struct stack *s, struct net_pkt *pkt)
{
	int verdict = FLOW_DONE;

	if (pkt->proto == IPPROTO_TCP)
		verdict = tcp_icmp(&s->tcp, pkt);
	else if (pkt->proto == IPPROTO_UDP)
		verdict = udp_icmp(&s->udp, pkt);
	if (verdict == FLOW_DONE)
		rte_pktmbuf_free(pkt->m);
	else
		rx_send_on(s, pkt, (uint16_t)verdict, REHOME_BOUND);
}

/* A packet to a group or a broadcast address is for whoever wants it: copies go to the other stacks that do. */
static __rte_noinline void rx_spread(struct stack *s, struct net_pkt *pkt)
{
	uint64_t set[PORT_QUEUES_MAX / 64] = {0};

	if (mail_alone(&s->mail))
		return;
	udp_group_stacks(&s->udp, pkt, set);
	for (uint16_t i = 0; i < s->mail.n; i++) {
		struct net_pkt copy = *pkt;

		if (!(set[i / 64] >> i % 64 & 1))
			continue;
		copy.m = rte_pktmbuf_copy(pkt->m, s->mail.pool, 0, UINT32_MAX);
		if (copy.m != NULL)
			rx_send_on(s, &copy, i, REHOME_GROUP);
		else
			drop_count(&s->drops, DROP_NO_MBUF);
	}
}

/* A fragment at the home of its addresses. What becomes whole goes on to its own home. */
static enum net_verdict rx_fragment(struct stack *s, struct net_pkt *pkt)
{
	enum net_verdict v = net_reassemble(&s->net, pkt);

	if (v == NET_GROUP) {
		rx_spread(s, pkt);
		return v;
	}
	if (v != NET_DONE && v != NET_FRAGMENT && !rx_at_home(s, pkt, REHOME_FRAGMENT))
		return NET_DONE;
	return v;
}

/* Stage 1 of one packet. homed: another stack sent it here, so here is right. */
static inline enum net_verdict rx_classify(struct stack *s, uint8_t port, struct rte_mbuf *m, struct net_pkt *pkt, bool homed,
					   bool glanced)
{
	enum net_verdict v = net_input(&s->net, port, m, pkt);

	pkt->glanced = glanced && v == NET_TCP;
	if (v == NET_DONE)
		return v;
	if (unlikely(v == NET_GROUP)) {
		if (!homed)
			rx_spread(s, pkt);
		return v;
	}
	if (!homed && !rx_at_home(s, pkt, v == NET_ICMP_ERROR ? REHOME_ICMP : v == NET_FRAGMENT ? REHOME_FRAGMENT : REHOME_RSS))
		return NET_DONE;
	return likely(v != NET_FRAGMENT) ? v : rx_fragment(s, pkt);
}

/* ---- bursts ---- */

static void rx_prefetch_headers(struct rte_mbuf **m, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(m[i], void *));
}

/* glanced: rx_without_excess() saw it. */
static inline void rx_burst(struct stack *s, uint8_t port, struct rte_mbuf **m, uint16_t n, bool homed, bool glanced)
{
	struct net_pkt pkt[RX_BURST];
	uint16_t n_tcp = 0;

	/* Stage 1: link and network layer; TCP's segments collect, everything else ends here. */
	rx_prefetch_headers(m, n);
	for (uint16_t i = 0; i < n; i++) {
		struct net_pkt *p = &pkt[n_tcp];

		switch (rx_classify(s, homed ? mail_tag_of(m[i])->port : port, m[i], p, homed, glanced)) {
		case NET_TCP:
			table_prefetch(&s->flow.tcp, p->hash);
			n_tcp++;
			break;
		case NET_UDP:
			rx_udp(s, p);
			break;
		case NET_GROUP:
			udp_input_group(&s->udp, p);
			break;
		case NET_ICMP_ERROR:
			rx_error(s, p);
			break;
		case NET_FRAGMENT: /* waits for the others */
		case NET_DONE:
			break;
		}
	}
	/* Stage 2: the buckets have arrived; ask for the connections. */
	for (uint16_t i = 0; i < n_tcp; i++)
		flow_prefetch(&s->flow, &s->flow.tcp, pkt[i].hash);
	/* Stage 3: the connections have arrived. */
	for (uint16_t i = 0; i < n_tcp; i++)
		rx_tcp(s, &pkt[i]);
}

/* In a SYN flood, what is left of a burst whose packets are at home. */
static uint16_t rx_without_excess(struct stack *s, struct rte_mbuf **m, uint16_t n)
{
	rx_prefetch_headers(m, n);
	return tcp_without_excess(&s->tcp, m, n);
}

void rx_mailed(struct stack *s, struct rte_mbuf **m, uint16_t n)
{
	bool glance = tcp_syn_flooded(&s->tcp);

	rx_burst(s, 0, m, glance ? rx_without_excess(s, m, n) : n, true, glance);
}

/* What we sent to ourselves, as far as it was there when we began: answers wait for the next turn. */
static __rte_noinline uint32_t rx_loop(struct stack *s)
{
	uint32_t total = RTE_MIN((uint32_t)s->tx[NET_PORT_LOOP].n, (uint32_t)(RX_BURST * RX_BURSTS_PER_POLL));

	for (uint32_t left = total; left > 0;) {
		struct rte_mbuf *m[RX_BURST];
		uint16_t n = 0;

		while (n < RX_BURST && left > 0) {
			m[n++] = net_loop_next(&s->net);
			left--;
		}
		rx_burst(s, NET_PORT_LOOP, m, n, false, false);
	}
	return total;
}

static uint32_t rx_failed_neighbours(struct stack *s)
{
	struct net_pkt pkt;
	uint32_t n = 0;

	while (n < TIMER_BURST && net_error_next(&s->net, &pkt)) {
		rx_error(s, &pkt);
		n++;
	}
	return n;
}

static uint16_t rx_join(struct stack *s, struct rte_mbuf **m, uint16_t n)
{
	uint16_t left = pkt_gro(m, n);

	s->gro_joined += n - left;
	return left;
}

/* Mail is read between receiving a burst and handling it: what another stack told before it sent anything is known before
 * the answer is looked at. What goes at a glance hardly counts as handled. */
static uint32_t rx_port(struct stack *s, uint8_t port)
{
	struct port *p = s->port[port];
	bool glance = tcp_syn_flooded(&s->tcp) && (mail_alone(&s->mail) || (p->rss_trusted && p->rss_trusted6));
	struct rte_mbuf *m[RX_BURST];
	uint32_t total = 0, handled = 0;

	for (int i = 0; i < RX_GLANCES_PER_POLL && handled < RX_BURST * RX_BURSTS_PER_POLL; i++) {
		uint16_t n = p->ops->rx(p, s->self, m, RX_BURST, s->clock.now_ns), left;

		if (n == 0)
			break;
		total += mail_poll(s);
		for (uint16_t k = 0; k < n; k++)
			s->rx_bytes += rte_pktmbuf_pkt_len(m[k]);
		s->rx_packets += n;
		left = glance ? rx_without_excess(s, m, n) : n;
		rx_burst(s, port, m, unlikely(s->gro) ? rx_join(s, m, left) : left, false, glance);
		total += n;
		handled += left;
		if (n < RX_BURST)
			break;
	}
	return total;
}

uint32_t rx_poll(struct stack *s)
{
	uint32_t total = 0;

	for (uint8_t i = 0; i < s->n_ports; i++)
		total += rx_port(s, i);
	total += mail_poll(s);
	if (unlikely(s->tx[NET_PORT_LOOP].n != 0))
		total += rx_loop(s);
	if (s->net.failed != NULL)
		total += rx_failed_neighbours(s);
	if (!mail_alone(&s->mail))
		mail_flush(&s->mail);
	return total;
}
