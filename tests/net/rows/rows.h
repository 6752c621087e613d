// rows.h: what the rows of the differential test of connect() are written with. A row makes sockets, does what its line of the
// table says, and states facts: a key, what was seen, and what the table says of Linux. Only libc's socket calls are used.
#pragma once
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

enum {
	ROW_BOTH = 1,	 // once per family
	ROW_IP6 = 2,	 // IPv6 only
	ROW_ALONE = 4,	 // after all others, by itself: it forks
	ROW_LONG = 8,	 // only with --long: it takes more than 20 s
	ROW_DOWN = 16,	 // only with --down: the link is down
};

struct net;

struct row {
	const char *id; // as in the table
	void (*run)(const struct net *n);
	unsigned flags;
};

// One array per section, which ends with an empty row.
extern const struct row rows_a[], rows_b[], rows_c[], rows_d[], rows_e[], rows_f[], rows_g[], rows_h[], rows_i[], rows_j[],
	rows_k[], rows_l[];

// ---- the world (world.c): who answers at which address, in both families

struct net {
	int af;
	const char *own, *loop, *any;
	const char *peer, *peer2;	   // the other host's kernel
	const char *wire;		   // an address whose answers are made by hand
	const char *wire2;		   // another
	const char *far;		   // behind a gateway; answers as wire
	const char *nobody;		   // on the link, and does not exist
	const char *nowhere;		   // no route leads there
	const char *unreachable, *prohibited, *hole; // by a route of that type
};
extern const struct net net4, net6;

// Ports at peer and peer2.
enum {
	PORT_CONTROL = 7000,
	PORT_TALK = 7001,	// echoes; F: sends FIN, R: resets
	PORT_QUIET = 7002,	// the same; only for rows that count ports
	PORT_FIN = 7003,	// closes at once
	PORT_RST = 7004,	// resets at once
	PORT_FULL = 7100,	// and up: listeners whose backlog is full, until "drain PORT"
	PORT_ECHO = 7010,	// datagrams; X: a datagram from PORT_OTHER comes first
	PORT_OTHER = 7012,
	PORT_CLOSED = 7098,	// and up: nobody listens
	PORT_DENIED = 7097,	// the local filter of our host drops what goes there
};

// Ports at wire, wire2 and far; TYPE * 1000 + CODE: the first SYN, or a datagram, is answered by that ICMP error.
enum {
	PORT_ACCEPT = 5000,
	PORT_REFUSE = 5001,
	PORT_LOST = 5011,	// the second SYN is accepted
	PORT_WRONG_QUOTE = 5012,
	PORT_BOTH = 5013,	// an ICMP error, and the SYN-ACK right behind it
	PORT_LATE = 5015,	// SYN-ACK after LATE_MS
	PORT_LATE_REFUSE = 5016,
	PORT_SILENT = 9000,	// and up: silence
};
enum { LATE_MS = 700 };

// The device of our host, for what carries a scope.
#define OUR_DEVICE "sp0"

struct addr {
	socklen_t len;
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
		struct sockaddr_storage any;
	};
};

struct addr at(const char *host, int port);
struct addr at_scope(const char *host, int port, const char *device);
struct addr at_mapped(const char *host4, int port);
struct addr unspec(void);
// A port of our own for a row: another per family, as one family's may cover both. Names show the same for both.
int own_port(const struct net *n, int port);
// "own:port", "peer:7001", ...: the same for both families and on every machine.
void world_name(const struct addr *a, char *text, size_t size);

// ---- sockets that end with their row (run.c)

int keep(int fd);
int tcp(const struct net *n, int flags);
int udp(const struct net *n);
int dial(int fd, struct addr to); // connect()
int local_port(int fd);
void set_int(int fd, int level, int option, int value);
void set_timeout(int fd, int option, int ms);
void set_blocking(int fd, bool on);
void set_port_range(int fd, int low, int high);
void bind_to(int fd, struct addr to);
void device_bind(int fd, const char *name);
int joined(const struct net *n, int flags); // connected with PORT_TALK
int refused(const struct net *n);	    // not blocking, refused, and not asked yet
int pending(const struct net *n, int port); // not blocking, connecting with wire
int listening(const struct net *n, const char *host); // a listener of our own; its port: local_port()
bool await(int fd, short events);	    // until poll() shows them all; not longer than 6 s
void pause_ms(int ms);
int64_t now_ms(void);

// Does something a while later, in another thread; later_join() before what it uses goes.
struct later;
struct later *later(int ms, void (*work)(int fd, void *arg), int fd, void *arg);
struct later *later_signal(int ms, int sig); // to this thread
void later_join(struct later *l);

// ---- facts (facts.c); want: what the table says of Linux, NULL when it says nothing

void say(const char *key, const char *want, const char *format, ...) __attribute__((format(printf, 3, 4)));
void see(const char *key, int64_t result, const char *want); // a number, or errno's name when it is -1
void see_connect(int fd, struct addr to, const char *want);
void see_poll(int fd, const char *want); // as it is now
void see_ready(int fd, const char *want);  // once it shows anything
void see_select(int fd, const char *want); // "r/w/x"
void see_soerr(int fd, const char *want);
void see_names(int fd, const char *own, const char *peer);
void see_send(int fd, const char *text, const char *want);
void see_send_to(int fd, const char *text, struct addr to, const char *want);
void see_recv(int fd, const char *want); // the text
void see_time(const char *key, int64_t ms, int want_ms, int tolerance_ms);
void see_epoll(int ep, int wait_ms, const char *want);
void errno_text(int error, char *text, size_t size);

// ---- what the peers saw (control.c)

// One line of question, one of answer.
void ask(const char *question, char *answer, size_t size);
void see_asked(const char *key, const char *want, const char *format, ...) __attribute__((format(printf, 3, 4)));

// ---- the row that runs in this thread (run.c)

enum { FACTS_MAX = 96, KEY_MAX = 40, VALUE_MAX = 200, KEPT_MAX = 64 };

struct fact {
	char key[KEY_MAX], seen[VALUE_MAX], want[VALUE_MAX];
	bool wanted;
};

struct running {
	const struct row *row;
	const struct net *net;
	struct fact facts[FACTS_MAX];
	int fact_count;
	int kept[KEPT_MAX];
	int kept_count;
};
extern _Thread_local struct running *running;
