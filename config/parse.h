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

/* "10.0.0.10-10.0.0.200/16,10.1.0.2/24" adds to ranges; all or nothing. */
int parse_ranges(struct config_range *ranges, unsigned *n, uint8_t iface, const char *v, struct say *say);
int parse_gateways(struct spate_config *c, const char *v, struct say *say);
/* "8080,9000-9010" adds to c->reserved; all or nothing. */
int parse_ports(struct spate_config *c, const char *v, struct say *say);
/* "2": a number of cores, not pinned. "0,1" or "cpu:0-1": one core per CPU. "1@0,1": one core, CPUs 0 and 1. */
int parse_cores(struct spate_config *c, const char *v, struct say *say);
/* Brings cores in line with dev and the list, when only the list was given. */
void parse_cores_follow(struct spate_config *c);
/* 0, or -EINVAL with a sentence. */
int config_check_interfaces(const struct spate_config *c, char *err, size_t err_len);
bool config_dev_is_sim(const struct spate_config *c);
const char *config_ip_text(uint32_t ip, char buf[16]);

#endif
