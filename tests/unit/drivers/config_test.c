/* config_test.c: settings: what they take, every sentence with which they refuse, and the example files. */
#include <dirent.h>
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <rte_common.h>
#include <rte_ip.h>
#include <rte_log.h>

#include "config/config.h"
#include "config/units.h"
#include "drivers/name.h"
#include "flow/conn.h"

static struct spate_config c;
static char err[1024];

static int set(const char *name, const char *value) { return config_set(&c, name, value, err, sizeof(err)); }

static int set_up(void **state)
{
	(void)state;
	config_defaults(&c);
	err[0] = '\0';
	return 0;
}

static const char *text6(const struct in6_addr *a)
{
	static char text[INET6_ADDRSTRLEN];

	return inet_ntop(AF_INET6, a, text, sizeof(text));
}

/* Both families in one list; each range and gateway is for the interface before it. */
static void addresses6(void **state)
{
	struct in6_addr a;

	(void)state;
	assert_int_equal(set("dev", "eth1"), 0);
	assert_int_equal(set("ip", "2001:db8::fe-2001:db8::1:2/48, 10.0.0.1/24,fe80::5/64"), -EINVAL);
	assert_int_equal(c.n_ip6, 0); /* all or nothing: 65285 are too many */
	assert_int_equal(set("ip", "2001:db8::fe-2001:db8::102/48, 10.0.0.1/24,fe80::5/64"), 0);
	assert_true(c.n_ip == 1 && c.n_ip6 == 2);
	assert_string_equal(text6(&c.ip6[0].first), "2001:db8::fe");
	assert_true(c.ip6[0].count == 5 && c.ip6[0].prefix_len == 48 && c.ip6[1].count == 1);
	a = config_ip6_add(&c.ip6[0].first, 4);
	assert_string_equal(text6(&a), "2001:db8::102");
	assert_int_equal(set("gw", "2001:db8::1,10.0.0.254,fe80::1"), 0);
	assert_true(c.n_gw == 1 && c.n_gw6 == 2);
	assert_int_equal(config_check(&c, err, sizeof(err)), 0);
	assert_true(config_dad(&c));
	assert_int_equal(set("dad", "no"), 0);
	assert_false(config_dad(&c));
	assert_int_equal(set("gw", "2001:db9::1"), 0);
	assert_int_equal(config_check(&c, err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "gateway 2001:db9::1 is on the network of none of our addresses: check the prefix lengths");
	c.n_gw6 = 0;
	assert_int_equal(set("ip", "2001:db8::100/64"), 0);
	assert_int_equal(config_check(&c, err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "the range that starts at 2001:db8::100 overlaps another one");
	/* Addresses may all come from routers. */
	config_defaults(&c);
	assert_int_equal(set("dev", "eth1"), 0);
	assert_int_equal(config_check(&c, err, sizeof(err)), -EINVAL);
	assert_int_equal(set("ip6", "auto"), 0);
	assert_int_equal(config_check(&c, err, sizeof(err)), 0);
	/* sim: the same for its far end. */
	config_defaults(&c);
	assert_int_equal(set("dev", "sim"), 0);
	assert_int_equal(set("ip", "2001:db8::1/64"), 0);
	assert_int_equal(config_check(&c, err, sizeof(err)), -EINVAL);
	assert_int_equal(set("peer-ip", "2001:db8::2/64"), 0);
	assert_int_equal(config_check(&c, err, sizeof(err)), 0);
	assert_false(config_dad(&c));
}

static void values(void **state)
{
	(void)state;
	assert_int_equal(set("dev", "sim,loss=1%"), 0);
	assert_int_equal(set("ip", "10.0.0.10-10.0.0.200/16, 100.64.1.2/24"), 0);
	assert_int_equal(set("ip", "172.16.0.1/31"), 0);
	assert_int_equal(c.n_ip, 3);
	assert_int_equal(c.ip[0].first, RTE_IPV4(10, 0, 0, 10));
	assert_int_equal(c.ip[0].last, RTE_IPV4(10, 0, 0, 200));
	assert_int_equal(c.ip[0].prefix_len, 16);
	assert_int_equal(c.ip[1].first, RTE_IPV4(100, 64, 1, 2));
	assert_int_equal(c.ip[1].last, c.ip[1].first);
	assert_int_equal(set("peer-ip", "10.0.1.1/16"), 0);
	assert_int_equal(set("gw", "10.0.0.1,100.64.1.1"), 0);
	assert_int_equal(c.n_gw, 2);
	assert_int_equal(c.gw[1], RTE_IPV4(100, 64, 1, 1));
	assert_int_equal(set("max-connections", "10M"), 0);
	assert_int_equal(c.max_conns, 10000000);
	assert_int_equal(set("port-range", "32768-60999"), 0);
	assert_int_equal(c.port_lo, 32768);
	assert_int_equal(c.port_hi, 60999);
	assert_int_equal(set("reserved-ports", "40000"), 0);
	assert_int_equal(set("reserved-ports", "50000-50010, 60000"), 0);
	assert_int_equal(c.n_reserved, 3);
	assert_true(c.reserved[0].lo == 40000 && c.reserved[0].hi == 40000);
	assert_true(c.reserved[1].lo == 50000 && c.reserved[1].hi == 50010 && c.reserved[2].lo == 60000);
	assert_int_equal(set("mtu", "9000"), 0);
	assert_int_equal(c.mtu, 9000);
	assert_int_equal(set("mbufs", "64k"), 0);
	assert_int_equal(c.mbufs, 64000);
	assert_int_equal(set("memory", "1.5G"), 0);
	assert_int_equal(c.memory_mb, 1536);
	assert_int_equal(c.rcvbuf_max, 6 << 20);
	assert_int_equal(set("rcvbuf-max", "512K"), 0);
	assert_int_equal(c.rcvbuf_max, 512 << 10);
	assert_false(c.uto);
	assert_int_equal(set("user-timeout-option", "yes"), 0);
	assert_true(c.uto);
	assert_int_equal(set("user-timeout-option", "1"), -EINVAL);
	assert_int_equal(set("rcvbuf-max", "1K"), -EINVAL);
	assert_int_equal(set("rcvbuf-max", "65M"), -EINVAL);
	assert_int_equal(set("rcvbuf-max", "much"), -EINVAL);
	assert_int_equal(c.congestion, TCP_CC_CUBIC);
	assert_int_equal(set("congestion", "bbr"), 0);
	assert_int_equal(c.congestion, TCP_CC_BBR);
	assert_int_equal(set("congestion", "bb"), -EINVAL);
	assert_int_equal(c.dialect, 0);
	assert_int_equal(set("dialect", "zos"), 0);
	assert_int_equal(c.dialect, DIALECT_ZOS + 1);
	assert_int_equal(set("dialect", "hpux"), -EINVAL);
	assert_int_equal(c.ecn, TCP_ECN_ANSWER);
	assert_int_equal(set("ecn", "yes"), 0);
	assert_int_equal(c.ecn, TCP_ECN_ON);
	assert_int_equal(set("ecn", "0"), 0);
	assert_int_equal(c.ecn, TCP_ECN_OFF);
	assert_int_equal(set("ecn", "3"), -EINVAL);
	assert_false(c.gro);
	assert_int_equal(set("gro", "yes"), 0);
	assert_true(c.gro);
	assert_false(c.rx_interrupts);
	assert_int_equal(set("rx-interrupts", "yes"), 0);
	assert_true(c.rx_interrupts);
	assert_int_equal(set("rx-interrupts", "no"), 0);
	assert_false(c.rx_interrupts);
	assert_int_equal(set("huge", "yes"), 0);
	assert_int_equal(c.huge, 1);
	assert_int_equal(set("huge", "auto"), 0);
	assert_int_equal(c.huge, -1);
	assert_true(c.offload);
	assert_int_equal(set("offload", "no"), 0);
	assert_false(c.offload);
	assert_int_equal(set("offload", "auto"), 0);
	assert_true(c.offload);
	assert_int_equal(set("eal", "-n 4"), 0);
	assert_string_equal(c.eal, "-n 4");
	assert_int_equal(set("seed", "0xfeedfacecafebeef"), 0);
	assert_true(c.seed == 0xfeedfacecafebeef);
	assert_int_equal(set("log-level", "debug"), 0);
	assert_int_equal(c.log_level, RTE_LOG_DEBUG);
	assert_int_equal(config_check(&c, err, sizeof(err)), 0);
}

static void cores(void **state)
{
	static const struct {
		const char *dev, *value;
		uint16_t cores;
		unsigned n;
		int first, last;
	} rows[] = {
		{"eth1", "3", 3, 0, 0, 0},
		{"eth1", "0,1", 2, 2, 0, 1},
		{"eth1", "cpu:5", 1, 1, 5, 5},
		{"eth1", "cpu:2-4,8", 4, 4, 2, 8},
		{"eth1", "2@4-7", 2, 4, 4, 7},
		{"sim", "0,1", 1, 2, 0, 1},
		{"sim,loss=1%", "0-3", 2, 4, 0, 3},
		{"sim", "2@cpu:0-3", 2, 4, 0, 3},
	};

	for (unsigned i = 0; i < 2 * RTE_DIM(rows); i++) {
		bool dev_first = i % 2;
		unsigned k = i / 2;

		set_up(state);
		assert_int_equal(set(dev_first ? "dev" : "cores", dev_first ? rows[k].dev : rows[k].value), 0);
		assert_int_equal(set(dev_first ? "cores" : "dev", dev_first ? rows[k].value : rows[k].dev), 0);
		assert_int_equal(c.cores, rows[k].cores);
		assert_int_equal(c.n_core_list, rows[k].n);
		if (rows[k].n > 0) {
			assert_int_equal(c.core_list[0], rows[k].first);
			assert_int_equal(c.core_list[c.n_core_list - 1], rows[k].last);
		}
	}
}

static void routes_and_filters(void **state)
{
	const struct config_route *r = c.route;
	const struct config_filter *f = c.filter;
	char text[INET6_ADDRSTRLEN];

	(void)state;
	assert_int_equal(set("route", "10.1.0.0/16 via 10.0.0.254 metric 5 src 10.0.0.7 mtu 1400"), 0);
	assert_string_equal(inet_ntop(AF_INET6, &r[0].to.addr, text, sizeof(text)), "::ffff:10.1.0.0");
	assert_string_equal(inet_ntop(AF_INET6, &r[0].gw, text, sizeof(text)), "::ffff:10.0.0.254");
	assert_string_equal(inet_ntop(AF_INET6, &r[0].src, text, sizeof(text)), "::ffff:10.0.0.7");
	assert_int_equal(r[0].to.len, 96 + 16);
	assert_int_equal(r[0].type, CONFIG_GATEWAY);
	assert_int_equal(r[0].metric, 5);
	assert_int_equal(r[0].mtu, 1400);
	assert_int_equal(set("route", " prohibit   2001:db8:9::/48 "), 0);
	assert_int_equal(r[1].type, CONFIG_PROHIBIT);
	assert_int_equal(r[1].to.len, 48);
	assert_int_equal(set("route", "default via fe80::1"), 0);
	assert_int_equal(r[2].to.len, 0);
	assert_int_equal(set("route", "default via 10.0.0.1"), 0);
	assert_int_equal(r[3].to.len, 96);
	assert_int_equal(set("route", "10.9.0.1"), 0);
	assert_int_equal(r[4].to.len, 128);
	assert_int_equal(r[4].type, CONFIG_ONLINK);
	assert_int_equal(set("deny", "in"), 0);
	assert_true(f[0].ip4 && f[0].ip6 && !f[0].out && !f[0].allow && f[0].proto == 0);
	assert_int_equal(set("allow", "out tcp src any port 1024-65535 dst 192.0.2.0/24 port 80"), 0);
	assert_true(f[1].ip4 && !f[1].ip6 && f[1].out && f[1].allow && f[1].proto == IPPROTO_TCP);
	assert_int_equal(f[1].sport_lo, 1024);
	assert_int_equal(f[1].dport_lo, 80);
	assert_int_equal(f[1].dport_hi, 80);
	assert_int_equal(f[1].dst.len, 96 + 24);
	assert_int_equal(f[1].src.len, 0);
}

static void sentences(void **state)
{
	static char long_text[600];
	static const struct {
		const char *name, *value, *sentence;
	} rows[] = {
		{"port", "1", "there is no setting 'port': spate load --help lists them"},
		{"dev", "", "dev : names no device"},
		{"ip", "10.0.0.1", "ip 10.0.0.1: '10.0.0.1' has no prefix length: write it behind the address, such as 10.0.0.2/24"},
		{"ip", "fe80::1", "ip fe80::1: 'fe80::1' has no prefix length: write it behind the address, such as 2001:db8::2/64"},
		{"ip", "2001:db8::1/129", "ip 2001:db8::1/129: the prefix length '129' is not from 1 to 128"},
		{"ip", "2001:db8::g/64", "ip 2001:db8::g/64: is not an address or a range such as 2001:db8::10-2001:db8::20/64"},
		{"ip", "2001:db8::2-2001:db8::1/64", "ip 2001:db8::2-2001:db8::1/64: the range goes backwards"},
		{"ip", "2001:db8::-2001:db8::1:0/64", "ip 2001:db8::-2001:db8::1:0/64: the range has more than 1024 addresses"},
		{"ip", "2001:db8::f-2001:db8::10/124", "ip 2001:db8::f-2001:db8::10/124: the range does not fit into one /124"},
		{"ip", "ff02::1/64", "ip ff02::1/64: ff02::1 is no address of a host"},
		{"ip", "::1/128", "ip ::1/128: ::1 is no address of a host"},
		{"gw", "2001:db8:::1", "gw 2001:db8:::1: is not an address such as 10.0.0.1 or 2001:db8::1"},
		{"route", "10.1.0.1/16", "route 10.1.0.1/16: 10.1.0.1/16 has bits behind its prefix: write the network's own address"},
		{"route", "10.1.0.0/33", "route 10.1.0.0/33: the prefix length '33' is not from 0 to 32"},
		{"route", "there", "route there: 'there' is not a network such as 10.1.0.0/16 or 2001:db8::/32"},
		{"route", "10.1.0.0/16 via 2001:db8::1", "route 10.1.0.0/16 via 2001:db8::1: mixes IPv4 and IPv6"},
		{"route", "prohibit 10.1.0.0/16 via 10.0.0.1", "route prohibit 10.1.0.0/16 via 10.0.0.1: 'via 10.0.0.1' is not understood: write NETWORK [via GATEWAY] [metric N] [src ADDRESS] [mtu N]"},
		{"deny", "tcp", "deny tcp: does not begin with in or out"},
		{"deny", "out tcp port 80", "deny out tcp port 80: port belongs behind src or dst: 'dst any port 80', perhaps"},
		{"deny", "out dst any port 90-80", "deny out dst any port 90-80: what is behind port is neither a port nor a range such as 80-90"},
		{"allow", "in src 10.0.0.0/8 dst ::/0", "allow in src 10.0.0.0/8 dst ::/0: mixes IPv4 and IPv6"},
		{"ip6", "dhcp", "ip6 dhcp: must be static or auto"},
		{"dad", "1", "dad 1: must be yes, no or auto"},
		{"ip", "10.0.0/24", "ip 10.0.0/24: is not an address or a range such as 10.0.0.10-10.0.0.200/16"},
		{"ip", "10.0.0.1/33", "ip 10.0.0.1/33: the prefix length '33' is not from 1 to 32"},
		{"ip", "10.0.0.9-10.0.0.8/24", "ip 10.0.0.9-10.0.0.8/24: the range goes backwards"},
		{"ip", "10.0.0.1-10.0.9.1/8", "ip 10.0.0.1-10.0.9.1/8: the range has more than 1024 addresses"},
		{"ip", "10.0.0.1-10.0.1.1/24", "ip 10.0.0.1-10.0.1.1/24: the range does not fit into one /24"},
		{"ip", "127.0.0.1/8", "ip 127.0.0.1/8: 127.0.0.1 is no address of a host"},
		{"peer-ip", "224.0.0.1/8", "peer-ip 224.0.0.1/8: 224.0.0.1 is no address of a host"},
		{"ip", "10.0.0.0/24", "ip 10.0.0.0/24: 10.0.0.0 is the network's own address"},
		{"ip", "10.0.0.9-10.0.0.255/24", "ip 10.0.0.9-10.0.0.255/24: 10.0.0.255 is the network's broadcast address"},
		{"ip", "0.0.0.5/24", "ip 0.0.0.5/24: 0.0.0.5 is no address of a host"},
		{"gw", "10.0.0.1,0.0.0.5", "gw 10.0.0.1,0.0.0.5: 0.0.0.5 is no address of a host"},
		{"route", "10.1.0.0/16 via 0.0.0.5", "route 10.1.0.0/16 via 0.0.0.5: 0.0.0.5 is no address of a host"},
		{"route", "10.1.0.0/16 via ::ffff:0.0.0.5", "route 10.1.0.0/16 via ::ffff:0.0.0.5: ::ffff:0.0.0.5 is no address of a host"},
		{"route", "default via 10.0.0.1 src 0.0.0.5", "route default via 10.0.0.1 src 0.0.0.5: 0.0.0.5 is no address of a host"},
		{"gw", "10.0.0.1/24", "gw 10.0.0.1/24: is not an address such as 10.0.0.1 or 2001:db8::1"},
		{"max-connections", "many", "max-connections many: is not a number: write digits, with k or M for thousands and "
					    "millions"},
		{"max-connections", "0", "max-connections 0: must be from 1 to 67108864"},
		{"port-range", "1024", "port-range 1024: is not a port range: write the lowest and the highest, such as 1024-65535"},
		{"port-range", "2000-1000", "port-range 2000-1000: must rise, within 1 to 65535"},
		{"reserved-ports", "80,",
		 "reserved-ports 80,: is not a list of ports and ranges of them such as 8080,9000-9010"},
		{"reserved-ports", "9-8", "reserved-ports 9-8: is not a list of ports and ranges of them such as 8080,9000-9010"},
		{"reserved-ports", "0", "reserved-ports 0: is not a list of ports and ranges of them such as 8080,9000-9010"},
		{"port-range", "0-99999", "port-range 0-99999: must rise, within 1 to 65535"},
		{"mtu", "100", "mtu 100: must be from 576 to 9000"},
		{"cores", "0", "cores 0: the number of cores must be from 1 to 128"},
		{"cores", "two", "cores two: the number of cores must be from 1 to 128"},
		{"cores", "0,x", "cores 0,x: is not a number of cores such as 2, nor a list of CPUs such as 0,1 or cpu:2-5"},
		{"cores", "0-200", "cores 0-200: lists more than 128 CPUs"},
		{"mbufs", "12", "mbufs 12: must be from 2048 to 67108864"},
		{"memory", "x", "memory x: is not an amount of memory: write it with M or G, such as 512M"},
		{"memory", "512", "memory 512: must be from 64M to 1024G"},
		{"gro", "1", "gro 1: must be yes or no"},
		{"rx-interrupts", "on", "rx-interrupts on: must be yes or no"},
		{"huge", "maybe", "huge maybe: must be yes, no or auto"},
		{"offload", "yes", "offload yes: must be auto or no"},
		{"syncookies", "1", "syncookies 1: must be no, auto or always"},
		{"fastopen-key", "a1a1a1a1-b2b2b2b2-c3c3c3c3",
		 "fastopen-key a1a1a1a1-b2b2b2b2-c3c3c3c3: is no key: write four hexadecimal numbers of 32 bits with - between"},
		{"timestamps", "1", "timestamps 1: must be yes or no"},
		{"fastopen", "2000",
		 "fastopen 2000: is no sum of 1 (client), 2 (server), 4, 0x200 and 0x400, as Linux's net.ipv4.tcp_fastopen"},
		{"fastopen", "yes",
		 "fastopen yes: is no sum of 1 (client), 2 (server), 4, 0x200 and 0x400, as Linux's net.ipv4.tcp_fastopen"},
		{"seed", "-1", "seed -1: is not a number of at most 64 bits (decimal, or hexadecimal with 0x)"},
		{"log-level", "loud", "log-level loud: must be error, warning, notice, info or debug"},
	};
	struct spate_config before;

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		unsigned n_ip = c.n_ip;

		assert_int_equal(set(rows[i].name, rows[i].value), -EINVAL);
		assert_string_equal(err, rows[i].sentence);
		assert_int_equal(c.n_ip, n_ip);
	}
	memset(long_text, 'x', sizeof(long_text) - 1);
	before = c;
	assert_int_equal(set("dev", long_text), -EINVAL);
	assert_non_null(strstr(err, ": longer than 255 characters"));
	assert_int_equal(config_set(&c, "eal", long_text, err, 20), -EINVAL); /* a short buffer is not overrun */
	assert_int_equal(strlen(err), 19);
	assert_memory_equal(&before, &c, sizeof(c));
}

static void too_many(void **state)
{
	char ip[32];

	(void)state;
	for (unsigned i = 0; i < CONFIG_RANGES_MAX; i++) {
		snprintf(ip, sizeof(ip), "10.0.%u.1/16", i);
		assert_int_equal(set("ip", ip), 0);
		snprintf(ip, sizeof(ip), "10.0.%u.2", i);
		assert_int_equal(set("gw", ip), 0);
	}
	assert_int_equal(set("ip", "10.1.0.1/16"), -EINVAL);
	assert_string_equal(err, "ip 10.1.0.1/16: there are more than 64 of them; join neighbours to a range");
	assert_int_equal(set("gw", "10.1.0.1"), -EINVAL);
	assert_string_equal(err, "gw 10.1.0.1: there are more than 64 gateways");
}

static void whole(void **state)
{
	static const struct {
		const char *settings[6][2], *sentence;
	} rows[] = {
		{{{NULL, NULL}}, "no device is given: use --dev, for example --dev sim or --dev eth1"},
		{{{"dev", "eth1"}}, "no address is given: use --ip, for example --ip 10.0.0.2/24"},
		{{{"dev", "sim"}, {"ip", "10.0.0.1/24"}},
		 "sim has two ends: give the far one an address with --peer-ip, in the same network"},
		{{{"dev", "eth1"}, {"ip", "10.0.0.1/24"}, {"peer-ip", "10.0.0.2/24"}},
		 "peer-ip is for --dev sim only: other devices have their peer outside"},
		{{{"dev", "eth1"}, {"ip", "10.0.0.1/24"}, {"cores", "3@0,1"}},
		 "3 cores are asked for, but the list names 2 CPUs"},
		{{{"dev", "eth1"}, {"ip", "10.0.0.1/24"}, {"port-range", "5000-5009"}, {"reserved-ports", "5000-5004"},
		  {"reserved-ports", "5005-6000"}},
		 "reserved-ports leave nothing of port-range"},
		{{{"dev", "eth1"}, {"ip", "10.0.0.1-10.0.3.1/16"}, {"ip", "10.1.0.1-10.1.3.1/16"}},
		 "one end has more than 1024 addresses"},
		{{{"dev", "eth1"}, {"ip", "10.0.0.1-10.0.0.9/16"}, {"ip", "10.0.0.9/16"}},
		 "the range that starts at 10.0.0.9 overlaps another one"},
		{{{"dev", "sim"}, {"ip", "10.0.0.1-10.0.0.9/16"}, {"peer-ip", "10.0.0.9/16"}},
		 "ip and peer-ip share addresses: see the peer's range that starts at 10.0.0.9"},
		{{{"dev", "eth1"}, {"ip", "10.0.0.1/24"}, {"dev", "eth2"}},
		 "device eth2 has no address: write its --ip behind its --dev"},
		{{{"dev", "eth1"}, {"dev", "eth2"}, {"ip", "10.0.0.1/24"}},
		 "device eth1 has no address: write its --ip behind its --dev"},
		{{{"dev", "eth1"}, {"ip", "10.0.0.1/24"}, {"dev", "sim"}, {"ip", "10.0.1.1/24"}},
		 "sim has both its ends in this process: it cannot be one of several devices"},
		{{{"dev", "eth1"}, {"ip", "10.0.0.1/24"}, {"vlan", "7"}}, "vlan 7 has no address: write its --ip behind --vlan 7"},
		{{{"dev", "eth1"}, {"mtu", "1400"}, {"vlan", "7"}, {"mtu", "1500"}, {"ip", "10.0.0.1/24"}},
		 "the MTU of vlan 7 is 1500, more than the 1400 of its device"},
		{{{"dev", "eth1"}, {"ip", "10.0.0.1/24"}, {"gw", "10.0.1.1"}},
		 "gateway 10.0.1.1 is on the network of none of our addresses: check the prefix lengths"},
	};

	for (unsigned i = 0; i < RTE_DIM(rows); i++) {
		set_up(state);
		for (unsigned k = 0; k < 6 && rows[i].settings[k][0] != NULL; k++)
			assert_int_equal(set(rows[i].settings[k][0], rows[i].settings[k][1]), 0);
		assert_int_equal(config_check(&c, err, sizeof(err)), -EINVAL);
		assert_string_equal(err, rows[i].sentence);
	}
}

/* What follows a device or a VLAN is for it; a device named again goes on. */
static void interfaces(void **state)
{
	static const char *const given[][2] = {
		{"ip", "10.0.0.1/24"}, {"dev", "eth1"}, {"mtu", "2000"}, {"dev", "eth2,opt"}, {"ip", "10.1.0.1/24"}, {"gw", "10.1.0.254"},
		{"mtu", "9000"}, {"vlan", "100"}, {"ip", "10.2.0.1/24,10.2.0.3/24"}, {"mtu", "1400"}, {"vlan", "7"}, {"ip", "10.3.0.1/24"},
		{"dev", "eth1"}, {"vlan", "100"}, {"ip", "10.4.0.1/24"}, {"dev", "eth2,opt"}, {"vlan", "7"}, {"gw", "10.3.0.2"},
	};
	static const uint8_t of_ip[] = {0, 1, 2, 2, 3, 4};

	(void)state;
	for (unsigned i = 0; i < RTE_DIM(given); i++)
		assert_int_equal(set(given[i][0], given[i][1]), 0);
	assert_int_equal(config_check(&c, err, sizeof(err)), 0);
	assert_int_equal(config_devs(&c), 2);
	assert_string_equal(config_dev(&c, 0), "eth1");
	assert_string_equal(config_dev(&c, 1), "eth2,opt");
	assert_int_equal(config_mtu(&c, 0), 2000);
	assert_int_equal(config_mtu(&c, 1), 9000);
	assert_int_equal(c.n_ifaces, 5);
	for (unsigned i = 0; i < RTE_DIM(of_ip); i++)
		assert_int_equal(c.ip[i].iface, of_ip[i]);
	assert_int_equal(c.iface[1].dev, 1);
	assert_int_equal(c.iface[2].vlan_id, 100);
	assert_int_equal(c.iface[2].mtu, 1400);
	assert_int_equal(c.iface[4].dev, 0);
	assert_int_equal(c.iface[4].vlan_id, 100);
	assert_int_equal(c.gw_iface[0], 1);
	assert_int_equal(c.gw_iface[1], 3);
}

static void too_many_interfaces(void **state)
{
	char text[16];

	(void)state;
	assert_int_equal(set("dev", "eth0"), 0);
	for (unsigned i = 1; i < IFACES_MAX; i++) {
		snprintf(text, sizeof(text), "%u", i);
		assert_int_equal(set("vlan", text), 0);
	}
	assert_int_equal(set("vlan", "500"), -EINVAL);
	assert_string_equal(err, "vlan 500: there are more than 64 network interfaces");
	set_up(state);
	for (unsigned i = 0; i < PORTS_MAX; i++) {
		snprintf(text, sizeof(text), "eth%u", i);
		assert_int_equal(set("dev", text), 0);
	}
	assert_int_equal(set("dev", "eth8"), -EINVAL);
	assert_string_equal(err, "dev eth8: there are more than 8 devices");
}

static int load_text(const char *text)
{
	char path[] = "/tmp/spate-config-XXXXXX", *at;
	int fd = mkstemp(path), rc;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	rc = config_load(&c, path, err, sizeof(err));
	unlink(path);
	at = strstr(err, path);
	if (at != NULL) { /* FILE in place of the random name */
		memcpy(at, "FILE", 4);
		memmove(at + 4, at + strlen(path), strlen(at + strlen(path)) + 1);
	}
	return rc;
}

static void files(void **state)
{
	(void)state;
	assert_int_equal(load_text("# a comment\n[other]\nip = nonsense\n\n[spate]\ndev = sim # here, too\nip = 10.0.0.1/24\n"
				   "ip=10.0.0.3-10.0.0.4/24 , 10.0.0.7/24\npeer-ip = 10.0.0.9/24\n"), 0);
	assert_string_equal(c.dev, "sim");
	assert_int_equal(c.n_ip, 3);
	assert_int_equal(config_check(&c, err, sizeof(err)), 0);

	assert_int_equal(load_text("[other]\nx = 1\n[spate]\n\n# c\ndev = sim\nip = 10.0.0.1\n"), -EINVAL);
	assert_string_equal(err, "FILE:7: ip 10.0.0.1: '10.0.0.1' has no prefix length: write it behind the address, such as "
				 "10.0.0.2/24");
	assert_int_equal(load_text("[spate]\ndev = sim\nprot = 1\n"), -EINVAL);
	assert_non_null(strstr(err, "FILE:3: there is no setting 'prot'"));
	assert_int_equal(load_text("[spate]\ndev sim\n"), -EINVAL);
	assert_string_equal(err, "FILE:2: write name = value, or a [section]");
	assert_int_equal(load_text("[spat]\ndev = sim\n"), -EINVAL);
	assert_string_equal(err, "FILE: there is no section [spate]");
	assert_int_equal(load_text("dev = sim\n[spate]\n"), -EINVAL);
	assert_string_equal(err, "FILE:1: write [spate] above the first setting");
	assert_int_equal(config_load(&c, "/nowhere.conf", err, sizeof(err)), -EINVAL);
	assert_string_equal(err, "/nowhere.conf: No such file or directory");
}

static void long_lines(void **state)
{
	char text[700] = "[spate]\nip = ";

	(void)state;
	memset(text + strlen(text), '1', 400);
	strcat(text, "\n");
	assert_int_equal(load_text(text), -EINVAL);
	assert_string_equal(err, "FILE:2: the line is longer than 255 characters: repeat the setting on several lines");
}

/* The build's links to the source: build/tests/THIS and build/rooms/all/config. */
static void config_dir(char *path, size_t len)
{
	const char *given = getenv("SPATE_CONFIG_DIR");
	char exe[512];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	assert_true(n > 0);
	exe[n] = '\0';
	*strrchr(exe, '/') = '\0';
	if (given != NULL)
		snprintf(path, len, "%s", given);
	else
		snprintf(path, len, "%s/../rooms/all/config", exe);
}

/* Every file in config/ is a configuration that is right, and names a device that could be. */
static void examples(void **state)
{
	char dir_path[600], path[900];
	struct dirent *f;
	unsigned n = 0;
	DIR *dir;

	config_dir(dir_path, sizeof(dir_path));
	dir = opendir(dir_path);
	assert_non_null(dir);
	while ((f = readdir(dir)) != NULL) {
		const char *dot = strrchr(f->d_name, '.');
		struct dev_name d;

		if (dot == NULL || strcmp(dot, ".conf") != 0)
			continue;
		set_up(state);
		snprintf(path, sizeof(path), "%s/%s", dir_path, f->d_name);
		if (config_load(&c, path, err, sizeof(err)) != 0 || config_check(&c, err, sizeof(err)) != 0 ||
		    dev_name_parse(&d, c.dev, err, sizeof(err)) != 0)
			fail_msg("%s: %s", path, err);
		assert_true(c.n_ip > 0);
		n++;
	}
	closedir(dir);
	assert_true(n >= 20); /* one per kind of device, and sim */
}

static void units(void **state)
{
	static const char *const no_times[] = {"", "5", "ms", "-1ms", "5 ms", "0x5ms", "infs", "1..2ms", "5m"};
	uint64_t v;
	double p;

	(void)state;
	assert_true(units_time_ns("1.5us", &v) && v == 1500);
	assert_true(units_time_ns("2s", &v) && v == 2000000000);
	assert_true(units_count("2.5k", &v) && v == 2500);
	assert_false(units_count("2.5", &v));
	assert_true(units_bytes("2K", &v) && v == 2048);
	assert_true(units_prob("50%", &p) && p == 0.5);
	assert_true(units_prob("0", &p) && p == 0);
	assert_false(units_prob("1", &p));
	assert_false(units_prob("1.5", &p));
	for (unsigned i = 0; i < RTE_DIM(no_times); i++)
		assert_false(units_time_ns(no_times[i], &v));
}

static void help_names_all(void **state)
{
	(void)state;
	assert_non_null(strstr(config_help(), "--dev "));
	assert_non_null(strstr(config_help(), "--log-level "));
}

#define TEST(f) cmocka_unit_test_setup(f, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(values), TEST(addresses6), TEST(cores), TEST(routes_and_filters), TEST(sentences), TEST(too_many), TEST(whole), TEST(interfaces), TEST(too_many_interfaces), TEST(files), TEST(long_lines),
		TEST(examples), TEST(units), TEST(help_names_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
