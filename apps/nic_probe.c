/* nic_probe.c: opens connections from every stack, so that every core gets answers whose arrival was predicted. */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"
#include "nic.h"
#include "spate/socket.h"

#define TIMEOUT_NS 3000000000ull /* ARP and one retransmitted SYN */
#define LINGER_NS 200000000ull   /* what is still on its way to another core */
#define EVENTS 64

struct prober {
	pthread_t thread;
	unsigned stack, n;
	struct sockaddr_in to;
	struct nic_seen *seen;
	unsigned *left; /* probers that still wait for answers: nobody leaves before, others' packets may come through his queue */
};

static void counters_read(struct nic_seen *s)
{
	const struct {
		const char *name;
		uint64_t *to;
	} wanted[] = {
		{ "rx.packets", &s->packets }, { "rss.checked", &s->checked }, { "rehome.RSS", &s->elsewhere_rss },
		{ "rehome.NO_RSS", &s->elsewhere_no_rss }, { "rss.hash_given", &s->hash_given },
		{ "rss.hash_wrong", &s->hash_wrong },
	};
	const char *name;
	uint64_t value;

	for (unsigned i = 0; spate_counter(i, &name, &value) == 0; i++)
		for (size_t k = 0; k < sizeof(wanted) / sizeof(wanted[0]); k++)
			if (strcmp(name, wanted[k].name) == 0)
				*wanted[k].to = value;
}

/* One connection under way; -1 when it is over already. */
static int open_one(struct prober *p, int ep)
{
	const struct linger at_once = { .l_onoff = 1 };
	struct epoll_event ev = { .events = EPOLLOUT };
	int fd = spate_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (fd >= 0) {
		spate_setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		ev.data.fd = fd;
		if (spate_connect(fd, (struct sockaddr *)&p->to, sizeof(p->to)) != 0 && errno == EINPROGRESS &&
		    spate_epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == 0)
			return fd;
	}
	p->seen->failed++;
	p->seen->error = errno;
	if (fd >= 0)
		spate_close(fd);
	return -1;
}

/* Refused counts as answered: somebody there sent a packet back. */
static void finish_one(struct prober *p, int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	spate_getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error == 0 || error == ECONNREFUSED) {
		p->seen->answered++;
	} else {
		p->seen->failed++;
		p->seen->error = error;
	}
	spate_close(fd);
}

static void probe(struct prober *p)
{
	struct epoll_event ev[EVENTS];
	int ep = spate_epoll_create1(0);
	unsigned open = 0;
	uint64_t end;

	spate_turn(); /* brings the time up to date */
	end = spate_now_ns() + TIMEOUT_NS;
	for (unsigned i = 0; ep >= 0 && i < p->n; i++)
		open += open_one(p, ep) >= 0;
	while (open > 0 && spate_now_ns() < end && !app_stop) {
		int n = spate_epoll_wait(ep, ev, EVENTS, 0);

		for (int i = 0; i < n; i++)
			finish_one(p, ev[i].data.fd);
		open -= n > 0 ? (unsigned)n : 0;
	}
	p->seen->silent = open;
	end = spate_now_ns() + LINGER_NS;
	while (spate_now_ns() < end && !app_stop)
		spate_turn();
}

static void *prober_main(void *arg)
{
	struct prober *p = arg;
	int rc = spate_attach(p->stack);

	p->seen->error = -rc;
	if (rc == 0 && p->n > 0)
		probe(p);
	__atomic_sub_fetch(p->left, 1, __ATOMIC_ACQ_REL);
	while (rc == 0 && __atomic_load_n(p->left, __ATOMIC_ACQUIRE) != 0)
		spate_turn();
	counters_read(p->seen);
	spate_detach();
	return NULL;
}

int nic_probe(uint32_t addr, uint16_t port, unsigned n, unsigned n_near, struct nic_seen *seen)
{
	unsigned n_stacks = spate_stacks(), started = 0, left = n_stacks;
	struct prober *all = calloc(n_stacks, sizeof(*all));

	if (!all)
		return -ENOMEM;
	memset(seen, 0, n_stacks * sizeof(*seen));
	for (; started < n_stacks; started++) {
		struct prober *p = &all[started];

		p->stack = started;
		p->n = started < n_near ? n : 0;
		p->to = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(addr) };
		p->seen = &seen[started];
		p->left = &left;
		if (pthread_create(&p->thread, NULL, prober_main, p) != 0)
			break;
	}
	__atomic_sub_fetch(&left, n_stacks - started, __ATOMIC_ACQ_REL);
	for (unsigned i = 0; i < started; i++)
		pthread_join(all[i].thread, NULL);
	free(all);
	return started == n_stacks ? 0 : -EAGAIN;
}
