/* parse.h: parsers of the settings that are more than a number, and how they say no. */
#ifndef CONFIG_PARSE_H
#define CONFIG_PARSE_H

#include "config/config.h"

/* Whose fault it is, for error sentences. */
struct say {
	const char *name, *value;
	char *err;
	size_t err_len;
};

/* Writes "NAME VALUE: SENTENCE" and returns -EINVAL. */
int say_no(struct say *say, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "10.0.0.10-10.0.0.200/16,2001:db8::2/64" adds to ranges, each to those of its family; all or nothing. */
int parse_ranges(struct config_range *ranges, unsigned *n, struct config_range6 *ranges6, unsigned *n6, uint8_t iface,
		 const char *v, struct say *say);
/* Of IPv6, one. item is changed. */
int range6_parse(struct config_range6 *r, char *item, struct say *say);
bool config_ip6_parse(const char *s, struct in6_addr *a);
int parse_gateways(struct spate_config *c, const char *v, struct say *say);
/* "8080,9000-9010" adds to c->reserved; all or nothing. */
int parse_ports(struct spate_config *c, const char *v, struct say *say);
/* "2": a number of cores, not pinned. "0,1" or "cpu:0-1": one core per CPU. "1@0,1": one core, CPUs 0 and 1. */
int parse_cores(struct spate_config *c, const char *v, struct say *say);
/* Brings cores in line with dev and the list, when only the list was given. */
void parse_cores_follow(struct spate_config *c);
/* 0, or -EINVAL with a sentence. */
int config_check_interfaces(const struct spate_config *c, char *err, size_t err_len);
int config_check6(const struct spate_config *c, char *err, size_t err_len);
bool config_dev_is_sim(const struct spate_config *c);
const char *config_ip_text(uint32_t ip, char buf[16]);
/* Neither of 0.0.0.0/8 nor loopback, a group or beyond (RFC 1122 3.2.1.3). */
bool config_ip_is_host(uint32_t ip);

#endif
