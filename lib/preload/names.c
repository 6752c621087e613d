/* names.c: the resolver's functions: libc's own, with the calls that they make inside caught where the service carries DNS. And
 * those that set handlers, whose masks may not hold the signal of that. */
#include <netdb.h>
#include <resolv.h>
#include <string.h>

#include "preload/next.h"
#include "preload/raw.h"

#define NEXT_ONE(name, found) ((__typeof__(found))next_find((void **)(void *)&(found), #name))

/* libc's function, found when it is first called, with its calls caught. */
#define CAUGHT(name, ...) \
	__extension__({ \
		static __typeof__(&(name)) caught_next; \
		__typeof__(caught_next(__VA_ARGS__)) caught_rc; \
		preload_raw_begin(); \
		caught_rc = NEXT_ONE(name, caught_next)(__VA_ARGS__); \
		preload_raw_end(); \
		caught_rc; \
	})

/* ---- names and addresses ---- */

/* The kernel's own addresses say nothing about spate's. */
FACE int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
	static __typeof__(&getaddrinfo) next_one;
	bool caught = preload_raw_begin();
	struct addrinfo all;
	int rc;

	if (caught && hints != NULL && hints->ai_flags & AI_ADDRCONFIG) {
		all = *hints;
		all.ai_flags &= ~AI_ADDRCONFIG;
		hints = &all;
	}
	rc = NEXT_ONE(getaddrinfo, next_one)(node, service, hints, res);
	preload_raw_end();
	return rc;
}

FACE int getnameinfo(const struct sockaddr *addr, socklen_t addr_len, char *host, socklen_t host_len, char *service,
		     socklen_t service_len, int flags)
{
	return CAUGHT(getnameinfo, addr, addr_len, host, host_len, service, service_len, flags);
}

FACE struct hostent *gethostbyname(const char *name) { return CAUGHT(gethostbyname, name); }

FACE struct hostent *gethostbyname2(const char *name, int family) { return CAUGHT(gethostbyname2, name, family); }

FACE struct hostent *gethostbyaddr(const void *addr, socklen_t len, int family)
{
	return CAUGHT(gethostbyaddr, addr, len, family);
}

FACE int gethostbyname_r(const char *name, struct hostent *to, char *buf, size_t len, struct hostent **res, int *err)
{
	return CAUGHT(gethostbyname_r, name, to, buf, len, res, err);
}

FACE int gethostbyname2_r(const char *name, int family, struct hostent *to, char *buf, size_t len, struct hostent **res, int *err)
{
	return CAUGHT(gethostbyname2_r, name, family, to, buf, len, res, err);
}

FACE int gethostbyaddr_r(const void *addr, socklen_t addr_len, int family, struct hostent *to, char *buf, size_t len,
			 struct hostent **res, int *err)
{
	return CAUGHT(gethostbyaddr_r, addr, addr_len, family, to, buf, len, res, err);
}

/* ---- questions of any kind ---- */

FACE int res_query(const char *name, int class, int type, unsigned char *to, int len)
{
	return CAUGHT(res_query, name, class, type, to, len);
}

FACE int res_search(const char *name, int class, int type, unsigned char *to, int len)
{
	return CAUGHT(res_search, name, class, type, to, len);
}

FACE int res_querydomain(const char *name, const char *domain, int class, int type, unsigned char *to, int len)
{
	return CAUGHT(res_querydomain, name, domain, class, type, to, len);
}

FACE int res_send(const unsigned char *question, int question_len, unsigned char *to, int len)
{
	return CAUGHT(res_send, question, question_len, to, len);
}

FACE int res_nquery(res_state s, const char *name, int class, int type, unsigned char *to, int len)
{
	return CAUGHT(res_nquery, s, name, class, type, to, len);
}

FACE int res_nsearch(res_state s, const char *name, int class, int type, unsigned char *to, int len)
{
	return CAUGHT(res_nsearch, s, name, class, type, to, len);
}

FACE int res_nquerydomain(res_state s, const char *name, const char *domain, int class, int type, unsigned char *to, int len)
{
	return CAUGHT(res_nquerydomain, s, name, domain, class, type, to, len);
}

FACE int res_nsend(res_state s, const unsigned char *question, int question_len, unsigned char *to, int len)
{
	return CAUGHT(res_nsend, s, question, question_len, to, len);
}

/* What programs of an older libc call them. */
#define TWIN(name) extern __typeof__(name) __##name __attribute__((alias(#name), visibility("default")))
TWIN(res_query);
TWIN(res_search);
TWIN(res_querydomain);
TWIN(res_send);
TWIN(res_nquery);
TWIN(res_nsearch);
TWIN(res_nquerydomain);
TWIN(res_nsend);

/* ---- handlers ---- */

FACE int sigaction(int sig, const struct sigaction *set, struct sigaction *old) { return CAUGHT(sigaction, sig, set, old); }
