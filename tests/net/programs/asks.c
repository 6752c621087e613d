/* asks.c: for run_dns.sh: asks libc for names in all the ways that it has: one line per way, "WAY: ANSWER". asks ADDRESS */
#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <pthread.h>
#include <resolv.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define THREADS 16

static const char *text_of(const struct sockaddr *a)
{
	static char text[INET6_ADDRSTRLEN];

	if (a->sa_family == AF_INET)
		return inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)a)->sin_addr, text, sizeof(text));
	return inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, text, sizeof(text));
}

/* The first address of that family; "" and why not. */
static const char *first(const char *name, int family, int flags)
{
	const struct addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = flags};
	struct addrinfo *found;
	const char *text;
	int rc = getaddrinfo(name, "80", &hints, &found);

	if (rc != 0)
		return gai_strerror(rc);
	text = text_of(found->ai_addr);
	freeaddrinfo(found);
	return text;
}

static int count(const char *name)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	int n = 0;

	if (getaddrinfo(name, "80", &hints, &found) != 0)
		return -1;
	for (struct addrinfo *a = found; a != NULL; a = a->ai_next)
		n++;
	freeaddrinfo(found);
	return n;
}

static const char *of_hostent(const struct hostent *h)
{
	static char text[INET6_ADDRSTRLEN];

	if (h == NULL)
		return hstrerror(h_errno);
	return inet_ntop(h->h_addrtype, h->h_addr_list[0], text, sizeof(text));
}

static void by_the_old_ways(const char *address)
{
	struct hostent room, *h = NULL;
	struct in_addr a;
	char buf[2048];
	int err;

	printf("gethostbyname: %s\n", of_hostent(gethostbyname("host.spate.test")));
	printf("gethostbyname2: %s\n", of_hostent(gethostbyname2("host.spate.test", AF_INET6)));
	gethostbyname_r("host.spate.test", &room, buf, sizeof(buf), &h, &err);
	printf("gethostbyname_r: %s\n", of_hostent(h));
	gethostbyname2_r("host.spate.test", AF_INET6, &room, buf, sizeof(buf), &h, &err);
	printf("gethostbyname2_r: %s\n", of_hostent(h));
	inet_pton(AF_INET, address, &a);
	h = gethostbyaddr(&a, sizeof(a), AF_INET);
	printf("gethostbyaddr: %s\n", h != NULL ? h->h_name : hstrerror(h_errno));
	gethostbyaddr_r(&a, sizeof(a), AF_INET, &room, buf, sizeof(buf), &h, &err);
	printf("gethostbyaddr_r: %s\n", h != NULL ? h->h_name : hstrerror(err));
}

static void by_address(const char *address)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	char name[256];
	int rc;

	inet_pton(AF_INET, address, &at.sin_addr);
	rc = getnameinfo((struct sockaddr *)&at, sizeof(at), name, sizeof(name), NULL, 0, NI_NAMEREQD);
	printf("getnameinfo: %s\n", rc == 0 ? name : gai_strerror(rc));
}

/* How many answers a packet of the resolver's says there are. */
static int answers(const unsigned char *packet, int len)
{
	ns_msg msg;

	return len > 0 && ns_initparse(packet, len, &msg) == 0 ? ns_msg_count(msg, ns_s_an) : -1;
}

static void by_packets(void)
{
	static unsigned char question[512], packet[65536];
	struct __res_state state;
	int len;

	memset(&state, 0, sizeof(state));
	res_init();
	printf("res_query: %d\n", answers(packet, res_query("host.spate.test", C_IN, T_AAAA, packet, sizeof(packet))));
	printf("res_search: %d\n", answers(packet, res_search("big.spate.test", C_IN, T_A, packet, sizeof(packet))));
	printf("res_querydomain: %d\n",
	       answers(packet, res_querydomain("host", "spate.test", C_IN, T_A, packet, sizeof(packet))));
	len = res_mkquery(QUERY, "host.spate.test", C_IN, T_A, NULL, 0, NULL, question, sizeof(question));
	printf("res_send: %d\n", answers(packet, res_send(question, len, packet, sizeof(packet))));
	res_ninit(&state);
	printf("res_nquery: %d\n", answers(packet, res_nquery(&state, "host.spate.test", C_IN, T_A, packet, sizeof(packet))));
	printf("res_nsearch: %d\n", answers(packet, res_nsearch(&state, "host.spate.test", C_IN, T_A, packet, sizeof(packet))));
	printf("res_nquerydomain: %d\n",
	       answers(packet, res_nquerydomain(&state, "host", "spate.test", C_IN, T_A, packet, sizeof(packet))));
	printf("res_nsend: %d\n", answers(packet, res_nsend(&state, question, len, packet, sizeof(packet))));
	res_nclose(&state);
}

static int bad;

static void *thread_main(void *arg)
{
	for (int i = 0; i < 10; i++)
		if (count("big.spate.test") != 60)
			__atomic_fetch_add(&bad, 1, __ATOMIC_RELAXED);
	return arg;
}

static int answers_that_fail(void)
{
	pthread_t t[THREADS];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, thread_main, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	return bad;
}

/* ---- signals: a handler that blocks all of them runs in the middle of it, and a thread that has all blocked asks, too ---- */

static int said[2];

static void on_alarm(int sig)
{
	(void)sig;
	if (write(said[1], "!", 1) != 1)
		_exit(3);
}

static void with_signals(void)
{
	struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	const struct itimerval soon = {.it_value.tv_usec = 100000};
	sigset_t all, was, now;
	const char *text;
	char c = '?';

	sigfillset(&sa.sa_mask);
	sigaction(SIGALRM, &sa, NULL);
	if (pipe(said) != 0)
		return;
	setitimer(ITIMER_REAL, &soon, NULL);
	text = first("slow.spate.test", AF_INET, 0);
	printf("with a handler: %s%c\n", text, read(said[0], &c, 1) == 1 ? c : '-');
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &was);
	text = first("host.spate.test", AF_INET, 0);
	sigprocmask(SIG_SETMASK, &was, &now);
	printf("with all blocked: %s, %s\n", text, sigismember(&now, SIGSYS) ? "and they still were" : "and SIGSYS was not");
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("getaddrinfo: %s\n", first("host.spate.test", AF_INET, 0));
	printf("getaddrinfo, IPv6: %s\n", first("host.spate.test", AF_INET6, 0));
	printf("getaddrinfo, AI_ADDRCONFIG: %s\n", first("host.spate.test", AF_INET, AI_ADDRCONFIG));
	printf("getaddrinfo, no such name: %s\n", first("nobody.spate.test", AF_UNSPEC, 0));
	printf("getaddrinfo, over TCP: %d\n", count("big.spate.test"));
	by_address(argv[1]);
	by_the_old_ways(argv[1]);
	by_packets();
	printf("16 threads, answers that fail: %d\n", answers_that_fail());
	with_signals();
	return 0;
}
