/* svc.h: a service: stacks on threads of their own for programs of other processes (the clients: lib/client, lib/preload). */
#ifndef SVC_SVC_H
#define SVC_SVC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum svc_idle {
	SVC_IDLE_POLL,      /* a stack's thread never sleeps */
	SVC_IDLE_ADAPTIVE,  /* it sleeps for moments when it has had nothing to do; requests wake it, packets wait for the moment's end */
	SVC_IDLE_INTERRUPT, /* it sleeps until something wakes it, where its devices can (setting "rx-interrupts"); else as above */
};

struct svc_config {
	const char *path;   /* of the control socket (bound by svc_start(), removed by svc_stop()); at most 100 bytes */
	enum svc_idle idle;
	const char *const *rules; /* in words (rule.c), the first that matches counts; what none matches is spate's */
	unsigned n_rules;
	int guard;          /* of svc_guard_make(), svc_stop() closes it; 0: none */
	bool dns, raw;      /* programs bring the calls of libc's resolver, or all that are made without libc's names */
};

struct svc;

/* Makes a process that tells programs when the service has ended in whatever way, so that they do not wait for it: first of all, while
 * this process is small and nobody's parent. A descriptor for svc_config, or -errno. */
int svc_guard_make(void);
int svc_guard_tell(int guard, int memfd); /* svc_start(): the memory of the service */

/* Takes all stacks of the near end, after spate_start(). 0 or -errno with a sentence in err. */
int svc_start(const struct svc_config *cfg, struct svc **svc, char *err, size_t err_len);
/* Closes all sockets, gives the stacks a moment to say goodbye, and ends the threads; before spate_stop(). */
void svc_stop(struct svc *svc);

/* From any thread: have all stacks seen each of their addresses usable, or never to be? False while IPv6 addresses are asked for. */
bool svc_settled(const struct svc *svc);
/* From any thread: processes that are attached and have sockets of ours; sockets that are open. */
unsigned svc_users(const struct svc *svc);
unsigned svc_sockets(const struct svc *svc);

/* Whether rules are understood, without a service. 0 or -EINVAL with a sentence in err. */
int svc_rules_check(const char *const *rules, unsigned n, char *err, size_t err_len);

#endif
