/* socket.h: the socket calls on spate's stacks, with the system's signatures, constants and structures.
 *
 * Every call of this header, unless it says otherwise:
 *  - works on the calling thread's stack (spate_attach()). A thread without one gets ENXIO.
 *  - takes descriptors that the same stack made, and listeners of other stacks where "Several stacks" below says so. They
 *    are numbers of spate's own, 3 to 0x3fffffff, and mean nothing to the system's calls; the system's descriptors have
 *    other numbers here ("descriptors of the kernel" below). Any other number: EBADF.
 *  - returns -1 and sets errno on failure, and does not touch errno on success.
 *  - "blocks" by polling the network from the calling thread. A descriptor with O_NONBLOCK, or MSG_DONTWAIT, does not
 *    wait. A signal whose handler runs during the wait ends it with EINTR; with SA_RESTART the wait goes on, unless
 *    the socket has the timeout that limits this call (SO_RCVTIMEO, SO_SNDTIMEO) or the call is epoll_wait, poll or
 *    select, as on Linux. A signal in the first microseconds of a wait counts as one that came before the call.
 *  - dereferences pointers as given. A null pointer where memory is needed gives EFAULT; other bad pointers are the
 *    program's fault (the system would say EFAULT).
 *
 * Several stacks of one end (--cores; threads of one program) share addresses and ports:
 *  - What is bound on one counts in bind() and listen() on all, as within one stack. A bind() that has returned is known to
 *    every call that begins later, on any stack; of two at the very same moment on two stacks both may succeed.
 *  - SO_REUSEPORT: each stack may have its own listener, or UDP socket, on one port. Peers are spread over them; a stack
 *    gets those whose packets come to its core.
 *  - One plain listening socket serves all. The thread of any stack of the end may use its descriptor in accept(),
 *    accept4(), epoll_ctl(), poll(), select(), getsockname(), getsockopt() and close(). With the first such call
 *    the stack listens too: it accepts the peers that come to its core, has the whole backlog, and the options of the
 *    listener (O_NONBLOCK too), also when they change later; SO_RCVTIMEO and SO_SNDTIMEO it has not. For stacks
 *    that never use it, the stack that made it accepts. accept() gives descriptors of the calling stack. close() on
 *    another stack gives up that stack's part only, and resets what waits there; on the stack that made it, it is closed
 *    for all: the others hear of it with their next turn, and get EBADF from then on, also calls that wait. Other calls on
 *    another stack's listener: EBADF.
 *  - A UDP socket that is not connected receives whatever comes to its port, on whichever core.
 *  - A connection from a port that bind() named may come back to another core. Then that core's stack is asked first, in
 *    connect(), whether the port is free for this destination; if it is not, the attempt fails with EADDRNOTAVAIL (a
 *    blocking connect() returns it, else SO_ERROR), or goes on from another port where the port was not named but chosen.
 *    It needs that the other stack is being polled.
 *
 * Differences from Linux that hold everywhere (docs/sockets.md has all): AF_INET and AF_INET6 are spate's (scope ids number the
 * network interfaces from 1 on, in the order of the configuration), other families the kernel's; no SIGPIPE (EPIPE alone, as
 * with MSG_NOSIGNAL); no ancillary data on streams; FD_CLOEXEC is accepted and means nothing, since descriptors do not survive
 * exec; fork() gives the child no stack; 0.0.0.0/8 but for 0.0.0.0 is nowhere (bind(): EADDRNOTAVAIL, connect() and sendto():
 * ENETUNREACH). Data leaves at the end of the stack's turn, that is in the next call that waits or polls (spate_epoll_wait(),
 * spate_turn(), a blocking call), so that packets go out in bursts.
 *
 * Loopback. 127.0.0.0/8 and ::1 are addresses of every end, and what is sent there, or to another of its own addresses, comes
 * back to it without touching a device: to any stack of the end, with the next turn. Programs of other processes, and the kernel,
 * have loopback addresses of their own. */
#ifndef SPATE_SOCKET_H
#define SPATE_SOCKET_H

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

struct mmsghdr; /* <sys/socket.h> has it with _GNU_SOURCE */

#include "spate/spate.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Options of spate's own, of any socket. */
#define SOL_SPATE 0x5350   /* a level that no system has */
#define SPATE_SO_DIALECT 1 /* int: whose manual its calls follow where the systems disagree, SPATE_DIALECT_*; docs/sockets.md */
#define SPATE_DIALECT_LINUX 0
#define SPATE_DIALECT_BSD 1
#define SPATE_DIALECT_ZOS 2
#define SPATE_TCP_KEEPINIT 128 /* of IPPROTO_TCP, FreeBSD's TCP_KEEPINIT: int, seconds that an attempt to connect lasts */

/* A new socket: AF_INET or AF_INET6 (of both families until IPV6_V6ONLY; IPv4 is ::ffff:a.b.c.d there) with SOCK_STREAM (TCP) or
 * SOCK_DGRAM (UDP), type may have SOCK_NONBLOCK and SOCK_CLOEXEC. Other families (AF_UNIX): a socket of the
 * kernel, see there. EINVAL: unknown type flags. ESOCKTNOSUPPORT: other types. EPROTONOSUPPORT: protocol does not fit the type.
 * ENOBUFS: the stack has max-connections sockets. */
SPATE_API int spate_socket(int domain, int type, int protocol);

/* Names the local end. Port 0: a free port is chosen now (or at connect(), with IP_BIND_ADDRESS_NO_PORT); connections to some
 * destinations may have it already: then connect() to one of those takes another. EINVAL: length, already bound, connected.
 * EAFNOSUPPORT: family is not the socket's (AF_INET: AF_UNSPEC with 0.0.0.0 is taken, as on Linux). Of IPv6 EINVAL: link-local
 * without scope, IPv4 with IPV6_V6ONLY; ENODEV: no such scope. EADDRNOTAVAIL: address is not one of this stack's. EADDRINUSE:
 * port in use (without SO_REUSEADDR/SO_REUSEPORT on both sides), or no free port. ENOBUFS: no packet buffer to tell the other
 * stacks. EFAULT. Ports below 1024 need no privilege. */
SPATE_API int spate_bind(int fd, const struct sockaddr *addr, socklen_t len);

/* Turns a stream socket into a listener; again: changes the backlog (at least 1). An unbound socket gets a port.
 * EOPNOTSUPP: not a stream. EINVAL: connected or connecting. EADDRINUSE: another listener has the port. ENOBUFS: as bind(). */
SPATE_API int spate_listen(int fd, int backlog);

/* Takes the oldest complete connection. Blocks while there is none, at most for SO_RCVTIMEO. addr may be NULL; *len
 * (in: room, out: true length) is used when it is not. The new socket is blocking unless flags has SOCK_NONBLOCK.
 * EAGAIN: nothing there (non-blocking), or SO_RCVTIMEO over. EINVAL: not listening, *len negative, or unknown flags.
 * EOPNOTSUPP: not a stream. EFAULT: addr without len. EINTR. EBADF: also when its own stack closes the listener meanwhile.
 * ENOBUFS: also when this stack has no room to listen too. */
SPATE_API int spate_accept(int fd, struct sockaddr *addr, socklen_t *len);
SPATE_API int spate_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);

/* Connects. What follows is Linux's manual; sockets of another dialect (SPATE_SO_DIALECT) differ as docs/sockets.md says. Checks
 * in Linux's order: descriptor, length 0..128 (EINVAL), null pointer (EFAULT), length of at least a family (EINVAL), AF_UNSPEC,
 * the socket's state, length of the family (EINVAL), family (EAFNOSUPPORT), route.
 * Streams: blocks until the peer has answered, at most for SO_SNDTIMEO (then EINPROGRESS, and the attempt goes on). 0: connected.
 * EINPROGRESS: started, non-blocking; wait for EPOLLOUT, then read SO_ERROR or call connect() again, which says 0 exactly once.
 * EALREADY: still in progress. EISCONN: connected (or listening). ECONNREFUSED: reset, or ICMP port unreachable. ECONNABORTED:
 * the attempt failed and its error was read before; the next call starts anew. ETIMEDOUT: no answer. ENETUNREACH: no route,
 * broadcast or multicast. EHOSTUNREACH: the neighbour does not answer, ICMP says so, or the route is of type unreachable. EACCES,
 * EINVAL: its type is prohibit, or blackhole. EADDRNOTAVAIL: every local port, or the bound one, is busy for this destination.
 * EINTR: the attempt goes on. ENOBUFS: no memory. ENETUNREACH, ENOPROTOOPT, EHOSTDOWN, ENONET, EOPNOTSUPP, EPROTO: ICMP errors as
 * Linux maps them. After a failure the same socket can try again. 0.0.0.0 and :: connect to this host: to 127.0.0.1 (or
 * the bound address) and ::1. EINVAL: bound to 127.0.0.0/8 and the destination is another host. Of
 * IPv6 EINVAL: link-local without scope, or another than the bound one; ENETUNREACH: IPv4 with IPV6_V6ONLY or bound to IPv6;
 * EAFNOSUPPORT: bound to IPv4. AF_UNSPEC: breaks the connection (reset) or the attempt, and makes a listener an ordinary socket
 * again; 0.
 * Datagrams: never blocks; sets the peer to send to and to receive from. AF_UNSPEC dissolves. EACCES: broadcast without
 * SO_BROADCAST. ENETUNREACH: no route (the old peer stays). EAGAIN: no free local port. */
SPATE_API int spate_connect(int fd, const struct sockaddr *addr, socklen_t len);

/* Sending. Streams: queues bytes and returns how many; blocks until all are queued, at most for SO_SNDTIMEO;
 * non-blocking: as many as fit now. Datagrams: one whole datagram, never blocks (what the device cannot take is
 * dropped and counted).
 * Flags: MSG_DONTWAIT, MSG_NOSIGNAL (always so), MSG_MORE (more follows: streams hold a partial segment until there is
 * more or an ACK comes, datagram sockets all until a call without it, which sends one datagram), MSG_EOR (streams: a record ends
 * here, no segment reaches beyond), MSG_CONFIRM (ignored), MSG_OOB (streams: the
 * last byte is urgent; datagrams: EOPNOTSUPP). Others are ignored. write(), writev()
 * are send() without flags.
 * An address given on a stream is ignored, as on Linux (never connects).
 * EAGAIN: no room (non-blocking, or SO_SNDTIMEO over), or still connecting. EPIPE: not connected, or shut for writing.
 * A pending error (SO_ERROR) is returned once instead of sending. ENOTCONN is never returned by streams here.
 * Datagrams: EDESTADDRREQ: no peer and no address. EMSGSIZE: larger than 65507 (what is larger than the path's MTU goes in
 * fragments). EACCES: broadcast without SO_BROADCAST. ENETUNREACH. EINVAL: address too short. EAFNOSUPPORT. EAGAIN: no
 * free local port. ENOBUFS: no packet buffer. EPERM: the filter (deny out). EMSGSIZE also: larger than the MTU where
 * IP_MTU_DISCOVER forbids fragments. sendmsg(): EMSGSIZE when msg_iovlen is over 1024. Ancillary data of datagrams: IP_PKTINFO
 * (source, interface), IP_TTL, IP_TOS, their IPv6 twins, UDP_SEGMENT; others: EINVAL. With UDP_SEGMENT a send of more bytes
 * leaves as several datagrams (more than 128: EINVAL); an error may come after some of them left. */
SPATE_API ssize_t spate_send(int fd, const void *buf, size_t len, int flags);
SPATE_API ssize_t spate_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
			       socklen_t to_len);
SPATE_API ssize_t spate_sendmsg(int fd, const struct msghdr *msg, int flags);
SPATE_API ssize_t spate_write(int fd, const void *buf, size_t len);
SPATE_API ssize_t spate_writev(int fd, const struct iovec *iov, int n);

/* Receiving. Streams: what is there, up to the room given; 0 at the end of the stream. Datagrams: one datagram; the
 * part that does not fit is lost. Blocks while there is nothing (streams: less than SO_RCVLOWAT), at most for SO_RCVTIMEO.
 * Flags: MSG_DONTWAIT, MSG_PEEK, MSG_TRUNC (datagrams: return the true length; streams: discard instead of copying),
 * MSG_WAITALL (streams: until all is there, the stream ends or is at its urgent mark, an error or a signal). MSG_OOB
 * (streams): the urgent byte, never waits: EAGAIN when it is announced and not here, EINVAL when there is none, it was read, or
 * SO_OOBINLINE is set. Reading stops at the urgent mark once (SIOCATMARK). from and *from_len are filled for datagrams; for
 * streams *from_len is set to 0. recvmsg() sets msg_flags (MSG_TRUNC, MSG_CTRUNC) and writes the ancillary data that a datagram
 * socket asked for. MSG_ERRQUEUE (recvmsg() of datagrams): the oldest error kept by IP_RECVERR, at most 64 of them, with the
 * datagram's destination as the name; EAGAIN: none.
 * EAGAIN: nothing there (non-blocking, or SO_RCVTIMEO over). ENOTCONN: a stream that never was connected. A pending
 * error (SO_ERROR) is returned once. EMSGSIZE: more than 1024 iovec. EFAULT, EINTR. */
SPATE_API ssize_t spate_recv(int fd, void *buf, size_t len, int flags);
SPATE_API ssize_t spate_recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *from, socklen_t *from_len);
SPATE_API ssize_t spate_recvmsg(int fd, struct msghdr *msg, int flags);
SPATE_API ssize_t spate_read(int fd, void *buf, size_t len);
SPATE_API ssize_t spate_readv(int fd, const struct iovec *iov, int n);

/* Ends one direction or both (SHUT_RD, SHUT_WR, SHUT_RDWR). An attempt in progress is dropped (SO_ERROR ECONNRESET).
 * ENOTCONN: not connected. EINVAL: how. Never blocks. */
SPATE_API int spate_shutdown(int fd, int how);

/* Gives the descriptor back and leaves its epoll instance. Queued data and FIN are still delivered by the stack, as
 * long as somebody polls it. Never blocks (SO_LINGER with time 0 resets; with a time it does not wait here). Closing
 * an epoll instance that still watches sockets looks at every socket of the stack. EBADF. */
SPATE_API int spate_close(int fd);

/* Own and peer's name. *len: room in, true length out; what does not fit is cut. ENOTCONN: no peer (or still
 * connecting). EINVAL: *len negative. EFAULT. */
SPATE_API int spate_getsockname(int fd, struct sockaddr *addr, socklen_t *len);
SPATE_API int spate_getpeername(int fd, struct sockaddr *addr, socklen_t *len);

/* Options, with Linux's types and values; docs/sockets.md lists those that are accepted without an effect, and the refused ones.
 * SOL_SOCKET: SO_ERROR (reads and clears), SO_TYPE, SO_DOMAIN, SO_PROTOCOL, SO_ACCEPTCONN
 * (these: get only), SO_REUSEADDR, SO_REUSEPORT, SO_BROADCAST, SO_RCVTIMEO, SO_SNDTIMEO (struct timeval; 0: for ever), SO_SNDBUF,
 * SO_RCVBUF (doubled as on Linux), SO_LINGER, SO_KEEPALIVE, SO_MAX_PACING_RATE (streams; 32 or 64 bits), SO_BINDTODEVICE
 * (names of devices as in the settings, with ".VLAN"; "lo"; ENODEV; streams: for the next connect(), a listener at once; accepted
 * connections have it), SO_BINDTOIFINDEX, SO_DONTROUTE (IPv4). IPPROTO_IP: IP_TOS,
 * IP_TTL, IP_BIND_ADDRESS_NO_PORT, IP_LOCAL_PORT_RANGE (51, Linux 6.3: for automatic ports), IP_MTU (get), IP_MTU_DISCOVER;
 * streams: IP_MINTTL. Datagrams: IP_PKTINFO, IP_RECVTTL, IP_RECVTOS, IP_RECVORIGDSTADDR, IP_RECVERR, SO_TIMESTAMP, SO_TIMESTAMPNS
 * (SOL_SOCKET); IP_MULTICAST_IF, IP_MULTICAST_TTL, IP_MULTICAST_LOOP, IP_MULTICAST_ALL, IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP,
 * IP_ADD_SOURCE_MEMBERSHIP, IP_DROP_SOURCE_MEMBERSHIP, IP_BLOCK_SOURCE, IP_UNBLOCK_SOURCE and their MCAST_ twins (20 groups of a
 * socket, 10 sources of a group). Network interfaces are numbered from 1 on, lo is 65. IP_FREEBIND (IPv4). IPPROTO_IPV6 (AF_INET6
 * only): IPV6_V6ONLY (before bind()), IPV6_UNICAST_HOPS, IPV6_TCLASS, IPV6_MTU (get), IPV6_AUTOFLOWLABEL (always on); datagrams
 * also IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS, IPV6_RECVERR, IPV6_MTU_DISCOVER, IPV6_DONTFRAG, IPV6_JOIN_GROUP,
 * IPV6_LEAVE_GROUP, IPV6_MULTICAST_HOPS, IPV6_MULTICAST_LOOP, IPV6_MULTICAST_IF. IPPROTO_TCP (constants: <netinet/tcp.h>): what
 * the stack has. TCP_CONGESTION: cubic, reno, bbr, dctcp (ENOENT: another). TCP_INFO: counters begin with the handshake when it
 * was asked for pacing, BBR or DCTCP before, else when the connection becomes busy or TCP_INFO is first read. TCP_CC_INFO: of bbr
 * and dctcp. IPPROTO_UDP: UDP_CORK, UDP_SEGMENT. SOL_SPATE: SPATE_SO_DIALECT. ENOPROTOOPT: any other. EINVAL: value out of range
 * or too short. EDOM: tv_usec out of range. EFAULT: null. ENOBUFS.
 * */
SPATE_API int spate_getsockopt(int fd, int level, int name, void *val, socklen_t *len);
SPATE_API int spate_setsockopt(int fd, int level, int name, const void *val, socklen_t len);

/* F_GETFL, F_SETFL (int; O_NONBLOCK counts, other bits are ignored), F_GETFD, F_SETFD (see above). Others: EINVAL. */
SPATE_API int spate_fcntl(int fd, int cmd, ...);
/* FIONBIO (int *), FIONREAD (int *: bytes unread; datagrams: length of the next), TIOCOUTQ = SIOCOUTQ (int *: bytes
 * not yet acknowledged; datagrams 0). SIOCGIFADDR, SIOCGIFNETMASK, SIOCGIFBRDADDR, SIOCGIFFLAGS, SIOCGIFMTU, SIOCGIFHWADDR,
 * SIOCGIFINDEX, SIOCGIFNAME (struct ifreq *), SIOCGIFCONF: about spate's network interfaces; ENODEV, EADDRNOTAVAIL. Others:
 * ENOTTY. FIONREAD on a listener: EINVAL. SIOCATMARK (int *, streams): whether what is read next is behind the urgent mark. */
SPATE_API int spate_ioctl(int fd, unsigned long request, ...);

/* An epoll instance on this stack: it watches sockets of this stack only. flags: EPOLL_CLOEXEC. EINVAL: other flags,
 * size not positive. ENOBUFS. */
SPATE_API int spate_epoll_create1(int flags);
SPATE_API int spate_epoll_create(int size);

/* EPOLL_CTL_ADD, MOD, DEL. Level-triggered, EPOLLET, EPOLLONESHOT; EPOLLEXCLUSIVE and EPOLLWAKEUP are accepted and
 * change nothing. A socket is in at most one epoll instance: ENOSPC when another instance has it. EEXIST: this one has
 * it. ENOENT: it is not in. EINVAL: epfd is no epoll instance, or fd is one (they do not nest), or op. EFAULT. Descriptors of the
 * kernel may be watched in several. */
SPATE_API int spate_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);

/* Gives the stack one turn (sends what is queued, receives, runs timers), then reports up to max events. With none it
 * goes on until one comes or timeout_ms is over (-1: never; 0: no wait). The loop of a spate program is this call. The
 * cost is that of the turn plus O(events). Level-triggered sockets that are not reported for want of room come first
 * next time. EINVAL: epfd is no epoll instance, max < 1. EFAULT: events NULL. EINTR. */
SPATE_API int spate_epoll_wait(int epfd, struct epoll_event *events, int max, int timeout_ms);

/* poll(2) and select(2): O(descriptors) per call and turn. They give the stack one turn, look, and go on until
 * something is ready or the time is over. A descriptor that is not ours is POLLNVAL, or EBADF in select(). select()
 * takes descriptors below FD_SETSIZE (1024) only; on Linux's pattern *timeout is set to the time left. EINVAL:
 * negative n, bad timeout. EFAULT: fds NULL. EINTR. */
SPATE_API int spate_poll(struct pollfd *fds, nfds_t n, int timeout_ms);
SPATE_API int spate_select(int n, fd_set *rd, fd_set *wr, fd_set *ex, struct timeval *timeout);

/* The same with the thread's signal mask changed for the time of the call (NULL: it stays), atomically: a signal that only mask
 * lets through ends the call with EINTR, however early it came, if nothing is ready. timeout: NULL for ever; it is not written.
 * */
SPATE_API int spate_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask);
SPATE_API int spate_pselect(int n, fd_set *rd, fd_set *wr, fd_set *ex, const struct timespec *timeout, const sigset_t *mask);
SPATE_API int spate_epoll_pwait(int epfd, struct epoll_event *events, int max, int timeout_ms, const sigset_t *mask);
SPATE_API int spate_epoll_pwait2(int epfd, struct epoll_event *events, int max, const struct timespec *timeout,
				 const sigset_t *mask);

/* Several messages in one call, up to 1024: how many, with their lengths in msg_len; an error is returned when it is the first
 * one's.
 * recvmmsg(): MSG_WAITFORONE does not wait after the first; *timeout is looked at after each message, as on Linux. */
SPATE_API int spate_sendmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags);
SPATE_API int spate_recvmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags, struct timespec *timeout);

/* ---- descriptors of the kernel ---- AF_UNIX sockets (all of families other than AF_INET and AF_INET6) are the host kernel's,
 * and so are pipes, eventfds, timerfds, files. In spate's calls such a descriptor has the kernel's number plus 0x40000000, which
 * no socket of spate reaches, so a comparison tells them apart. spate_socket(AF_UNIX), spate_socketpair(), and accept() and
 * F_DUPFD of such a socket give numbers of this kind; spate_kernel_fd() makes one of any descriptor of the process. Calls of
 * this header take them (also from threads without a stack) and do what the kernel does, with its errors; calls that wait poll
 * the network meanwhile. They may be watched with spate_epoll_ctl() and spate_poll() beside spate's sockets (select() takes
 * numbers below 1024 only); while a call waits, the kernel is asked every eighth turn, and instances without such descriptors
 * pay nothing. No SIGPIPE either. They belong to the process, not to a stack. */
/* The number here of the kernel's descriptor, which stays the caller's: close one of the two. -EBADF: it is not open. */
SPATE_API int spate_kernel_fd(int kernel_fd);
/* The kernel's number of such a descriptor. -EBADF: it is not one. */
SPATE_API int spate_kernel_number(int fd);
/* As socketpair(2). AF_INET, AF_INET6: EOPNOTSUPP. */
SPATE_API int spate_socketpair(int domain, int type, int protocol, int fds[2]);

/* Sends count bytes of the kernel's file in (spate_kernel_fd(), one that can be read at offsets) from *offset, or from its own
 * position, which moves on: bytes sent, fewer at the file's end or where out takes no more. EINVAL: in is a socket or pipe.
 * EBADF.
 * Else as send(). */
SPATE_API ssize_t spate_sendfile(int out, int in, off_t *offset, size_t count);
/* Moves bytes between a stream and a pipe of the kernel, or two descriptors of the kernel. Nothing is lost: bytes leave where
 * they are only when the other end has taken them (from a pipe, not more than the stream has room for). 0: the end.
 * SPLICE_F_NONBLOCK does not wait; other flags mean nothing. EAGAIN. EINVAL: no pipe, or a datagram socket. ESPIPE: an offset.
 * Else as send(), recv(). */
SPATE_API ssize_t spate_splice(int in, off_t *in_offset, int out, off_t *out_offset, size_t len, unsigned int flags);

/* The same calls as raw system calls: they return -errno and never touch errno. Nothing else differs. */
SPATE_API int spate_sys_socket(int domain, int type, int protocol);
SPATE_API int spate_sys_bind(int fd, const struct sockaddr *addr, socklen_t len);
SPATE_API int spate_sys_listen(int fd, int backlog);
SPATE_API int spate_sys_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags);
SPATE_API int spate_sys_connect(int fd, const struct sockaddr *addr, socklen_t len);
SPATE_API ssize_t spate_sys_sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
				   socklen_t to_len);
SPATE_API ssize_t spate_sys_recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *from,
				     socklen_t *from_len);
SPATE_API ssize_t spate_sys_sendmsg(int fd, const struct msghdr *msg, int flags);
SPATE_API ssize_t spate_sys_recvmsg(int fd, struct msghdr *msg, int flags);
SPATE_API int spate_sys_shutdown(int fd, int how);
SPATE_API int spate_sys_close(int fd);
SPATE_API int spate_sys_getsockname(int fd, struct sockaddr *addr, socklen_t *len);
SPATE_API int spate_sys_getpeername(int fd, struct sockaddr *addr, socklen_t *len);
SPATE_API int spate_sys_getsockopt(int fd, int level, int name, void *val, socklen_t *len);
SPATE_API int spate_sys_setsockopt(int fd, int level, int name, const void *val, socklen_t len);
SPATE_API int spate_sys_epoll_create1(int flags);
SPATE_API int spate_sys_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);
SPATE_API int spate_sys_epoll_wait(int epfd, struct epoll_event *events, int max, int timeout_ms);
SPATE_API int spate_sys_epoll_pwait(int epfd, struct epoll_event *events, int max, int timeout_ms, const sigset_t *mask);
SPATE_API int spate_sys_epoll_pwait2(int epfd, struct epoll_event *events, int max, const struct timespec *timeout,
				     const sigset_t *mask);
SPATE_API int spate_sys_poll(struct pollfd *fds, nfds_t n, int timeout_ms);
SPATE_API int spate_sys_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout, const sigset_t *mask);
SPATE_API int spate_sys_select(int n, fd_set *rd, fd_set *wr, fd_set *ex, struct timeval *timeout);
SPATE_API int spate_sys_pselect(int n, fd_set *rd, fd_set *wr, fd_set *ex, const struct timespec *timeout, const sigset_t *mask);
SPATE_API ssize_t spate_sys_read(int fd, void *buf, size_t len);
SPATE_API ssize_t spate_sys_readv(int fd, const struct iovec *iov, int n);
SPATE_API ssize_t spate_sys_write(int fd, const void *buf, size_t len);
SPATE_API ssize_t spate_sys_writev(int fd, const struct iovec *iov, int n);
SPATE_API int spate_sys_sendmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags);
SPATE_API int spate_sys_recvmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags, struct timespec *timeout);
SPATE_API ssize_t spate_sys_sendfile(int out, int in, off_t *offset, size_t count);
SPATE_API ssize_t spate_sys_splice(int in, off_t *in_offset, int out, off_t *out_offset, size_t len, unsigned int flags);
SPATE_API int spate_sys_socketpair(int domain, int type, int protocol, int fds[2]);
SPATE_API int spate_sys_fcntl(int fd, int cmd, long arg);
SPATE_API int spate_sys_ioctl(int fd, unsigned long request, void *arg);

#ifdef __cplusplus
}
#endif

#endif
