/* either.c: see either.h. */
#include "net/either.h"

#include "flow/away.h"
#include "net/net6.h"

uint32_t net_path_back_via(struct net *n, const struct net_pkt *pkt, struct flow_key *key, uint8_t via, int *err)
{
	uint32_t path;

	if (likely(!pkt->ip6))
		return net_path_get_via(n, key->laddr_be, key->raddr_be, via, err);
	path = net_path6_get_via(n, key->laddr_be, net_pkt_raddr6(pkt), net_pkt_scope6(pkt), via, err);
	if (path != 0)
		key->raddr_be = path_at(&n->paths, path)->raddr_be;
	return path;
}

void net_release_stale(struct net *n, const struct net_pkt *pkt)
{
	struct flow_key key = pkt->key;
	bool numbered = pkt->ip6 && key.raddr_be == 0;

	if (numbered)
		key.raddr_be = addr6_get(&n->flow->addr6s, net_pkt_raddr6(pkt), net_pkt_scope6(pkt));
	if (key.raddr_be == 0) /* no room for a number: with the next packet */
		return;
	flow_release_stale(n->flow, pkt->proto, &key, pkt->hash);
	if (numbered)
		addr6_put(&n->flow->addr6s, key.raddr_be);
}
