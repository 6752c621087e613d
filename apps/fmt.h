/* fmt.h: numbers for people, and JSON objects for programs. */
#ifndef APPS_FMT_H
#define APPS_FMT_H

#include <netinet/in.h>
#include <stdio.h>
#include <stdint.h>

struct fmt {
	char s[48]; /* an IPv6 address */
};

struct fmt fmt_count(double v); /* 999, 12.3k, 4.56M */
struct fmt fmt_time(double ns); /* 850 ns, 12.3 us, 4.56 ms, 7.89 s */
struct fmt fmt_ip(uint32_t addr); /* host order */
struct fmt fmt_ip6(const struct in6_addr *addr);

/* A JSON object, written as it is built; names and texts are plain ASCII without quotes. In an array names are NULL. */
struct json {
	FILE *f;
	int more; /* a comma is due */
};
void json_open(struct json *j, const char *name); /* name NULL: the outermost */
void json_close(struct json *j);
void json_array_open(struct json *j, const char *name);
void json_array_close(struct json *j);
void json_number(struct json *j, const char *name, double v);
void json_text(struct json *j, const char *name, const char *v);

#endif
