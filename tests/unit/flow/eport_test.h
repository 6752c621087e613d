/* eport_test.h: RSS of many kinds, and which ports come home by looking at each, for the tests of ephemeral ports. */
#ifndef EPORT_TEST_H
#define EPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "flow/eport.h"
#include "flow/eport_impl.h"

#define RADDR RTE_BE32(0xc6336401)
#define RPORT RTE_BE16(443)
#define LADDR RTE_BE32(0x0a000005)

enum key_kind { KEY_MICROSOFT, KEY_SYMMETRIC, KEY_RANDOM, KEY_RANDOM_52, KEY_ZERO, KEY_SPARSE,
	KEY_ONES, KEY_PERIOD_2, KEY_PERIOD_3, KEY_KINDS };

static const uint8_t microsoft[40] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b,
	0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac,
	0x01, 0xfa,
};

static void make_rss(struct rss *r, enum key_kind kind, uint16_t reta_size, uint16_t queues, struct prng *p)
{
	static const uint8_t periodic[][3] = { { 0xff, 0xff, 0xff }, { 0xaa, 0xaa, 0xaa }, { 0x92, 0x49, 0x24 } };
	uint8_t key[RSS_KEY_MAX] = { 0 };
	uint16_t reta[RSS_RETA_MAX];

	for (int i = 0; i < RSS_KEY_MAX; i++)
		if (kind == KEY_RANDOM || kind == KEY_RANDOM_52)
			key[i] = (uint8_t)prng_u32(p);
		else if (kind == KEY_SYMMETRIC)
			key[i] = i & 1 ? 0x5a : 0x6d;
		else if (kind == KEY_SPARSE)
			key[i] = i % 5 == 4 ? 0x10 : 0; /* the port bits reach few hash bits */
		else if (kind >= KEY_ONES) /* poor: the hashes of all ports are combinations of one, two or three */
			key[i] = periodic[kind - KEY_ONES][i % 3];
	if (kind == KEY_MICROSOFT)
		memcpy(key, microsoft, sizeof(microsoft));
	for (int i = 0; i < reta_size; i++)
		reta[i] = (uint16_t)(kind == KEY_RANDOM ? prng_below(p, queues) : (uint32_t)i % queues);
	assert_int_equal(rss_init(r, key, kind == KEY_RANDOM_52 ? 52 : 40, reta, reta_size, queues), 0);
}

static inline uint32_t hash_of(const struct rss *r, const struct flow_key *k)
{
	return rss_hash4(r, k->raddr_be, k->laddr_be, k->rport_be, k->lport_be);
}

/* Which ports can be chosen, by looking at each. */
static inline uint32_t brute(const struct rss *r, uint16_t queue, rte_be32_t laddr, rte_be32_t raddr, uint16_t lo, uint16_t hi,
			     uint8_t *home)
{
	struct flow_key k = { laddr, raddr, 0, RPORT };
	uint32_t n = 0;

	memset(home, 0, 65536);
	for (uint32_t port = lo; port <= hi; port++) {
		k.lport_be = rte_cpu_to_be_16((uint16_t)port);
		home[port] = rss_queue(r, hash_of(r, &k)) == queue;
		n += home[port];
	}
	return n;
}

#endif
