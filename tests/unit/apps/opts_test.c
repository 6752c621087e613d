/* opts_test.c: the command line: values, units, suggestions; and URLs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../../apps/fmt.h"
#include "../../../apps/opts.h"
#include "../../../apps/url.h"

static uint64_t count, bytes, time_ns;
static double rate;
static bool flag;
static const char *text;

static const struct opt table[] = {
	{ "count", OPT_COUNT, &count, 1, 5000000, "N", "" },  { "bytes", OPT_BYTES, &bytes, 0, 0, "N", "" },
	{ "duration", OPT_TIME, &time_ns, 1, 0, "T", "" },    { "rate", OPT_RATE, &rate, 0, 0, "R", "" },
	{ "flag", OPT_FLAG, &flag, 0, 0, NULL, "" },          { "text", OPT_TEXT, &text, 0, 0, "S", "" },
};

static char err[256];

static int parse(char *a, char *b, const char **arg, unsigned *n)
{
	char *argv[] = { "x", a, b, NULL };

	err[0] = 0;
	return opts_parse(table, sizeof(table) / sizeof(table[0]), NULL, b ? 3 : 2, argv, arg, n, 1, err, sizeof(err));
}

static void ok(char *a, char *b)
{
	const char *arg;
	unsigned n;

	assert_int_equal(parse(a, b, &arg, &n), 0);
	assert_int_equal(n, 0);
}

static void bad(char *a, char *b, const char *part)
{
	const char *arg;
	unsigned n;

	assert_true(parse(a, b, &arg, &n) < 0);
	assert_non_null(strstr(err, part));
	assert_null(strchr(err, '\n'));
}

static void values(void **state)
{
	(void)state;
	ok("--count", "64k");
	assert_int_equal(count, 64000);
	ok("--count=2M", NULL);
	assert_int_equal(count, 2000000);
	ok("--count", "1.5k");
	assert_int_equal(count, 1500);
	ok("--bytes", "64k");
	assert_int_equal(bytes, 65536);
	ok("--duration", "500ms");
	assert_int_equal(time_ns, 500000000);
	ok("--duration", "2");
	assert_int_equal(time_ns, 2000000000);
	ok("--duration", "1h");
	assert_int_equal(time_ns, 3600000000000);
	ok("--rate", "0.5");
	assert_true(rate == .5);
	ok("--flag", NULL);
	assert_true(flag);
	ok("--text=", NULL);
	assert_string_equal(text, "");
}

static void wrong_values(void **state)
{
	(void)state;
	bad("--count", "0", "not between");
	bad("--count", "6M", "not between");
	bad("--count", "x", "is not a value");
	bad("--count", "-3", "is not a value");
	bad("--count", "5kk", "is not a value");
	bad("--count", "nan", "is not a value");
	bad("--count", "1.5", "whole number");
	bad("--duration", "5k", "is not a value");
	bad("--count", NULL, "needs a value");
	bad("--flag=1", NULL, "takes no value");
	bad("--bytes", "99999999999G", "whole number");
}

static void unknown(void **state)
{
	const char *arg;
	unsigned n;

	(void)state;
	bad("--cuont", "1", "did you mean --count?");
	bad("--dur", "1", "did you mean --duration?");
	bad("--zzzzzzzz", "1", "--help");
	bad("-c", "1", "two dashes");
	bad("a", "b", "too many");
	assert_int_equal(parse("a", NULL, &arg, &n), 0);
	assert_string_equal(arg, "a");
	assert_int_equal(parse("--help", NULL, &arg, &n), 1);
}

static void url_good(const char *s, enum url_scheme scheme, const char *host, unsigned port, const char *path)
{
	struct url u;

	assert_int_equal(url_parse(s, &u, err, sizeof(err)), 0);
	assert_int_equal(u.scheme, scheme);
	assert_string_equal(u.host, host);
	assert_int_equal(u.port, port);
	assert_string_equal(u.path, path);
}

static void url_bad(const char *s, const char *part)
{
	struct url u;

	assert_true(url_parse(s, &u, err, sizeof(err)) < 0);
	assert_non_null(strstr(err, part));
}

static void urls(void **state)
{
	struct url u;
	char path[1200];

	(void)state;
	url_good("http://10.0.0.1/", URL_HTTP, "10.0.0.1", 80, "/");
	url_good("http://10.0.0.1", URL_HTTP, "10.0.0.1", 80, "/");
	url_good("http://h:8080/a/b?c=d#e", URL_HTTP, "h", 8080, "/a/b?c=d");
	url_good("http://h?q", URL_HTTP, "h", 80, "/?q");
	url_good("tcp://10.0.0.1:7", URL_TCP, "10.0.0.1", 7, "/");
	url_good("udp://h:65535/", URL_UDP, "h", 65535, "/");
	url_bad("https://h/", "TLS");
	url_bad("10.0.0.1", "no URL");
	url_bad("http://", "names no host");
	url_bad("http://:80/", "names no host");
	url_bad("http://me@h/", "names no host");
	url_good("http://[2001:db8::1]/", URL_HTTP, "2001:db8::1", 80, "/");
	url_good("http://[2001:db8::1]:8080/x", URL_HTTP, "2001:db8::1", 8080, "/x");
	url_good("tcp://[fe80::1%2]:7", URL_TCP, "fe80::1%2", 7, "/");
	url_bad("tcp://[2001:db8::1]", "names no port");
	url_bad("http://[2001:db8::1/", "brackets");
	url_bad("http://[2001:db8::1]8080/", "brackets");
	url_bad("http://[2001:db8:::1]/", "brackets");
	url_bad("http://[]/", "brackets");
	url_bad("http://h:0/", "port");
	url_bad("http://h:65536/", "port");
	url_bad("http://h:8x/", "port");
	url_bad("http://h:/", "port");
	url_bad("http://h:99999999999999999999/", "port");
	url_bad("tcp://h", "names no port");
	url_bad("tcp://h:7/x", "path");
	url_bad("http://h/a b", "%20");
	memset(path, 'a', sizeof(path));
	memcpy(path, "http://h/", 9);
	path[sizeof(path) - 1] = 0;
	url_bad(path, "longer");
	url_good("tcp://127.0.0.1:7", URL_TCP, "127.0.0.1", 7, "/");
	assert_int_equal(url_parse("tcp://127.0.0.1:7", &u, err, sizeof(err)), 0);
	assert_int_equal(url_resolve(&u, err, sizeof(err)), 0);
	assert_int_equal(u.addr, 0x7f000001);
}

static void formats(void **state)
{
	(void)state;
	assert_string_equal(fmt_count(999).s, "999");
	assert_string_equal(fmt_count(12345).s, "12.3k");
	assert_string_equal(fmt_count(4560000).s, "4.56M");
	assert_string_equal(fmt_time(850).s, "850 ns");
	assert_string_equal(fmt_time(12345).s, "12.3 us");
	assert_string_equal(fmt_time(7.89e9).s, "7.89 s");
	assert_string_equal(fmt_ip(0x0a000001).s, "10.0.0.1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values), cmocka_unit_test(wrong_values), cmocka_unit_test(unknown),
		cmocka_unit_test(urls),   cmocka_unit_test(formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
