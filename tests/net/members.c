/* members.c: a member of a multicast group over spate, for the tests: what comes to the group goes to standard output, a line per
 * datagram with its TTL; what is said on standard input goes to the group.
 *
 *   members [--SETTING VALUE]... GROUP PORT [SOURCE]
 *
 * A line "leave" ends the membership and "join" begins it again. It ends with standard input. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <spate/socket.h>
#include <spate/spate.h>

#define WAIT_MS 2

static struct sockaddr_in group;
static struct in_addr source; /* 0: all */
static int fd;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "members: %s: %s\n", what, why);
	exit(1);
}

static void membership(int join)
{
	struct ip_mreqn all = {.imr_multiaddr = group.sin_addr};
	struct ip_mreq_source one = {.imr_multiaddr = group.sin_addr, .imr_sourceaddr = source};
	int rc;

	if (source.s_addr == 0)
		rc = spate_setsockopt(fd, IPPROTO_IP, join ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP, &all, sizeof(all));
	else
		rc = spate_setsockopt(fd, IPPROTO_IP, join ? IP_ADD_SOURCE_MEMBERSHIP : IP_DROP_SOURCE_MEMBERSHIP, &one, sizeof(one));
	if (rc < 0)
		die("membership", strerror(errno));
	fprintf(stderr, "members: %s\n", join ? "joined" : "left");
}

static void hear(void)
{
	char text[2048], control[64];
	struct iovec iov = {.iov_base = text, .iov_len = sizeof(text) - 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t n = spate_recvmsg(fd, &msg, 0);
	int ttl = -1;

	if (n < 0)
		die("recvmsg", strerror(errno));
	text[n] = '\0';
	if (CMSG_FIRSTHDR(&msg) != NULL)
		memcpy(&ttl, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(ttl));
	printf("%s ttl=%d\n", text, ttl);
	fflush(stdout);
}

/* One line at a time: a pipe's writer writes whole ones. False: the end. */
static int said(void)
{
	char line[256];
	ssize_t n = read(STDIN_FILENO, line, sizeof(line) - 1);

	if (n <= 0)
		return 0;
	line[n] = '\0';
	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, "join") == 0)
		membership(1);
	else if (strcmp(line, "leave") == 0)
		membership(0);
	else if (spate_sendto(fd, line, strlen(line), 0, (struct sockaddr *)&group, sizeof(group)) < 0)
		die("sendto", strerror(errno));
	return 1;
}

int main(int argc, char **argv)
{
	struct spate_config *c = spate_config_new();
	struct sockaddr_in any = {.sin_family = AF_INET};
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN}, out = {.events = POLLIN};
	char err[512];
	int one = 1, i;

	for (i = 1; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2)
		if (spate_config_set(c, argv[i] + 2, argv[i + 1], err, sizeof(err)))
			die("setting", err);
	if (argc - i < 2 || inet_pton(AF_INET, argv[i], &group.sin_addr) != 1)
		die("usage", "members [--SETTING VALUE]... GROUP PORT [SOURCE]");
	if (argc - i > 2 && inet_pton(AF_INET, argv[i + 2], &source) != 1)
		die("source", "is no address");
	group.sin_family = AF_INET;
	group.sin_port = any.sin_port = htons((uint16_t)atoi(argv[i + 1]));
	if (spate_start(c, err, sizeof(err)) || spate_attach(0))
		die("start", err);
	fd = spate_socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || spate_bind(fd, (struct sockaddr *)&any, sizeof(any)))
		die("bind", strerror(errno));
	spate_setsockopt(fd, IPPROTO_IP, IP_RECVTTL, &one, sizeof(one));
	membership(1);
	out.fd = fd;
	while (poll(&in, 1, 0) <= 0 || said()) {
		if (spate_poll(&out, 1, WAIT_MS) > 0)
			hear();
	}
	spate_close(fd);
	for (i = 0; i < 20; i++)
		spate_poll(NULL, 0, 5); /* the goodbye leaves */
	spate_detach();
	spate_stop();
	spate_config_free(c);
	return 0;
}
