/* scope_test.c: interfaces by number: what programs know is the kernel's, what the stack knows its own. */
#include <arpa/inet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>

#include "service.h"

#define THEIRS 77u /* what the kernel calls the near end's first interface */

static struct svc_server *server(void)
{
	service.server.scope[0] = THEIRS;
	return &service.server;
}

static void numbers(void **state)
{
	struct svc_server *v = server();

	(void)state;
	assert_int_equal(svc_scope_ours(v, 0), 0);
	assert_int_equal(svc_scope_theirs(v, 0), 0);
	assert_int_equal(svc_scope_ours(v, THEIRS), 1);
	assert_int_equal(svc_scope_theirs(v, 1), THEIRS);
	assert_int_equal(svc_scope_ours(v, if_nametoindex("lo")), NET_IFACE_LO + 1);
	assert_int_equal(svc_scope_theirs(v, NET_IFACE_LO + 1), if_nametoindex("lo"));
	assert_false(net_iface_exists(&v->env->s->net, svc_scope_ours(v, 4711) - 1));
}

static void in_addresses(void **state)
{
	struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_scope_id = THEIRS};
	struct sockaddr_storage s = {0};

	(void)state;
	memcpy(&s, &a, sizeof(a));
	svc_scope_addr(server(), &s, 24, true); /* without a scope: I11 */
	assert_int_equal(((struct sockaddr_in6 *)&s)->sin6_scope_id, THEIRS);
	svc_scope_addr(server(), &s, sizeof(a), true);
	assert_int_equal(((struct sockaddr_in6 *)&s)->sin6_scope_id, 1);
	svc_scope_addr(server(), &s, sizeof(a), false);
	assert_int_equal(((struct sockaddr_in6 *)&s)->sin6_scope_id, THEIRS);
}

static void in_options(void **state)
{
	struct ipv6_mreq group = {.ipv6mr_interface = THEIRS};
	uint32_t be = htonl(THEIRS), plain = THEIRS;

	(void)state;
	svc_scope_option(server(), IPPROTO_IPV6, IPV6_JOIN_GROUP, (uint8_t *)&group, sizeof(group), true);
	assert_int_equal(group.ipv6mr_interface, 1);
	svc_scope_option(server(), IPPROTO_IP, IP_UNICAST_IF, (uint8_t *)&be, sizeof(be), true);
	assert_int_equal(be, htonl(1));
	svc_scope_option(server(), SOL_SOCKET, SO_BINDTOIFINDEX, (uint8_t *)&plain, sizeof(plain), true);
	assert_int_equal(plain, 1);
	svc_scope_option(server(), SOL_SOCKET, SO_BINDTOIFINDEX, (uint8_t *)&plain, 2, false); /* too short to have one */
	svc_scope_option(server(), SOL_SOCKET, SO_RCVBUF, (uint8_t *)&plain, sizeof(plain), false);
	assert_int_equal(plain, 1);
}

static void in_messages(void **state)
{
	union {
		struct cmsghdr align;
		uint8_t room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
	} u = {0};
	struct msghdr msg = {.msg_control = u.room, .msg_controllen = sizeof(u.room)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	struct in6_pktinfo info = {.ipi6_ifindex = 1};
	struct ifreq req = {.ifr_ifindex = THEIRS};

	(void)state;
	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_PKTINFO;
	c->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(c), &info, sizeof(info));
	svc_scope_control(server(), &msg, false);
	memcpy(&info, CMSG_DATA(c), sizeof(info));
	assert_int_equal(info.ipi6_ifindex, THEIRS);
	svc_scope_ioctl(server(), SIOCGIFNAME, (uint8_t *)&req, sizeof(req), true);
	assert_int_equal(req.ifr_ifindex, 1);
	svc_scope_ioctl(server(), SIOCGIFINDEX, (uint8_t *)&req, sizeof(req), false);
	assert_int_equal(req.ifr_ifindex, THEIRS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {IN_SERVICE(numbers), IN_SERVICE(in_addresses), IN_SERVICE(in_options), IN_SERVICE(in_messages)};

	return cmocka_run_group_tests(tests, world_eal, NULL);
}
