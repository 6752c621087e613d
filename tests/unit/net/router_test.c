/* router_test.c: what routers say (RFC 4861 6.3, RFC 4862 5.5, RFC 4191), and redirects (RFC 4861 8). */
#include "env6.h"

#include <errno.h>
#include <netinet/in.h>

static const struct ip6_addr prefix = {{0x20, 1, 0xd, 0xb8, 0, 0xaa}}, made = {{0x20, 1, 0xd, 0xb8, 0, 0xaa, [11] = 0xff, 0xfe, 0, 0, 1}};
static const struct ip6_addr in_prefix = {{0x20, 1, 0xd, 0xb8, 0, 0xaa, [15] = 9}};

struct ra {
	uint8_t hops, flags, prefix_flags, prefix_len;
	uint16_t lifetime_s;
	uint32_t mtu, valid_s, preferred_s;
};

static struct rte_mbuf *ra_frame(struct env *e, const struct ip6_addr *src, uint8_t hops, const struct ra *r)
{
	uint8_t msg[64] = {ICMP6_RA, 0, 0, 0, r->hops, r->flags};
	uint32_t len = 16;

	store16(msg + 6, r->lifetime_s);
	memcpy(msg + len, (uint8_t[]){NDP_OPT_SLLA, 1, 2, 0, 0, 0, 0, 2}, 8);
	len += 8;
	if (r->mtu != 0) {
		memcpy(msg + len, (uint8_t[]){NDP_OPT_MTU, 1, 0, 0}, 4);
		store32(msg + len + 4, r->mtu);
		len += 8;
	}
	if (r->prefix_len != 0) {
		memcpy(msg + len, (uint8_t[]){NDP_OPT_PREFIX, 4, r->prefix_len, r->prefix_flags}, 4);
		store32(msg + len + 4, r->valid_s);
		store32(msg + len + 8, r->preferred_s);
		memcpy(msg + len + 16, &prefix, 16);
		len += 32;
	}
	return env6_icmp(e, src, &all_nodes6, hops, msg, len);
}

static void advertise(struct env *e, const struct ra *r) { env_input(e, ra_frame(e, &ll_gw, 255, r), NET_DONE, NULL); }

static int setup(void **state)
{
	const struct net_ip6_settings set = {.routers = true, .redirects = true};
	int rc = env_setup(state);
	struct env *e = *state;

	net_ip6_set(&e->net, &set);
	assert_int_equal(net_ip6_enable(&e->net, 0), 0);
	return rc;
}

static const struct net_route *route_to(struct env *e, const struct ip6_addr *dst) { return net_route_lookup(&e->net, 0, dst); }

/* RFC 4861 6.3.4, RFC 4862 5.5.3: a default route over its sender, a prefix on-link, an address of ours in it, hop limit
 * and MTU. */
static void learned(void **state)
{
	struct env *e = *state;
	const struct ra r = {.hops = 33, .lifetime_s = 1800, .mtu = 1400, .prefix_len = 64, .prefix_flags = 0xc0, .valid_s = 3600,
			     .preferred_s = 1800};
	const struct path *p;
	uint32_t path, count;
	int err;

	assert_null(route_to(e, &far6));
	advertise(e, &r);
	assert_non_null(route_to(e, &far6));
	assert_int_equal(route_to(e, &far6)->type, ROUTE_GATEWAY);
	assert_memory_equal(&route_to(e, &far6)->gw, &ll_gw, 16);
	assert_int_equal(route_to(e, &in_prefix)->type, ROUTE_ONLINK);
	assert_int_not_equal(net_local6(&e->net, &made, 0), 0);
	assert_int_equal(net_sources6(&e->net, &far6, 0, &count)[0], net_local6(&e->net, &made, 0));
	path = net_path6_get(&e->net, net_local6(&e->net, &made, 0), &far6, 0, &err);
	p = path_at(&e->net.paths, path);
	assert_int_equal(p->pmtu, 1400);
	assert_int_equal(p->hop_limit, 33);
	assert_true(p->resolved); /* its option said where it is */
	net_path_put(&e->net, path);
}

/* RFC 4861 6.3.5, RFC 4862 5.5.4: lifetimes end: deprecated, then gone; the route over the router too. */
static void lifetimes(void **state)
{
	struct env *e = *state;
	const struct ra r = {.lifetime_s = 60, .prefix_len = 64, .prefix_flags = 0xc0, .valid_s = 30, .preferred_s = 10};

	advertise(e, &r);
	assert_int_equal(local6_at(&e->net, 0, &made)->state, ADDR6_PREFERRED);
	env_advance_ms(e, 9000);
	assert_int_equal(local6_at(&e->net, 0, &made)->state, ADDR6_PREFERRED);
	env_advance_ms(e, 3000);
	assert_int_equal(local6_at(&e->net, 0, &made)->state, ADDR6_DEPRECATED);
	assert_int_not_equal(net_local6(&e->net, &made, 0), 0);
	env_advance_ms(e, 17000);
	assert_int_not_equal(net_local6(&e->net, &made, 0), 0);
	env_advance_ms(e, 3000);
	assert_int_equal(net_local6(&e->net, &made, 0), 0);
	assert_null(local6_at(&e->net, 0, &made));
	assert_int_equal(route_to(e, &in_prefix)->type, ROUTE_GATEWAY);
	env_advance_ms(e, 30000);
	assert_null(route_to(e, &far6));
	assert_int_equal(e->net.net6->n_routers, 0);
	assert_int_equal(e->net.net6->n_prefixes, 0);
}

/* RFC 4861 6.3.4: lifetime 0: no default router any more. RFC 4862 5.5.3 (e): a short valid lifetime from nobody known does not
 * take two hours away; a preferred one counts at once. */
static void taken_back(void **state)
{
	struct env *e = *state;
	struct ra r = {.lifetime_s = 1800, .prefix_len = 64, .prefix_flags = 0xc0, .valid_s = 86400, .preferred_s = 86400};
	uint32_t now_s;

	advertise(e, &r);
	r.lifetime_s = 0;
	r.valid_s = r.preferred_s = 0;
	advertise(e, &r);
	now_s = net6_now_s(&e->net);
	assert_null(route_to(e, &far6));
	assert_null(route_to(e, &in_prefix)); /* on-link is what the router says (RFC 4861 6.3.4) */
	assert_int_equal(local6_at(&e->net, 0, &made)->state, ADDR6_DEPRECATED);
	assert_int_equal(local6_at(&e->net, 0, &made)->valid_s, now_s + IP6_PREFIX_KEEP_S);
	r.valid_s = 100000;
	r.preferred_s = 100;
	advertise(e, &r);
	assert_int_equal(local6_at(&e->net, 0, &made)->state, ADDR6_PREFERRED);
	assert_int_equal(local6_at(&e->net, 0, &made)->valid_s, now_s + 100000);
}

/* RFC 4191 2.2: the preferred router first; the other when that is gone. */
static void preference(void **state)
{
	struct env *e = *state;
	struct ra r = {.lifetime_s = 100};
	const struct ip6_addr other = {{0xfe, 0x80, [15] = 0xfd}};

	advertise(e, &r);
	r.flags = 1 << 3;
	env_input(e, ra_frame(e, &other, 255, &r), NET_DONE, NULL);
	assert_memory_equal(&route_to(e, &far6)->gw, &other, 16);
	r.flags = 3 << 3;
	env_input(e, ra_frame(e, &other, 255, &r), NET_DONE, NULL);
	assert_memory_equal(&route_to(e, &far6)->gw, &ll_gw, 16);
	r.lifetime_s = 0;
	advertise(e, &r);
	assert_memory_equal(&route_to(e, &far6)->gw, &other, 16);
}

/* RFC 4861 6.1.2, RFC 4862 5.5.3: not from other links or non-link-local sources; prefixes that are none; wrong MTUs. */
static void not_believed(void **state)
{
	struct env *e = *state;
	struct ra r = {.lifetime_s = 100, .prefix_len = 64, .prefix_flags = 0xc0, .valid_s = 10, .preferred_s = 20, .mtu = 1279};

	env_input_drop(e, ra_frame(e, &ll_gw, 64, &r), DROP_NDP_BAD);
	env_input_drop(e, ra_frame(e, &peer6, 255, &r), DROP_NDP_BAD);
	assert_int_equal(e->net.net6->n_routers, 0);
	advertise(e, &r); /* preferred for longer than valid: no address */
	assert_null(local6_at(&e->net, 0, &made));
	r.preferred_s = 10;
	r.prefix_len = 65; /* with our identifier it is no address */
	r.mtu = 1501;
	advertise(e, &r);
	assert_null(local6_at(&e->net, 0, &made));
	r.prefix_len = 129;
	advertise(e, &r);
	assert_int_equal(e->net.net6->iface[0].mtu, 0);
	e->net.net6->set.routers = false;
	r.prefix_len = 64;
	advertise(e, &r);
	assert_null(local6_at(&e->net, 0, &made));
}

/* A flood of routers and prefixes (RFC 6104) is bounded. */
static void floods(void **state)
{
	struct env *e = *state;

	for (uint32_t i = 0; i < 300; i++) {
		struct net6_note note = {.kind = NEWS_PREFIX, .prefix_len = 64, .valid_s = 1000, .preferred_s = 1000, .onlink = true,
					 .autonomous = true, .addr = {{0x20, 2, (uint8_t)(i >> 8), (uint8_t)i}}};

		net6_tell(&e->net, &note);
		note = (struct net6_note){.kind = NEWS_ROUTER, .valid_s = 1000, .addr = {{0xfe, 0x80, [14] = (uint8_t)(i >> 8), (uint8_t)i}}};
		net6_tell(&e->net, &note);
	}
	assert_int_equal(e->net.net6->n_prefixes, IP6_PREFIXES_MAX);
	assert_int_equal(e->net.net6->n_routers, IP6_ROUTERS_MAX);
	assert_int_equal(e->net.net6->n_addrs, 1 + IP6_AUTO_ADDRS_MAX);
}

/* RFC 4861 6.3.7: at most three solicitations, 4 s apart, with the option; none after an answer. */
static void solicits(void **state)
{
	struct env *e = *state;
	const struct ra r = {.lifetime_s = 100};
	struct sent6 s;

	net_lead(&e->net);
	e->net.announce.pass = 3; /* announcements are ndp_test.c's */
	env_advance_ms(e, 1200);
	env6_expect(e, &s, ICMP6_RS, 0);
	assert_int_equal(s.hops, 255);
	assert_memory_equal(&s.src, &ll_us, 16);
	assert_memory_equal(s.dst.b, ((uint8_t[]){0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2}), 16);
	assert_int_equal(s.len, 16);
	env_advance_ms(e, 2700);
	env6_expect_silence(e);
	env_advance_ms(e, 1400);
	env6_expect(e, &s, ICMP6_RS, 0);
	advertise(e, &r);
	env_advance_ms(e, 10000);
	env6_expect_silence(e);
}

/* RFC 4861 7.2.5: an advertisement without the router flag from a router. */
static void router_no_more(void **state)
{
	struct env *e = *state;
	const struct ra r = {.lifetime_s = 1000};

	advertise(e, &r);
	assert_non_null(route_to(e, &far6));
	env_input(e, env6_na(e, &ll_gw, &all_nodes6, &mac_peer, false, true), NET_DONE, NULL);
	assert_null(route_to(e, &far6));
}

static struct rte_mbuf *redirect(struct env *e, const struct ip6_addr *src, const struct ip6_addr *target, const struct ip6_addr *dst)
{
	uint8_t msg[48] = {ICMP6_REDIRECT};

	memcpy(msg + 8, target, 16);
	memcpy(msg + 24, dst, 16);
	memcpy(msg + 40, (uint8_t[]){NDP_OPT_TLLA, 1, 2, 0, 0, 0, 0, 3}, 8);
	return env6_icmp(e, src, &ll_us, 255, msg, sizeof(msg));
}

/* RFC 4861 8.1, 8.3: only from the present first hop, and only where settings allow. */
static void redirects(void **state)
{
	struct env *e = *state;
	const struct ra r = {.lifetime_s = 1000};
	const struct ip6_addr better = {{0xfe, 0x80, [15] = 0xbb}}, other = {{0xfe, 0x80, [15] = 0xcc}};

	advertise(e, &r);
	env_input(e, redirect(e, &other, &better, &far6), NET_DONE, NULL);
	assert_memory_equal(&route_to(e, &far6)->gw, &ll_gw, 16);
	env_input_drop(e, redirect(e, &ll_gw, &peer6, &far6), DROP_NDP_BAD);
	env_input(e, redirect(e, &ll_gw, &better, &far6), NET_DONE, NULL);
	assert_memory_equal(&route_to(e, &far6)->gw, &better, 16);
	env_input(e, redirect(e, &better, &far6, &far6), NET_DONE, NULL); /* it is on the link */
	assert_int_equal(route_to(e, &far6)->type, ROUTE_ONLINK);
	assert_memory_equal(&route_to(e, &gw6)->gw, &ll_gw, 16);
	e->net.net6->set.redirects = false;
	env_input(e, redirect(e, &ll_gw, &better, &peer6), NET_DONE, NULL);
	assert_memory_equal(&route_to(e, &peer6)->gw, &ll_gw, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(learned, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(lifetimes, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(taken_back, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(preference, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(not_believed, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(floods, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(solicits, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(router_no_more, setup, env6_teardown),
		cmocka_unit_test_setup_teardown(redirects, setup, env6_teardown),
	};

	return cmocka_run_group_tests(tests, env_group_setup, env_group_teardown);
}
