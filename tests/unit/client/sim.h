/* sim.h: a service with its threads on the simulated link, and this process as its client. The far end, FAR_IP, echoes at
 * ECHO_PORT (streams and datagrams), reads nothing at DEAF_PORT, and refuses the rest. */
#ifndef TEST_CLIENT_SIM_H
#define TEST_CLIENT_SIM_H

#include <netinet/in.h>
#include <sys/socket.h>

#define NEAR_IP "10.0.0.1"
#define FAR_IP "10.0.0.9"
#define ECHO_PORT 7
#define DEAF_PORT 9
#define CLOSED_PORT 1

/* Starts all of it; 0 or the exit code of the test. */
int sim_begin(const char *const *rules, unsigned n_rules);
void sim_end(void);

struct sockaddr_in sim_addr(const char *ip, uint16_t port);
/* Connected to the far end's port. */
int sim_connected(int type, uint16_t port);
/* Open connections of the far end, once they are as many. */
void sim_far_has(unsigned n);

#endif
