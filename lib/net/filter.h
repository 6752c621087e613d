/* filter.h: which packets may pass, by direction, protocol, addresses and ports: rules of which the first that matches counts.
 * Made once for all stacks of an end and read by them; replaced as a whole, and freed by the last that lets go of it. Each packet
 * is judged alone: the answers to what goes out must be allowed in, too. */
#ifndef NET_FILTER_H
#define NET_FILTER_H

#include "config/rules.h"
#include "net/net.h"

struct net_filter;

/* For so many stacks. 0, -ENOMEM, -EINVAL. No rules: *f is NULL, and everything passes. */
int net_filter_new(const struct config_filter *rules, unsigned n_rules, unsigned n_stacks, int numa_node, struct net_filter **f);
/* One stack no longer uses it (NULL: nothing to do). */
void net_filter_put(struct net_filter *f);
/* This stack uses f from now on, and no longer the one before. */
void net_filter_set(struct net *n, struct net_filter *f);

/* MAIL_FILTER */
struct net_filter_note {
	struct net_filter *filter;
};

/* A received packet, parsed as far as its ports. */
bool net_filter_in(const struct net *n, const struct net_pkt *pkt);
/* A packet that leaves over p: m starts at its L4 header. */
bool net_filter_out(const struct net *n, const struct path *p, const struct rte_mbuf *m, uint8_t proto);

#endif
