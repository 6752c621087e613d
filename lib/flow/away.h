/* away.h: flows whose home is one stack and whose socket is on another: it bound their port itself, or listens. The home has
 * a struct flow_away for each, which sends their packets on. The stack with the socket says so by MAIL_CLAIM, and by
 * MAIL_RELEASE when the flow ends; mail of one sender keeps its order, so the home always knows the last word. */
#ifndef FLOW_AWAY_H
#define FLOW_AWAY_H

#include <stddef.h>

#include "flow/flow.h"

/* The body of MAIL_CLAIM, MAIL_GRANT, MAIL_DENY and MAIL_RELEASE. Numbers of IPv6 addresses are each stack's own, so for IPv6 the
 * addresses follow, and who hears it puts his own numbers into the key (away_note_localise()). */
struct away_note {
	uint8_t proto;
	bool eport;              /* of a claim: take the port too, and answer */
	uint16_t spare;
	struct flow_key key;
	uint32_t hash;
	uint32_t iss;            /* of a grant: the least initial sequence number, after TIME-WAIT; 0 any */
	struct ip6_addr laddr6, raddr6;
	uint32_t scope6[2];      /* of these */
};

/* As long as it need be. */
static inline uint16_t away_note_len(const struct away_note *n)
{
	return flow_addr_is6(n->key.raddr_be) ? sizeof(*n) : offsetof(struct away_note, laddr6);
}

/* The note with the numbers that its addresses have here, and a reference of each, until away_note_forget(). False: no room for
 * them, or none of the addresses is known here and make is false. */
bool away_note_localise(struct flow *f, const struct away_note *n, bool make, struct away_note *own);
void away_note_forget(struct flow *f, const struct away_note *own);

/* The flow's home is another stack. Costs what flow_home() costs, and nothing where there is one stack. */
static inline bool flow_elsewhere(const struct flow *f, uint32_t hash)
{
	return !mail_alone(f->mail) && flow_home(f, hash) != f->self;
}

/* To the home of a flow that is elsewhere: it is here. 0 or -ENOBUFS. */
int flow_claim(struct flow *f, uint8_t proto, const struct flow_key *key, uint32_t hash, bool eport);
/* The same for a flow that exists already: it goes as soon as there is a packet buffer. */
void flow_claim_sure(struct flow *f, uint8_t proto, const struct flow_key *key, uint32_t hash);
/* It has ended. */
void flow_release(struct flow *f, uint8_t proto, const struct flow_key *key, uint32_t hash);
/* A packet was sent on to here for a flow that is not: the home should know. Said only when the way is free: it will be said
 * again with the next packet. */
void flow_release_stale(struct flow *f, uint8_t proto, const struct flow_key *key, uint32_t hash);

/* At the home. NULL: no such, or no room. */
struct flow_away *flow_away_find(const struct flow *f, const struct table *t, uint32_t hash, const struct flow_key *key);
struct flow_away *flow_away_enter(struct flow *f, struct table *t, const struct away_note *n, uint16_t stack);
void flow_away_remove(struct flow *f, struct table *t, struct flow_away *a);

#endif
