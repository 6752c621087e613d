/* service.h: bounds of a service and its clients (lib/svc, lib/client). */
#ifndef CONFIG_SERVICE_H
#define CONFIG_SERVICE_H

#define SVC_PROCS 256               /* programs and their children at a time; more get ENOBUFS for their sockets */
#define SVC_CHANS 1024              /* threads of all programs that use sockets at a time */
#define SVC_EPOLLS 4096             /* epoll instances with sockets of ours */
#define SVC_FDS_MAX (1u << 21)      /* descriptors of one program: eight bytes each, where used */
#define SVC_DATA_BYTES 65536u       /* moved by one request: the largest datagram */
#define SVC_POST_BYTES SVC_DATA_BYTES /* of a stream that go without waiting for the answer, where so many have room */
#define SVC_STAGE_BYTES 4096u       /* of a stream's news that are laid out before they are asked for: short ones */
#define SVC_STAGES 4096u            /* sockets of a stack with such at a time */
#define SVC_CONTROL_BYTES 4096u     /* ancillary data of one message */
#define SVC_RULES_MAX 64            /* of what is ours and what the kernel's */
#define SVC_WATCHES_PER_FILE_DIVISOR 4 /* registrations beyond one per socket: a quarter more */

#endif
