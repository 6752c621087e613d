/* rule.h: which sockets are spate's and which the kernel's, in words and as clients look them up. */
#ifndef SVC_RULE_H
#define SVC_RULE_H

#include <stddef.h>

#include "svc/layout.h"

/* "spate 127.0.0.0/8", "kernel 10.0.0.0/8 port 53", "kernel any port 1-1023": 0, or -EINVAL with a sentence in err. */
int svc_rule_parse(const char *text, struct svc_rule *rule, char *err, size_t err_len);
/* The rules of a service: these, and after them that loopback is the kernel's. */
int svc_rules_read(struct svc_head *h, const char *const *rules, unsigned n, char *err, size_t err_len);

#endif
