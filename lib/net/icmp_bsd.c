/* icmp_bsd.c: ICMP errors as BSD understands them (connect-semantics F11 to F40, H13 to H16). */
#include <errno.h>

#include "net/net.h"
#include "wire/icmp.h"
#include "wire/icmp6.h"

#define PROHIBITED 13 /* by a filter: the one of the later codes that ends an attempt */

static struct net_icmp_bsd unreachable(uint8_t code)
{
	switch (code) {
	case ICMP_UNREACH_PROTO:
	case ICMP_UNREACH_PORT:
	case 9:  /* prohibited network */
	case 10: /* prohibited host */
	case PROHIBITED:
		return (struct net_icmp_bsd){ECONNREFUSED, true};
	case ICMP_UNREACH_FRAG:
		return (struct net_icmp_bsd){0};
	default:
		return (struct net_icmp_bsd){code < 16 ? EHOSTUNREACH : 0, false};
	}
}

static struct net_icmp_bsd unreachable6(uint8_t code)
{
	switch (code) {
	case 0: /* no route */
	case 2: /* beyond the scope */
	case ICMP6_UNREACH_ADDR:
		return (struct net_icmp_bsd){EHOSTUNREACH, false};
	case 1: /* prohibited */
	case ICMP6_UNREACH_PORT:
		return (struct net_icmp_bsd){ECONNREFUSED, true};
	default:
		return (struct net_icmp_bsd){0};
	}
}

static struct net_icmp_bsd error6(uint8_t type, uint8_t code)
{
	switch (type) {
	case ICMP6_UNREACH:
		return unreachable6(code);
	case ICMP6_TIME_EXCEEDED:
		return (struct net_icmp_bsd){EHOSTUNREACH, true};
	case ICMP6_PARAM_PROBLEM:
		return code == ICMP6_PARAM_NEXT ? (struct net_icmp_bsd){ECONNREFUSED, true} : (struct net_icmp_bsd){ENOPROTOOPT, false};
	default:
		return (struct net_icmp_bsd){0};
	}
}

struct net_icmp_bsd net_icmp_bsd(const struct net_pkt *pkt)
{
	if (pkt->icmp.local) /* the neighbour did not answer */
		return (struct net_icmp_bsd){EHOSTDOWN, true};
	if (pkt->ip6)
		return error6(pkt->icmp.type, pkt->icmp.code);
	switch (pkt->icmp.type) {
	case ICMP_UNREACH:
		return unreachable(pkt->icmp.code);
	case ICMP_TIME_EXCEEDED:
		return pkt->icmp.code != ICMP_TIME_REASSEMBLY ? (struct net_icmp_bsd){EHOSTUNREACH, true} : (struct net_icmp_bsd){0};
	case ICMP_PARAM_PROBLEM:
		return (struct net_icmp_bsd){ENOPROTOOPT, false};
	default:
		return (struct net_icmp_bsd){0};
	}
}
