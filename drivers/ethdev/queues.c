/* queues.c: queues of an ethdev: how many there are, start, the packet calls, the link, statistics, the end. */
#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include <rte_alarm.h>
#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_interrupts.h>

#include "base/log.h"
#include "drivers/ethdev/ethdev.h"
#include "drivers/signals.h"

#define DESCRIPTORS_MAX 1024  /* half a millisecond at 2 Mpps; PMDs round to what they allow */
#define DESCRIPTORS_SHARE 16  /* a ring holds at most this part of the packet buffers: TCP's queues may hold three quarters */
#define BOUNCE_PER_QUEUE 64   /* two bursts: a frame leaves its bounce buffer in the call that received it */
#define LINK_WAIT_MS 2000     /* memif and vhost wait for the other process */
#define LINK_STEP_MS 10

static struct ethdev *ethdev_of(struct port *p) { return (struct ethdev *)p; }

/* ---- packets ---- */

/* Long frames leave their one large buffer for a chain of the stack's own. */
static uint16_t unbounce(struct ethdev *e, uint16_t queue, struct rte_mbuf **m, uint16_t n)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *copy = rte_pktmbuf_copy(m[i], e->pools[queue], 0, UINT32_MAX);

		rte_pktmbuf_free(m[i]);
		if (copy != NULL)
			m[kept++] = copy;
	}
	return kept;
}

static uint16_t ethdev_rx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	struct ethdev *e = ethdev_of(p);
	uint16_t got = rte_eth_rx_burst(e->id, queue, m, n);

	(void)now_ns;
	if (unlikely(e->bounce != NULL))
		return unbounce(e, queue, m, got);
	if (e->wants_strip) {
		for (uint16_t i = 0; i < got; i++)
			m[i]->ol_flags &= ~RTE_MBUF_F_RX_RSS_HASH;
	}
	return got;
}

/* PMDs finish the headers of offloaded frames in their own way (a pseudo header's sum, a tag), and say which frame they
 * would not send: that one is dropped here, or it would stand in the way for good. */
static uint16_t ethdev_tx(struct port *p, uint16_t queue, struct rte_mbuf **m, uint16_t n, uint64_t now_ns)
{
	struct ethdev *e = ethdev_of(p);
	uint16_t good = rte_eth_tx_prepare(e->id, queue, m, n);
	uint16_t sent = rte_eth_tx_burst(e->id, queue, m, good);

	(void)now_ns;
	if (likely(good == n || sent < good))
		return sent;
	LOG_ONCE(WARN, "%s does not send a frame of %u bytes in %u buffers (%s)", p->name, m[good]->pkt_len, m[good]->nb_segs,
		 rte_strerror(rte_errno));
	rte_pktmbuf_free(m[good]);
	e->tx_refused++;
	return sent + 1;
}

/* ---- start ---- */

/* One attempt with p->n_queues queues: with RSS, and without where the device says that it has RSS but does not take it. */
static int configure(struct ethdev *e)
{
	uint16_t n = e->port.n_queues;
	int rc;

	ethdev_rss_prepare(e);
	rc = rte_eth_dev_configure(e->id, n, n, &e->conf);
	if (rc == 0 || !e->rss.asked)
		return rc;
	ethdev_rss_give_up(e, rc);
	return rte_eth_dev_configure(e->id, n, n, &e->conf);
}

int ethdev_configure(struct ethdev *e)
{
	struct port *p = &e->port;
	int rc = configure(e);

	while (rc != 0 && p->n_queues > 1) { /* vmxnet3 takes powers of two, VFs what the PF left them */
		p->n_queues = (uint16_t)rte_align32prevpow2(p->n_queues - 1u);
		rc = configure(e);
	}
	if (rc != 0)
		return rc;
	e->n_rxd = e->n_txd = (uint16_t)RTE_MIN(rte_align32prevpow2(e->mbufs / DESCRIPTORS_SHARE), (uint32_t)DESCRIPTORS_MAX);
	return rte_eth_dev_adjust_nb_rx_tx_desc(e->id, &e->n_rxd, &e->n_txd);
}

static int queues_start(struct ethdev *e)
{
	struct rte_eth_rxconf rx = e->info.default_rxconf;
	struct rte_eth_txconf tx = e->info.default_txconf;
	unsigned node = (unsigned)e->port.numa_node;
	sigset_t occupied;
	int rc = 0;

	signals_occupy(&occupied);
	rx.offloads = e->conf.rxmode.offloads;
	tx.offloads = e->conf.txmode.offloads;
	for (uint16_t q = 0; q < e->port.n_queues && rc == 0; q++)
		rc = rte_eth_rx_queue_setup(e->id, q, e->n_rxd, node, &rx, e->bounce != NULL ? e->bounce : e->pools[q]);
	for (uint16_t q = 0; q < e->port.n_queues && rc == 0; q++)
		rc = rte_eth_tx_queue_setup(e->id, q, e->n_txd, node, &tx);
	signals_release(&occupied);
	return rc != 0 ? rc : rte_eth_dev_start(e->id);
}

/* For PMDs that want every frame in one buffer, where ours are too short for that. */
static int bounce_make(struct ethdev *e)
{
	char name[32];

	if (!ethdev_quirk_of(e->info.driver_name)->whole_frames || e->port.mtu <= RTE_ETHER_MTU || e->bounce != NULL)
		return 0;
	snprintf(name, sizeof(name), "bounce%u", e->id);
	e->bounce = rte_pktmbuf_pool_create(name, e->port.n_queues * BOUNCE_PER_QUEUE, 0, 0, JUMBO_FRAME + RTE_PKTMBUF_HEADROOM,
					    e->port.numa_node);
	return e->bounce != NULL ? 0 : -ENOMEM;
}

/* As exact as the device can: a list, or all groups, or everything. Virtual ones filter nothing. */
static void ethdev_groups(struct port *p, const struct rte_ether_addr *mac, uint32_t n)
{
	struct ethdev *e = (struct ethdev *)p;
	struct rte_ether_addr list[PORT_GROUPS_MAX];

	n = RTE_MIN(n, (uint32_t)RTE_DIM(list));
	memcpy(list, mac, n * sizeof(list[0]));
	if (rte_eth_dev_set_mc_addr_list(e->id, list, n) != 0 && rte_eth_allmulticast_enable(e->id) != 0)
		rte_eth_promiscuous_enable(e->id);
}

static bool ethdev_link_up(struct port *p)
{
	struct rte_eth_link link;

	return rte_eth_link_get_nowait(ethdev_of(p)->id, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

static void link_wait(struct port *p)
{
	for (unsigned ms = 0; ms < LINK_WAIT_MS && !ethdev_link_up(p); ms += LINK_STEP_MS)
		rte_delay_us_sleep(LINK_STEP_MS * 1000);
	if (!ethdev_link_up(p))
		LOG_WARN("%s: no link yet; what is sent before the other side is there is lost", p->name);
}

static int ethdev_start(struct port *p, struct rte_mempool **pools)
{
	struct ethdev *e = ethdev_of(p);
	int rc = bounce_make(e);

	memcpy(e->pools, pools, p->n_queues * sizeof(pools[0]));
	if (rc == 0)
		rc = queues_start(e);
	if (rc != 0 && e->rss.asked) { /* some PMDs see only now that the device has no RSS */
		ethdev_rss_give_up(e, rc);
		rc = rte_eth_dev_configure(e->id, p->n_queues, p->n_queues, &e->conf);
		if (rc == 0)
			rc = queues_start(e);
	}
	if (rc != 0 && e->conf.intr_conf.rxq) { /* asked for, and not to be had here */
		e->conf.intr_conf.rxq = 0;
		rc = rte_eth_dev_configure(e->id, p->n_queues, p->n_queues, &e->conf);
		if (rc == 0)
			rc = queues_start(e);
	}
	if (rc != 0) {
		LOG_ERR("%s: the queues do not start: %s", p->name, rc == -1 ? "see the line above" : rte_strerror(-rc));
		return rc == -1 ? -EIO : rc; /* PMDs with no error numbers */
	}
	ethdev_rss_settle(e);
	e->wants_strip = e->hash_can_be_real && !(p->offloads & PORT_RX_HASH);
	link_wait(p);
	return 0;
}

/* ---- the rest of a life ---- */

static void ethdev_stats(struct port *p, struct port_stats *st)
{
	struct rte_eth_stats s;

	memset(st, 0, sizeof(*st));
	if (rte_eth_stats_get(ethdev_of(p)->id, &s) != 0)
		return;
	*st = (struct port_stats){
		.rx_packets = s.ipackets,
		.rx_bytes = s.ibytes,
		.tx_packets = s.opackets,
		.tx_bytes = s.obytes,
		.rx_missed = s.imissed + s.rx_nombuf,
		.rx_errors = s.ierrors,
		.tx_errors = s.oerrors + ethdev_of(p)->tx_refused,
	};
}

static void ethdev_describe(struct port *p, FILE *out)
{
	const struct ethdev *e = ethdev_of(p);

	fprintf(out, "Driver                   %s\n", e->info.driver_name);
	fprintf(out, "Queues                   %u asked for, %u granted, %u at most\n", e->n_stacks, p->n_queues,
		RTE_MIN(e->info.max_rx_queues, e->info.max_tx_queues));
	fprintf(out, "Descriptors per queue    %u to receive, %u to send\n", e->n_rxd, e->n_txd);
	ethdev_offload_describe(e, out);
	ethdev_rss_describe(e, out);
	ethdev_advice(e, out);
}

struct stop {
	uint16_t id;
	sem_t done;
};

static void stop_and_close(void *arg)
{
	struct stop *s = arg;

	rte_eth_dev_stop(s->id);
	rte_eth_dev_close(s->id);
	sem_post(&s->done);
}

/* Alarms run in EAL's interrupt thread, one after the other with what else it does. */
static void stop(const struct ethdev *e)
{
	struct stop s = {.id = e->id};
	bool there = ethdev_quirk_of(e->info.driver_name)->stops_in_thread;

	sem_init(&s.done, 0, 0);
	if (!there || rte_eal_alarm_set(1, stop_and_close, &s) != 0)
		stop_and_close(&s);
	while (sem_wait(&s.done) != 0) /* a signal */
		;
	sem_destroy(&s.done);
}

static void ethdev_close(struct port *p)
{
	struct ethdev *e = ethdev_of(p);
	struct rte_eth_dev_info info;
	bool known = rte_eth_dev_info_get(e->id, &info) == 0;
	struct sigpipe sp;

	sigpipe_block(&sp); /* virtio-user tells a vhost side that may be gone */
	stop(e);
	if (e->plugged && known)
		rte_dev_remove(info.device);
	rte_mempool_free(e->bounce);
	sigpipe_restore(&sp);
	free(e);
}

/* ---- being woken ---- */

static int ethdev_wake_add(struct port *p, uint16_t queue, int epfd)
{
	struct ethdev *e = ethdev_of(p);

	if (!e->conf.intr_conf.rxq || rte_eth_dev_rx_intr_ctl_q(e->id, queue, epfd, RTE_INTR_EVENT_ADD, NULL) != 0)
		return -ENOTSUP;
	return 0;
}

/* A PMD whose descriptor is readable whenever packets are there (tap) has nothing to switch. */
static void ethdev_wake_arm(struct port *p, uint16_t queue, bool on)
{
	struct ethdev *e = ethdev_of(p);

	if (on)
		rte_eth_dev_rx_intr_enable(e->id, queue);
	else
		rte_eth_dev_rx_intr_disable(e->id, queue);
}

const struct port_ops ethdev_ops = {
	.wake_add = ethdev_wake_add,
	.wake_arm = ethdev_wake_arm,
	.rx = ethdev_rx,
	.tx = ethdev_tx,
	.start = ethdev_start,
	.stats = ethdev_stats,
	.link_up = ethdev_link_up,
	.groups = ethdev_groups,
	.describe = ethdev_describe,
	.close = ethdev_close,
};
