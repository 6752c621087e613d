/* verify.c: in the middle of the hammering each thread has a connection of its own, on which every byte is checked. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/client.h"
#include "hammer.h"

#define PIECE_MAX 5000u

/* Of the stream of thread n, byte at. */
static uint8_t byte_of(unsigned n, uint64_t at) { return (uint8_t)(at * 31 + at / 251 + n * 7); }

static int dial(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(HAMMER_ECHO)};
	const struct timeval late = {.tv_sec = 20};
	int fd = client_socket(AF_INET, SOCK_STREAM, 0), rc;

	if (fd < 0)
		return fd;
	inet_pton(AF_INET, HAMMER_PEER, &in.sin_addr);
	client_setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &late, sizeof(late));
	client_setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &late, sizeof(late));
	rc = client_connect(fd, (struct sockaddr *)&in, sizeof(in));
	return rc < 0 ? rc : fd;
}

static bool fail(const struct thread *t, const char *what, int64_t rc)
{
	fprintf(stderr, "thread %u: %s: %s\n", t->number, what, rc < 0 ? strerror((int)-rc) : "wrong bytes");
	return false;
}

bool verify_step(struct thread *t)
{
	uint8_t buf[PIECE_MAX];
	size_t n = 1 + (size_t)(prng_u64(&t->rng) % PIECE_MAX);

	if (t->echo < 0)
		t->echo = dial();
	if (t->echo < 0)
		return fail(t, "connect", t->echo);
	for (size_t i = 0; i < n; i++)
		buf[i] = byte_of(t->number, t->sent + i);
	for (size_t at = 0; at < n;) {
		ssize_t rc = client_sendto(t->echo, buf + at, n - at, MSG_NOSIGNAL, NULL, 0);

		if (rc <= 0)
			return fail(t, "send", rc);
		at += (size_t)rc;
	}
	t->sent += n;
	while (t->received < t->sent) {
		ssize_t rc = client_recvfrom(t->echo, buf, sizeof(buf), 0, NULL, NULL);

		if (rc <= 0)
			return fail(t, "recv", rc < 0 ? rc : -ENODATA);
		for (ssize_t i = 0; i < rc; i++)
			if (buf[i] != byte_of(t->number, t->received + (uint64_t)i))
				return fail(t, "recv", 0);
		t->received += (uint64_t)rc;
	}
	atomic_fetch_add_explicit(&hammer.echoed, n, memory_order_relaxed);
	return true;
}

void verify_end(struct thread *t)
{
	if (t->echo >= 0)
		client_close(t->echo);
}
