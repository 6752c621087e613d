/* lwip_nc.c: netcat over lwIP, an independent TCP, on a raw socket of an interface that the kernel does not use itself.
 *
 *   lwip_nc [--listen] [--slow] INTERFACE OWN_ADDRESS PEER_ADDRESS PORT
 *
 * Standard input goes to the connection, what comes back to standard output; the end of input shuts the sending side down.
 * IPv4 networks are /24, IPv6 ones /64. --slow reads a little at a time, so that its window closes. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <lwip/etharp.h>
#include <lwip/ethip6.h>
#include <lwip/netif.h>
#include <lwip/sockets.h>
#include <lwip/tcpip.h>

#define FRAME_MAX 2048
#define CHUNK 65536
#define SLOW_BYTES 2048
#define SLOW_US 2000

static int wire; /* the raw socket */
static struct netif iface;
static struct ifreq ifr;

static void die(const char *what)
{
	fprintf(stderr, "lwip_nc: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- the interface ---- */

static void wire_open(const char *name)
{
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(name)};

	wire = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	if (wire < 0 || bind(wire, (struct sockaddr *)&at, sizeof(at)) != 0)
		die(name);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(wire, SIOCGIFHWADDR, &ifr) != 0)
		die("hardware address");
}

static err_t frame_out(struct netif *n, struct pbuf *p)
{
	uint8_t frame[FRAME_MAX];
	uint16_t len = pbuf_copy_partial(p, frame, sizeof(frame), 0);

	(void)n;
	return write(wire, frame, len) == len ? ERR_OK : ERR_IF;
}

static err_t iface_init(struct netif *n)
{
	n->name[0] = 's';
	n->name[1] = 'p';
	n->output = etharp_output;
	n->output_ip6 = ethip6_output;
	n->linkoutput = frame_out;
	n->mtu = 1500;
	n->hwaddr_len = ETH_ALEN;
	memcpy(n->hwaddr, ifr.ifr_hwaddr.sa_data, ETH_ALEN);
	n->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_LINK_UP | NETIF_FLAG_MLD6 |
		   NETIF_FLAG_IGMP;
	return ERR_OK;
}

static void *frames_in(void *arg)
{
	struct sockaddr_ll from;
	uint8_t frame[FRAME_MAX];

	(void)arg;
	for (;;) {
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(wire, frame, sizeof(frame), 0, (struct sockaddr *)&from, &from_len);
		struct pbuf *p;

		if (n <= 0 || from.sll_pkttype == PACKET_OUTGOING)
			continue;
		p = pbuf_alloc(PBUF_RAW, (uint16_t)n, PBUF_RAM);
		if (p == NULL)
			continue;
		pbuf_take(p, frame, (uint16_t)n);
		if (iface.input(p, &iface) != ERR_OK)
			pbuf_free(p);
	}
	return NULL;
}

static void address_set(const char *own)
{
	ip4_addr_t ip = {0}, mask = {0};
	ip6_addr_t ip6;

	LOCK_TCPIP_CORE();
	if (strchr(own, ':') == NULL) {
		ip.addr = inet_addr(own);
		mask.addr = htonl(0xffffff00u);
	}
	netif_add(&iface, &ip, &mask, NULL, NULL, iface_init, tcpip_input);
	netif_set_default(&iface);
	netif_create_ip6_linklocal_address(&iface, 1);
	if (strchr(own, ':') != NULL && ip6addr_aton(own, &ip6)) {
		netif_ip6_addr_set(&iface, 1, &ip6);
		netif_ip6_addr_set_state(&iface, 1, IP6_ADDR_PREFERRED);
	}
	netif_set_up(&iface);
	UNLOCK_TCPIP_CORE();
}

/* ---- the connection ---- */

static socklen_t address_of(const char *text, uint16_t port, struct sockaddr_storage *ss)
{
	struct sockaddr_in *in = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		return sizeof(*in);
	}
	if (inet_pton(AF_INET6, text, &in6->sin6_addr) != 1)
		die(text);
	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(port);
	return sizeof(*in6);
}

static int connection(bool listener, const char *own, const char *peer, uint16_t port)
{
	struct sockaddr_storage ss;
	socklen_t len = address_of(listener ? own : peer, port, &ss);
	int fd = lwip_socket(ss.ss_family, SOCK_STREAM, 0), c;

	if (fd < 0)
		die("socket");
	if (!listener) {
		if (lwip_connect(fd, (struct sockaddr *)&ss, len) != 0)
			die("connect");
		return fd;
	}
	if (lwip_bind(fd, (struct sockaddr *)&ss, len) != 0 || lwip_listen(fd, 4) != 0)
		die("listen");
	fprintf(stderr, "lwip_nc: listening\n");
	c = lwip_accept(fd, NULL, NULL);
	if (c < 0)
		die("accept");
	lwip_close(fd);
	return c;
}

static void *pump_out(void *arg)
{
	int fd = *(int *)arg;
	static char buf[CHUNK];
	ssize_t n;

	while ((n = read(STDIN_FILENO, buf, sizeof(buf))) > 0)
		for (ssize_t done = 0; done < n;) {
			ssize_t k = lwip_write(fd, buf + done, (size_t)(n - done));

			if (k <= 0)
				die("write");
			done += k;
		}
	lwip_shutdown(fd, SHUT_WR);
	return NULL;
}

static void pump_in(int fd, bool slow)
{
	static char buf[CHUNK];
	ssize_t n;

	while ((n = lwip_read(fd, buf, slow ? SLOW_BYTES : sizeof(buf))) > 0) {
		if (write(STDOUT_FILENO, buf, (size_t)n) != n)
			die("standard output");
		if (slow)
			usleep(SLOW_US);
	}
	if (n < 0)
		die("read");
}

static void ready(void *arg) { sem_post(arg); }

int main(int argc, char **argv)
{
	bool listener = false, slow = false;
	pthread_t in, out;
	sem_t up;
	int fd;

	for (; argc > 1 && argv[1][0] == '-'; argc--, argv++) {
		listener |= strcmp(argv[1], "--listen") == 0;
		slow |= strcmp(argv[1], "--slow") == 0;
	}
	if (argc != 5) {
		fprintf(stderr, "usage: lwip_nc [--listen] [--slow] INTERFACE OWN_ADDRESS PEER_ADDRESS PORT\n");
		return 2;
	}
	wire_open(argv[1]);
	sem_init(&up, 0, 0);
	tcpip_init(ready, &up);
	sem_wait(&up);
	address_set(argv[2]);
	pthread_create(&in, NULL, frames_in, NULL);
	fd = connection(listener, argv[2], argv[3], (uint16_t)atoi(argv[4]));
	pthread_create(&out, NULL, pump_out, &fd);
	pump_in(fd, slow);
	pthread_join(out, NULL);
	lwip_close(fd);
	sleep(3); /* its last bytes and FIN may be lost, and nobody sends them again once this ends: some RTOs of lwIP's */
	return 0;
}
