// crowd.c: 64 threads on a few sockets that they share: who sends and who receives is up to chance, and every byte is counted.
//
//   crowd connect ADDRESS PORT    to an echo server of TCP and one of UDP: what comes back is what was sent, by each thread
//   crowd serve ADDRESS PORT N    accepts on one socket in all threads, and echoes N connections
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { THREADS = 64, STREAMS = 8, ROUNDS = 200, SIZE = 100, QUIET_MS = 10000 };

static int streams[STREAMS], datagrams, listener;
static atomic_long sent[THREADS], came[THREADS], answered, taken;
static atomic_bool failed;
static long to_take;

static void fail(const char *what)
{
	if (!atomic_exchange(&failed, true))
		fprintf(stderr, "crowd: %s: %s\n", what, strerror(errno));
}

static struct sockaddr_in address(char **args)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(args[1]))};

	if (inet_pton(AF_INET, args[0], &to.sin_addr) != 1)
		fail("address");
	return to;
}

// Whatever has come on a socket: each byte is the number of the thread that sent it.
static bool receive(int fd, int flags)
{
	unsigned char got[4096];
	ssize_t n = recv(fd, got, sizeof(got), flags);

	if (n < 0 && errno != EAGAIN && errno != EINTR)
		fail("recv");
	for (ssize_t i = 0; i < n; i++) {
		if (got[i] >= THREADS)
			fail("a byte that nobody sent");
		else
			came[got[i]]++;
	}
	return n > 0;
}

static void send_all(int fd, int number)
{
	unsigned char text[SIZE];
	size_t done = 0;

	memset(text, number, sizeof(text));
	while (done < sizeof(text)) {
		ssize_t n = send(fd, text + done, sizeof(text) - done, MSG_NOSIGNAL);

		if (n < 0 && errno != EINTR)
			return fail("send");
		done += n > 0 ? (size_t)n : 0;
	}
	sent[number] += SIZE;
}

static void *talk(void *arg)
{
	int number = (int)(intptr_t)arg;

	for (int round = 0; round < ROUNDS && !failed; round++) {
		send_all(streams[(number + round) % STREAMS], number);
		receive(streams[(number * 7 + round) % STREAMS], MSG_DONTWAIT);
	}
	return NULL;
}

// One datagram at a time and thread; whose answer comes here is open. Those that get lost are sent again.
static void *ask(void *arg)
{
	unsigned char text[SIZE];

	memset(text, (int)(intptr_t)arg, sizeof(text));
	for (int round = 0; round < ROUNDS && !failed;) {
		ssize_t n = send(datagrams, text, sizeof(text), 0);

		if (n != sizeof(text)) {
			fail("send of a datagram");
			break;
		}
		n = recv(datagrams, text, sizeof(text), 0);
		if (n != sizeof(text) && errno != EAGAIN) {
			fail("recv of a datagram");
			break;
		}
		for (int i = 1; i < SIZE; i++) {
			if (text[i] != text[0])
				fail("a datagram of two threads");
		}
		if (n > 0) {
			answered++;
			round++;
		}
		memset(text, (int)(intptr_t)arg, sizeof(text));
	}
	return NULL;
}

static void echo(int fd)
{
	char text[4096];
	ssize_t n;

	while ((n = recv(fd, text, sizeof(text), 0)) > 0) {
		if (send(fd, text, (size_t)n, MSG_NOSIGNAL) != n)
			fail("echo");
	}
	if (n < 0)
		fail("recv of the server");
}

static void *take(void *arg)
{
	(void)arg;
	while (atomic_fetch_add(&taken, 1) < to_take) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0) {
			fail("accept");
			break;
		}
		echo(fd);
		if (close(fd) < 0)
			fail("close");
	}
	return NULL;
}

static void run_all(void *(*work)(void *))
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++) {
		if (pthread_create(&threads[i], NULL, work, (void *)(intptr_t)i) != 0)
			exit(2);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static long missing(void)
{
	long sum = 0;

	for (int i = 0; i < THREADS; i++)
		sum += labs(sent[i] - came[i]);
	return sum;
}

static void drain(void)
{
	while (missing() > 0 && !failed) {
		struct pollfd p[STREAMS];
		bool any = false;

		for (int i = 0; i < STREAMS; i++)
			p[i] = (struct pollfd){.fd = streams[i], .events = POLLIN};
		if (poll(p, STREAMS, QUIET_MS) <= 0)
			return fail("nothing comes any more");
		for (int i = 0; i < STREAMS; i++)
			any |= p[i].revents && receive(streams[i], MSG_DONTWAIT);
		if (!any)
			return fail("readable, and nothing there");
	}
}

static int to_connect(char **args)
{
	struct sockaddr_in to = address(args);
	struct timeval wait = {.tv_sec = 1};

	for (int i = 0; i < STREAMS; i++) {
		streams[i] = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(streams[i], (struct sockaddr *)&to, sizeof(to)) < 0)
			fail("connect");
	}
	datagrams = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(datagrams, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	if (connect(datagrams, (struct sockaddr *)&to, sizeof(to)) < 0)
		fail("connect of datagrams");
	if (!failed)
		run_all(talk);
	drain();
	if (!failed)
		run_all(ask);
	printf("%d threads: %ld bytes missing, %ld datagrams answered\n", THREADS, missing(), atomic_load(&answered));
	return failed || missing() != 0;
}

static int to_serve(char **args)
{
	struct sockaddr_in on = address(args);

	to_take = atol(args[2]);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&on, sizeof(on)) < 0 || listen(listener, 256) < 0)
		fail("listen");
	else
		run_all(take);
	printf("%d threads: %ld connections\n", THREADS, to_take);
	return failed;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "connect") == 0)
		return to_connect(argv + 2);
	if (argc == 5 && strcmp(argv[1], "serve") == 0)
		return to_serve(argv + 2);
	fprintf(stderr, "usage: crowd connect ADDRESS PORT | crowd serve ADDRESS PORT N\n");
	return 2;
}
