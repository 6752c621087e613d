/* sim.c: see sim.h. */
#include "sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/client.h"
#include "spate/socket.h"
#include "svc/svc.h"

#define FAR_SOCKETS 64
#define PIECE 65536

static struct svc *svc;
static struct spate_config *config;
static char path[64];
static pthread_t far_thread;
static _Atomic bool over;
static _Atomic unsigned far_open, far_ready;

/* ---- the far end ---- */

struct far_socket {
	int fd;
	bool echoes;
	size_t have, sent;
	char buf[PIECE];
};

static struct far_socket far[FAR_SOCKETS];

static int far_listen(int type, uint16_t port)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = spate_socket(AF_INET, type | SOCK_NONBLOCK, 0);

	spate_bind(fd, (struct sockaddr *)&any, sizeof(any));
	if (type == SOCK_STREAM)
		spate_listen(fd, 64);
	return fd;
}

static void far_accept(int listener, bool echoes)
{
	struct far_socket *s = far;
	int fd = spate_accept4(listener, NULL, NULL, SOCK_NONBLOCK);

	if (fd < 0)
		return;
	while (s->fd >= 0)
		s++;
	*s = (struct far_socket){.fd = fd, .echoes = echoes};
	atomic_fetch_add(&far_open, 1);
}

static void far_close(struct far_socket *s)
{
	spate_close(s->fd);
	s->fd = -1;
	atomic_fetch_sub(&far_open, 1);
}

static bool far_serve(struct far_socket *s)
{
	struct pollfd gone = {.fd = s->fd, .events = POLLRDHUP};
	ssize_t n;

	if (!s->echoes) {
		if (spate_poll(&gone, 1, 0) > 0)
			far_close(s);
		return false;
	}
	if (s->sent == s->have) {
		n = spate_recv(s->fd, s->buf, sizeof(s->buf), 0);
		if (n == 0 || (n < 0 && errno != EAGAIN)) {
			far_close(s);
			return true;
		}
		if (n < 0)
			return false;
		s->have = (size_t)n;
		s->sent = 0;
	}
	n = spate_send(s->fd, s->buf + s->sent, s->have - s->sent, MSG_NOSIGNAL);
	s->sent += n > 0 ? (size_t)n : 0;
	return n > 0;
}

static void far_echo_datagram(int fd)
{
	static char buf[PIECE];
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	ssize_t n = spate_recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);

	if (n >= 0)
		spate_sendto(fd, buf, (size_t)n, 0, (struct sockaddr *)&from, len);
}

static void *far_main(void *arg)
{
	const struct timespec nap = {.tv_nsec = 20000};
	int echo, deaf, datagrams;

	(void)arg;
	if (spate_attach(1) != 0)
		return NULL;
	for (unsigned i = 0; i < FAR_SOCKETS; i++)
		far[i].fd = -1;
	echo = far_listen(SOCK_STREAM, ECHO_PORT);
	deaf = far_listen(SOCK_STREAM, DEAF_PORT);
	datagrams = far_listen(SOCK_DGRAM, ECHO_PORT);
	atomic_store(&far_ready, 1);
	while (!atomic_load(&over)) {
		bool busy = spate_turn() > 0;

		far_accept(echo, true);
		far_accept(deaf, false);
		far_echo_datagram(datagrams);
		for (unsigned i = 0; i < FAR_SOCKETS; i++)
			busy |= far[i].fd >= 0 && far_serve(&far[i]);
		if (!busy)
			nanosleep(&nap, NULL);
	}
	spate_detach();
	return NULL;
}

void sim_far_has(unsigned n)
{
	for (int tries = 0; atomic_load(&far_open) != n && tries < 5000; tries++)
		usleep(1000);
	assert_int_equal(atomic_load(&far_open), n);
}

/* ---- the whole ---- */

static int start(void)
{
	static const char *const settings[][2] = {
		{"dev", "sim"}, {"ip", NEAR_IP "/24"}, {"peer-ip", FAR_IP "/24"}, {"max-connections", "10000"},
		{"mbufs", "4096"}, {"log-level", "error"},
	};
	char err[256];

	config = spate_config_new();
	for (unsigned i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		if (spate_config_set(config, settings[i][0], settings[i][1], err, sizeof(err)) != 0) {
			fprintf(stderr, "%s\n", err);
			return 1;
		}
	}
	if (spate_start(config, err, sizeof(err)) == 0)
		return 0;
	fprintf(stderr, "%s\n", err);
	return 1;
}

int sim_begin(const char *const *rules, unsigned n_rules)
{
	struct svc_config cfg = {.path = path, .idle = SVC_IDLE_ADAPTIVE, .rules = rules, .n_rules = n_rules};
	char err[256];

	snprintf(path, sizeof(path), "/tmp/spate-client-test-%d", getpid());
	if (start() != 0 || pthread_create(&far_thread, NULL, far_main, NULL) != 0)
		return 1;
	while (!atomic_load(&far_ready))
		usleep(1000);
	if (svc_start(&cfg, &svc, err, sizeof(err)) != 0) {
		fprintf(stderr, "%s\n", err);
		return 1;
	}
	if (client_attach(path) != 0) {
		fprintf(stderr, "the client does not join\n");
		return 1;
	}
	return 0;
}

void sim_end(void)
{
	client_detach();
	svc_stop(svc);
	atomic_store(&over, true);
	pthread_join(far_thread, NULL);
	spate_stop();
	spate_config_free(config);
}

struct sockaddr_in sim_addr(const char *ip, uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = inet_addr(ip)};
}

int sim_connected(int type, uint16_t port)
{
	struct sockaddr_in to = sim_addr(FAR_IP, port);
	int fd = client_socket(AF_INET, type, 0);

	assert_true(fd >= 0);
	assert_int_equal(client_connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	return fd;
}
