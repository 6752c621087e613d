/* rule.c: rules in words: "kernel 10.0.0.0/8 port 53". */
#include "svc/rule.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "svc/svc.h"

#define WORDS_MAX 5

static int refuse(const char *text, const char *why, char *err, size_t err_len)
{
	snprintf(err, err_len, "rule '%s': %s; write 'kernel 10.0.0.0/8', 'spate any port 80' or 'kernel fd00::/8 port 1-1023'", text, why);
	return -EINVAL;
}

/* "any", "10.0.0.0/8", "fd00::1"; NULL, or what is wrong. */
static const char *address(char *word, struct svc_rule *r)
{
	char *slash = strchr(word, '/'), *end = NULL;
	unsigned long len, max;

	if (strcmp(word, "any") == 0)
		return NULL;
	if (slash != NULL)
		*slash = 0;
	r->family = strchr(word, ':') != NULL ? AF_INET6 : AF_INET;
	if (inet_pton(r->family, word, r->addr) != 1)
		return "no address";
	max = r->family == AF_INET ? 32 : 128;
	len = slash != NULL ? strtoul(slash + 1, &end, 10) : max;
	if (len > max || (slash != NULL && (slash[1] == 0 || *end != 0)))
		return "no length of a prefix";
	r->prefix_len = (uint8_t)len;
	return NULL;
}

/* "53", "1-1023" */
static const char *ports(const char *word, struct svc_rule *r)
{
	unsigned lo, hi;
	int used = 0;

	if (sscanf(word, "%5u-%5u%n", &lo, &hi, &used) != 2 || word[used] != 0) {
		used = 0;
		if (sscanf(word, "%5u%n", &lo, &used) != 1 || word[used] != 0)
			return "no port";
		hi = lo;
	}
	if (lo > hi || hi > 65535)
		return "no range of ports";
	r->port_lo = (uint16_t)lo;
	r->port_hi = (uint16_t)hi;
	return NULL;
}

static int split(char *text, char **word)
{
	char *rest = NULL;
	int n = 0;

	for (char *w = strtok_r(text, " \t", &rest); w != NULL; w = strtok_r(NULL, " \t", &rest)) {
		if (n == WORDS_MAX)
			return n + 1;
		word[n++] = w;
	}
	return n;
}

int svc_rule_parse(const char *text, struct svc_rule *rule, char *err, size_t err_len)
{
	char copy[256], *word[WORDS_MAX];
	const char *why = NULL;
	int n;

	*rule = (struct svc_rule){.port_hi = 65535};
	if (strlen(text) >= sizeof(copy))
		return refuse("...", "too long", err, err_len);
	strcpy(copy, text);
	n = split(copy, word);
	if (n != 2 && n != 4)
		return refuse(text, "two words, or four", err, err_len);
	if (strcmp(word[0], "spate") != 0 && strcmp(word[0], "kernel") != 0)
		return refuse(text, "it begins with 'spate' or 'kernel'", err, err_len);
	rule->spate = word[0][0] == 's';
	why = address(word[1], rule);
	if (why == NULL && n == 4)
		why = strcmp(word[2], "port") != 0 ? "'port' comes after the address" : ports(word[3], rule);
	return why != NULL ? refuse(text, why, err, err_len) : 0;
}

int svc_rules_check(const char *const *rules, unsigned n, char *err, size_t err_len)
{
	struct svc_rule rule;
	int rc = 0;

	if (n > SVC_RULES_MAX - 2) {
		snprintf(err, err_len, "%u rules are too many: at most %d", n, SVC_RULES_MAX - 2);
		return -EINVAL;
	}
	for (unsigned i = 0; i < n && rc == 0; i++)
		rc = svc_rule_parse(rules[i], &rule, err, err_len);
	return rc;
}

int svc_rules_read(struct svc_head *h, const char *const *rules, unsigned n, char *err, size_t err_len)
{
	static const char *const last[] = {"kernel 127.0.0.0/8", "kernel ::1"};
	int rc = svc_rules_check(rules, n, err, err_len);

	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < n; i++)
		svc_rule_parse(rules[i], &h->rule[i], err, err_len);
	for (unsigned i = 0; i < 2; i++)
		svc_rule_parse(last[i], &h->rule[n + i], err, err_len);
	h->n_rules = n + 2;
	return 0;
}
