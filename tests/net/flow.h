/* flow.h: the sockets that flow.c is compiled for: NET(send) is spate_send() in `flow`, send() in `flow-kernel`. */
#ifndef NET_FLOW_H
#define NET_FLOW_H

#ifdef FLOW_KERNEL
#include <sys/socket.h>
#define NET(call) call
#else
#include <spate/socket.h>
#define NET(call) spate_##call
#endif

/* Starts the sockets with the settings ("--dev", "eth1", ...) at the head of args; returns how many arguments they were. */
int flow_net_start(int n, char **args);
void flow_net_stop(void);

#endif
