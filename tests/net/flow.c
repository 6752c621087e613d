/* flow.c: one TCP connection that sends as fast as it may, for comparing senders: the same source for spate's sockets and for the
 * kernel's (flow.h).
 *
 *   flow [--SETTING VALUE]... CONGESTION SECONDS ADDRESS PORT
 *
 * Prints a line "TIME BYTES" every 100 ms: seconds since the machine started, and what the peer has acknowledged until then; then
 * "sent again N", in segments, and ends with a reset. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "flow.h"

#define SAMPLE_S 0.1

static void need(int rc, const char *what)
{
	if (rc >= 0)
		return;
	fprintf(stderr, "flow: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int flow_open(const char *congestion, const char *address, const char *port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	const struct timeval wait = {.tv_usec = 50000};
	int fd = NET(socket)(AF_INET, SOCK_STREAM, 0);

	need(fd, "socket");
	need(inet_pton(AF_INET, address, &to.sin_addr) == 1 ? 0 : -1, address);
	need(NET(setsockopt)(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, (socklen_t)strlen(congestion)), congestion);
	need(NET(connect)(fd, (const struct sockaddr *)&to, sizeof(to)), "connect");
	need(NET(setsockopt)(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)), "SO_SNDTIMEO");
	return fd;
}

static struct tcp_info info_of(int fd)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);

	need(NET(getsockopt)(fd, IPPROTO_TCP, TCP_INFO, &info, &len), "TCP_INFO");
	return info;
}

static void flow_run(int fd, double seconds)
{
	static char chunk[16384];
	double begun = now_s(), next = begun, now;

	while ((now = now_s()) < begun + seconds) {
		if (now >= next) {
			printf("%.6f %llu\n", now, (unsigned long long)info_of(fd).tcpi_bytes_acked);
			next += SAMPLE_S;
		}
		if (NET(send)(fd, chunk, sizeof(chunk), MSG_NOSIGNAL) < 0 && errno != EAGAIN)
			need(-1, "send");
	}
	printf("sent again %u\n", info_of(fd).tcpi_total_retrans);
}

int main(int argc, char **argv)
{
	const struct linger reset = {.l_onoff = 1};
	int used = 1 + flow_net_start(argc - 1, argv + 1), fd;

	if (argc - used != 4) {
		fprintf(stderr, "usage: flow [--SETTING VALUE]... CONGESTION SECONDS ADDRESS PORT\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	fd = flow_open(argv[used], argv[used + 2], argv[used + 3]);
	flow_run(fd, atof(argv[used + 1]));
	need(NET(setsockopt)(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), "SO_LINGER");
	need(NET(close)(fd), "close");
	flow_net_stop();
	return 0;
}
