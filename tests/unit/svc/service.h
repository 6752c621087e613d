/* service.h: the near end of a simulated world (unit/sock/world.h) as a service, whose channels the test fills by hand. */
#ifndef TEST_SERVICE_H
#define TEST_SERVICE_H

#include "../sock/world.h"
#include "svc/server.h"

struct service {
	struct svc_region region;
	struct svc_bells bells;
	struct svc_server server;
};

extern struct service service;

int service_make(void **state);
int service_end(void **state);
#define IN_SERVICE(test) cmocka_unit_test_setup_teardown(test, service_make, service_end)

/* A socket as clients name it. */
struct name {
	uint32_t file, gen;
};

/* Posts what is in channel i; the stack answers, without a turn. Its result. */
int64_t post(uint32_t i);
/* The channel, emptied, about this socket. */
struct svc_chan *fill(uint32_t i, enum svc_op op, struct name n);
/* Channel 0's request without arguments, or with a. */
int64_t ask(enum svc_op op, struct name n, int32_t a);
int64_t ask_addr(enum svc_op op, struct name n, const char *ip, uint16_t port);
int64_t ask_send(struct name n, const char *text);
/* What was received is text. */
void expect_recv(struct name n, const char *text);

struct name new_socket(int type);
struct name accept_from(struct name listener); /* fails the test when there is none */
/* Connected to the far end's descriptor *far. */
struct name connected(uint16_t port, int *far);
/* The client lets go of its only reference and says so. */
int64_t let_go(struct name n);

struct svc_file *file_of(struct name n);
/* Turns of both stacks, with all news told. */
void turns(unsigned ms);

#endif
