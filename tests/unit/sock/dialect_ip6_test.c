/* dialect_ip6_test.c: what each dialect says about IPv6 names (section I of the connect semantics, H3, H21). */
#include "dialect.h"

#include <arpa/inet.h>

#define FAR6 "2001:db8::a00:9"
#define NEAR6 "2001:db8::a00:1"
#define MAPPED_FAR "::ffff:" FAR_IP

static struct sockaddr_in6 name6(const char *ip, uint16_t port, uint32_t scope)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_scope_id = scope};

	assert_int_equal(inet_pton(AF_INET6, ip, &a.sin6_addr), 1);
	return a;
}

static int connect6(int fd, const char *ip, uint16_t port, uint32_t scope)
{
	const struct sockaddr_in6 a = name6(ip, port, scope);

	return spate_sys_connect(fd, (const struct sockaddr *)&a, sizeof(a));
}

static int bind6(int fd, const char *ip, uint16_t port)
{
	const struct sockaddr_in6 a = name6(ip, port, 0);

	return spate_sys_bind(fd, (const struct sockaddr *)&a, sizeof(a));
}

static int option(int fd, int name, int v) { return spate_sys_setsockopt(fd, IPPROTO_IPV6, name, &v, sizeof(v)); }

static void far_any(void)
{
	int fd;

	at(FAR);
	fd = stream(SOCK_NONBLOCK);
	assert_int_equal(option(fd, IPV6_V6ONLY, 0), 0);
	assert_int_equal(bind6(fd, "::", 80), 0);
	assert_int_equal(spate_sys_listen(fd, 16), 0);
	at(NEAR);
}

static void i1_i2_i3_mapped(void **state)
{
	int fd = stream(0), v = -1;
	socklen_t len = sizeof(v);

	(void)state;
	far_any();
	assert_int_equal(spate_sys_getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v, &len), 0);
	assert_int_equal(v, by(0, 1, 0));
	assert_int_equal(connect6(fd, MAPPED_FAR, 80, 0), by(0, -EINVAL, 0)); /* I1 */
	fd = stream(0);
	assert_int_equal(option(fd, IPV6_V6ONLY, 0), 0);
	assert_int_equal(connect6(fd, MAPPED_FAR, 80, 0), 0);
	fd = stream(0);
	assert_int_equal(option(fd, IPV6_V6ONLY, 1), 0);
	assert_int_equal(connect6(fd, MAPPED_FAR, 80, 0), by(-ENETUNREACH, -EINVAL, -ENETUNREACH)); /* I2 */
	assert_int_equal(connect6(fd, FAR6, 80, 0), 0); /* usable natively */
	fd = stream(0);
	assert_int_equal(option(fd, IPV6_V6ONLY, 0), 0);
	assert_int_equal(connect6(fd, "::ffff:0.0.0.0", 99, 0), -ECONNREFUSED); /* I3 */
}

static void i5_datagram_changes_family(void **state)
{
	int fd = dgram(0);

	(void)state;
	assert_int_equal(option(fd, IPV6_V6ONLY, 0), 0);
	assert_int_equal(connect6(fd, MAPPED_FAR, 53, 0), 0);
	assert_int_equal(connect6(fd, FAR6, 53, 0), -EAFNOSUPPORT);
	assert_int_equal(spate_sys_sendto(fd, "x", 1, 0, NULL, 0), by(1, -EDESTADDRREQ, 1)); /* H3 */
}

static void i6_i7_bound(void **state)
{
	int fd = stream(0);

	(void)state;
	assert_int_equal(option(fd, IPV6_V6ONLY, 0), 0);
	assert_int_equal(bind6(fd, NEAR6, 7000), 0);
	assert_int_equal(connect6(fd, MAPPED_FAR, 80, 0), by(-ENETUNREACH, -EADDRNOTAVAIL, -ENETUNREACH)); /* I6 */
	fd = stream(0);
	assert_int_equal(option(fd, IPV6_V6ONLY, 0), 0);
	assert_int_equal(bind6(fd, "::ffff:" NEAR_IP, 7001), 0);
	assert_int_equal(connect6(fd, FAR6, 80, 0), -EAFNOSUPPORT); /* I7 */
}

static void i9_to_i17_scopes(void **state)
{
	struct sockaddr_in6 a = name6("fe80::9", 80, 1);
	int fd = stream(SOCK_NONBLOCK), d = dgram(0);

	(void)state;
	assert_int_equal(connect6(fd, "fe80::9", 80, 0), by(-EINVAL, -EHOSTUNREACH, -EINVAL)); /* I9 */
	assert_int_equal(spate_sys_connect(fd, (struct sockaddr *)&a, 24), -EINVAL); /* I11 */
	assert_int_equal(connect6(fd, "fe80::9", 80, 9), by(-ENETUNREACH, -ENXIO, -ENETUNREACH)); /* I12 */
	assert_int_equal(connect6(fd, "2001:db9::1", 80, 0), by(-ENETUNREACH, -EHOSTUNREACH, -ENETUNREACH)); /* I17 */
	assert_int_equal(connect6(d, "fe80::9", 53, 0), by(-EINVAL, -EHOSTUNREACH, -EINVAL));
	assert_int_equal(connect6(d, "2001:db9::1", 53, 0), by(-ENETUNREACH, -EHOSTUNREACH, -ENETUNREACH)); /* H21 */
	assert_true(dialect == DIALECT_BSD ? own_port(d) == 0 : own_port(d) != 0);
	assert_int_equal(connect6(d, "ff02::1:5", 53, 0), -EINVAL); /* I16 */
	assert_int_equal(connect6(d, "ff02::1:5", 53, 1), 0);
	assert_int_equal(connect6(fd, FAR6, 80, 9), by(-EINPROGRESS, -ENXIO, -EINPROGRESS)); /* I15 */
	fd = stream(SOCK_NONBLOCK);
	assert_int_equal(connect6(fd, "fe80::9", 80, 1), -EINPROGRESS); /* I10 */
}

/* I19, with a default route. */
static void i19_old_kinds(void **state)
{
	const struct ip6_addr gw = world_ip6(FAR_IP);

	(void)state;
	assert_int_equal(net_gw6_add_on(&world.stack[NEAR]->net, 0, &gw), 0);
	assert_int_equal(connect6(stream(SOCK_NONBLOCK), "::10.0.0.9", 80, 0), -EINPROGRESS);
	assert_int_equal(connect6(stream(SOCK_NONBLOCK), "fec0::1", 80, 0), -EINPROGRESS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_DIALECTS(i1_i2_i3_mapped), IN_DIALECTS(i5_datagram_changes_family), IN_DIALECTS(i6_i7_bound),
		IN_DIALECTS(i9_to_i17_scopes), IN_DIALECTS(i19_old_kinds),
	};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
