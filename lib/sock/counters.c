/* counters.c: every counter of a stack by name. */
#include "base/drop.h"
#include "sock/sock.h"

struct counter {
	const char *name;
	size_t off; /* of a uint64_t in struct stack */
};

#define IN_STACK(name, member) {name, offsetof(struct stack, member)}
#define TCP_STAT(member) {"tcp." #member, offsetof(struct stack, tcp.stats.member)}

static const struct counter counters[] = {
	IN_STACK("rx.packets", rx_packets),
	IN_STACK("rx.bytes", rx_bytes),
	IN_STACK("polls", polls),
	IN_STACK("polls.busy", busy_polls),
	IN_STACK("udp.rx", udp.rx),
	IN_STACK("udp.tx", udp.tx),
	TCP_STAT(segs_in),
	TCP_STAT(segs_out),
	TCP_STAT(rtx_segs),
	TCP_STAT(rtos),
	TCP_STAT(fast_rtx),
	TCP_STAT(dup_acks),
	TCP_STAT(tlp_probes),
	TCP_STAT(tlp_repaired),
	TCP_STAT(undone),
	TCP_STAT(dsacks_in),
	TCP_STAT(sack_reneged),
	TCP_STAT(active_opens),
	TCP_STAT(passive_opens),
	TCP_STAT(established),
	TCP_STAT(resets_in),
	TCP_STAT(mtu_holes),
	TCP_STAT(mtu_probes),
	TCP_STAT(mtu_raised),
	TCP_STAT(resets_out),
	TCP_STAT(attempt_fails),
	TCP_STAT(timeouts),
	TCP_STAT(ooo_segs),
	TCP_STAT(challenge_acks),
	TCP_STAT(timewait),
	TCP_STAT(synrcvd),
	TCP_STAT(timewait_overflow),
	TCP_STAT(timewait_reused),
	TCP_STAT(conn_full),
	TCP_STAT(port_exhausted),
	TCP_STAT(ecn_ce),
	TCP_STAT(ecn_reductions),
	TCP_STAT(cookies_sent),
	TCP_STAT(cookies_received),
	TCP_STAT(cookies_failed),
#define DROP(name, text) IN_STACK("drop." #name, drops.n[DROP_##name]),
#include "base/drop.def"
#undef DROP
#define REHOME(name, text) IN_STACK("rehome." #name, rehomes.n[REHOME_##name]),
#include "base/rehome.def"
#undef REHOME
	IN_STACK("rss.checked", rss_checked),
	IN_STACK("rss.hash_given", hash_given),
	IN_STACK("rss.hash_wrong", net.hash_wrong),
	IN_STACK("ip4.reassembled", net.reassembled),
	IN_STACK("ip4.fragments_out", net.fragments_out),
	IN_STACK("arp.addr_conflicts", net.addr_conflicts),
	IN_STACK("arp.mac_conflicts", net.mac_conflicts),
	IN_STACK("link.downs", net.link_downs),
	IN_STACK("link.ups", net.link_ups),
	IN_STACK("mail.sent", mail.sent),
	IN_STACK("mail.received", mail.received),
	IN_STACK("mail.dropped", mail.dropped),
};

#define N_FIXED (sizeof(counters) / sizeof(counters[0]))

/* Numbers that are not kept as 64-bit words of the stack. */
static const char *const computed[] = {"sockets", "ports.taken", "ports.returned", "ports.failed", "tx.packets", "tx.bytes"};

/* Other threads read while the stack's own writes: a word at a time, as it is at some moment. */
static uint64_t word(const void *base, size_t off)
{
	return __atomic_load_n((const uint64_t *)((const uint8_t *)base + off), __ATOMIC_RELAXED);
}

static uint64_t tx_sum(const struct stack *s, size_t off)
{
	uint64_t sum = 0;

	for (uint16_t i = 0; i < s->n_ports; i++)
		sum += word(&s->tx[i], off);
	return sum;
}

static uint64_t computed_value(const struct stack *s, size_t i)
{
	struct eport_stats st;

	eport_stats_get(s->eport, &st);
	switch (i) {
	case 0:
		return __atomic_load_n(&s->flow.pool[FLOW_CONN].used, __ATOMIC_RELAXED);
	case 1:
		return st.taken;
	case 2:
		return st.returned;
	case 3:
		return st.failed;
	case 4:
		return tx_sum(s, offsetof(struct pkt_tx, packets));
	default:
		return tx_sum(s, offsetof(struct pkt_tx, bytes));
	}
}

static const char *counter_name(unsigned i)
{
	if (i < N_FIXED)
		return counters[i].name;
	i -= (unsigned)N_FIXED;
	return i < sizeof(computed) / sizeof(computed[0]) ? computed[i] : NULL;
}

static uint64_t counter_value(const struct stack *s, unsigned i)
{
	return i < N_FIXED ? word(s, counters[i].off) : computed_value(s, i - N_FIXED);
}

int spate_counter(unsigned i, const char **name, uint64_t *value)
{
	const struct stack *s = sock_cur != NULL ? sock_cur->s : NULL;
	const char *found = counter_name(i);

	if (s == NULL || found == NULL)
		return -1;
	*name = found;
	*value = counter_value(s, i);
	return 0;
}

int spate_counter_sum(unsigned i, const char **name, uint64_t *value)
{
	const char *found = counter_name(i);
	const struct stack *s = sock_stack(0);

	if (s == NULL || found == NULL)
		return -1;
	*name = found;
	*value = 0;
	for (unsigned k = 0; s != NULL; s = sock_stack(++k))
		*value += counter_value(s, i);
	return 0;
}
